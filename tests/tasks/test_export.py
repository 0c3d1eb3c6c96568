"""Runs of toy models, loaded and exported: what others read in the file is what the model gives."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from typer import Typer
from typer.testing import CliRunner

from hydra_lightning import load_run
from hydra_lightning.commands.runs_export import export as command
from hydra_lightning.errors import (
    CheckpointError,
    ConfigError,
    ExportError,
    MissingPackageError,
    ProjectError,
    RunError,
)
from hydra_lightning.tasks.export import export

MODELS = """\
import torch
from lightning import LightningDataModule, LightningModule
from torch import nn


class Data(LightningDataModule):
    def __init__(self, kind="pair"):
        super().__init__()
        self.kind = kind

    def setup(self, stage):
        self.features = torch.arange(40.0).view(10, 4) / 40

    def test_dataloader(self):
        x = self.features
        labels = torch.arange(10)
        samples = {
            "pair": list(zip(x, labels)),
            "mapping": [{"x": row, "mask": row > 0.5, "label": label} for row, label in zip(x, labels)],
            "one": [(x[0], labels[0])],
            "tensor": list(x),
            "empty": [],
            "words": [("a", "b")] * 10,
        }
        return {"first": torch.utils.data.DataLoader(samples[self.kind], batch_size=6)}


class NoData(LightningDataModule):
    pass


class Net(LightningModule):
    def __init__(self, width=4):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Dropout(), nn.Linear(width, 3))
        self.tied = nn.Linear(width, 3)
        self.tied.weight = self.net[3].weight

    def forward(self, x):
        return self.net(x)


class Mapped(Net):
    def forward(self, **batch):
        logits = self.net(batch["x"])
        found = {"logits": logits, "cache": object(), "parts": (batch["mask"], logits.argmax(1))}
        return found if "label" not in batch else {"loss": nn.functional.cross_entropy(logits, batch["label"] % 3)}


class LateLayers(Net):
    def configure_model(self):
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.net(x))


class Random(Net):
    def forward(self, x):
        return self.net(x) + torch.rand(1)


class OtherWhenExported(Net):
    def forward(self, x):
        return self.net(x) + 0.01 * torch.compiler.is_exporting()


class StateElsewhere(Net):
    scale = 1.0

    def on_load_checkpoint(self, checkpoint):
        self.scale = checkpoint["scale"]

    def forward(self, x):
        return self.net(x) * self.scale


class Branches(Net):
    def forward(self, x):
        return self.net(x) if x.sum() > 0 else x


class FixedSize(Net):
    def forward(self, x):
        return self.net(x).view(6, 3)


class Two(Net):
    def forward(self, x, y, z):
        return self.net(x)


class Nothing(Net):
    def forward(self, x):
        return None
"""


class Runs:
    """A project of toy models, and run folders as a training leaves them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("configs", "lightning_classes"):
            (root / folder).mkdir(parents=True)
        (root / "configs" / "train.yaml").write_text(f"paths: {{log_dir: '{root}/logs'}}\n")
        (root / "lightning_classes" / "__init__.py").touch()
        (root / "lightning_classes" / "toys.py").write_text(MODELS)
        sys.path.insert(0, str(root))

    def add(
        self, model: str, data: str = "pair", name: str = "2026-01-01_00-00-00_aaaa", module: str = "Data"
    ) -> Path:
        """A run of ``model`` with weights that no new model has."""
        from lightning_classes import toys  # type: ignore[import-not-found]

        folder = self.root / "logs" / "train" / "runs" / name
        (folder / "checkpoints").mkdir(parents=True)
        toy = getattr(toys, model)()
        if model == "LateLayers":
            toy.configure_model()
        toy.net[1].running_mean += torch.rand(4)
        checkpoint = {"state_dict": toy.state_dict(), "scale": 2.0, "pytorch-lightning_version": "2.6.0"}
        torch.save(checkpoint, folder / "checkpoints" / "best.ckpt")
        config = {
            "paths": {"root_dir": str(self.root), "output_dir": str(folder)},
            "data": {"_target_": f"lightning_classes.toys.{module}"}
            | ({"kind": data} if module == "Data" else {}),
            "model": {"_target_": f"lightning_classes.toys.{model}"},
            "extras": {"trusted": ["lightning_classes"]},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        record = {
            "schema": 1,
            "id": name,
            "status": "completed",
            "created": "2026-01-01T00:00:00+00:00",
            "metrics": {},
            "best": None,
            "checkpoints": {"best": "checkpoints/best.ckpt", "last": None},
            "process": {},
        }
        (folder / "run.json").write_text(json.dumps(record))
        return folder


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "project")


def weights(run: Path) -> Mapping[str, Any]:
    state: Mapping[str, Any] = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    return state


def test_a_loaded_run_is_the_trained_model_its_data_and_its_config(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.add("Net")
    (runs.root / "notebooks").mkdir()
    monkeypatch.chdir(runs.root / "notebooks")
    model, data, config = load_run()
    assert not model.training
    state = model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in weights(run).items())
    data.setup("test")
    assert data.test_dataloader()["first"].batch_size == 6
    assert config.data.kind == "pair"
    monkeypatch.chdir(tmp_path)
    assert load_run(run).config == load_run("aaaa", project=runs.root).config == config
    with pytest.raises(ProjectError, match="not in a project"):
        load_run()


def test_a_moved_project_loads_and_layers_made_late_are_there(runs: Runs, tmp_path: Path) -> None:
    runs.add("LateLayers")
    runs.root.rename(tmp_path / "moved")
    sys.path.insert(0, str(tmp_path / "moved"))
    run = tmp_path / "moved/logs/train/runs/2026-01-01_00-00-00_aaaa"
    model, _, config = load_run(run)
    assert config.paths.root_dir == str(tmp_path / "moved")
    assert torch.equal(model.head.weight, weights(run)["head.weight"])


def test_what_cannot_be_loaded_is_said(runs: Runs) -> None:
    run, other = runs.add("Net"), runs.add("Net", name="2026-01-01_00-00-00_abbb")
    with pytest.raises(RunError, match="means 2 runs"):
        load_run("2026-01-01", project=runs.root)
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["model"]["width"] = 5
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(CheckpointError, match=r"does not fit .*Net as it is configured"):
        load_run(run)
    config["model"]["_target_"] = "lightning_classes.toys.Nett"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"Did you mean Net\?"):
        load_run(run)
    (other / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(CheckpointError, match="its checkpoints are gone"):
        load_run(other)
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        load_run(other, ckpt_path="none.ckpt")
    (other / "run.json").write_text("{")
    with pytest.raises(RunError, match="is broken"):
        load_run(other)


def test_onnx_gives_the_same_for_any_number_of_samples(runs: Runs) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    run = runs.add("Net")
    done = export(run, "onnx", project=runs.root)
    assert done.files == [run / "exports" / "model.onnx"]
    assert (done.inputs, done.outputs, done.samples, done.data) == (
        {"x": ["N", 4]},
        {"output": [6, 3]},
        6,
        "test",
    )
    assert done.difference < 1e-6
    session = onnxruntime.InferenceSession(done.files[0])
    x = torch.rand(9, 4)
    (found,) = session.run(["output"], {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), load_run(run).model(x).detach())
    assert [file.name for file in done.files[0].parent.iterdir()] == ["model.onnx"]


def test_a_mapping_is_taken_by_name_and_its_tensors_come_out_by_name(runs: Runs) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    run = runs.add("Mapped", "mapping")
    done = export(run, "onnx", inputs=["x", "mask"], project=runs.root)
    assert done.inputs == {"x": ["N", 4], "mask": ["N", 4]}
    assert done.outputs == {"logits": [6, 3], "parts_0": [6, 4], "parts_1": [6]}
    names = [each.name for each in onnxruntime.InferenceSession(done.files[0]).get_outputs()]
    assert names == ["logits", "parts_0", "parts_1"]
    done = export(run, "torch-export", project=runs.root)
    assert (list(done.inputs), done.outputs) == (["x", "mask", "label"], {"loss": []})


def test_a_program_of_torch_runs_without_the_project(runs: Runs) -> None:
    run = runs.add("Net", "tensor")
    done = export(run, "torch-export", project=runs.root)
    assert (done.files[0].name, done.inputs, done.difference) == ("model.pt2", {"x": ["N", 4]}, 0)
    x = torch.rand(3, 4)
    program = torch.export.load(done.files[0]).module()
    torch.testing.assert_close(program(x), load_run(run).model(x))


def test_a_size_that_the_model_fixes_stays_fixed(runs: Runs) -> None:
    assert export(runs.add("FixedSize"), "torch-export").inputs == {"x": [6, 4]}
    assert export(runs.add("Net", "one", name="2026-01-01_00-00-00_abbb"), "torch-export").inputs == {
        "x": [1, 4]
    }


def test_weights_are_those_of_the_checkpoint_and_tied_ones_are_there(runs: Runs) -> None:
    run = runs.add("Net")
    expected = weights(run)
    written = torch.load(export(run, "state-dict").files[0], weights_only=True)
    assert written.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in written.items())
    shared = load_file(export(run, "safetensors").files[0])
    assert expected.keys() - shared.keys() <= {"tied.weight", "net.3.weight"}
    assert all(torch.equal(value, expected[name]) for name, value in shared.items())


@pytest.mark.parametrize(
    ("model", "data", "to", "message"),
    [
        ("OtherWhenExported", "pair", "torch-export", r"output differs by up to 0\.01 .*No file was written"),
        ("StateElsewhere", "pair", "safetensors", "output differs by up to"),
        ("Random", "pair", "state-dict", "gives another output each time"),
        ("Branches", "pair", "torch-export", "Branches cannot be exported as torch-export"),
        ("Nothing", "pair", "state-dict", "Nothing.forward gives no tensor"),
        (
            "Two",
            "pair",
            "state-dict",
            r"Two.forward\(x, y, z\) cannot be called with a batch of 2: \(6, 4\), \(6,\)",
        ),
        ("Net", "words", "state-dict", "there is no tensor in it"),
        ("Net", "empty", "state-dict", "test_dataloader gives no batch"),
    ],
)
def test_what_is_not_the_model_leaves_no_file(
    runs: Runs, model: str, data: str, to: str, message: str
) -> None:
    run = runs.add(model, data)
    before = sorted(run.rglob("*"))
    with pytest.raises(ExportError, match=message):
        export(run, to)
    assert sorted(run.rglob("*")) == before


def test_a_wider_tolerance_lets_a_difference_pass_and_says_it(runs: Runs) -> None:
    done = export(runs.add("OtherWhenExported"), "torch-export", tolerance=0.1)
    assert done.difference == pytest.approx(0.01, rel=1e-4)


def test_a_data_module_without_data_is_said(runs: Runs) -> None:
    with pytest.raises(ExportError, match="NoData has no test_dataloader, val_dataloader"):
        export(runs.add("Net", module="NoData"), "state-dict")


def test_nothing_is_overwritten_and_what_is_asked_for_has_to_exist(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.add("Mapped", "mapping")
    mine = runs.root / "mine.pt"
    mine.write_text("mine")
    with pytest.raises(RunError, match=r"mine\.pt is there already"):
        export(run, "state-dict", mine)
    assert mine.read_text() == "mine"
    with pytest.raises(RunError, match="cannot be written: File exists"):
        export(run, "state-dict", mine / "model.pt")
    with pytest.raises(ConfigError, match=r"Did you mean onnx\?"):
        export(run, "onxx")
    with pytest.raises(ExportError, match=r"no 'masc'. Did you mean mask\?\nIt has: x, mask, label"):
        export(run, "state-dict", inputs=["masc"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        MissingPackageError, match=r'needs onnxruntime.*pip install "hydra-lightning\[onnx\]"'
    ):
        export(run, "onnx")


def test_the_command_says_what_was_written_and_how_it_was_verified(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.add("Net")
    monkeypatch.chdir(runs.root)
    app = Typer()
    app.command()(command)
    lines = CliRunner().invoke(app, ["@last", "--to", "state-dict"]).stdout.splitlines()
    assert lines[0].startswith(f"wrote     {run}/exports/model.pt  0.0 MB")
    assert lines[1:] == [
        "inputs    x (6, 4)",
        "outputs   output (6, 3)",
        "verified  on 6 samples of the test data: no difference",
    ]
    shown = CliRunner().invoke(app, ["aaaa", "--to", "torch-export", "--output", "a.pt2", "--format", "json"])
    assert json.loads(shown.stdout)["inputs"] == {"x": ["N", 4]}
    assert (runs.root / "a.pt2").is_file()
