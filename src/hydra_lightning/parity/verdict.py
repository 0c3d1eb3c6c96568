"""Are two trainings the same? Runs both sides, compares, and says what the answer is worth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra_lightning.parity.compare import TOO_FEW, Comparison, Difference, compare
from hydra_lightning.parity.explain import explain, place
from hydra_lightning.parity.sides import Limits, Side, record
from hydra_lightning.parity.tape import Event, Tape

EXIT_CODES = {"PASS": 0, "FAIL": 1, "ABSTAIN": 3, "ERROR": 4}


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        status: ``PASS``; ``FAIL``; ``ABSTAIN``, when the original makes too few steps or differs from itself.
        comparison: how far both are equal; None when the original alone decides.
        tapes: of the original and of the other run, as far as they were recorded.
        names: of the two sides.
        reasons: what a FAIL or an ABSTAIN means.
        tolerance: that was allowed.
    """

    status: str
    comparison: Comparison | None
    tapes: tuple[Tape, ...]
    names: tuple[str, str]
    reasons: list[str] = field(default_factory=list)
    tolerance: float = 0.0

    @property
    def code(self) -> int:
        """The exit code: 0 PASS, 1 FAIL, 3 ABSTAIN."""
        return EXIT_CODES[self.status]


def parity(
    original: Side,
    other: Side,
    limits: Limits | None = None,
    seed: int = 42,
    tolerance: float = 0.0,
    threads: int = 1,
) -> Verdict:
    """Run two trainings under the recorder and compare them.

    A difference is only a FAIL when a second run of the original is equal to the first.

    Args:
        original: the training that is right.
        other: the one that is to be the same.
        limits: when to cut the original; the other run is cut after as many steps.
        seed: of all random number generators before the first statement of both.
        tolerance: the relative difference of losses, rates and norms that is let pass, for GPUs.
        threads: that torch uses in both.

    Raises:
        ParityError: a side cannot be recorded, see `hydra_lightning.parity.sides.record`.
    """
    tape = record(original, limits or Limits(), seed, threads)
    return judge(tape, original, other, limits or Limits(), seed, tolerance, threads)


def judge(
    tape: Tape,
    original: Side | None,
    other: Side,
    limits: Limits,
    seed: int,
    tolerance: float = 0.0,
    threads: int = 1,
) -> Verdict:
    """Compare ``other`` with a recorded ``tape``; ``original`` is run again on a difference, where it is there."""
    names = (str(original) if original else " ".join(tape.command), str(other))
    count = len(tape.losses)
    if count < TOO_FEW:
        told = f"the original calls backward {count} times; fewer than {TOO_FEW} prove nothing"
        return Verdict("ABSTAIN", None, (tape,), names, [told], tolerance)
    # One step more than the original makes shows that the other run does not end where it does.
    steps = count if tape.status == "cut" else count + 1
    seconds = None if limits.seconds is None else 10 * limits.seconds
    twin = record(other, Limits(steps=steps, epochs=None, seconds=seconds), seed, threads)
    comparison = compare(tape, twin, tolerance)
    tapes = (tape, twin)
    if comparison.difference is None:
        return Verdict("PASS", comparison, tapes, names, tolerance=tolerance)
    if original is not None:
        again = record(original, replace(limits, steps=count), seed, threads)
        itself = compare(tape, again, tolerance).difference
        if itself is not None:
            where = place(itself.original or itself.other, tape, itself.step)
            told = f"two runs of the original differ: {itself.what} at step {itself.step} ({where or 'no line known'})"
            return Verdict("ABSTAIN", comparison, tapes, names, [told], tolerance)
    return Verdict("FAIL", comparison, tapes, names, explain(comparison.difference, *tapes), tolerance)


def text(verdict: Verdict) -> str:
    """The verdict for a terminal."""
    comparison = verdict.comparison
    if verdict.status == "ABSTAIN" or comparison is None:
        return "\n".join(["ABSTAIN", *(f"  {reason}" for reason in verdict.reasons)])
    if comparison.difference is None:
        return "\n".join([f"PASS  {_equal(verdict)}", *(f"  note: {note}" for note in comparison.notes)])
    difference = comparison.difference
    lines = [f"FAIL at step {difference.step}: {difference.what}"]
    lines += [f"  {name:9} {shown}" for name, shown in _both(verdict, difference)]
    lines += [f"  {'why' if number == 0 else '':9} {reason}" for number, reason in enumerate(verdict.reasons)]
    return "\n".join([*lines, f"  {comparison.equal}/{comparison.steps} steps before it are equal"])


def save(verdict: Verdict, file: Path) -> None:
    """Write ``parity.json``: the verdict, both sides, and the first difference."""
    file.write_text(json.dumps(as_data(verdict), indent=2) + "\n", encoding="utf-8")


def save_error(message: str, file: Path) -> None:
    """Write ``parity.json`` for a comparison that could not be made."""
    file.write_text(json.dumps({"schema": 1, "status": "ERROR", "reasons": [message]}, indent=2) + "\n")


def as_data(verdict: Verdict) -> dict[str, Any]:
    comparison = verdict.comparison
    difference = comparison.difference if comparison is not None else None
    return {
        "schema": 1,
        "status": verdict.status,
        "tolerance": verdict.tolerance,
        "steps": len(verdict.tapes[0].losses),
        "equal": comparison.equal if comparison is not None else None,
        "difference": asdict(difference) if difference is not None else None,
        "reasons": verdict.reasons,
        "notes": comparison.notes if comparison is not None else [],
        "sides": [
            {"name": name, "command": tape.command, "status": tape.status, **tape.facts}
            for name, tape in zip(verdict.names, verdict.tapes, strict=False)
        ],
    }


def _equal(verdict: Verdict) -> str:
    assert verdict.comparison is not None
    tape = verdict.tapes[0]
    count = verdict.comparison.steps
    evaluated = sum(event.is_evaluation for event in tape.events)
    also = f", {evaluated} evaluated batches" if evaluated else ""
    if verdict.tolerance:
        how = f"equal within {verdict.tolerance:g}"
        return f"{count}/{count} losses and learning rates{also} {how}; the random numbers are equal"
    steps = any(event.kind == "step" for event in tape.events)
    what = "losses, RNG states, learning rates and gradient norms" if steps else "losses and RNG states"
    epochs = tape.facts["epochs"]
    passes = f" in {epochs} epoch{'s' * (epochs > 1)}" if epochs else ""
    return (
        f"{count}/{count} {what}{passes}{also} equal to the last bit; {len(tape.weights)} final weights equal"
    )


def _both(verdict: Verdict, difference: Difference) -> list[tuple[str, str]]:
    found = []
    for name, event, tape in zip(
        ("original", "other"), (difference.original, difference.other), verdict.tapes, strict=True
    ):
        where = place(event, tape, difference.step)
        found.append((name, f"{where:30} {_value(event, difference.what)}".rstrip()))
    return found


def _value(event: Event | None, what: str) -> str:
    if event is None:
        return "" if what == "final weights" else "nothing here"
    data = event.data
    if event.kind == "backward":
        return f"loss {', '.join(map(_number, data['loss']))}"
    if event.kind == "step":
        return (
            f"learning rate {', '.join(map(_number, data['lr']))}, gradient norm {_number(data['gradient'])}"
        )
    if event.kind == "loss":
        return f"{data['function']} {_number(data['value'])}"
    return f"output {data.get('output')}"


def _number(exact: str) -> str:
    return exact if exact.startswith("crc") else f"{exact} ({float.fromhex(exact):.6g})"
