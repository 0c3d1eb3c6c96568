"""A program runs in a copy of its folder; one that cannot be a side of a comparison is refused with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hydra_lightning.errors import ParityError
from hydra_lightning.parity import sides
from hydra_lightning.parity.sides import Experiment, Limits, Script, copy_folder, record

LIMITS = Limits(steps=5)
TRAIN = """import torch
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(9):
    loss = model(torch.ones(1, 2)).mean()
    loss.backward()
    optimizer.step()
"""


IN_CHILD = """    import torch
    w = torch.ones(2, requires_grad=True)
    w.sum().backward()
"""
IN_PROCESS = """def work():
    import torch
    w = torch.ones(2, requires_grad=True)
    w.sum().backward()
child = m.get_context('fork').Process(target=work)
child.start()
child.join()
"""


def program(folder: Path, text: str) -> Script:
    (folder / "train.py").write_text(text)
    return Script(folder / "train.py")


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nraise ValueError('no data')\n", "train.py:2: train.py fails by itself: ValueError: no data"),
        ("import torch\n\nname = input('name? ')\n", "train.py:3: train.py asks for input"),
        ("import sys\nprint('bye')\nsys.exit(3)\n", "train.py:3: train.py ends itself with sys.exit(3)"),
        ("print('nothing')\n", "train.py: it ran to its end and never called backward"),
        ("print 'Python 2'\n", "train.py:1: train.py is written in Python 2: Missing parentheses"),
        ("import torch\ntorch.ones(1).to('cuda')\n", "It needs a GPU that is not here"),
        ("import urllib.request as u\n\nu.urlopen('http://localhost:9/x')\n", "It needs the network"),
        (f"import os\nif os.fork() == 0:\n    pass\n{IN_CHILD}", "train.py:2: train.py starts processes"),
        (
            f"import multiprocessing as m\n{IN_PROCESS}",
            "train.py:7: train.py starts processes and trains in them",
        ),
        ("import os\nos.kill(os.getpid(), 9)\n", "was killed by SIGKILL"),
    ],
)
def test_what_cannot_be_recorded_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ParityError) as caught:
        record(program(tmp_path, text), LIMITS, seed=0)
    assert told in str(caught.value)


@pytest.mark.usefixtures("forked")
def test_a_program_writes_into_a_copy(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("3")
    text = "open('data.txt', 'a').write('4'); open('new.txt', 'w'); import helper\n" + TRAIN
    (tmp_path / "helper.py").write_text("import torch; torch.save({}, 'weights.pt')")
    tape = record(program(tmp_path, text), LIMITS, seed=0)
    assert tape.status == "cut"
    assert len(tape.losses) == 5
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data.txt", "helper.py", "train.py"]
    assert (tmp_path / "data.txt").read_text() == "3"


@pytest.mark.usefixtures("forked")
def test_a_folder_above_the_program_can_be_its_working_directory(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "data.txt").write_text("3")
    script = program(tmp_path / "src", "open('data.txt').read()\n" + TRAIN)
    tape = record(Script(script.file, folder=tmp_path), LIMITS, seed=0)
    assert tape.losses[0].site == "src/train.py:7"


def test_a_new_process_records_the_same_as_a_fork(tmp_path: Path) -> None:
    tape = record(program(tmp_path, TRAIN), LIMITS, seed=0)
    assert tape.status == "cut"
    assert len(tape.losses) == 5
    assert tape.objects["optimizer0"]["defaults"]["lr"] == 0.1


def test_large_files_are_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / ".git").mkdir(parents=True)
    (folder / "small.bin").write_bytes(b"1")
    with (folder / "large.bin").open("wb") as file:
        os.truncate(file.fileno(), sides.LARGE + 1)
    copy_folder(folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "large.bin").is_symlink()
    assert not (tmp_path / "copy" / "small.bin").is_symlink()
    assert not (tmp_path / "copy" / ".git").exists()


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "MANY", 2)
    for name in "abc":
        (tmp_path / name).touch()
    with pytest.raises(ParityError, match="more than 2 files"):
        copy_folder(tmp_path, tmp_path.parent / "copy")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match=r"lost\.py: no such file"):
        record(Script(tmp_path / "lost.py"), LIMITS, seed=0)
    with pytest.raises(ParityError, match=r"lightning_classes/train\.py: no such file"):
        record(Experiment(tmp_path), LIMITS, seed=0)


def test_a_copy_in_the_folder_itself_is_not_copied_again(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)\n")
    copy_folder(tmp_path, tmp_path / "scratch" / "copy")
    assert sorted(path.name for path in tmp_path.rglob("*.py")) == ["train.py", "train.py"]
    assert not (tmp_path / "scratch" / "copy" / "scratch").exists()
