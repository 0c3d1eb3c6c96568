from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from made_runs import open_plain_run

from hydra_lightning.errors import RunError
from hydra_lightning.runs.code import diff_runs, not_in_patches, same_code
from hydra_lightning.runs.store import read_run


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ("git", *identity, *arguments), cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / 'a "repo"'
    repo.mkdir()
    git(repo, "init", "-q")
    (repo / ".gitignore").write_text("logs/\n")
    (repo / "model.py").write_text("width = 64\ndepth = 3\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "first")
    return repo


def run_in(repo: Path, name: str) -> Path:
    folder = repo / "logs/train/runs" / name
    with open_plain_run(folder, repo):
        pass
    return folder


def record(folder: Path) -> tuple[Path, dict[str, Any]]:
    return folder, read_run(folder)


def test_two_runs_of_one_state_have_no_difference(repo: Path) -> None:
    (repo / "model.py").write_text("width = 128\ndepth = 3\n")
    first, second = run_in(repo, "a"), run_in(repo, "b")
    assert diff_runs(first, second, repo) == ""
    assert same_code(record(first), record(second)) is True


def test_the_diff_goes_from_the_files_of_one_run_to_those_of_the_other(repo: Path) -> None:
    (repo / "model.py").write_text("width = 128\ndepth = 3\n")
    (repo / "new.py").write_text("x = 1\n")
    first = run_in(repo, "a")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "second")
    (repo / "model.py").write_text("width = 128\ndepth = 4\n")
    second = run_in(repo, "b")
    shown = diff_runs(first, second, repo)
    assert shown.startswith("diff --git a/model.py b/model.py\n")
    assert [line for line in shown.splitlines() if line[:1] in "+-" and line[1:2] not in "+-"] == [
        "-depth = 3",
        "+depth = 4",
    ]
    assert "new.py" not in shown
    assert same_code(record(first), record(second)) is False
    assert "\n-depth = 4\n+depth = 3\n" in diff_runs(second, first, repo)


def test_new_binary_and_moved_files_and_line_ends_are_as_they_were(repo: Path) -> None:
    first = run_in(repo, "a")
    (repo / "über uns.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    (repo / "blob.bin").write_bytes(bytes(range(256)))
    (repo / "model.py").rename(repo / "net.py")
    shown = diff_runs(first, run_in(repo, "b"), repo)
    assert "\n+x = 1\r\n+y = 2\r\n" in shown
    assert "Binary files /dev/null and b/blob.bin differ" in shown
    assert "rename from model.py\nrename to net.py" in shown


def test_files_index_and_objects_of_the_user_stay_as_they_are(repo: Path) -> None:
    (repo / "model.py").write_text("width = 1\n")
    first = run_in(repo, "a")
    (repo / "model.py").write_text("width = 2\n")
    git(repo, "add", "-A")
    (repo / "model.py").write_text("width = 3\n")
    second = run_in(repo, "b")

    def state() -> dict[str, Any]:
        return {str(file): file.read_bytes() for file in repo.rglob("*") if file.is_file()}

    before = state()
    assert "-width = 1\n+width = 3\n" in diff_runs(first, second, repo)
    assert state() == before


def test_a_summary_and_colors(repo: Path) -> None:
    first = run_in(repo, "a")
    (repo / "model.py").write_text("width = 1\n")
    second = run_in(repo, "b")
    assert " 1 file changed, 1 insertion(+), 2 deletions(-)" in diff_runs(first, second, repo, stat=True)
    assert "\x1b[32m" in diff_runs(first, second, repo, color=True)


def test_what_the_user_has_set_for_diffs_makes_no_patch_that_cannot_be_applied(repo: Path) -> None:
    git(repo, "config", "diff.noprefix", "true")
    git(repo, "config", "diff.shout.textconv", "tr a-z A-Z <")
    (repo / ".gitattributes").write_text("*.py diff=shout\n")
    first = run_in(repo, "a")
    (repo / "model.py").write_text("width = 1\n")
    assert "\n+width = 1\n" in diff_runs(first, run_in(repo, "b"), repo)


def test_new_files_that_are_in_no_patch_are_named(repo: Path) -> None:
    (repo / ".env").write_text("TOKEN=1\n")
    first = run_in(repo, "a")
    assert not_in_patches(first) == ["a: new file .env, 8 bytes"]


def test_a_commit_that_is_gone_is_named(repo: Path) -> None:
    first, second = run_in(repo, "a"), run_in(repo, "b")
    data = json.loads((second / "run.json").read_text())
    data["git"]["commit"] = "f" * 40
    (second / "run.json").write_text(json.dumps(data))
    with pytest.raises(RunError, match=f"{second}: its commit f+ is not in .* any more"):
        diff_runs(first, second, repo)


def test_a_patch_that_is_gone_is_named(repo: Path) -> None:
    first = run_in(repo, "a")
    (repo / "model.py").write_text("width = 1\n")
    second = run_in(repo, "b")
    (second / "git.diff").unlink()
    with pytest.raises(RunError, match=r"git\.diff is gone"):
        diff_runs(first, second, repo)


def test_a_patch_that_does_not_apply_is_named(repo: Path) -> None:
    first = run_in(repo, "a")
    (repo / "model.py").write_text("width = 1\n")
    second = run_in(repo, "b")
    (second / "git.diff").write_text((second / "git.diff").read_text().replace("depth = 3", "depth = 5"))
    with pytest.raises(RunError, match=rf"{second.name}: its git\.diff does not apply to its commit"):
        diff_runs(first, second, repo)


def test_a_run_outside_of_git_has_no_code_to_compare(tmp_path: Path) -> None:
    folder = run_in(tmp_path, "a")
    with pytest.raises(RunError, match="the run recorded no commit"):
        diff_runs(folder, folder, tmp_path)
    assert same_code(record(folder), record(folder)) is None


def test_without_git_that_is_said(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run_in(repo, "a")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunError, match="no git is installed here"):
        diff_runs(folder, folder, repo)
