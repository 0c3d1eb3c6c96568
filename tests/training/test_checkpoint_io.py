"""Checkpoints are plain, whole, and checked before use."""

from __future__ import annotations

import enum
import functools
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import tracemalloc
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel
from omegaconf import OmegaConf
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hydra_lightning.errors import CheckpointError
from hydra_lightning.training.checkpoint_io import PlainCheckpointIO, check_checkpoint, explained_load_errors
from hydra_lightning.training.plain import plain_hyper_parameters, plain_state


class Color(enum.Enum):
    RED = 1


class Mode(str, enum.Enum):
    FAST = "fast"


@dataclass
class Size:
    width: int
    folder: Path


class Module(LightningModule):
    def __init__(self, net: nn.Module, optimizer: Any, scheduler: Any = None, **others: Any) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.net = net

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        return self.net(batch[0]).square().mean()

    def test_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.log("test/loss", self.net(batch[0]).square().mean())

    def configure_optimizers(self) -> Any:
        optimizer = self.hparams.optimizer(self.parameters())
        if self.hparams.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.hparams.scheduler(optimizer)}


class Data(LightningDataModule):
    def __init__(self, transform: Any, folder: Path) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(TensorDataset(torch.randn(8, 4)), batch_size=4)

    test_dataloader = train_dataloader


MODEL_CONFIG = {
    "_target_": "project.Module",
    "net": {"_target_": "torch.nn.Linear", "in_features": 4, "out_features": 2},
    "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.001},
}


def module(out: int = 2, **others: Any) -> Module:
    return Module(nn.Linear(4, out), functools.partial(torch.optim.Adam, lr=1e-3), **others)


def trainer(folder: Path, *callbacks: Callback, io: PlainCheckpointIO | None = None) -> Trainer:
    return Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        callbacks=list(callbacks),
        plugins=[io or PlainCheckpointIO()],
    )


def saved(folder: Path, model: LightningModule, io: PlainCheckpointIO | None = None) -> Path:
    fit = trainer(folder, io=io)
    fit.fit(model, Data(torch.relu, folder))
    path = folder / "model.ckpt"
    fit.save_checkpoint(path)
    return path


class TestWrites:
    def test_plain_hyper_parameters_whatever_the_live_ones_are(self, tmp_path: Path) -> None:
        model = module(
            scheduler=functools.partial(torch.optim.lr_scheduler.StepLR, step_size=1),
            config=OmegaConf.create({"a": [1], "b": "${a}"}),
            folder=tmp_path,
            mean=np.float32(0.5),
            array=np.arange(3),
            color=Color.RED,
            mode=Mode.FAST,
            call=torch.relu,
            loss=nn.CrossEntropyLoss,
            size=Size(3, tmp_path),
            dtype=torch.bfloat16,
            nothing=None,
        )
        io = PlainCheckpointIO(MODEL_CONFIG, {"transform": "torch.relu"})
        checkpoint = torch.load(saved(tmp_path, model, io), weights_only=True)

        parameters = checkpoint["hyper_parameters"]
        assert parameters["net"] == MODEL_CONFIG["net"]
        assert parameters["optimizer"] == MODEL_CONFIG["optimizer"]
        assert parameters["scheduler"] == {
            "_target_": "torch.optim.lr_scheduler.StepLR",
            "_partial_": True,
            "step_size": 1,
        }
        assert parameters["config"] == {"a": [1], "b": [1]}
        assert parameters["folder"] == str(tmp_path)
        assert type(parameters["mean"]) is float
        assert parameters["array"] == [0, 1, 2]
        assert parameters["color"] == "RED"
        assert parameters["mode"] == "fast"
        assert parameters["loss"] == "torch.nn.modules.loss.CrossEntropyLoss"
        assert parameters["size"] == {"width": 3, "folder": str(tmp_path)}
        assert parameters["dtype"] is torch.bfloat16
        assert checkpoint["datamodule_hyper_parameters"] == {
            "transform": "torch.relu",
            "folder": str(tmp_path),
        }
        assert checkpoint["hydra_lightning"]["model"] == MODEL_CONFIG

    def test_the_live_hyper_parameters_stay_as_they_are(self, tmp_path: Path) -> None:
        model = module()
        saved(tmp_path, model, PlainCheckpointIO(MODEL_CONFIG))
        assert isinstance(model.hparams.net, nn.Linear)
        assert isinstance(model.hparams.optimizer, functools.partial)

    def test_hyper_parameters_that_are_an_omegaconf_container(self, tmp_path: Path) -> None:
        class FromConfig(Module):
            def __init__(self, cfg: Any) -> None:
                LightningModule.__init__(self)
                self.save_hyperparameters(cfg)
                self.net = nn.Linear(4, cfg.out)

            def configure_optimizers(self) -> Any:
                return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

        path = saved(tmp_path, FromConfig(OmegaConf.create({"out": 2, "lr": 0.1})))
        assert torch.load(path, weights_only=True)["hyper_parameters"] == {"out": 2, "lr": 0.1}

    def test_the_same_weights_as_lightning_itself_and_can_be_trained_on(self, tmp_path: Path) -> None:
        model = module()
        path = saved(tmp_path, model)
        checkpoint = torch.load(path, weights_only=True)
        assert all(
            torch.equal(value, checkpoint["state_dict"][key]) for key, value in model.state_dict().items()
        )
        assert checkpoint["state_dict"]._metadata == model.state_dict()._metadata

        resumed = trainer(tmp_path)
        resumed.fit_loop.max_epochs = 2
        resumed.fit(module(), Data(torch.relu, tmp_path), ckpt_path=path)
        assert resumed.global_step == 4
        assert Module.load_from_checkpoint(path, net=nn.Linear(4, 2)).net.weight.shape == (2, 4)

    def test_state_of_callbacks_that_has_a_plain_form(self, tmp_path: Path) -> None:
        class Stateful(Callback):
            def state_dict(self) -> dict[str, Any]:
                return {"folder": Path("a/b"), "count": np.int64(3), "config": OmegaConf.create([1, 2])}

        fit = trainer(tmp_path, Stateful(), ModelCheckpoint(tmp_path, save_last=True))
        fit.fit(module(), Data(torch.relu, tmp_path))
        state = torch.load(tmp_path / "last.ckpt", weights_only=True)["callbacks"][Stateful().state_key]
        assert state == {"folder": "a/b", "count": 3, "config": [1, 2]}

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (np.zeros(2), ["numpy.ndarray", "torch.from_numpy"]),
            (nn.Linear(1, 1), ["torch.nn.modules.linear.Linear", "state_dict()"]),
            (Color.RED, ["Color", "name"]),
            (Size, ["the class", "qualified name"]),
            (slice(1), ["builtins.slice", "numbers, strings, tensors"]),
        ],
    )
    def test_refuses_other_objects_and_says_where_and_what_instead(
        self, tmp_path: Path, value: Any, words: list[str]
    ) -> None:
        path = tmp_path / "a.ckpt"
        with pytest.raises(CheckpointError) as caught:
            PlainCheckpointIO().save_checkpoint({"callbacks": {"X": {"y": [0, value]}}}, path)
        for word in ["checkpoint['callbacks']['X']['y'][1]", *words]:
            assert word in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_refuses_a_tensor_class_that_would_not_load(self, tmp_path: Path) -> None:
        class Strange(torch.Tensor):
            pass

        Strange.__qualname__ = "Strange"
        globals()["Strange"] = Strange
        path = tmp_path / "a.ckpt"
        path.write_text("earlier")
        with pytest.raises(CheckpointError, match="Strange"):
            PlainCheckpointIO().save_checkpoint({"x": torch.zeros(2).as_subclass(Strange)}, path)
        assert [file.name for file in tmp_path.iterdir()] == ["a.ckpt"]
        assert path.read_text() == "earlier"

    def test_under_two_processes(self, tmp_path: Path) -> None:
        fit = Trainer(
            max_steps=2,
            limit_val_batches=0,
            accelerator="cpu",
            strategy="ddp_spawn",
            devices=2,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[ModelCheckpoint(tmp_path, save_last=True)],
            plugins=[PlainCheckpointIO(MODEL_CONFIG)],
        )
        model = BoringModel()
        model.save_hyperparameters({"net": nn.Linear(1, 1)})
        fit.fit(model)
        checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
        assert checkpoint["hyper_parameters"]["net"] == MODEL_CONFIG["net"]


class TestWritesWhole:
    def test_a_write_that_fails_keeps_the_earlier_checkpoint(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ckpt"
        PlainCheckpointIO().save_checkpoint({"state_dict": {"x": torch.ones(2)}}, path)
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        try:
            with pytest.raises(CheckpointError, match="File too large") as caught:
                PlainCheckpointIO().save_checkpoint({"state_dict": {"x": torch.zeros(1_000_000)}}, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert str(path) in str(caught.value)
        assert "MB are free" in str(caught.value)
        assert [file.name for file in tmp_path.iterdir()] == ["a.ckpt"]
        assert torch.equal(torch.load(path, weights_only=True)["state_dict"]["x"], torch.ones(2))

    def test_a_full_disk(self, tmp_path: Path) -> None:
        code = """
            import os, sys, torch
            from hydra_lightning.errors import CheckpointError
            from hydra_lightning.training.checkpoint_io import PlainCheckpointIO
            path = sys.argv[1] + "/a.ckpt"
            PlainCheckpointIO().save_checkpoint({"state_dict": {"x": torch.ones(2)}}, path)
            try:
                PlainCheckpointIO().save_checkpoint({"state_dict": {"x": torch.zeros(1_000_000)}}, path)
            except CheckpointError as error:
                print(error)
            print(os.listdir(sys.argv[1]), torch.load(path)["state_dict"]["x"].sum())
        """
        mount = f"mount -t tmpfs -o size=1m none {tmp_path}"
        unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
        if not shutil.which("unshare") or subprocess.run([*unshare, mount], capture_output=True).returncode:
            pytest.skip("this system does not let a user mount a small disk")
        command = f'{mount} && exec "{sys.executable}" -c "$0" {tmp_path}'
        result = subprocess.run(
            [*unshare, command, textwrap.dedent(code)],
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=False,
        )
        assert "No space left on device" in result.stdout, result.stdout + result.stderr
        assert "MB are free" in result.stdout
        assert "['a.ckpt'] tensor(2.)" in result.stdout

    def test_the_file_is_not_built_in_memory(self, tmp_path: Path) -> None:
        checkpoint = {"state_dict": {str(index): torch.ones(1_000_000) for index in range(10)}}
        tracemalloc.start()
        try:
            PlainCheckpointIO().save_checkpoint(checkpoint, tmp_path / "a.ckpt")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 10e6, "40 MB of weights"


class TestCheck:
    def test_passes_its_own_checkpoint(self, tmp_path: Path) -> None:
        check_checkpoint(saved(tmp_path, module()), module())

    def test_missing_names_what_is_there(self, tmp_path: Path) -> None:
        for name in ("epoch_003.ckpt", "last.ckpt"):
            (tmp_path / name).touch()
        with pytest.raises(CheckpointError, match=r"Did you mean epoch_003.ckpt\?") as caught:
            check_checkpoint(tmp_path / "epoch_004.ckpt", module())
        assert "epoch_003.ckpt, last.ckpt" in str(caught.value)
        with pytest.raises(CheckpointError, match="does not exist either"):
            check_checkpoint(tmp_path / "no" / "x.ckpt", module())
        with pytest.raises(CheckpointError, match="is a folder"):
            check_checkpoint(tmp_path, module())

    @pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
    def test_truncated(self, tmp_path: Path, keep: float) -> None:
        path = saved(tmp_path, module())
        content = path.read_bytes()
        path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
        with pytest.raises(CheckpointError, match="it is damaged, or no checkpoint"):
            check_checkpoint(path, module())

    def test_another_kind_of_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ckpt"
        path.write_text("lr: 0.1\n")
        with pytest.raises(CheckpointError, match="it is damaged, or no checkpoint"):
            check_checkpoint(path, module())
        torch.save(module().state_dict(), path)
        with pytest.raises(CheckpointError, match="bare weights"):
            check_checkpoint(path, module())
        torch.save({"model": {}, "epoch": 3}, path)
        with pytest.raises(CheckpointError, match="only: model, epoch"):
            check_checkpoint(path, module())

    def test_python_objects_of_an_older_checkpoint(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ckpt"
        optimizer = functools.partial(torch.optim.Adam)
        torch.save({"state_dict": module().state_dict(), "hyper_parameters": {"optimizer": optimizer}}, path)
        with pytest.raises(CheckpointError, match=r"\+weights_only=false") as caught:
            check_checkpoint(path, module())
        assert "functools.partial" in str(caught.value)
        check_checkpoint(path, module(), weights_only=False)

    def test_another_model(self, tmp_path: Path) -> None:
        path = saved(tmp_path, module(), PlainCheckpointIO(MODEL_CONFIG))
        other = module(out=3)
        other.extra = nn.Linear(1, 1)
        with pytest.raises(CheckpointError, match=r"written by project\.Module") as caught:
            check_checkpoint(path, other)
        assert "not in the checkpoint: extra.weight, extra.bias" in str(caught.value)
        assert "net.weight is (2, 4) in the checkpoint, (3, 4) in the model" in str(caught.value)

    def test_leaves_models_alone_that_load_in_their_own_way(self, tmp_path: Path) -> None:
        path = saved(tmp_path, module())

        class Loads(Module):
            def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None: ...

        class Configures(Module):
            def configure_model(self) -> None: ...

        class SetsUp(Module):
            def setup(self, stage: str) -> None:
                self.later = nn.Linear(1, 1)

        for kind in (Loads, Configures, SetsUp):
            check_checkpoint(path, kind(nn.Linear(4, 3), None))
        lenient = module()
        lenient.extra = nn.Linear(1, 1)
        lenient.strict_loading = False
        check_checkpoint(path, lenient)

    def test_what_only_loading_finds_is_explained(self, tmp_path: Path) -> None:
        class SetsUp(Module):
            def setup(self, stage: str) -> None:
                self.later = nn.Linear(1, 1)

        path = saved(tmp_path, module())
        model = SetsUp(nn.Linear(4, 2), None)
        with (
            pytest.raises(CheckpointError, match=r"later\.weight") as caught,
            explained_load_errors(path, model),
        ):
            trainer(tmp_path).test(model, Data(None, tmp_path), ckpt_path=path)
        assert str(path) in str(caught.value)

    def test_other_errors_pass_as_they_are(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), explained_load_errors(tmp_path, module()):
            _ = 1 / 0


def test_plain_state_is_not_copied() -> None:
    state = OrderedDict(a=torch.zeros(1), b={"c": [1, (2.0, None)]})
    assert plain_state(state) is state


def test_nested_hyper_parameters_take_the_config_of_their_place() -> None:
    parameters = {"nets": [{"body": nn.Linear(1, 1), "width": 3}], "unknown": nn.ReLU()}
    config = {"nets": [{"body": {"_target_": "torch.nn.Linear"}, "width": 4}]}
    assert plain_hyper_parameters(parameters, config) == {
        "nets": [{"body": {"_target_": "torch.nn.Linear"}, "width": 3}],
        "unknown": "torch.nn.modules.activation.ReLU",
    }
