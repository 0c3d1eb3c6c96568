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
# Steps of about ten milliseconds.
NETS = {
    "a convolutional network on 32 images of 28×28": (
        "torch.randn(32 * 100, 1, 28, 28)",
        "nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), "
        "nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 10)",
        32,
    ),
    "61 modules and 1.3 million parameters on 64 vectors": (
        "torch.randn(64 * 100, 256)",
        "*(each for _ in range(20) for each in (nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU())), "
        "nn.Linear(256, 10)",
        64,
    ),
    "an embedding of 20,000 × 128 on 64 texts": (
        "torch.randint(0, 20_000, (64 * 100, 32))",
        "nn.EmbeddingBag(20_000, 128), nn.Linear(128, 10)",
        64,
    ),
}
STEPS = """import sys, time
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = {data}
loader = DataLoader(TensorDataset(x, x.flatten(1)[:, :10].argmax(1)), batch_size={size})
net = nn.Sequential({net})
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(4):
    for images, labels in loader:
        sys.stdin.readline()
        start = time.perf_counter()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        print(time.perf_counter() - start, flush=True)
"""
STEPS_OF_A_PROGRAM, STEPS_TO_WARM_UP = 200, 20
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


def measure_recorder(folder: Path, repetitions: int) -> list[tuple[Cost, Cost]]:
    """The median steps of programs, by themselves and under the recorder.

    Both processes run at once and take each step in turns, so that what else the machine does slows both alike.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"root": str(folder), "seed": 0, "steps": None, "epochs": None, "seconds": None, "threads": 1}
    options = json.dumps(settings | {"earlier": [], "experiment": False})
    found = [(Cost(f"a step of {name}"), Cost("the same under the recorder")) for name in NETS]
    for number, (data, net, size) in enumerate(NETS.values()):
        (folder / f"steps_{number}.py").write_text(STEPS.format(data=data, net=net, size=size))
    for _ in range(repetitions):
        for number, costs in enumerate(found):
            program = str(folder / f"steps_{number}.py")
            recorder = ["-m", "hydra_lightning.parity.record", str(folder / "tape.json"), options, program]
            for cost, seconds in zip(costs, _in_turns([program], recorder), strict=True):
                cost.seconds.append(statistics.median(seconds[STEPS_TO_WARM_UP:]))
    return found


def _in_turns(*arguments: list[str]) -> list[list[float]]:
    """The seconds of each step of processes that take them in turns."""
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, *each], stdin=pipe, stdout=pipe, text=True, env=os.environ | ALIKE)
        for each in arguments
    ]
    found: list[list[float]] = [[] for _ in processes]
    for _ in range(STEPS_OF_A_PROGRAM):
        for process, seconds in zip(processes, found, strict=True):
            process.stdin.write("\n")
            process.stdin.flush()
            seconds.append(float(process.stdout.readline()))
    for process in processes:
        process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
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
        print(conversions_table(measure_recorder(place / "recorder", 9), measure_conversion(place, 5)))
