"""A Lightning logger for trackio, which has none."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from hydra_lightning.errors import ConfigError


class TrackioLogger(Logger):
    """Logs to trackio's local storage: one SQLite file a project, no server and no network.

    See the runs with ``TRACKIO_DIR=<save_dir> trackio show``. A run of that name that exists is continued.
    Trackio's own variables ``TRACKIO_SPACE_ID`` and ``TRACKIO_SERVER_URL`` send the metrics elsewhere when
    they are set.

    Args:
        project: trackio's project.
        name: of the run; None for one that trackio invents.
        save_dir: the folder of the project's file. Trackio reads it from ``TRACKIO_DIR`` when it is first
            imported, so that a process has one.
        arguments: further ones of ``trackio.init``, as ``group``, ``auto_log_cpu`` or ``auto_log_gpu``.
    """

    def __init__(
        self, project: str, save_dir: str | os.PathLike[str], name: str | None = None, **arguments: Any
    ) -> None:
        super().__init__()
        self._project = project
        self._name = name
        self._save_dir = Path(save_dir).absolute()
        self._arguments = {"auto_log_cpu": False, "auto_log_gpu": False, "embed": False, **arguments}
        self._config: dict[str, Any] = {}
        self._run: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_run": None}

    @property
    def name(self) -> str | None:
        """The project."""
        return self._project

    @property
    def version(self) -> str | None:
        """The name of the run."""
        return self._name

    @property
    def save_dir(self) -> str:
        """Trackio's folder."""
        return str(self._save_dir)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The ``trackio.Run``, started at the first use.

        Raises:
            ConfigError: this process already uses trackio with another folder.
        """
        if self._run is None:
            os.environ["TRACKIO_DIR"] = self.save_dir
            import trackio
            from trackio.utils import TRACKIO_DIR

            if TRACKIO_DIR.absolute() != self._save_dir:
                raise ConfigError(
                    f"logger: trackio already writes to {TRACKIO_DIR} in this process, and cannot change to "
                    f"{self._save_dir}. Set TRACKIO_DIR={self._save_dir} before Python starts."
                )
            self._run = trackio.init(
                self._project, name=self._name, config=self._config, resume="allow", **self._arguments
            )
            self._name = self._run.name
        return self._run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Add to the run's config, nested keys joined by ``/``; before the first metric."""
        values = vars(params) if isinstance(params, Namespace) else params
        self._config.update((key.lstrip("_"), value) for key, value in _flat(values))
        if self._run is not None:
            self._run.config.update(self._config)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of an optimizer step."""
        self.experiment.log(dict(metrics), step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is queued and end the run; logging again continues it."""
        if self._run is not None:
            import trackio

            trackio.finish()  # type: ignore[no-untyped-call]
            self._run = None


def _flat(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | None) else str(value)
