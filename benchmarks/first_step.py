"""How a process of the start-up benchmark says that it has got where it should. Imports nothing heavy."""

import os
import time
from pathlib import Path


def write_mark() -> None:
    """Write the time to the file that FIRST_STEP_MARK names, once."""
    now = time.time()
    file = Path(os.environ["FIRST_STEP_MARK"])
    if not file.exists():
        file.write_text(repr(now))
