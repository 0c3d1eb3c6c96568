"""What the ``extras`` group switches on: asking for tags on a terminal, printing the config, quiet warnings."""

import os
import pty
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from processes import TINY, environment, record, run_script, runs_in

from hydra_lightning.tasks.extras import apply_extras, load_in_process


def test_tags_are_asked_for_on_a_terminal(project: Path) -> None:
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        str(project / "lightning_classes" / "train.py"),
        *TINY,
        "tags=[]",
        "test=false",
    ]
    process = subprocess.Popen(command, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"first try, wide\n")
    shown = _read_all(ours)
    assert process.wait(timeout=120) == 0, shown
    assert "Tags for this run" in shown
    assert record(runs_in(project)[-1])["tags"] == ["first try", "wide"]


def _read_all(terminal: int) -> str:
    parts = []
    while True:
        try:
            parts.append(os.read(terminal, 65536))
        except OSError:  # Linux says so when the last process has closed the other side.
            return b"".join(parts).decode(errors="replace")


def test_nobody_is_asked_where_there_is_no_terminal(project: Path) -> None:
    done = run_script(project, "train.py", *TINY, "tags=[]", "test=false")
    assert done.returncode == 0, done.stderr
    assert "no tags: set them with tags=[...]" in done.stderr
    assert record(runs_in(project)[-1])["tags"] == []


def test_the_config_is_printed_group_by_group(capsys: pytest.CaptureFixture[str]) -> None:
    config = OmegaConf.create(
        {"seed": 3, "trainer": {"max_epochs": 7}, "data": {"batch_size": 8}, "extras": {"print_config": True}}
    )
    apply_extras(config)
    shown = capsys.readouterr().out
    assert shown.index("batch_size: 8") < shown.index("max_epochs: 7") < shown.index("seed")


def test_warnings_are_ignored_on_request() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        apply_extras(OmegaConf.create({"extras": {"ignore_warnings": True}}))
        warnings.warn("heard by nobody", stacklevel=1)
    assert caught == []
    apply_extras(OmegaConf.create({"task_name": "a config without the group"}))


def test_data_have_no_worker_processes_on_request() -> None:
    data = {"num_workers": 4, "persistent_workers": True, "batch_size": 8}
    config = OmegaConf.create({"data": data, "extras": {"load_in_process": True}})
    load_in_process(config)
    assert config.data == {"num_workers": 0, "persistent_workers": False, "batch_size": 8}
    without = OmegaConf.create({"data": {"batch_size": 8}, "extras": {"load_in_process": True}})
    load_in_process(without)
    assert without.data == {"batch_size": 8}
