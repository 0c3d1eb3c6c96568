"""The ``hydra-lightning`` command, as a process."""

import subprocess
import sys
from pathlib import Path

import hydra_lightning


def command(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "hydra-lightning"
    return subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def test_new_writes_a_project_and_says_what_to_type_next(tmp_path: Path) -> None:
    done = command("new", "vision", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'vision/  12 config groups, example "digits"' in done.stdout
    assert "cd vision" in done.stdout
    assert (tmp_path / "vision" / "configs" / "train.yaml").is_file()


def test_new_text_and_bare(tmp_path: Path) -> None:
    assert 'example "text"' in command("new", "words", "--example", "text", cwd=tmp_path).stdout
    assert "no example" in command("new", "empty", "--bare", cwd=tmp_path).stdout


def test_a_mistake_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    done = command("new", "full", cwd=tmp_path)
    assert done.returncode == 1
    assert "exists and is not empty" in done.stderr
    assert "Traceback" not in done.stderr


def test_bare_and_example_exclude_each_other(tmp_path: Path) -> None:
    done = command("new", "a", "--bare", "--example", "text", cwd=tmp_path)
    assert done.returncode == 1
    assert "give one of them" in done.stderr


def test_an_unknown_command_is_exit_code_2(tmp_path: Path) -> None:
    assert command("nwe", "a", cwd=tmp_path).returncode == 2


def test_version(tmp_path: Path) -> None:
    assert (
        command("--version", cwd=tmp_path).stdout.strip() == f"hydra-lightning {hydra_lightning.__version__}"
    )
