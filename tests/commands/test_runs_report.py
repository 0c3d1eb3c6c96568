"""``hydra-lightning runs report``, as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from runs_on_disk import write_run

from hydra_lightning.scaffold.new import new_project

pytest.importorskip("plotly", reason="plotly is not installed")


def report(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "hydra-lightning"
    return subprocess.run(
        [program, "runs", "report", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "vision"
    new_project(folder)
    for number in range(3):
        write_run(folder / "logs", number, {"lr": number}, {"val/loss": 1.0})
    (write_run(folder / "logs", 3, {}, {}) / "run.json").write_text("{")
    return folder


def test_it_says_what_it_wrote_and_what_it_could_not_read(project: Path) -> None:
    done = report("lr>0", "-o", "some.html", cwd=project / "configs")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("some.html  2 runs, ")
    assert "1 could not be read, and are named in the report:\n  " in done.stderr
    assert "<h1>Runs of vision</h1>" in (project / "configs/some.html").read_text("utf-8")


def test_a_filter_that_nothing_matches_or_that_is_wrong_is_an_error(project: Path) -> None:
    for wrong, said in [("status=failed", "No run below"), ("lrr=1", "lrr"), ("lr>fast", "fast")]:
        done = report(wrong, "-o", "none.html", cwd=project)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not (project / "none.html").exists()


def test_help_imports_no_plotly(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom hydra_lightning.cli import app\n"
        "for words in (['runs', '--help'], ['runs', 'report', '--help']):\n"
        "    app(words, standalone_mode=False)\n"
        "sys.exit(' '.join(name for name in ('plotly', 'numpy', 'yaml', 'torch') if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "\n"
