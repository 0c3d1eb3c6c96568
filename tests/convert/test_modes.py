"""A mode that is assigned is the call that it is."""

import pytest

from hydra_lightning.convert.modes import without_bound_modes
from hydra_lightning.convert.source import Source


@pytest.mark.parametrize(
    "text", ["other = model.train()", "model = net.eval()", "model = model.half()", "model.train()"]
)
def test_other_assignments_stay(text: str) -> None:
    assert rewritten(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model = model.train()", "model.train()"),
        ("self.net = self.net.eval()  # for good", "self.net.eval()  # for good"),
        ("if True:\n    net = net.requires_grad_(False)", "if True:\n    net.requires_grad_(False)"),
    ],
)
def test_a_model_that_is_bound_to_itself(before: str, after: str) -> None:
    assert rewritten(before) == after


def rewritten(text: str) -> str:
    return without_bound_modes({"train.py": Source("train.py", text)})["train.py"].text
