"""Which lines of a program were run: branches that were not taken are no part of what was recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

# A function that is called very often is not watched for ever.
ENOUGH = 20_000


def watch_lines(is_of_the_program: Callable[[str], str], lines: dict[str, list[int]]) -> None:
    """Note each line that is run from now on, once.

    Args:
        is_of_the_program: the path of a file of the program; empty for other files.
        lines: they go there, by path.
    """
    # Of each code object, what is called for its lines: nothing for those that are not of the program or are done.
    # By identity, as the hash of a code object is computed anew from all of it; kept, so that no other one gets its id.
    watched: dict[int, Callable[[FrameType, str, Any], Any] | None] = {}
    kept: list[CodeType] = []

    def called(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        try:
            return watched[id(code)]
        except KeyError:
            kept.append(code)
            path = is_of_the_program(code.co_filename)
            found = watched[id(code)] = watcher(code, path) if path else None
            return found

    def watcher(code: CodeType, path: str) -> Callable[[FrameType, str, Any], Any]:
        found = lines.setdefault(path, [])
        missing = {line for _, _, line in code.co_lines() if line is not None} - {*found}
        left = [ENOUGH]

        def ran(frame: FrameType, event: str, argument: Any) -> Any:
            line = frame.f_lineno
            if line in missing:
                missing.discard(line)
                found.append(line)
            left[0] -= 1
            if not missing or not left[0]:
                watched[id(code)] = None
                frame.f_trace_lines = False
                return None
            return ran

        return ran

    sys.settrace(called)
