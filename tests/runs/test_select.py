from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs_on_disk import write_record

from hydra_lightning.errors import RunError
from hydra_lightning.runs.select import select, short_names


def write_run(folder: Path, lr: float = 0.1, **fields: Any) -> Path:
    write_record(folder, **fields)
    (folder / "config.yaml").write_text(f"model:\n  lr: {lr}\n")
    return folder


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write_run(tmp_path / "logs/train/runs/2026-01-01_10-00-00_aaaa", 0.1)
    write_run(tmp_path / "logs/train/runs/2026-01-02_10-00-00_bbbb", 0.2, metrics={"acc": "nan"})
    write_run(tmp_path / "logs/train/sweeps/2026-01-03_10-00-00_cccc/2026-01-03_10-00-01_aaaa", 0.3)
    return tmp_path / "logs"


def test_the_newest_run_comes_first_with_its_shortest_name(logs: Path) -> None:
    assert [run.short for run in select(logs)] == [
        "2026-01-03_10-00-01_aaaa",
        "bbbb",
        "2026-01-01_10-00-00_aaaa",
    ]


def test_filters_are_all_fulfilled(logs: Path) -> None:
    assert [run.id[-4:] for run in select(logs, ["lr>0.1", "created<2026-01-03"])] == ["bbbb"]
    assert [run.id[-4:] for run in select(logs, ["acc=nan"])] == ["bbbb"]


def test_jobs_of_sweeps_that_are_only_numbered_are_named_by_their_folder(tmp_path: Path) -> None:
    for sweep in ("2026-01-01_10-00-00", "2026-01-02_10-00-00"):
        write_run(tmp_path / "train/multiruns" / sweep / "0", created=f"{sweep[:10]}T10:00:00+00:00")
    assert [run.short for run in select(tmp_path)] == [
        str(tmp_path / "train/multiruns/2026-01-02_10-00-00/0"),
        str(tmp_path / "train/multiruns/2026-01-01_10-00-00/0"),
    ]


def test_a_run_without_its_config_is_still_there(logs: Path) -> None:
    (logs / "train/runs/2026-01-01_10-00-00_aaaa/config.yaml").unlink()
    runs = select(logs)
    assert len(runs) == 3
    with pytest.raises(RunError, match=r"has no config\.yaml"):
        _ = runs[-1].settings
    assert runs[-1].settings_or_empty() == {}


def test_broken_records_are_named_and_the_rest_is_there(logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = logs / "train/runs/2026-01-02_10-00-00_bbbb/run.json"
    broken.write_text('{"schema": 1')
    assert [run.id[-4:] for run in select(logs)] == ["aaaa", "aaaa"]
    assert f"{broken} is broken" in caplog.text


def test_short_names_mean_one_folder_of_those_given() -> None:
    folders = [Path(f"runs/2026-01-01_10-00-00_{end}") for end in ("aaaa", "bbbb")]
    assert short_names(folders) == {folders[0]: "aaaa", folders[1]: "bbbb"}
    other = Path("sweeps/x/2026-01-02_10-00-00_aaaa")
    assert short_names([*folders, other])[other] == other.name
