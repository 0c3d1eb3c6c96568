from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from runs_on_disk import write_run

from hydra_lightning.errors import RunError
from hydra_lightning.runs.report import write_report


def data_of(file: Path) -> dict[str, object]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', file.read_text("utf-8"), re.DOTALL
    )
    assert found
    data: dict[str, object] = json.loads(found[1])
    return data


def test_one_file_holds_the_runs_that_match(log_dir: Path, tmp_path: Path) -> None:
    for number in range(3):
        write_run(log_dir, number, {"lr": number}, {"val/loss": 1.0})
    file = tmp_path / "report.html"
    assert write_report(log_dir, file, ["lr>0"], title="Two & more") == (2, [])
    assert "<h1>Two &amp; more</h1>" in file.read_text("utf-8")
    assert "2 runs · lr&gt;0 · " in file.read_text("utf-8")
    assert len(data_of(file)["runs"]) == 2  # type: ignore[arg-type]
    assert not re.search(r'<(link|img|iframe)\b|src="', file.read_text("utf-8").partition('id="data"')[0])


def test_the_same_runs_give_the_same_file_but_for_the_time(log_dir: Path, tmp_path: Path) -> None:
    for number in range(10):
        write_run(log_dir, number, {"lr": number % 2}, {"val/loss": float(number)})
    data = []
    for name in ("first.html", "second.html"):
        write_report(log_dir, tmp_path / name)
        data.append(data_of(tmp_path / name) | {"made": None})
    assert data[0] == data[1]


def test_nothing_matches_nothing_is_written(log_dir: Path, tmp_path: Path) -> None:
    write_run(log_dir, 0, {"lr": 1}, {})
    with pytest.raises(RunError, match=r"No run below .* matches status=failed"):
        write_report(log_dir, tmp_path / "report.html", ["status=failed"])
    with pytest.raises(RunError, match="No run is below"):
        write_report(tmp_path / "none", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_file_that_is_no_report_is_never_overwritten(log_dir: Path, tmp_path: Path) -> None:
    write_run(log_dir, 0, {}, {})
    other = tmp_path / "thesis.html"
    other.write_text("<html>Years of work</html>")
    with pytest.raises(RunError, match="is not a report of runs, so it is left as it is"):
        write_report(log_dir, other)
    assert other.read_text() == "<html>Years of work</html>"
    with pytest.raises(RunError, match="There is no folder"):
        write_report(log_dir, tmp_path / "missing" / "report.html")
    with pytest.raises(RunError, match="is a folder"):
        write_report(log_dir, tmp_path)


def test_an_older_report_is_replaced(log_dir: Path, tmp_path: Path) -> None:
    write_run(log_dir, 0, {}, {})
    write_report(log_dir, tmp_path / "report.html", title="Old")
    write_report(log_dir, tmp_path / "report.html", title="New")
    assert "<h1>New</h1>" in (tmp_path / "report.html").read_text("utf-8")


def test_a_broken_record_is_said_in_the_report(log_dir: Path, tmp_path: Path) -> None:
    write_run(log_dir, 0, {}, {})
    broken = write_run(log_dir, 1, {}, {})
    (broken / "run.json").write_text('{"schema": 1, "id"')
    runs, problems = write_report(log_dir, tmp_path / "report.html")
    assert runs == 1
    assert len(problems) == 1
    assert str(broken) in problems[0]
    assert data_of(tmp_path / "report.html")["problems"] == problems


def test_without_plotly_it_says_what_to_install(log_dir: Path, tmp_path: Path) -> None:
    write_run(log_dir, 0, {}, {})
    code = f"""
import sys
sys.modules["plotly"] = None
from hydra_lightning.runs.report import write_report
write_report({str(log_dir)!r}, {str(tmp_path / "report.html")!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "hydra-lightning[report]"' in done.stderr
    assert not (tmp_path / "report.html").exists()
