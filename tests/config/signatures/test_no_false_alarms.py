"""What is read from source is held against what Python itself says after an import."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hydra_lightning.config.call import check_call
from hydra_lightning.config.signatures.model import Parameter, Signature
from hydra_lightning.config.signatures.read import read_signature, read_signatures

MODULES = [
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.optim.swa_utils",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.utils.data",
    "torchmetrics",
    "torchmetrics.aggregation",
    "torchmetrics.classification",
    "torchmetrics.functional.classification",
    "torchmetrics.regression",
    "torchmetrics.text",
    "torchmetrics.wrappers",
    "lightning",
    "lightning.pytorch",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
    "lightning.pytorch.plugins",
    "lightning.pytorch.profilers",
    "lightning.pytorch.strategies",
    "lightning.pytorch.tuner",
    "transformers.optimization",
]
# None of these may be left unread: configs name them most.
READ = (
    "torch.optim.",
    "lightning.pytorch.Trainer",
    "lightning.pytorch.callbacks.",
    "torchmetrics.classification.",
)


@pytest.mark.parametrize("module", MODULES)
def test_whatever_python_accepts_is_accepted(module: str) -> None:
    targets = dict(_callables(module))
    assert targets
    signatures = read_signatures(list(targets))
    assert [str(each) for each in signatures.values() if isinstance(each, Exception)] == []
    unread = [target for target, signature in signatures.items() if signature is None]
    assert [target for target in unread if target.startswith(READ)] == []
    wrong = [
        f"{target}: {problem}"
        for target, signature in signatures.items()
        if isinstance(signature, Signature)
        for problem in _alarms(targets[target], signature)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("target", "known"),
    [
        ("transformers.AutoModelForCausalLM.from_pretrained", "pretrained_model_name_or_path"),
        ("transformers.AutoModelForCausalLM.from_config", "config"),
        ("transformers.GPT2LMHeadModel.from_pretrained", "pretrained_model_name_or_path"),
        ("transformers.get_cosine_schedule_with_warmup", "num_training_steps"),
        ("torch.nn.Embedding.from_pretrained", "embeddings"),
        ("lightning.pytorch.cli.LightningArgumentParser", "description"),
        ("hydra_lightning.training.ema.EMA", "decay"),
    ],
)
def test_class_methods_and_functions_of_libraries(target: str, known: str) -> None:
    signature = read_signature(target)
    assert signature is not None
    assert known in [parameter.name for parameter in signature.parameters]


@pytest.mark.parametrize(
    "target",
    [
        "transformers.AutoTokenizer.from_pretrained",
        "lightning.pytorch.LightningModule.load_from_checkpoint",
        "torch.relu",
        "torch.device",
    ],
)
def test_decorated_ones_and_those_in_c_are_not_judged(target: str) -> None:
    assert read_signature(target) is None


def test_from_pretrained_takes_whatever_the_hub_takes() -> None:
    signature = read_signature("transformers.AutoModelForCausalLM.from_pretrained")
    assert signature is not None
    node = {
        "_target_": signature.target,
        "pretrained_model_name_or_path": "gpt2",
        "torch_dtype": "auto",
        "device_map": None,
        "attn_implementation": "eager",
        "n_layer": 3,
    }
    assert list(check_call("model.lm", node, signature, completed=False)) == []


def _callables(module: str) -> Iterator[tuple[str, Any]]:
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", None) or [name for name in vars(loaded) if not name.startswith("_")]
    for name in names:
        value = getattr(loaded, name, None)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield f"{module}.{name}", value


def _alarms(value: Any, signature: Signature) -> Iterator[str]:
    """Calls that Python takes by its own account and that the check would not."""
    try:
        real = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return
    named = [each for each in real if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    required = {each.name: "${given}" for each in named if each.default is each.empty}
    node = {"_target_": signature.target, **{each.name: _plain(each.default) for each in named}, **required}
    given = {name: each for name, each in node.items() if each is not _SKIPPED and each != "${given}"}
    unset = {name: {"_target_": "anything"} for name in required}
    positional = [each for each in real if each.kind == each.POSITIONAL_ONLY]
    if positional:
        given["_args_"] = [{"_target_": "anything"} for _ in positional]
    # Where Python itself sees only **kwargs, it does not say what is required of them.
    completed = any(each.kind == each.VAR_KEYWORD for each in real)
    for problem in check_call("x", {**given, **unset}, signature, completed):
        yield f"{problem.key} {problem.message}"


_SKIPPED = object()


def _plain(value: Any) -> Any:
    """A default as it would stand in a config."""
    if isinstance(value, tuple):
        value = list(value)
    plain = value is None or isinstance(value, (bool, int, float, str, list))
    return (
        value if plain and not isinstance(value, type) and type(value).__module__ == "builtins" else _SKIPPED
    )


def test_a_required_argument_of_python_is_required_here() -> None:
    for target in ("torch.nn.Linear", "torch.optim.SGD", "lightning.pytorch.callbacks.EarlyStopping"):
        signature = read_signature(target)
        assert signature is not None
        module, _, name = target.rpartition(".")
        real = inspect.signature(getattr(sys.modules[module], name)).parameters.values()
        assert [each.name for each in signature.parameters if each.required] == [
            each.name for each in real if each.default is each.empty
        ]


def test_parameters_are_in_the_order_of_the_definition() -> None:
    signature = read_signature("torch.optim.SGD")
    assert signature is not None
    assert signature.parameters[0] == Parameter(
        "params", type=signature.parameters[0].type, annotation="ParamsT"
    )
    assert [each.name for each in signature.parameters][:4] == ["params", "lr", "momentum", "dampening"]
