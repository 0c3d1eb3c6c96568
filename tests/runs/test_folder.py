from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hydra_lightning.errors import RunError
from hydra_lightning.runs import folder as folder_module
from hydra_lightning.runs.folder import claim, new_run_id, register_run_id, share


def test_an_id_is_the_local_time_and_four_characters() -> None:
    assert re.fullmatch(r"2026-11-23_16-33-55_[0-9a-z]{4}", new_run_id(datetime(2026, 11, 23, 16, 33, 55)))


def test_ids_sort_by_time() -> None:
    moments = [datetime(2026, 1, 2, 3, 4, second) for second in range(30)]
    ids = [new_run_id(moment) for moment in moments]
    assert sorted(ids) == ids


def test_ids_of_one_process_differ_although_few_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "ALPHABET", "ab")
    moment = datetime(2026, 1, 2, 3, 4, 5)
    assert len({new_run_id(moment) for _ in range(16)}) == 16


def test_claim_makes_parents_and_the_folder_that_is_asked_for(tmp_path: Path) -> None:
    folder = claim(tmp_path / "a/b", "mine")
    assert folder == tmp_path / "a/b/mine"
    assert folder.is_dir()


def test_claim_takes_another_name_when_one_is_taken(tmp_path: Path) -> None:
    first, second = claim(tmp_path, "mine"), claim(tmp_path, "mine")
    assert first != second
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\w{4}", second.name)


def test_a_file_in_place_of_the_log_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(RunError, match=r"logs/runs.*Not a directory(.|\n)*paths.log_dir="):
        claim(tmp_path / "logs/runs")
    with pytest.raises(RunError, match=r"logs cannot be written: a file is in its place"):
        claim(tmp_path / "logs")


def test_a_full_disk_is_refused_and_nothing_left_behind(tiny_disk: Path) -> None:
    (tiny_disk / "filler").write_bytes(bytes(900 * 1024))
    with pytest.raises(RunError, match=r"No space left on device(.|\n)*paths.log_dir="):
        claim(tiny_disk / "runs")
    assert list((tiny_disk / "runs").iterdir()) == []


def test_a_shared_folder_is_refused_once_it_holds_a_run(tmp_path: Path) -> None:
    share(tmp_path / "x")
    share(tmp_path / "x")
    (tmp_path / "x/run.json").write_text("{}")
    with pytest.raises(RunError, match="already holds a run"):
        share(tmp_path / "x")


def test_the_resolver_gives_one_id_a_config_and_one_more_for_every_argument() -> None:
    register_run_id()
    config = OmegaConf.create(
        {"a": "${run_id:}", "b": {"c": "${run_id:}"}, "job": "${run_id:${n}}", "n": 0, "seven": "${run_id:7}"}
    )
    assert config.a == config.b.c
    jobs = [config.job]
    config.n = 1
    jobs.append(config.job)
    assert len({config.a, config.seven, *jobs}) == 4
    assert config.copy().a == config.a
    assert OmegaConf.create({"a": "${run_id:}"}).a != config.a
