from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hydra_lightning.errors import RunError
from hydra_lightning.runs.git import git_state


def git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ("git", "-C", str(folder), *arguments)
    return subprocess.run(
        command, env=os.environ | identity, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "work")
    (root / "code.py").write_text("a = 1\n")
    (root / "image.bin").write_bytes(bytes(range(256)))
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def test_a_clean_tree(repo: Path) -> None:
    commit = git(repo, "rev-parse", "HEAD").strip()
    assert git_state(repo, skip=repo / "x") == ({"commit": commit, "branch": "work", "dirty": False}, "")


def test_a_detached_head_has_no_branch(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach")
    facts, _ = git_state(repo, skip=repo / "x")
    assert facts is not None
    assert facts["branch"] is None


def test_the_patch_restores_the_tree_from_the_commit(repo: Path, tmp_path: Path) -> None:
    (repo / "code.py").write_text("a = 2  # ä\n")
    (repo / "image.bin").write_bytes(bytes(300))
    (repo / "new folder").mkdir()
    (repo / "new folder/ünew.py").write_text("b = 1\n")
    (repo / "empty.py").write_text("")
    facts, patch = git_state(repo, skip=repo / "x")
    assert facts is not None
    assert facts["dirty"]
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(repo), str(copy))
    (tmp_path / "git.diff").write_text(patch, errors="surrogateescape")
    git(copy, "apply", str(tmp_path / "git.diff"))
    for name in ("code.py", "image.bin", "new folder/ünew.py", "empty.py"):
        assert (copy / name).read_bytes() == (repo / name).read_bytes()


def test_large_and_secret_new_files_are_only_listed(repo: Path) -> None:
    (repo / ".env").write_text("KEY=hidden")
    (repo / "weights.bin").write_bytes(bytes(300 * 1024))
    _, patch = git_state(repo, skip=repo / "x")
    assert "hidden" not in patch
    assert patch.splitlines() == [
        "# not in this patch: new file .env, 10 bytes",
        "# not in this patch: new file weights.bin, 307200 bytes",
    ]


def test_runs_do_not_make_a_tree_dirty(repo: Path) -> None:
    for name in ("logs/train/runs/a", "logs/train/runs/b"):
        (repo / name / ".hydra").mkdir(parents=True)
        (repo / name / ".hydra/config.yaml").write_text("a: 1\n")
    (repo / "logs/train/runs/a/run.json").write_text("{}")
    (repo / "logs/train/sweeps/c").mkdir(parents=True)
    (repo / "logs/train/sweeps/c/multirun.yaml").write_text("a: 1\n")
    facts, patch = git_state(repo, skip=repo / "logs/train/runs/b")
    assert facts is not None
    assert (facts["dirty"], patch) == (False, "")


def test_without_repository_commit_or_git_there_are_no_facts(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git_state(tmp_path / "plain", skip=tmp_path) == (None, "")
    git(tmp_path / "plain", "init", "-q")
    assert git_state(tmp_path / "plain", skip=tmp_path) == (None, "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(repo, skip=tmp_path) == (None, "")


def test_a_broken_repository_is_named(repo: Path) -> None:
    (repo / ".git/index").write_text("not an index")
    with pytest.raises(RunError, match=f"git .* failed in {repo}"):
        git_state(repo, skip=repo / "x")
