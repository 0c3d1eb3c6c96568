"""Loaders that draw random numbers as the loops of a program do, where a DataLoader would not."""

from __future__ import annotations

import ast
import itertools

from hydra_lightning.convert.drawing import draws_in_all
from hydra_lightning.convert.hooks import pieces_before_steps
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.recorded import evaluates

CLASSES = {
    "Batches": '''class Batches:
    """What a function yields, anew for each epoch."""

    def __init__(self, function: Callable[[], Iterable[Any]]) -> None:
        self.function = function

    def __iter__(self) -> Iterator[Any]:
        yield from self.function()''',
    "LookAheadLoader": '''class LookAheadLoader(DataLoader):
    """Fetches a batch before it gives the one before it, as accelerate does: random numbers are drawn in this order."""

    def __iter__(self) -> Iterator[Any]:
        ahead: list[Any] = []
        for batch in super().__iter__():
            yield from ahead
            ahead = [batch]
        yield from ahead''',
    "TwiceStartedLoader": '''class TwiceStartedLoader(DataLoader):
    """Starts twice, as tqdm.auto lets the loaders that it shows: each start draws a random number."""

    def __iter__(self) -> Iterator[Any]:
        super().__iter__()
        return super().__iter__()''',
    "LateLoader": '''class LateLoader(DataLoader):
    """Starts with its first batch, after what `on_train_epoch_start` draws: the Trainer starts loaders before it."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()''',
    "ExhaustedLoader": '''class ExhaustedLoader(DataLoader):
    """Is asked once more after its last batch, as by a loop and not by the Trainer: it draws another order then."""

    def __iter__(self) -> Iterator[Any]:
        batches = super().__iter__()
        for number, batch in enumerate(batches, start=1):
            if number == len(self):
                next(batches, None)
            yield batch''',
}


def class_of(program: Program, kind: str) -> str:
    """The class of the loader of that kind, ``train``, ``val`` or ``test``."""
    if program.loaders[kind].is_generated:
        return "Batches"
    heads = {"train": program.flow.batches}
    heads |= {"val": program.roles.val_block.head} if program.roles.val_block else {}
    heads |= {"test": program.roles.test_block.head} if program.roles.test_block else {}
    iterated = [each for each in program.tape.events if each.kind == "iter"]
    used = {each.about for each in iterated if heads[kind].covers(each.site)}
    if _is_looking_ahead(program, used):
        return "LookAheadLoader"
    if _is_started_twice(program, used):
        return "TwiceStartedLoader"
    if any(program.tape.objects[name].get("draws_at_end") for name in used):
        return "ExhaustedLoader"
    return "LateLoader" if kind == "train" and _draws_before_batches(program) else "DataLoader"


def _draws_before_batches(program: Program) -> bool:
    """Whether an epoch starts with something that draws from the generator that loaders start with."""
    first = program.kept_statements.start if program.roles.kept else pieces_before_steps(program)
    others = ("random", "np.random", "numpy.random")
    return any(draws_in_all(program, each, others) or evaluates(each, program.tape) for each in first)


def _is_looking_ahead(program: Program, loaders: set[str]) -> bool:
    """Whether random numbers are drawn for each batch of a loader that accelerate prepared."""
    drawn = [facts for name in loaders if (facts := program.tape.objects[name]).get("draws")]
    prepared = [piece for piece in program.flow.setup if isinstance(piece.node, ast.Pass)]
    return any(piece.covers(str(facts["site"])) for piece in prepared for facts in drawn)


def _is_started_twice(program: Program, loaders: set[str]) -> bool:
    """Whether a loop starts a loader that has just been started, and has given nothing."""
    events = [each for each in program.tape.events if each.kind in ("iter", "forward", "backward", "loss")]
    stacks = program.tape.stacks.get("iter", {})
    early = {
        each
        for each, sites in stacks.items()
        for piece in program.flow.setup
        if any(map(piece.covers, sites))
    }
    return any(
        one.kind == two.kind == "iter" and one.about == two.about in loaders and one.site not in early
        for one, two in itertools.pairwise(events)
    )
