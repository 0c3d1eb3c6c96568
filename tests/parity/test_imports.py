"""Imports of libraries draw nothing, and take back nothing that a training draws."""

from __future__ import annotations

from pathlib import Path

from processes import environment, fork_server

PROGRAM = """
import sys, threading, time
import torch
from hydra_lightning.parity.imports import imports_that_draw_nothing

sys.path.insert(0, sys.argv[1])
torch.manual_seed(0)
expected = torch.rand(3)
torch.manual_seed(0)
imports_that_draw_nothing("/nowhere", lambda: None)
thread = threading.Thread(target=__import__, args=("slow_to_import",))
thread.start()
time.sleep(0.05)
drawn = torch.rand(1)
thread.join()
print(torch.equal(torch.cat([drawn, torch.rand(2)]), expected))
"""


def test_an_import_in_another_thread_does_not_rewind_the_generators(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.3)\n")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = fork_server().run(program, [str(tmp_path)], tmp_path, environment())
    assert done.stdout.split() == ["True"], done.stderr


RELATIVE = """
import sys
import torch
from hydra_lightning.parity.imports import imports_that_draw_nothing

sys.path.insert(0, sys.argv[1])
import library
torch.manual_seed(0)
expected = torch.rand(2)
torch.manual_seed(0)
imports_that_draw_nothing("/nowhere", lambda: None)
drawn = [library.draw(), library.draw()]
print(torch.equal(torch.cat(drawn), expected))
"""


def test_a_relative_import_draws_nothing_and_takes_back_nothing(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "drawing.py").write_text("import torch\ntorch.rand(1)\n")
    (library / "__init__.py").write_text(
        "def draw():\n    from .drawing import torch\n    return torch.rand(1)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(RELATIVE)
    done = fork_server().run(program, [str(tmp_path)], tmp_path, environment())
    assert done.stdout.split() == ["True"], done.stderr
