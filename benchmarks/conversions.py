"""What the recorder costs a step, and a conversion beside its recordings: python benchmarks/conversions.py"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from hydra_lightning.parity.sides import Experiment, Limits, Script, record
from hydra_lightning.scaffold.new import new_project

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests/corpus/scripts/accelerate_text/train_lm.py"
ARGUMENTS = ("--book", str(ROOT / "tests/corpus/data/persuasion.txt"))
NETS = (
    "a convolutional network on 32 images of 28×28",
    "61 modules and 1.3 million parameters on 64 vectors",
    "an embedding of 100,000 × 128 on 64 texts",
)
# Memory that is given back after each step and taken again makes the same program a fifth slower in some processes.
ALIKE = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}


@dataclass
class Cost:
    """What was measured, one figure a repetition, and the name of what it is compared with."""

    name: str
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measure_recorder(repetitions: int) -> list[tuple[Cost, Cost]]:
    """The median steps of programs, by themselves and under the recorder; each repetition is a process of its own."""
    found = [(Cost(f"a step of {name}"), Cost("the same under the recorder")) for name in NETS]
    for _ in range(repetitions):
        for number, costs in enumerate(found):
            command = [sys.executable, str(ROOT / "benchmarks" / "recorded.py"), str(number)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | ALIKE)
            for cost, seconds in zip(costs, json.loads(done.stdout), strict=True):
                cost.seconds.append(seconds)
    return found


def measure_conversion(folder: Path, repetitions: int) -> list[Cost]:
    """The two recordings that a conversion needs, and the conversion as a command, in turns."""
    lines = len(SCRIPT.read_text().splitlines())
    costs = [
        Cost("recording the script"),
        Cost("recording what is written of it"),
        Cost(f"`hydra-lightning convert` of {lines} lines"),
    ]
    project = new_project(folder / "project", "bare").root
    command = [sys.executable, "-c", "from hydra_lightning.cli import main; main()", "convert", str(SCRIPT)]
    command += ["--into", str(project), "--name", "measured", "--force", "--", *ARGUMENTS]
    subprocess.run(command, check=True, capture_output=True)
    for _ in range(repetitions):
        for cost, side in zip(
            costs, (Script(SCRIPT, ARGUMENTS), Experiment(project, ("experiment=measured",))), strict=False
        ):
            start = time.perf_counter()
            record(side, Limits(), 42)
            cost.seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        costs[-1].seconds.append(time.perf_counter() - start)
    return costs


def conversions_table(recorder: list[tuple[Cost, Cost]], conversion: list[Cost]) -> str:
    """Steps in ratio to the plain step, seconds in ratio to both recordings."""
    rows = [(cost, plain.median, 4) for plain, recorded in recorder for cost in (plain, recorded)]
    both = conversion[0].median + conversion[1].median
    rows += [(cost, both, 2) for cost in conversion]
    lines = ["| | seconds | ratio | range |", "| --- | --: | --: | --: |"]
    for cost, against, digits in rows:
        lines.append(
            f"| {cost.name} | {cost.median:.{digits}f} | {cost.median / against:.2f} "
            f"| {min(cost.seconds):.{digits}f} – {max(cost.seconds):.{digits}f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        place = Path(name).resolve()
        print(conversions_table(measure_recorder(9), measure_conversion(place, 5)))
