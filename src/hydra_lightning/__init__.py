"""From a PyTorch script to tracked, configurable, reproducible experiments on Hydra and Lightning.

Every public name is loaded when it is first used, so that importing the package costs milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra_lightning.config.instantiate import instantiate as instantiate
    from hydra_lightning.runs.frame import aggregate_runs as aggregate_runs
    from hydra_lightning.runs.frame import compare_runs as compare_runs
    from hydra_lightning.runs.frame import runs_table as runs_table
    from hydra_lightning.runs.report import write_report as write_report
    from hydra_lightning.runs.store import find_run as find_run
    from hydra_lightning.runs.store import list_runs as list_runs
    from hydra_lightning.runs.store import read_run as read_run
    from hydra_lightning.tasks.app import main as main
    from hydra_lightning.tasks.compose import compose as compose
    from hydra_lightning.tasks.evaluate import evaluate as evaluate
    from hydra_lightning.tasks.load import load_run as load_run
    from hydra_lightning.tasks.train import train as train

__version__ = "0.1.0"

_HOMES = {
    "compose": "tasks.compose",
    "instantiate": "config.instantiate",
    "aggregate_runs": "runs.frame",
    "compare_runs": "runs.frame",
    "find_run": "runs.store",
    "runs_table": "runs.frame",
    "list_runs": "runs.store",
    "read_run": "runs.store",
    "write_report": "runs.report",
    "main": "tasks.app",
    "evaluate": "tasks.evaluate",
    "load_run": "tasks.load",
    "train": "tasks.train",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
