from __future__ import annotations

import subprocess
import sys


def test_the_room_does_not_import_torch_or_lightning() -> None:
    code = """
import sys
from hydra_lightning.runs import environment, folder, git, hydra_callback, rank, record, store
print(sorted({"torch", "lightning", "numpy"} & set(sys.modules)))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
