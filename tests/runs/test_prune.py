from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from made_runs import contents, make_run, run_here

from hydra_lightning.errors import RunError
from hydra_lightning.runs import environment
from hydra_lightning.runs.prune import Plan, carry_out, plan
from hydra_lightning.runs.select import select
from hydra_lightning.runs.store import read_run

ALL = ("best.ckpt", "last.ckpt", "resume.ckpt", "epoch_3.ckpt")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "installed_versions", list)
    return tmp_path / "logs"


def planned(logs: Path, failed: bool = False, checkpoints: bool = False) -> Plan:
    return plan(select(logs), logs, failed=failed, checkpoints=checkpoints)


def goes(found: Plan) -> dict[str, list[str]]:
    return {each.run.short: [file.name for file in each.files] for each in found.removals}


def test_failed_and_lost_runs_go_and_those_that_ended_otherwise_stay(logs: Path) -> None:
    for status in ("completed", "failed", "interrupted", "lost", "pruned"):
        make_run(logs, status[:4], status=status)
    before = contents(logs)
    found = planned(logs, failed=True)
    assert goes(found) == {"fail": [], "lost": []}
    assert contents(logs) == before
    for removal in found.removals:
        carry_out(removal)
    assert [run.short for run in select(logs)] == ["prun", "inte", "comp"]


def test_a_run_that_looks_lost_from_here_goes_after_a_day(logs: Path) -> None:
    folder = make_run(logs, "aaaa", status="lost")
    data = json.loads((folder / "run.json").read_text())
    data["process"]["space"] = "another machine"
    (folder / "run.json").write_text(json.dumps(data))
    os.utime(folder / "run.json", (time.time() - 3600,) * 2)
    assert read_run(folder)["status"] == "lost"
    found = planned(logs, failed=True)
    assert (goes(found), len(found.kept)) == ({}, 1)
    assert "aaaa: lost, but on another machine" in found.kept[0]
    os.utime(folder / "run.json", (time.time() - 25 * 3600,) * 2)
    assert goes(planned(logs, failed=True)) == {"aaaa": []}


def test_a_failed_run_whose_checkpoint_another_one_started_from_stays(logs: Path) -> None:
    base = make_run(logs, "aaaa", status="failed", checkpoints=ALL)
    user = make_run(logs, "bbbb", settings={"ckpt_path": str(base / "checkpoints/last.ckpt")})
    found = planned(logs, failed=True)
    assert (goes(found), found.kept) == ({}, [f"aaaa: {user.name} uses checkpoints/last.ckpt."])


def test_of_a_completed_run_only_the_best_checkpoint_stays(logs: Path) -> None:
    folder = make_run(logs, "aaaa", checkpoints=ALL)
    found = planned(logs, checkpoints=True)
    assert goes(found) == {"aaaa": ["epoch_3.ckpt", "last.ckpt", "resume.ckpt"]}
    assert found.bytes == 3000
    carry_out(found.removals[0])
    assert [file.name for file in (folder / "checkpoints").iterdir()] == ["best.ckpt"]
    assert read_run(folder)["checkpoints"] == {"best": "checkpoints/best.ckpt", "last": None}
    assert goes(planned(logs, checkpoints=True)) == {}


@pytest.mark.parametrize("status", ["failed", "interrupted", "lost"])
def test_of_an_unfinished_run_what_a_resume_needs_stays_too(logs: Path, status: str) -> None:
    make_run(logs, "aaaa", checkpoints=ALL, status=status)
    assert goes(planned(logs, checkpoints=True)) == {"aaaa": ["epoch_3.ckpt"]}


def test_a_running_run_is_left_alone(logs: Path) -> None:
    run_here(make_run(logs, "aaaa", checkpoints=ALL))
    found = planned(logs, failed=True, checkpoints=True)
    assert (goes(found), found.kept) == ({}, ["aaaa: still running."])


def test_a_run_without_a_best_checkpoint_keeps_its_last(logs: Path) -> None:
    make_run(logs, "aaaa", checkpoints=("last.ckpt", "epoch_3.ckpt"))
    gone = make_run(logs, "bbbb", checkpoints=ALL)
    (gone / "checkpoints/best.ckpt").unlink()
    assert goes(planned(logs, checkpoints=True)) == {
        "aaaa": ["epoch_3.ckpt"],
        "bbbb": ["epoch_3.ckpt", "resume.ckpt"],
    }


def test_checkpoints_of_which_none_is_named_stay_and_that_is_said(logs: Path) -> None:
    make_run(logs, "aaaa", checkpoints=("epoch_3.ckpt", "epoch_4.ckpt"))
    found = planned(logs, checkpoints=True)
    assert (goes(found), found.kept) == ({}, ["aaaa: which of its 2 checkpoints is the best is not known."])


def test_links_exports_and_what_others_use_stay(logs: Path, tmp_path: Path) -> None:
    base = make_run(logs, "aaaa", checkpoints=ALL)
    (base / "exports").mkdir()
    (base / "exports/model.ckpt").write_text("")
    (tmp_path / "shared.ckpt").write_text("")
    (base / "checkpoints/linked.ckpt").symlink_to(tmp_path / "shared.ckpt")
    user = make_run(logs, "bbbb", settings={"ckpt_path": str(base / "checkpoints/last.ckpt")})
    found = planned(logs, checkpoints=True)
    assert goes(found) == {"aaaa": ["epoch_3.ckpt", "resume.ckpt"]}
    assert found.kept == [
        f"aaaa: linked.ckpt is a link to {tmp_path}/shared.ckpt.",
        f"aaaa: {user.name} uses last.ckpt.",
    ]


def test_checkpoints_outside_of_the_run_folder_stay(logs: Path, tmp_path: Path) -> None:
    make_run(logs, "aaaa")
    folder = logs / "train/runs/2026-11-01_10-00-00_aaaa"
    for name in ("best", "other"):
        (tmp_path / f"{name}.ckpt").write_text("")
    data = json.loads((folder / "run.json").read_text())
    data["checkpoints"]["best"] = str(tmp_path / "best.ckpt")
    (folder / "run.json").write_text(json.dumps(data))
    assert goes(planned(logs, checkpoints=True)) == {}


def test_failed_runs_go_whole_and_of_the_others_the_checkpoints(logs: Path) -> None:
    make_run(logs, "aaaa", checkpoints=ALL, status="failed")
    make_run(logs, "bbbb", checkpoints=("best.ckpt", "last.ckpt"))
    assert goes(planned(logs, failed=True, checkpoints=True)) == {"aaaa": [], "bbbb": ["last.ckpt"]}


def test_a_run_that_goes_on_after_the_plan_was_made_stays(logs: Path) -> None:
    folder = make_run(logs, "aaaa", status="failed")
    (removal,) = planned(logs, failed=True).removals
    run_here(folder)
    with pytest.raises(RunError, match="is still running"):
        carry_out(removal)
    assert folder.exists()
