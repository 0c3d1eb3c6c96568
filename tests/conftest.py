"""Real projects for the tests, and nothing left from one test to the next."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from processes import fork_server

from hydra_lightning.parity import record, sides
from hydra_lightning.scaffold.new import new_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project with the digits example, for one test alone."""
    return new_project(tmp_path / "project", "digits").root


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the digits example that tests only read configs from."""
    return new_project(tmp_path_factory.mktemp("shared") / "project", "digits").root


@pytest.fixture(autouse=True)
def _forget_hydra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no composed config, project path or module of a project to the next test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
    for name in [name for name in sys.modules if name.split(".")[0] == "lightning_classes"]:
        del sys.modules[name]


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record trainings in forks of a process that has imported torch and Lightning: the same, a second sooner."""

    def start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], printed: Path) -> int:
        done = fork_server().run(Path(record.__file__), list(arguments), folder, dict(environment))
        printed.write_text(done.stdout + done.stderr)
        return done.returncode

    monkeypatch.setattr(sides, "start", start)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many scripts of the corpus were converted: each test leaves what became of its script."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    outcomes = Counter(
        value for each in reports for key, value in each.user_properties[-1:] if key == "corpus"
    )
    if outcomes:
        told = ", ".join(f"{outcomes[what]} {what}" for what in ("PASS", "to do", "refused", "FAIL"))
        terminalreporter.write_line(f"corpus: {outcomes.total()} scripts, {told}")
