from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime

from hydra_lightning.runs.environment import installed_versions, process_mark, started_at


def test_the_command_is_one_that_a_shell_takes_again() -> None:
    code = "from hydra_lightning.runs.environment import command_line; print(command_line())"
    command = [sys.executable, "-c", code, "a b", "x='$y'"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    again = subprocess.run(["sh", "-c", shown], check=True, capture_output=True, text=True).stdout
    assert again == shown


def test_versions_name_every_distribution_once() -> None:
    names = [line.partition("==")[0] for line in installed_versions()]
    assert len(names) == len(set(names))
    assert {"hydra-core", "hydra-lightning", "torch"} <= set(names)


def test_a_process_is_told_from_one_that_has_ended() -> None:
    process = subprocess.Popen(["sleep", "60"])
    mark = process_mark(process.pid)
    assert mark is not None
    assert process_mark(process.pid) == mark
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_mark(process.pid) is None, "it has ended, though its parent has not noticed yet"
    process.wait()
    assert process_mark(process.pid) is None


def test_the_start_of_a_process_is_known_to_the_second() -> None:
    process = subprocess.Popen(["sleep", "60"])
    started = started_at(process.pid)
    process.kill()
    process.wait()
    assert started is not None
    assert abs((datetime.now().astimezone() - started).total_seconds()) < 5
