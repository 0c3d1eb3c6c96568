"""A process that imports torch and Lightning once, and forks a child for each program that a test wants run.

The import takes seconds and is the same for all of them. The child is a process of its own in everything else: its
arguments, environment, working directory, files, signals and exit code. Run as a program it is the server: it listens
at a socket until its input ends; a connection is one program, with the three standard files that it gets.
"""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

PRELOADED = "import lightning.pytorch, sklearn.datasets, torchmetrics, torch.utils.data"
SECONDS = 300


class ForkServer:
    """Runs Python programs in forked children."""

    def __init__(self, environment: dict[str, str], socket_file: Path) -> None:
        import subprocess

        self.socket_file = socket_file
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(socket_file)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def run(
        self, script: Path, arguments: list[str], cwd: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python SCRIPT ARGUMENTS``; killed after five minutes."""
        import subprocess
        import tempfile

        argv = [str(script), *arguments]
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            Path(os.devnull).open() as nothing,
        ):
            files = nothing.fileno(), out.fileno(), err.fileno()
            code = ask(str(self.socket_file), argv, str(cwd), environment, files)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess([sys.executable, *argv], code, *texts)

    def command(self, folder: Path, name: str, *before: str) -> None:
        """Write ``name`` into ``folder``: it does what ``python BEFORE ARGUMENTS`` does, in a forked child."""
        file = folder / name
        file.write_text(
            f"#!{sys.executable} -SEs\n"
            f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "from forkserver import be\n"
            f"be({str(self.socket_file)!r}, [*{list(before)!r}, *sys.argv[1:]])\n"
        )
        file.chmod(0o755)

    def close(self) -> None:
        """End the server; children that run go on."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def ask(server: str, argv: Sequence[str], cwd: str, environment: dict[str, str], files: Sequence[int]) -> int:
    """Have ``python ARGV`` run, with ``files`` as its input, output and errors; its exit code, -N for signal N."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server)
        job = json.dumps({"argv": argv, "cwd": cwd, "env": environment}).encode()
        socket.send_fds(connection, [len(job).to_bytes(8, "big")], list(files))
        connection.sendall(job)
        return array.array("i", _exactly(connection, 4))[0]


def be(server: str, argv: Sequence[str]) -> None:
    """End as ``python ARGV`` ends."""
    code = ask(server, argv, str(Path.cwd()), dict(os.environ), (0, 1, 2))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def serve(server: str) -> dict[str, Any] | None:
    """Fork for every connection; in the child that is to run a program, return what it is."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(server)
        listener.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([0, listener], [], [])
            if 0 in ready:
                return None
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _attend(connection)
            connection.close()


def _attend(connection: socket.socket) -> dict[str, Any]:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, _, _ = socket.recv_fds(connection, 8, 3)
    job = json.loads(_exactly(connection, int.from_bytes(head, "big")))
    child = os.fork()
    if child == 0:
        connection.close()
        return job | {"files": files}
    _, status = os.waitpid(child, 0)
    connection.sendall(array.array("i", [os.waitstatus_to_exitcode(status)]).tobytes())
    os._exit(0)


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise ConnectionError("the server of forks is gone")
        data += part
    return data


def become(job: dict[str, Any]) -> None:
    """Make this child what ``python ARGV`` would be, and run the program."""
    import runpy
    import types

    signal.alarm(SECONDS)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    for number, file in enumerate(job["files"]):
        os.dup2(file, number)
        os.close(file)
    first, *rest = job["argv"]
    sys.orig_argv = [sys.executable, *job["argv"]]
    if first == "-m":
        sys.argv, sys.path[0] = rest, job["cwd"]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-":
        sys.argv, sys.path[0] = job["argv"], ""
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), sys.modules["__main__"].__dict__)
    else:
        sys.argv, sys.path[0] = job["argv"], str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    exec(PRELOADED)
    todo = serve(sys.argv[1])
    if todo is not None:
        become(todo)
