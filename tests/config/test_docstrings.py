"""The first sentence on each argument, from docstrings of every style in use."""

import pytest

from hydra_lightning.config.signatures.argument_docs import described, first_sentence, opening


def test_google_style_with_types_and_hanging_indents() -> None:
    docs = described(
        """Steps.

    .. math::
        x^2

    Args:
        params (iterable): iterable of parameters
            or dicts
        lr (float, Tensor, optional): learning rate (default: 1e-3). A tensor LR
            is not yet supported.
        betas (tuple[float, float], optional):
            coefficients used for computing running averages of gradient and
            its square (default: (0.9, 0.999))

        verbose: Talk. Default: ``False``.
    """
    )
    assert docs == {
        "params": "iterable of parameters or dicts",
        "lr": "learning rate",
        "betas": "coefficients used for computing running averages of gradient and its square",
        "verbose": "Talk",
    }


def test_numpy_style() -> None:
    docs = described(
        """Fit.

    Parameters
    ----------
    penalty : {'l1', 'l2'}, default='l2'
        Specify the norm of the penalty:

        - `'l2'`: squares
    x, y : int
        A coordinate. In pixels.
    """
    )
    assert docs == {"penalty": "Specify the norm of the penalty", "x": "A coordinate", "y": "A coordinate"}


def test_sphinx_style() -> None:
    docs = described(
        """Fit.

    :param width: how wide,
        in pixels. Not inches.
    :type width: int
    :param float height: how high
    """
    )
    assert docs == {"width": "how wide, in pixels", "height": "how high"}


def test_keyword_arguments_that_a_docstring_lists_separately() -> None:
    docs = described("Fit.\n\nArgs:\n    a: one\n    **kwargs: more\n\nKeyword Args:\n    b: two\n")
    assert docs == {"a": "one", "kwargs": "more", "b": "two"}


@pytest.mark.parametrize(
    "docstring", ["", "Fits.", "Args:\n", "Args:\n    broken line\n  odd: indentation\n"]
)
def test_a_docstring_that_says_nothing_is_no_mistake(
    docstring: str, capsys: pytest.CaptureFixture[str]
) -> None:
    described(docstring)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A :class:`~torch.optim.Optimizer` to step.", "A Optimizer to step"),
        ("See :ref:`accelerators <accelerators>` and ``x``", "See accelerators and x"),
        ("The [`~torch.optim.Optimizer`] of [`Trainer`]", "The Optimizer of Trainer"),
        ("From `Adam <https://arxiv.org>`_ or `Adam`_", "From Adam or Adam"),
        ("See [the guide](https://example.org/a) first", "See the guide first"),
        ("A share, e.g. 0.1. Default: 0.5", "A share, e.g. 0.1"),
        ("Some minutes, i.e. Many. The rest", "Some minutes, i.e. Many"),
        ("a value (default=512)", "a value"),
        ("spaces   and\n   lines\n\nThe rest", "spaces and lines"),
        ("one of:\n    - a\n    - b", "one of"),
        ("Shape of ``(N, C)``. Default: ``True``", "Shape of (N, C)"),
        ("Defaults to 3.", ""),
        ("a **bold** word and **kwargs", "a bold word and **kwargs"),
    ],
)
def test_the_first_sentence_is_plain_text(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


@pytest.mark.parametrize(
    ("docstrings", "sentence"),
    [
        (["Fits lines.\n\nArgs:\n    a: b"], "Fits lines"),
        (["Args:\n    a: b", "Fits lines."], "Fits lines"),
        (["__init__(a,b=1)\n\nFits lines."], "Fits lines"),
        (["width (`int`, *optional*):\n    How wide."], ""),
        ([], ""),
    ],
)
def test_a_docstring_opens_with_what_the_target_is(docstrings: list[str], sentence: str) -> None:
    assert opening(docstrings) == sentence
