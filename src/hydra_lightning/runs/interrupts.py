"""What SIGINT and SIGTERM do to a run: raise an exception, and be remembered whatever becomes of that."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """SIGTERM has arrived. Like KeyboardInterrupt it is no Exception, so that only cleaning up catches it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Interrupts:
    """The signal that arrived, if any; Lightning, for one, turns a KeyboardInterrupt into SystemExit(1)."""

    def __init__(self) -> None:
        self.arrived: int | None = None
        self.muted = False
        self._process = os.getpid()

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """The handler: raises in the main thread, or only remembers once ``muted``."""
        if os.getpid() != self._process:
            # A forked worker: it dies of the signal as it would without us.
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            return
        self.arrived = signum
        if self.muted:
            return
        if signum == signal.SIGINT:
            raise KeyboardInterrupt
        raise Interrupted(signum)


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handle SIGINT and SIGTERM for a while; the handlers of before come back.

    A signal that is ignored (as under nohup) stays so. Outside the main thread, where Python allows no
    handlers, nothing is changed.
    """
    caught = Interrupts()
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(signum) is not signal.SIG_IGN:
                before[signum] = signal.signal(signum, caught)
    try:
        yield caught
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
