from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.errors import RunError
from hydra_lightning.runs.annotate import add_tags, remove_tags, set_note
from hydra_lightning.runs.resume import read_idle_run, reopen_run
from hydra_lightning.runs.select import select
from hydra_lightning.runs.store import read_run


@pytest.fixture
def run(project: Any) -> Path:
    """A run with the tag ``test``."""
    assert project.run().returncode == 0
    (folder,) = project.folders()
    return folder


def test_tags_and_a_note_come_to_those_of_the_config_and_leave_run_json_alone(run: Path) -> None:
    before = (run / "run.json").read_bytes()
    add_tags(run, ["baseline", "paper"])
    add_tags(run, ["test", "baseline"])
    set_note(run, "The one of figure 2.\n\nSeed by chance.\n")
    assert read_run(run)["tags"] == ["test", "baseline", "paper"]
    assert read_run(run)["note"] == "The one of figure 2.\n\nSeed by chance."
    assert (run / "run.json").read_bytes() == before


def test_a_run_without_annotations_has_no_note(run: Path) -> None:
    assert read_run(run)["note"] is None


def test_tags_are_taken_away_also_those_of_the_config_and_come_back(run: Path) -> None:
    add_tags(run, ["baseline"])
    remove_tags(run, ["test", "baseline"])
    assert read_run(run)["tags"] == []
    add_tags(run, ["test"])
    assert read_run(run)["tags"] == ["test"]


def test_filters_know_them_also_when_the_run_was_indexed_before(run: Path, project: Any) -> None:
    logs = project.root / "logs"
    for name in ("run.json", "config.yaml"):
        os.utime(run / name, (0, 0))
    assert [len(select(logs, ["status=completed"])) for _ in range(2)] == [1, 1]
    add_tags(run, ["baseline"])
    set_note(run, "The one of figure 2.")
    assert len(select(logs, ["tag=baseline", "note~figure"])) == 1
    remove_tags(run, ["baseline"])
    assert select(logs, ["tag=baseline"]) == []


def test_an_empty_note_takes_the_note_away(run: Path) -> None:
    set_note(run, "wrong")
    set_note(run, " \n")
    assert read_run(run)["note"] is None


def test_a_tag_that_is_not_there_is_refused_with_those_that_are(run: Path) -> None:
    with pytest.raises(RunError, match=r"has no tag basline; its tags are test\. Nothing was changed"):
        remove_tags(run, ["test", "basline"])
    assert read_run(run)["tags"] == ["test"]


@pytest.mark.parametrize("tag", ["", " ", "a,b", "two\nlines", " x"])
def test_what_is_no_word_is_no_tag(run: Path, tag: str) -> None:
    with pytest.raises(RunError, match="is no tag"):
        add_tags(run, ["good", tag])
    assert not (run / "annotations.json").exists()


def test_a_note_that_was_changed_while_it_was_edited_is_kept_and_the_other_one_shown(run: Path) -> None:
    set_note(run, "first")
    set_note(run, "second", instead_of="first")
    with pytest.raises(RunError, match=r"was changed in the meantime.*\nthird"):
        set_note(run, "third", instead_of="first")
    assert read_run(run)["note"] == "second"


def test_a_running_run_that_rewrites_its_record_keeps_what_it_was_given(project: Any) -> None:
    process = project.started("act=wait")
    (folder,) = project.folders()
    add_tags(folder, ["long"])
    set_note(folder, "watch this")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    data = read_run(folder)
    assert (data["status"], data["tags"], data["note"]) == ("interrupted", ["test", "long"], "watch this")


def test_a_resume_leaves_the_annotations_beside_the_record(run: Path, project: Any) -> None:
    add_tags(run, ["long"])
    set_note(run, "watch this")
    assert "note" not in read_idle_run(run)
    with reopen_run(run, root=project.root, command="again", overrides=[], devices={}) as record:
        record.start({})
    assert json.loads((run / "run.json").read_text())["tags"] == ["test"]
    assert (read_run(run)["tags"], read_run(run)["note"]) == (["test", "long"], "watch this")


def test_several_processes_lose_no_tag_of_each_other(run: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hydra_lightning.runs.annotate import add_tags\n"
        "for number in range(20): add_tags(Path(sys.argv[1]), [f'{sys.argv[2]}{number}'])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(run), name]) for name in "abc"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert set(read_run(run)["tags"]) == {"test", *(f"{name}{n}" for name in "abc" for n in range(20))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"add_tags": ["a"', "is broken"),
        ("[]", "does not hold tags and a note"),
        ('{"note": 3}', "does not hold tags and a note"),
        ('{"add_tags": "a"}', "does not hold tags and a note"),
    ],
)
def test_a_broken_file_is_named_and_not_overwritten(run: Path, text: str, message: str) -> None:
    file = run / "annotations.json"
    file.write_text(text)
    with pytest.raises(RunError, match=f"{file} {message}"):
        read_run(run)
    with pytest.raises(RunError, match=f"{file} {message}"):
        add_tags(run, ["b"])
    assert file.read_text() == text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(run: Path) -> None:
    run.chmod(0o500)
    with pytest.raises(RunError, match=f"{run} cannot be written"):
        add_tags(run, ["b"])
