"""Every command and every snippet of the README and of the docs runs as it is written.

An HTML comment before a fenced block tells the test what the page does not:

    <!-- test: project=digits -->   from here on, a new project with this example (text, bare; none: an empty folder)
    <!-- test: skip, REASON -->     the next block is not run
    <!-- test: exit=1 -->           the next block ends with this exit code
    <!-- test: output -->           every line of the next block is in the output of the block before it
    <!-- test: in=PATH -->          the next block is a part of that file, as the commands of the page leave it

The blocks below one ``project=`` are one shell session, which starts in that folder. A block with ``title="PATH"``
is written to that file. Python blocks that follow one another are one program. YAML and JSON blocks parse.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from processes import fork_server

from hydra_lightning.scaffold.new import BARE, EXAMPLES, new_project

ROOT = Path(__file__).parents[2]
PROJECT = "my-project"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PIECE = re.compile(
    r"^ *<!-- test: (?P<key>\w+)(?:=|, )?(?P<value>.*?) -->$"
    r"|^(?P<indent> *)```(?P<language>\w+)(?P<options>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Block:
    """A fenced block, and what the comments before it say."""

    line: int
    language: str
    text: str
    file: str | None
    exit: int
    is_output: bool
    part_of: str | None = None


@dataclass
class Session:
    """The blocks of a page that share a project and a shell."""

    page: Path
    line: int
    project: str | None
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def sessions(page: Path) -> list[Session]:
    """What a page shows, in order; what stands before the first ``project=`` has no project."""
    text = page.read_text(encoding="utf-8")
    found, said = [Session(page, 1, None)], dict[str, str]()
    for piece in PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if piece["key"] == "project":
            found.append(Session(page, line, piece["value"]))
        elif piece["key"]:
            said[piece["key"]] = piece["value"]
        else:
            title = re.search(r'title="([^"]+)"', piece["options"])
            if "skip" not in said:
                found[-1].blocks.append(
                    Block(
                        line=line,
                        language=piece["language"],
                        text=textwrap.dedent(piece["text"]),
                        file=title[1] if title else None,
                        exit=int(said.get("exit", 0)),
                        is_output="output" in said,
                        part_of=said.get("in"),
                    )
                )
            said = {}
    return [session for session in found if session.blocks]


SESSIONS = [session for page in PAGES for session in sessions(page)]


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with commands that run in processes which have torch and Lightning already."""
    folder = tmp_path_factory.mktemp("bin")
    fork_server().command(folder, "python")
    fork_server().command(folder, "hydra-lightning", str(Path(sys.executable).with_name("hydra-lightning")))
    return folder


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_what_a_page_shows_runs(session: Session, tmp_path: Path, forking: Path) -> None:
    # What a newcomer types first is started as it is typed, all else some seconds sooner.
    path = (
        [Path(sys.executable).parent]
        if session.page.name == "README.md"
        else [forking, Path(sys.executable).parent]
    )
    commands = [command for block in _joined(session.blocks) if (command := _command(block))]
    printed = tmp_path / "printed"
    if commands:
        assert session.project, f"{session}: a comment <!-- test: project=NAME --> must come first"
        done = _run(session.project, commands, path, tmp_path)
        last = max(printed.iterdir(), key=lambda file: int(file.name))
        where = f"{session.page.relative_to(ROOT)}:{last.name}"
        assert done.returncode == 0, f"{where}\n{last.read_text()}\n{done.stderr}"
    for before, block in zip(session.blocks, session.blocks[1:], strict=False):
        if block.is_output:
            output = (printed / str(before.line)).read_text()
            absent = [line for line in block.text.splitlines() if line.strip() not in output]
            assert not absent, f"{session.page.name}:{block.line}: not printed: {absent}\n{output}"
    for block in session.blocks:
        if block.part_of:
            content = (tmp_path / PROJECT / block.part_of).read_text(encoding="utf-8")
            assert _bare(block.text) in _bare(content), (
                f"{session.page.name}:{block.line}: not in it:\n{content}"
            )


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_data_that_a_page_shows_parses(session: Session) -> None:
    for block in session.blocks:
        if block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language == "json":
            json.loads(block.text)


def _bare(text: str) -> str:
    """The lines of a text without those that are empty, and without indentation."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _joined(blocks: list[Block]) -> list[Block]:
    """``blocks`` with the Python programs that are shown in several parts in one."""
    joined: list[Block] = []
    for block in blocks:
        before = joined[-1] if joined and not joined[-1].part_of and not block.part_of else None
        if before and (before.language, before.file) == ("python", None) == (block.language, block.file):
            joined[-1] = Block(before.line, "python", before.text + block.text, None, block.exit, False)
        else:
            joined.append(block)
    return joined


def _command(block: Block) -> str | None:
    """The shell command that does what a reader does with ``block``; None when that is reading."""
    text = block.text.rstrip("\n")
    if block.part_of:
        return None
    if block.file:
        folder = f"mkdir -p {Path(block.file).parent}\n"
        command = f"{folder}cat > {block.file} <<'END_OF_BLOCK'\n{text}\nEND_OF_BLOCK"
    elif block.language == "python":
        command = f"python - <<'END_OF_BLOCK'\n{text}\nEND_OF_BLOCK"
    elif block.language == "bash":
        command = text
    else:
        return None
    output = f'> "$PRINTED/{block.line}" 2>&1'
    if block.exit:
        return f"code=0\n( set -e\n{command}\n) {output} || code=$?\ntest $code = {block.exit}"
    return f"{{\n{command}\n}} {output}"


def _run(
    project: str, commands: list[str], path: list[Path], tmp_path: Path
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "printed").mkdir()
    (tmp_path / "home").mkdir()
    if project == "none":
        folder = tmp_path / "empty"
        folder.mkdir()
    else:
        assert project in (*EXAMPLES, BARE)
        folder = new_project(tmp_path / PROJECT, project).root
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "COMET", "PYTEST"))
    }
    kept.pop("PROJECT_ROOT", None)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=folder,
        env=kept
        | {
            "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
            "HOME": str(tmp_path / "home"),
            # Its list of fonts takes a second to make, and is the same for all sessions.
            "MPLCONFIGDIR": str(tmp_path.parent / "matplotlib"),
            "PRINTED": str(tmp_path / "printed"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "120",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
