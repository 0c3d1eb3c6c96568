"""The tape of a training run: what happened in it, in order, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hydra_lightning.errors import ParityError

SCHEMA = 4
# What a tape holds as it is.
PLAIN = (bool, int, float, str, type(None))


@dataclass(slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: ``backward``, ``step`` (of an optimizer), ``forward`` (the outermost call of a module with parameters),
            ``loss`` (a loss function without gradients), ``iter`` (of a data loader), ``schedule``, ``clip``, ``zero``,
            ``mode``, ``seed``, ``save``, ``load``, and the making of an ``optimizer``, ``scheduler`` or ``loader``.
        site: ``file:line`` in the recorded program, the innermost frame of it; empty when none was on the stack.
        about: the name of an object of the tape, ``loader0``.
        data: what is particular to the kind; numbers that are compared are exact, as ``float.hex`` or a checksum.
    """

    kind: str
    site: str = ""
    about: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def is_evaluation(self) -> bool:
        """Whether it is a call of a model without gradients or in eval mode."""
        return self.kind == "forward" and "output" in self.data


@dataclass(frozen=True)
class Step:
    """What happened from one ``backward`` to the next, the first of the two included.

    Attributes:
        before: events since the ``backward`` before it.
        backward: the event itself.
        after: optimizer steps that follow it, before the next ``backward``.
    """

    index: int
    before: list[Event]
    backward: Event
    after: list[Event]


@dataclass
class Tape:
    """A recorded run.

    Attributes:
        status: ``completed``; ``cut`` after as much as was asked for; ``failed``, ``exited`` (``sys.exit`` with a code
            other than 0) or ``input`` (it asked for input); ``running`` when its process was killed.
        error: for the last three, what happened and where.
        command: the program and its arguments.
        root: the folder that sites are relative to.
        events: in order.
        objects: what is known of the modules, loaders, optimizers and schedulers, by name.
        stacks: of each kind of event and each site, the sites of all frames of the program when it first happened
            there, the outermost first.
        evaluations: the different stacks of calls of models without gradients or in eval mode.
        arguments: of each ``argparse`` parser that was used, its options and their values.
        built: of each module that the program makes and that is not made inside another, its class, where it is made,
            the arguments that are plain data, and the plain values that calls around are given.
        lines: those that were run, by file.
        processes: where the program starts processes of its own.
        told: the numbers that are printed or given to a logger: after how many ``backward`` calls, the sites of all
            frames of the program, the innermost first, and the numbers as they are written there.
        metrics: of a Trainer, by name, after how many ``backward`` calls: each number that is logged in training, and
            all that there are after an evaluation.
        weights: checksums of the final parameters and buffers, sorted.
        earlier: the lines of trainings that come before the one that was asked for: file, first and last.
        begins: the number of events up to the end of these.
        facts: seed, threads, seconds, versions, epochs.
    """

    status: str
    command: list[str]
    root: str
    error: dict[str, Any] | None = None
    events: list[Event] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    stacks: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    evaluations: list[list[str]] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    built: list[dict[str, Any]] = field(default_factory=list)
    lines: dict[str, list[int]] = field(default_factory=dict)
    processes: list[str] = field(default_factory=list)
    told: list[tuple[int, list[str], list[str]]] = field(default_factory=list)
    metrics: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    earlier: list[tuple[str, int, int]] = field(default_factory=list)
    begins: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def losses(self) -> list[Event]:
        return [event for event in self.events if event.kind == "backward"]

    def steps(self) -> list[Step]:
        """The events, cut at each ``backward``; those after the last one are ``after`` of the last step."""
        return list(_steps(self.events))

    def save(self, file: Path) -> None:
        data = {"schema": SCHEMA, **asdict(self)}
        data["events"] = [[each.kind, each.site, each.about, each.data] for each in self.events]
        file.write_text(json.dumps(data), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> Tape:
        """The tape in ``file``; ParityError when there is none."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            if data.pop("schema") != SCHEMA:
                raise ParityError(
                    f"{file}: this tape is of another version of hydra-lightning. Record it again."
                )
            data["events"] = [Event(*each) for each in data["events"]]
            return cls(**data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ParityError(f"{file}: not a tape of a training run: {error}") from error


def _steps(events: list[Event]) -> Iterator[Step]:
    places = [index for index, event in enumerate(events) if event.kind == "backward"]
    start = 0
    for index, place in enumerate(places):
        end = places[index + 1] if index + 1 < len(places) else len(events)
        last = end if index + 1 == len(places) else _end(events, place, end)
        yield Step(index, events[start:place], events[place], events[place + 1 : last])
        start = last


def _end(events: list[Event], place: int, end: int) -> int:
    """Behind the last optimizer step between two ``backward``, or else the clipping that directly follows the first."""
    steps = [number for number in range(place + 1, end) if events[number].kind == "step"]
    if steps:
        return steps[-1] + 1
    while place + 1 < end and events[place + 1].kind == "clip":
        place += 1
    return place + 1
