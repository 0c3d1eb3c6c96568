"""The entry point of a project's ``train.py`` and ``eval.py``: ``@hydra.main``, at home in a project."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from hydra_lightning.config.messages import explain
from hydra_lightning.errors import HydraLightningError
from hydra_lightning.tasks.compose import prepare
from hydra_lightning.tasks.resume import expanded

Task = Callable[[DictConfig], Any]


def main(
    config_path: str = "../configs", config_name: str = "train.yaml"
) -> Callable[[Task], Callable[..., Any]]:
    """Decorate the function that gets the composed config; the whole of Hydra's command line works.

    Beyond ``@hydra.main`` it finds the project root (the folder above ``config_path``, or the nearest one with a
    ``.project-root`` file), puts it on ``sys.path`` and into ``PROJECT_ROOT``, registers the resolvers of this
    library, and answers a mistake with one message and exit code 1. ``HYDRA_FULL_ERROR=1`` shows the traceback.

    Args:
        config_path: the folder of the configs, relative to the file that uses the decorator.
        config_name: the main config in it.
    """

    def decorate(task: Task) -> Callable[..., Any]:
        @functools.wraps(task)
        def run(config: DictConfig | None = None) -> Any:
            if config is not None:
                return task(config)
            configs = (Path(inspect.getfile(task)).resolve().parent / config_path).resolve()
            prepare(configs)
            # Hydra's own does the same, but composes a config that fails a second time.
            Hydra.get_mode = _mode  # type: ignore[method-assign, assignment]
            shown_in_full = os.environ.get("HYDRA_FULL_ERROR")

            typed = list(sys.argv)

            @functools.wraps(task)
            def job(config: DictConfig) -> Any:
                # Child processes of a distributed run are started with the same arguments.
                sys.argv[:] = typed
                with _environment("HYDRA_FULL_ERROR", shown_in_full):
                    return _told(task, config)

            try:
                # Hydra prints errors itself and exits, unless it is told to raise them.
                with _environment("HYDRA_FULL_ERROR", "1"):
                    sys.argv[1:] = expanded(configs, config_name, typed[1:]) or typed[1:]
                    hydra.main(version_base="1.3", config_path=str(configs), config_name=config_name)(job)()
            except Exception as error:
                if shown_in_full:
                    raise
                _report(error, configs, config_name)
                sys.exit(1)

        return run

    return decorate


def _mode(hydra: Hydra, config_name: str | None, overrides: list[str]) -> Any:
    """``hydra.mode`` of the composed config."""
    config = hydra.compose_config(
        config_name, overrides, RunMode.MULTIRUN, with_log_configuration=False, validate_sweep_overrides=False
    )
    return config.hydra.mode


def _told(task: Task, config: DictConfig) -> Any:
    """Run ``task``; end a single run with the message of a mistake alone, before Hydra adds a line of its own."""
    try:
        return task(config)
    except HydraLightningError as error:
        if os.environ.get("HYDRA_FULL_ERROR") or HydraConfig.get().mode != RunMode.RUN:
            raise
        print(f"\n{error}", file=sys.stderr)
        raise SystemExit(1) from error


def _report(error: Exception, configs: Path, config_name: str) -> None:
    """Print what went wrong: the message of a mistake, the user's own frames of any other error."""
    message = (
        str(error) if isinstance(error, HydraLightningError) else _all_problems(error, configs, config_name)
    )
    if message is None and isinstance(error, (FileNotFoundError, PermissionError, NotADirectoryError)):
        message = f"{type(error).__name__}: {error}\n  at {_last_own_line(error)}"
    if message is not None:
        print(f"\n{message}", file=sys.stderr)
        return
    traceback.print_exception(type(error), error, _below_hydra(error.__traceback__))
    print("\nHYDRA_FULL_ERROR=1 shows the whole traceback.", file=sys.stderr)


def _all_problems(error: Exception, configs: Path, config_name: str) -> str | None:
    """Everything that is wrong with a command line that does not compose; None when that is not the error."""
    message = explain(error)
    typed = get_args_parser().parse_args(sys.argv[1:])
    if message is None or typed.multirun or typed.config_dir or HydraConfig.initialized():
        return message
    from hydra_lightning.config.problems import report
    from hydra_lightning.tasks.check import check_overrides

    problems = check_overrides(configs.parent, typed.overrides, typed.config_name or config_name, error)
    return report(problems, "nothing was started") if problems else message


def _last_own_line(error: Exception) -> str:
    """The innermost line that is not of an installed package."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    return f"{own[-1].filename}:{own[-1].lineno}"


def _below_hydra(trace: Any) -> Any:
    """``trace`` from the job's function on, without the frames of Hydra above it."""
    start = trace
    while start is not None:
        if start.tb_frame.f_code.co_name == "job" and start.tb_frame.f_code.co_filename == __file__:
            return start.tb_next
        start = start.tb_next
    return trace


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    """Set (or with None, unset) one environment variable for a while."""
    before = os.environ.get(name)
    _set(name, value)
    try:
        yield
    finally:
        _set(name, before)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
