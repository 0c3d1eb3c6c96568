"""``hydra-lightning config new``: files written from real targets, read back and instantiated."""

import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf
from typer.testing import CliRunner

from hydra_lightning.cli import app
from hydra_lightning.config.new_config import NewConfig, names_of, new_config
from hydra_lightning.config.yaml_text import as_yaml
from hydra_lightning.errors import ConfigError, ProjectError

OWN = '''
"""Classes of every kind."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

LIMIT = 3


class Net(nn.Module):
    """A net.

    Args:
        width: how wide.
        act: between the layers.
        norm: makes a normalisation. Default: none.
        dtype: of the weights.
    """

    def __init__(
        self,
        width: int,
        act: Callable[[Tensor], Tensor] = nn.ReLU(),
        norm: Callable[..., nn.Module] | None = None,
        dtype: torch.dtype = torch.float32,
        limit: int = LIMIT,
        text: str = "a: b # c",
        on: bool = True,
        ratios: tuple[float, ...] = (1e-5, 2.0),
        top: float = float("inf"),
        root: str = "${x}/a",
    ):
        super().__init__()
        self.linear, self.act, self.norm = nn.Linear(width, width), act, norm
        self.kept = dict(text=text, on=on, ratios=ratios, top=top, root=root)


class Module(nn.Module):
    """Takes a net and what builds its optimizer."""

    def __init__(self, net: nn.Module, optimizer: torch.optim.Optimizer, scheduler=None, **more: Any):
        super().__init__()
        self.net, self.more = net, more
        self.optimizer = optimizer(params=net.parameters())
        self.scheduler = scheduler(optimizer=self.optimizer) if scheduler else None


def positional(a, b=2, /, *rest, c):
    return a, b, rest, c


def loads(data_dir, save_dir="logs", lr=LIMIT):
    return data_dir
'''


@pytest.fixture(scope="module")
def own_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    for group in ("model", "paths", "callbacks", "data"):
        (root / "configs" / group).mkdir(parents=True)
    (root / "configs" / "train.yaml").write_text(
        "defaults: [_self_, data: null, model: null, callbacks: null]\n"
    )
    (root / "mine").mkdir()
    (root / "mine" / "train.py").touch()
    (root / "mine" / "parts.py").write_text(OWN)
    return root


@pytest.fixture
def own(own_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the module ``mine.parts``, whose configs are written by one test alone."""
    root = tmp_path / "project"
    root.mkdir()
    for name in ("configs", "mine"):
        copy(own_project / name, root / name)
    monkeypatch.setattr(sys, "path", [str(root), *sys.path])
    for name in [name for name in sys.modules if name.split(".")[0] == "mine"]:
        monkeypatch.delitem(sys.modules, name)
    return root


def copy(source: Path, to: Path) -> None:
    to.mkdir()
    for child in source.iterdir():
        copy(child, to / child.name) if child.is_dir() else (to / child.name).write_text(child.read_text())


def content(written: NewConfig) -> dict:
    return OmegaConf.to_container(OmegaConf.load(written.file))


def test_an_optimizer_is_partial_without_the_parameters(own: Path) -> None:
    written = new_config(own, "optimizer", "adamw", "torch.optim.AdamW")
    assert "torch.optim" not in written.notes
    assert content(written) | {"foreach": 0} == {
        "_target_": "torch.optim.AdamW",
        "_partial_": True,
        "lr": 0.001,
        "betas": [0.9, 0.999],
        "eps": 1e-8,
        "weight_decay": 0.01,
        "amsgrad": False,
        "maximize": False,
        "foreach": 0,
        "capturable": False,
        "differentiable": False,
        "fused": None,
    }
    assert "lr: 0.001 # learning rate\n" in written.file.read_text()
    assert written.override == "+optimizer=adamw"
    assert written.notes == ["optimizer is a new group."]


def test_partial_can_be_forced_and_forbidden(own: Path) -> None:
    assert "_partial_" not in content(new_config(own, "optimizer", "a", "torch.optim.SGD", partial=False))
    assert content(new_config(own, "optimizer", "b", "torch.optim.SGD", partial=False))["params"] == "???"
    assert content(new_config(own, "model", "c", "mine.parts.Net", partial=True))["_partial_"] is True


def test_a_scheduler_of_any_group_leaves_the_optimizer_to_the_code(own: Path) -> None:
    written = new_config(own, "model/plan", "cosine", "transformers.get_cosine_schedule_with_warmup")
    assert content(written)["_partial_"] is True
    assert written.missing == ["num_warmup_steps", "num_training_steps"]
    assert "optimizer" not in content(written)


def test_a_callback_stands_under_its_name(own: Path) -> None:
    written = new_config(own, "callbacks", "stop", "lightning.pytorch.callbacks.EarlyStopping")
    assert list(content(written)) == ["stop"]
    assert written.missing == ["stop.monitor"]
    assert written.override == "callbacks=stop"


def test_defaults_that_are_not_plain_are_left_out_and_listed(own: Path) -> None:
    written = new_config(own, "model", "net", "mine.parts.Net")
    assert content(written) == {
        "_target_": "mine.parts.Net",
        "width": "???",
        "norm": None,
        "text": "a: b # c",
        "on": True,
        "ratios": [1e-5, 2.0],
        "top": float("inf"),
    }
    text = written.file.read_text()
    assert (
        "# left out, as the default is no plain value: act=nn.ReLU(), dtype=torch.float32, limit=LIMIT,"
        in text
    )
    assert "norm: null # makes a normalisation\n" in text


def test_what_is_written_is_a_config_that_instantiates(own: Path) -> None:
    import hydra_lightning

    written = new_config(
        own,
        "model",
        "mine",
        "mine.parts.Module",
        {
            "net": "mine.parts.Net",
            "net.act": "torch.nn.GELU",
            "net.norm": "torch.nn.LayerNorm",
            "optimizer": "torch.optim.AdamW",
            "scheduler": "torch.optim.lr_scheduler.StepLR",
        },
    )
    assert written.missing == ["net.width", "net.norm.normalized_shape", "scheduler.step_size"]
    config = OmegaConf.create({"model": OmegaConf.load(written.file)})
    config.model.net.width, config.model.scheduler.step_size, config.model.net.norm.normalized_shape = 4, 2, 4
    model = hydra_lightning.instantiate(config, "model")
    assert type(model.optimizer).__name__ == "AdamW"
    assert type(model.scheduler).__name__ == "StepLR"
    assert type(model.net.act).__name__ == "GELU", "an instance, since the net calls it with a tensor"
    assert not hasattr(model.net.norm, "weight"), "a factory, since the annotation says Callable[...]"
    assert model.net.kept["top"] == float("inf")


def test_the_function_that_a_callable_argument_wants_is_partial_without_what_the_code_gives(
    shared_project: Path, tmp_path: Path
) -> None:
    copy(shared_project / "configs", tmp_path / "configs")
    copy(shared_project / "lightning_classes", tmp_path / "lightning_classes")
    written = new_config(
        tmp_path,
        "model",
        "mine",
        "lightning_classes.models.digits_module.DigitsModule",
        {"parameter_groups": "hydra_lightning.training.parameter_groups.parameter_groups"},
    )
    assert set(content(written)["parameter_groups"]) == {"_target_", "_partial_", "weight_decay", "no_decay"}
    assert written.notes == ["parameter_groups is _partial_: the code calls it."]
    assert written.missing == ["net", "optimizer", "parameter_groups.weight_decay"]


def test_positional_arguments_go_into_args(own: Path) -> None:
    assert content(new_config(own, "model", "seq", "torch.nn.Sequential"))["_args_"] == []
    written = new_config(own, "model", "pos", "mine.parts.positional")
    assert content(written) == {"_target_": "mine.parts.positional", "_args_": ["???", 2], "c": "???"}
    assert written.missing == ["_args_", "c"]


def test_folders_are_those_of_the_project(own: Path) -> None:
    written = new_config(own, "data", "mine", "mine.parts.loads")
    assert content(written)["data_dir"] == "${paths.data_dir}"
    assert content(written)["save_dir"] == "${paths.output_dir}"
    assert written.notes == [
        "data_dir is ${paths.data_dir}, not ???.",
        "save_dir is ${paths.output_dir}, not 'logs'.",
    ]
    (own / "configs" / "paths").rmdir()
    plain = content(new_config(own, "data", "plain", "mine.parts.loads"))
    assert (plain["data_dir"], plain["save_dir"]) == ("???", "logs")


def test_a_class_method_that_passes_its_keywords_on(own: Path) -> None:
    written = new_config(own, "model", "gpt", "transformers.AutoModelForCausalLM.from_pretrained")
    assert content(written)["pretrained_model_name_or_path"] == "???"
    assert "# can be added: " in written.file.read_text()


def test_arguments_of_the_trainer_all_have_their_documentation(own: Path) -> None:
    text = new_config(own, "trainer", "big", "lightning.Trainer").file.read_text()
    assert "max_epochs: null # Stop training once this number of epochs is reached\n" in text
    assert max(map(len, text.splitlines())) <= 120
    assert len(OmegaConf.create(text)) > 40
    assert yaml.safe_load(text) == OmegaConf.to_container(OmegaConf.create(text))


def test_a_target_that_is_not_python_is_refused_or_imported(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"torch\.relu: is not written in Python"):
        new_config(own, "model", "relu", "torch.relu")
    written = new_config(own, "model", "gpt", "transformers.GPT2Config")
    assert written.imported in ([], ["transformers.GPT2Config"])
    assert "n_layer: 12 # Number of hidden layers in the Transformer decoder\n" in written.file.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("model", "a", "mine.parts.Nett"), r"mine\.parts has no 'Nett'\. Did you mean Net\?"),
        (("model", "a", "mien.parts.Net"), r"no package 'mien'"),
        (("model", "a", "mine.parts"), "is a module"),
        (("model", "a/b", "mine.parts.Net"), "not the name of a config"),
        (("model", "a.yaml", "mine.parts.Net"), r"no \.yaml"),
        (("../model", "a", "mine.parts.Net"), "not the name of a group"),
        (("experiment", "a", "mine.parts.Net"), "hydra-lightning experiment new"),
        (("model", "a", "mine.parts.Module", {"nte": "mine.parts.Net"}), None),
        (
            ("model", "a", "mine.parts.Net", {"nrom": "torch.nn.GELU"}),
            r"no argument nrom\. Did you mean norm\?\nIt takes",
        ),
        (("model", "a", "mine.parts.Net", {"act.x": "torch.nn.GELU"}), r"Add --nest act=TARGET"),
        (
            ("model", "a", "mine.parts.Net", {"act": "torch.optim.AdamV"}),
            r"--nest act=torch\.optim\.AdamV: .*Did you mean Adam",
        ),
    ],
)
def test_a_mistake_writes_nothing(own: Path, arguments: tuple, message: str | None) -> None:
    if message is None:  # **more takes it
        assert content(new_config(own, *arguments))["nte"]["_target_"] == "mine.parts.Net"
        return
    with pytest.raises(ConfigError, match=message):
        new_config(own, *arguments)
    assert not list((own / "configs" / "model").iterdir())


def test_a_file_is_never_overwritten(own: Path) -> None:
    new_config(own, "model", "net", "mine.parts.Net").file.write_text("mine: 1\n")
    with pytest.raises(ConfigError, match="exists already"):
        new_config(own, "model", "net", "mine.parts.Net")
    assert (own / "configs/model/net.yaml").read_text() == "mine: 1\n"


def test_nest_is_key_and_target() -> None:
    assert names_of(["net=a.B", "net.act=c.D"]) == {"net": "a.B", "net.act": "c.D"}
    for wrong in (["net"], ["=a.B"], ["net="], ["a=b", "a=c"]):
        with pytest.raises(ConfigError, match="--nest"):
            names_of(wrong)


def test_the_command_works_from_below_the_project_and_says_what_is_next(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own / "mine")
    done = CliRunner().invoke(
        app, ["config", "new", "model", "net", "mine.parts.Net", "--nest", "act=torch.nn.ReLU"]
    )
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "wrote configs/model/net.yaml",
        "to fill in (???): width",
        "next: python mine/train.py model=net",
    ]


def test_outside_of_a_project_there_is_nothing_to_write_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["config", "new", "model", "net", "torch.nn.Linear"])
    assert isinstance(done.exception, ProjectError)
    assert "not in a project" in str(done.exception)


@pytest.mark.parametrize(
    "value",
    [
        *(1e-3, 1e-8, 1.0, 3, True, None, float("inf"), 10**30),
        *(
            "a",
            "",
            "1e3",
            "007",
            "null",
            "yes",
            "on",
            "a: b",
            "a #b",
            "a, b",
            "'",
            '"',
            "a\nb",
            "2001-01-01",
            "1_0",
            "~",
        ),
        *([1, ["b,c"]], {"a": 1, "1": [2], 3: "x"}),
    ],
    ids=repr,
)
def test_yaml_reads_back_as_the_same_value(value: object) -> None:
    text = f"key: {as_yaml(value)}\n"
    assert OmegaConf.to_container(OmegaConf.create(text)) == {"key": value}
    assert yaml.safe_load(text) == {"key": value}


def test_nothing_heavy_is_imported(own: Path) -> None:
    import subprocess

    code = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from hydra_lightning.config.new_config import new_config
        new_config(Path({str(own)!r}), "model", "net", "mine.parts.Net", {{"act": "torch.nn.GELU"}})
        assert not {{"torch", "lightning", "transformers", "mine"}} & set(sys.modules)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
