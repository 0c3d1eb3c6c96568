"""Are the numbers that are logged the ones that the program prints?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.metrics import ALL
from hydra_lightning.parity.tape import Tape

# An order of summation may be another one, and Lightning logs single precision.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Logged:
    """A metric, held against what was printed at the same step.

    Attributes:
        name: ``val/loss``.
        sites: the lines of the program that print it.
        times: how often both were there to be compared.
        differs: the first value that is not printed there, and what is; None when there is none.
    """

    name: str
    sites: tuple[str, ...]
    times: int
    differs: tuple[float, list[str]] | None = None

    @property
    def site(self) -> str:
        return self.sites[0]

    @property
    def told(self) -> str:
        """What came of it, for a reader."""
        if self.differs is not None:
            value, printed = self.differs
            return f"{value:.6g} is logged where {', '.join(printed)} is printed"
        times = f"{self.times} time{'s' * (self.times != 1)}"
        return f"as printed, {times}" if self.times else "not both printed and logged in the recording"


def logged_as_printed(original: Tape, other: Tape, places: Mapping[str, Sequence[str]]) -> list[Logged]:
    """Each metric with what the program prints of it.

    Args:
        original: the recording of the program.
        other: that of what was written of it.
        places: the lines that print each metric; ``val/*`` is each that has no name of its own.
    """
    found: dict[str, Logged] = {}
    named = (name for name in places if not name.endswith(f"/{ALL}"))
    names = dict.fromkeys([*(name for _, values in other.metrics for name in values), *named])
    for name in names:
        sites = places.get(name) or places.get(f"{name.partition('/')[0]}/{ALL}")
        if sites:
            found[name] = _compared(name, original, other, tuple(sites))
    return [*found.values()]


def _compared(name: str, original: Tape, other: Tape, sites: tuple[str, ...]) -> Logged:
    values: dict[int, list[float]] = {}
    for step, metrics in other.metrics:
        if name in metrics:
            values.setdefault(step, []).append(metrics[name])
    printed: dict[int, list[str]] = {}
    for step, stack, numbers in original.told:
        if step in values and not {*stack}.isdisjoint(sites):
            printed.setdefault(step, []).extend(numbers)
    for times, (step, numbers) in enumerate(printed.items()):
        if not any(is_printed_as(value, each) for value in values[step] for each in numbers):
            return Logged(name, sites, times, (values[step][-1], numbers))
    return Logged(name, sites, len(printed))


def is_printed_as(value: float, number: str) -> bool:
    """Whether a value is a number, as it was rounded to be printed, or a share that is printed in percent."""
    text = number.lower().rstrip("%")
    if text.lstrip("+-") in ("nan", "inf") or not math.isfinite(value):
        return str(value) == text.lstrip("+")
    mantissa, _, exponent = text.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    is_counted = unit == 1 and not number.endswith("%")
    shown = [value, 100 * value] if number.endswith("%") else [value]
    return any(
        abs(each - float(text))
        <= (0.5 * unit if not is_counted or abs(each) >= 10 else 0) + ROUNDING * abs(each)
        for each in shown
    )
