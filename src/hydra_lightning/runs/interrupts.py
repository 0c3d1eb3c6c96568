"""What SIGINT, SIGTERM and SIGUSR1 do to a run: raise an exception, and be remembered whatever becomes of that.

SIGTERM is what a scheduler sends before it takes a machine away, SIGUSR1 what Slurm can be asked to send before the
time is over (``sbatch --signal``).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

PREEMPTION = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)
)  # Windows has no SIGUSR1.


class Interrupted(BaseException):
    """SIGTERM or SIGUSR1 has arrived. It is no Exception, like KeyboardInterrupt: only cleaning up catches it."""

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
            return _die_of(signum)
        self.arrived = signum
        if self.muted:
            return None
        if signum == signal.SIGINT:
            raise KeyboardInterrupt
        raise Interrupted(signum)


class Waiting:
    """The signal that arrived in a ``deferred`` block, if any; a second one acts at once."""

    def __init__(self) -> None:
        self.arrived: int | None = None
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """The handler."""
        if os.getpid() != self._process:
            return _die_of(signum)
        if self.arrived is not None:
            return self._before[signum](signum, frame)  # type: ignore[no-any-return]
        self.arrived = signum
        return None


@contextmanager
def deferred() -> Iterator[Waiting]:
    """Let SIGTERM and SIGUSR1 wait in the block until it asks for them, where ``interrupts`` handles them.

    The block has to look at ``arrived``, and raise ``Interrupted`` once it can be left.
    """
    waiting = Waiting()
    if threading.current_thread() is threading.main_thread():
        for signum in PREEMPTION:
            if callable(signal.getsignal(signum)):
                waiting._before[signum] = signal.signal(signum, waiting)
    try:
        yield waiting
    finally:
        for signum, handler in waiting._before.items():
            signal.signal(signum, handler)


def _die_of(signum: int) -> None:
    """End a forked worker by the signal, as it would without us."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handle SIGINT, SIGTERM and SIGUSR1 for a while; the handlers of before come back.

    A signal that is ignored (as under nohup) stays so. Outside the main thread, where Python allows no
    handlers, nothing is changed.
    """
    caught = Interrupts()
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, *PREEMPTION):
            if signal.getsignal(signum) is not signal.SIG_IGN:
                before[signum] = signal.signal(signum, caught)
    try:
        yield caught
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
