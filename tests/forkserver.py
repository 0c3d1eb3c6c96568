"""A process that imports torch and Lightning once, and forks a child for each script that a test wants run.

The import takes seconds and is the same for all of them. The child is a process of its own in everything else: its
arguments, environment, working directory, output, signals and exit code. Run as a program it is the server; every line
of its input is one script.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

PRELOADED = "import lightning.pytorch, sklearn.datasets, torchmetrics, torch.utils.data"
SECONDS = 300


class ForkServer:
    """Runs Python scripts in forked children, one at a time."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, script: Path, arguments: list[str], cwd: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python SCRIPT ARGUMENTS``; killed after five minutes."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            argv = [str(script), *arguments]
            job = {"argv": argv, "cwd": str(cwd), "env": environment, "out": str(out), "err": str(err)}
            code = int(self._ask(json.dumps(job)))
            return subprocess.CompletedProcess(
                [sys.executable, *argv], code, out.read_text(), err.read_text()
            )

    def close(self) -> None:
        self._pipe(self._server.stdin).close()
        self._server.wait()

    def _ask(self, line: str) -> str:
        self._pipe(self._server.stdin).write(line + "\n")
        self._pipe(self._server.stdin).flush()
        return self._pipe(self._server.stdout).readline()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def serve() -> dict[str, Any] | None:
    """Fork for every job and answer with its exit code; in the child, return the job."""
    while line := os.read(0, 1 << 20).decode():
        pid = os.fork()
        if pid == 0:
            return json.loads(line)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(job: dict[str, Any]) -> None:
    """Make this child what ``python SCRIPT ARGUMENTS`` would be, and run the script."""
    signal.alarm(SECONDS)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    for number, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, job["out"], os.O_CREAT),
        (2, job["err"], os.O_CREAT),
    ):
        file = os.open(name, flags | (os.O_RDWR if number else 0), 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = job["argv"]
    sys.orig_argv = [sys.executable, *job["argv"]]
    sys.path[0] = str(Path(job["argv"][0]).parent)
    runpy.run_path(job["argv"][0], run_name="__main__")


if __name__ == "__main__":
    exec(PRELOADED)
    todo = serve()
    if todo is not None:
        become(todo)
