"""A missing package is named before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hydra_lightning.config import requirements
from hydra_lightning.config.requirements import missing_package

TARGETS = {
    "lightning.pytorch.loggers.TensorBoardLogger": "tensorboard",
    "lightning.pytorch.loggers.tensorboard.TensorBoardLogger": "tensorboard",
    "lightning.pytorch.loggers.MLFlowLogger": "mlflow",
    "lightning.pytorch.loggers.wandb.WandbLogger": "wandb",
    "pytorch_lightning.loggers.WandbLogger": "wandb",
    "lightning.pytorch.loggers.comet.CometLogger": "comet",
    "hydra_lightning.training.comet_logger.CometLogger": "comet",
    "aim.pytorch_lightning.AimLogger": "aim",
    "hydra_lightning.training.trackio_logger.TrackioLogger": "trackio",
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that finds no package: only its import path is changed."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if "editable" not in repr(f).lower()])
    for module, _ in requirements.PACKAGES.values():
        monkeypatch.delitem(sys.modules, module, raising=False)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("target", "extra"), TARGETS.items())
def test_names_the_extra_to_install(target: str, extra: str) -> None:
    assert missing_package(target) == f'pip install "hydra-lightning[{extra}]"'


@pytest.mark.usefixtures("bare")
def test_targets_that_need_nothing_more() -> None:
    assert missing_package("hydra_lightning.training.csv_logger.CSVLogger") is None
    assert missing_package("lightning.pytorch.callbacks.EarlyStopping") is None
    assert missing_package("lightning_classes.my.WandbLogger") is None


@pytest.mark.usefixtures("bare")
def test_a_folder_of_that_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert missing_package("lightning.pytorch.loggers.WandbLogger") is not None


def test_installed_packages_pass() -> None:
    assert missing_package("lightning.pytorch.loggers.TensorBoardLogger") is None


def test_imports_neither_torch_nor_the_package() -> None:
    code = (
        "import sys; from hydra_lightning.config.requirements import missing_package as m;"
        "m('lightning.pytorch.loggers.WandbLogger');"
        "print([n for n in ('torch', 'lightning', 'wandb') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
