"""The recorder in forks of a process that has imported torch and Lightning: the same run, a second sooner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from processes import fork_server

from hydra_lightning.parity import record, sides


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record in forks."""

    def start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], printed: Path) -> int:
        done = fork_server().run(Path(record.__file__), list(arguments), folder, dict(environment))
        printed.write_text(done.stdout + done.stderr)
        return done.returncode

    monkeypatch.setattr(sides, "start", start)
