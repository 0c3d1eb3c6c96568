"""Writes down what a training does, while it does it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import nn

from hydra_lightning.parity.checksums import of_random_state, of_tensor
from hydra_lightning.parity.tape import Event, Tape
from hydra_lightning.parity.values import is_plain, values_in

COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")
NOT_OF_THE_PROGRAM = ("/site-packages/", "/lib/python3", "<")

# The steps without a batch from a loader, in a loop over tensors or over batches that are kept, which has no epochs.
ENDLESS = 200


class Recorder:
    """The events of one process, and when to stop it.

    Args:
        tape: what is recorded goes there.
        stop: ends the process; called at the start of what is too much.
        steps: the number of ``backward`` calls after which the next one is too much.
        epochs: the number of passes over the training loader after which the next one is too much.
        seconds: the time after which the next ``backward`` is too much.
        earlier: the lines of trainings whose passes do not count, and whose ways are not noted.
    """

    def __init__(
        self,
        tape: Tape,
        stop: Callable[[], None],
        steps: int | None,
        epochs: int | None,
        seconds: float | None,
        earlier: Sequence[tuple[str, int, int]] = (),
    ) -> None:
        self.tape = tape
        self.steps = 0
        self._stop = stop
        self._limits = (steps, epochs, seconds)
        self.tape.earlier = [*earlier]
        self._root = f"{tape.root}/"
        self._start = time.monotonic()
        self._paths: dict[str, str] = {}
        self._names: dict[int, str] = {}
        self._kept: dict[str, Any] = {}
        self._counts: dict[str, int] = {}
        # Of each kind of loader: its passes with a backward in them, and whether this one has one.
        self._passes: dict[str, int] = {}
        self._has_backward: dict[str, bool] = {}
        self._unfed = 0
        self._ending = False
        self.loader = self.loader_kind = ""
        self.modules: dict[int, nn.Module] = {}
        self.parameters: dict[int, torch.Tensor] = {}

    def event(self, kind: str, about: str = "", **data: Any) -> None:
        site = self.site()
        stacks = self.tape.stacks.setdefault(kind, {})
        event = Event(kind, site, about, data)
        if self.tape.earlier and self._is_earlier():
            self.tape.begins = len(self.tape.events) + 1
        elif site and (site not in stacks or event.is_evaluation):
            stack = [*self._frames()][::-1]
            stacks.setdefault(site, stack)
            if event.is_evaluation and stack not in self.tape.evaluations:
                self.tape.evaluations.append(stack)
        self.tape.events.append(event)

    def told(self, numbers: list[str]) -> None:
        """The program tells numbers."""
        sites = [*self._frames()]
        if sites and numbers and not self._is_earlier():
            self.tape.told.append((self.steps, sites, numbers))

    def metrics(self, values: Mapping[str, Any]) -> None:
        """A Trainer has metrics; those that are no single numbers are computed later."""
        found = {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, (int, float)) or (torch.is_tensor(value) and value.numel() == 1)
        }
        if found:
            self.tape.metrics.append((self.steps, found))

    def _is_earlier(self) -> bool:
        """Whether a training runs that comes before the one that is asked for."""
        if not self.tape.earlier:
            return False
        places = [(file, int(line)) for file, _, line in (each.rpartition(":") for each in self._frames())]
        return any(
            file == path and first <= line <= last
            for path, first, last in self.tape.earlier
            for file, line in places
        )

    def site(self) -> str:
        """``file:line`` of the innermost frame of the program; empty when none is on the stack."""
        return next(self._frames(), "")

    def _frames(self) -> Iterator[str]:
        """``file:line`` of each frame of the program on the stack, the innermost first.

        A comprehension is a part of its statement, also where Python gives it a frame of its own.
        """
        frame: FrameType | None = sys._getframe(1)
        paths = self._paths
        while frame is not None:
            code = frame.f_code
            path = paths.get(code.co_filename)
            if path is None:
                path = self.path(code.co_filename)
            if path and code.co_name not in COMPREHENSIONS:
                yield f"{path}:{frame.f_lineno}"
            frame = frame.f_back

    def path(self, file: str) -> str:
        """A file of the program, relative to its folder; empty for another file."""
        known = self._paths.get(file)
        if known is None:
            is_own = file.startswith(self._root) and not any(part in file for part in NOT_OF_THE_PROGRAM)
            known = self._paths[file] = file[len(self._root) :] if is_own else ""
        return known

    def name(self, thing: Any, kind: str, **facts: Any) -> str:
        """The name of an object on the tape; a new one is described there, with where it was first seen."""
        known = self._names.get(id(thing))
        if known is None:
            known = f"{kind}{self._counts.get(kind, 0)}"
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[id(thing)] = known
            # Kept alive, so that no other object gets its id.
            self._kept[known] = thing
            cls = type(thing)
            self.tape.objects[known] = {"class": f"{cls.__module__}.{cls.__qualname__}", "site": self.site()}
        if facts:
            self.tape.objects[known].update(facts)
        return known

    def built(self, name: str, init: FrameType) -> None:
        """Note where the program makes an object, and what plain data it and other calls around are given there."""
        code, caller = init.f_code, init.f_back
        while caller is not None and not self.path(caller.f_code.co_filename):
            caller = caller.f_back
        if caller is None:
            return
        site = f"{caller.f_code.co_filename.removeprefix(self._root)}:{caller.f_lineno}"
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        given = {each: init.f_locals[each] for each in names if each in init.f_locals}
        plain = {each: value for each, value in given.items() if is_plain(value)}
        values = {} if any(each["site"] == site for each in self.tape.built) else values_in(caller)
        self.tape.built.append({"class": name, "site": site, "arguments": plain, "values": values})

    def kept(self, name: str) -> Any:
        """The object of that name."""
        return self._kept[name]

    def described(self, thing: Any) -> bool:
        return id(thing) in self._names

    def backward(self, loss: Any) -> None:
        """A ``backward`` is about to run; the process stops here when it is one too many."""
        if self._ending or self._has_all_steps or (self._is_enough and not self.modules):
            self._stop()
        losses = loss if isinstance(loss, (list, tuple)) else [loss]
        values = [
            float(each.detach()).hex() if each.numel() == 1 else f"crc {of_tensor(each)}" for each in losses
        ]
        # Weights that are put back after a training are not its final ones.
        self.tape.weights = []
        self.event("backward", self.loader, loss=values, rng=of_random_state())
        self.steps += 1
        if not self._is_earlier():
            self._unfed += 1
            self._has_backward[self.loader_kind] = True

    def fetched(self) -> None:
        """A batch came from a loader."""
        self._unfed = 0

    def forward(self) -> None:
        """A model is about to be called in training; the weights are kept before a step that is not recorded."""
        if self._has_all_steps or self._is_enough:
            self._ending = True
            self.keep_weights()

    @property
    def _has_all_steps(self) -> bool:
        return self._limits[0] is not None and self.steps >= self._limits[0]

    @property
    def _is_enough(self) -> bool:
        _, epochs, seconds = self._limits
        late = seconds is not None and self.steps > 0 and time.monotonic() - self._start > seconds
        return late or (epochs is not None and self._unfed >= ENDLESS)

    def next_pass(self, loader: str) -> None:
        """A loader of the kind ``loader`` starts; the process stops here when training has made all its epochs."""
        if self._has_backward.pop(loader, False):
            self._passes[loader] = self._passes.get(loader, 0) + 1
            epochs = self._limits[1]
            if epochs is not None and loader and self._passes[loader] >= epochs:
                self._stop()
            if self._has_all_steps:
                # A teacher that is called before the model may change its statistics.
                self.keep_weights()

    @property
    def epochs(self) -> int:
        """The passes over the loader that was trained on most often, whole and begun."""
        passes = dict(self._passes)
        for loader, trained in self._has_backward.items():
            passes[loader] = passes.get(loader, 0) + trained
        return max((count for loader, count in passes.items() if loader), default=0)

    def keep_weights(self) -> None:
        """Take the checksums of the weights as they are, unless that was done since the last ``backward``."""
        if self.tape.weights or not self.steps:
            return
        found = dict(self.parameters)
        for module in self.modules.values():
            found |= {id(each): each for each in [*module.parameters(), *module.buffers()]}
        self.tape.weights = sorted(f"{tuple(each.shape)} {of_tensor(each)}" for each in found.values())
