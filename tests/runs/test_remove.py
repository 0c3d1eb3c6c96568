from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from made_runs import contents, make_run, run_here

from hydra_lightning.errors import CheckpointError, RunError
from hydra_lightning.runs import environment
from hydra_lightning.runs.chosen import named_runs
from hydra_lightning.runs.remove import (
    check_removable,
    is_half_removed,
    remove_checkpoints,
    remove_run,
    size_of,
)
from hydra_lightning.runs.resume import point_of
from hydra_lightning.runs.store import list_runs, read_run
from hydra_lightning.runs.uses import Use, uses


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "installed_versions", list)
    return tmp_path / "logs"


def test_a_run_goes_with_all_that_is_in_its_folder_and_the_others_stay(logs: Path) -> None:
    gone, other = make_run(logs, "aaaa", checkpoints=("best.ckpt",)), make_run(logs, "bbbb")
    before = contents(other)
    remove_run(gone)
    assert not gone.exists()
    assert contents(other) == before


def test_links_in_a_run_go_and_what_they_lead_to_stays(logs: Path, tmp_path: Path) -> None:
    folder = make_run(logs, "aaaa")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/data").write_text("1")
    (folder / "data").symlink_to(tmp_path / "precious")
    (folder / "file").symlink_to(tmp_path / "precious/data")
    remove_run(folder)
    assert not folder.exists()
    assert (tmp_path / "precious/data").read_text() == "1"


def test_a_run_that_is_running_a_link_and_a_folder_of_other_runs_are_refused(logs: Path) -> None:
    running, ended = make_run(logs, "aaaa"), make_run(logs, "bbbb")
    run_here(running)
    (logs / "train/runs/newest").symlink_to(ended)
    above = logs / "train/runs"
    (above / "run.json").write_bytes((ended / "run.json").read_bytes())
    for folder, message in (
        (running, f"is still running: process {os.getpid()}"),
        (logs / "train/runs/newest", "is a symbolic link to"),
        (above, "holds other runs"),
    ):
        (run,) = named_runs([folder], logs)
        with pytest.raises(RunError, match=message):
            check_removable(run)


def test_a_lost_run_can_go(logs: Path) -> None:
    (run,) = named_runs([make_run(logs, "aaaa", status="lost")], logs)
    check_removable(run)


def test_a_removal_that_was_cut_short_is_not_listed_and_goes_on(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(logs, "aaaa", checkpoints=("best.ckpt",))
    with monkeypatch.context() as patch:

        def fail(path: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        patch.setattr("shutil.rmtree", fail)
        with pytest.raises(RunError, match="cannot be removed whole: Permission denied") as error:
            remove_run(folder)
    assert f"runs rm {folder}" in str(error.value)
    assert list(list_runs(logs)) == []
    assert is_half_removed(folder)
    remove_run(folder)
    assert not folder.exists()


def test_the_folder_of_a_sweep_goes_with_its_last_run(logs: Path) -> None:
    sweep = logs / "train/sweeps/2026-11-01_10-00-00_swee"
    for name in "ab":
        make_run(logs, f"aaa{name}")
        sweep.mkdir(parents=True, exist_ok=True)
        (logs / f"train/runs/2026-11-01_10-00-00_aaa{name}").rename(sweep / name)
    (sweep / "multirun.yaml").write_text("{}")
    remove_run(sweep / "a")
    assert sweep.exists()
    remove_run(sweep / "b")
    assert not sweep.exists()
    assert sweep.parent.exists()


def test_a_sweep_with_something_else_in_it_stays(logs: Path) -> None:
    sweep = logs / "train/sweeps/2026-11-01_10-00-00_swee"
    folder = make_run(logs, "aaaa")
    sweep.mkdir(parents=True)
    folder.rename(sweep / "a")
    (sweep / "study.db").write_text("")
    remove_run(sweep / "a")
    assert (sweep / "study.db").exists()


def test_checkpoints_that_are_gone_are_not_named_any_more(logs: Path) -> None:
    folder = make_run(
        logs, "aaaa", checkpoints=("best.ckpt", "last.ckpt", "resume.ckpt"), metrics={"a": float("nan")}
    )
    remove_checkpoints(folder, [folder / "checkpoints/last.ckpt", folder / "checkpoints/resume.ckpt"])
    data = json.loads((folder / "run.json").read_text())
    assert data["checkpoints"] == {"best": "checkpoints/best.ckpt", "last": None}
    assert (data["resume"], data["metrics"]) == (None, {"a": "nan"})
    assert [file.name for file in (folder / "checkpoints").iterdir()] == ["best.ckpt"]
    with pytest.raises(CheckpointError, match=r"There are checkpoints/best\.ckpt"):
        point_of(folder, read_run(folder))


def test_a_checkpoint_that_is_a_folder_goes_as_a_whole(logs: Path) -> None:
    folder = make_run(logs, "aaaa", checkpoints=("best.ckpt",))
    sharded = folder / "checkpoints/epoch_1.ckpt"
    sharded.mkdir()
    (sharded / "shard").write_bytes(bytes(10))
    assert size_of(sharded) == 10
    remove_checkpoints(folder, [sharded])
    assert not sharded.exists()


def test_a_run_that_is_running_again_keeps_its_checkpoints(logs: Path) -> None:
    folder = make_run(logs, "aaaa", checkpoints=("last.ckpt",))
    run_here(folder)
    before = contents(folder)
    with pytest.raises(RunError, match="is running again"):
        remove_checkpoints(folder, [folder / "checkpoints/last.ckpt"])
    assert contents(folder) == before


def test_runs_that_name_or_link_files_of_others_are_found(logs: Path) -> None:
    base = make_run(logs, "aaaa", checkpoints=("best.ckpt", "last.ckpt"))
    relative = f"logs/train/runs/{base.name}/checkpoints/last.ckpt"
    named = make_run(logs, "bbbb", settings={"ckpt_path": str(base / "checkpoints/best.ckpt")})
    nested = make_run(logs, "cccc", settings={"model": {"weights": [relative]}})
    linked = make_run(logs, "dddd")
    (linked / "checkpoints/start.ckpt").symlink_to(base / "checkpoints/best.ckpt")
    make_run(logs, "eeee", settings={"note": base.name})
    assert uses([base], logs) == {
        base: [
            Use(named, "checkpoints/best.ckpt"),
            Use(nested, "checkpoints/last.ckpt"),
            Use(linked, "checkpoints/best.ckpt"),
        ]
    }
