"""Runs one program under the recorder: ``python -m hydra_lightning.parity.record TAPE OPTIONS PROGRAM ARGUMENTS…``

``OPTIONS`` is a JSON object: ``root``, ``seed``, ``steps``, ``epochs``, ``seconds``, ``earlier``, ``threads``,
``experiment``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from hydra_lightning.parity.tape import Tape


def main() -> None:
    file, options, program, *arguments = sys.argv[1:]
    start, process = time.monotonic(), os.getpid()
    settings: dict[str, Any] = json.loads(options)
    tape = Tape("running", [program, *arguments], settings["root"])
    _prepare(settings)

    from hydra_lightning.parity.lines import Marks
    from hydra_lightning.parity.recorder import Recorder
    from hydra_lightning.parity.watch import AskedForInputError, watch, watch_metrics

    def finish(status: str) -> None:
        """Write the tape and end the process at once, whatever is still running in it."""
        if os.getpid() != process:
            os._exit(0)
        recorder.keep_weights()
        tape.status = status
        if marks is not None:
            tape.lines = marks.lines
        tape.facts = {
            "seed": settings["seed"],
            "threads": settings["threads"],
            "epochs": recorder.epochs,
            "seconds": round(time.monotonic() - start, 3),
            "versions": _versions(),
            "machine": machine(),
        }
        tape.save(Path(file))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    limits = (settings["steps"], settings["epochs"], settings["seconds"])
    recorder = Recorder(tape, lambda: finish("cut"), *limits, settings["earlier"])
    _seed(settings["seed"])
    watch(recorder)
    if settings["experiment"]:
        watch_metrics(recorder)
    sys.argv = [program, *arguments]
    sys.path[0] = str(Path(program).parent)
    # Of a project nobody asks which lines were run.
    marks = None if settings["experiment"] else Marks(recorder.path)
    try:
        _run(program, marks.code if marks is not None else _code)
    except AskedForInputError as error:
        tape.error = _told(error, tape.root)
        finish("input")
    except SystemExit as error:
        if error.code not in (None, 0):
            tape.error = _told(error, tape.root)
            finish("exited")
    except BaseException as error:
        traceback.print_exc()
        tape.error = _told(error, tape.root)
        finish("failed")
    finish("completed")


def _run(program: str, code_of: Callable[[bytes, str], CodeType]) -> None:
    """Run a program as ``python program`` does."""
    module = ModuleType("__main__")
    module.__file__ = program
    sys.modules["__main__"] = module
    exec(code_of(Path(program).read_bytes(), program), vars(module))


def _code(text: bytes, file: str) -> CodeType:
    return compile(text, file, "exec", dont_inherit=True)


def _prepare(settings: dict[str, Any]) -> None:
    import torch

    with contextlib.suppress(ImportError):
        # Its generator is compared too, and one side may import it only later.
        importlib.import_module("numpy")
    torch.set_num_threads(settings["threads"])


def _seed(seed: int) -> None:
    import torch

    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)
    torch.manual_seed(seed)


def _told(error: BaseException, root: str) -> dict[str, Any]:
    """What was raised, and the innermost line of the program that it came through."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(f"{root}/") and "/site-packages/" not in frame.filename
    ]
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{os.path.relpath(error.filename, root)}:{error.lineno}"
    else:
        place = f"{os.path.relpath(own[-1].filename, root)}:{own[-1].lineno}" if own else ""
    return {
        "type": type(error).__name__,
        "message": str(error),
        "site": place,
        "line": (own[-1].line or "") if own else "",
    }


def machine() -> str:
    """What decides, beside the versions, which bits come out."""
    import platform

    import torch

    return f"{platform.system()} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _versions() -> dict[str, str]:
    names = ("torch", "numpy", "lightning", "accelerate", "transformers")
    found = {name: getattr(sys.modules.get(name), "__version__", None) for name in names}
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        **{name: str(version) for name, version in found.items() if version},
    }


if __name__ == "__main__":
    main()
