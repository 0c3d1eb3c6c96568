"""Torch is imported when something is trained, not before."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "lightning", "pytorch_lightning", "torchmetrics", "transformers", "pandas", "sklearn")


def imported_after(code: str, cwd: Path) -> list[str]:
    probe = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True, cwd=cwd
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "code",
    [
        "import hydra_lightning, hydra_lightning.cli",
        "from hydra_lightning import main, train, evaluate, compose, instantiate",
        "from hydra_lightning import find_run, read_run, list_runs, runs_table",
        "from hydra_lightning import load_run",
        "from hydra_lightning import aggregate_runs, compare_runs",
        "from hydra_lightning import write_report",
    ],
)
def test_importing_the_public_names_imports_nothing_heavy(code: str, tmp_path: Path) -> None:
    assert imported_after(code, tmp_path) == []


def test_importing_the_package_imports_no_hydra(tmp_path: Path) -> None:
    probe = "import hydra_lightning, sys; print('hydra' in sys.modules, 'omegaconf' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["False", "False"]


def test_composing_a_project_imports_nothing_heavy(shared_project: Path, tmp_path: Path) -> None:
    code = (
        f"import hydra_lightning\nhydra_lightning.compose({str(shared_project)!r}, ['trainer.max_epochs=1'])"
    )
    assert imported_after(code, tmp_path) == []


def test_unknown_names_are_attribute_errors() -> None:
    import hydra_lightning

    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = hydra_lightning.trian
    assert "train" in dir(hydra_lightning)
