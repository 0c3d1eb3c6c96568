"""What was measured, as Markdown."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from runs import Question, runs_table
from startup import Startup
from steps import Steps

BEGIN = "<!-- benchmarks: written by make benchmark -->"
END = "<!-- end of benchmarks -->"
VERSIONS = ("hydra-lightning", "lightning", "torch", "hydra-core", "torchmetrics")


@dataclass(frozen=True)
class Machine:
    """Where and with what it was measured."""

    processor: str
    cores: int
    system: str
    python: str
    versions: dict[str, str]
    load: float
    day: str

    @classmethod
    def this(cls, load: float) -> Machine:
        """This machine; ``load`` is its load average before the measurement."""
        return cls(
            processor=_processor(),
            cores=os.cpu_count() or 0,
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            versions={name: importlib.metadata.version(name) for name in VERSIONS},
            load=load,
            day=date.today().isoformat(),
        )

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"Measured on {self.day}: {self.processor}, {self.cores} cores, {self.system}, one thread, "
            f"Python {self.python}, {versions}. Load average before: {self.load:.1f}."
        )


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", file.read_text()) if file.exists() else None
    return found[1] if found else platform.processor() or "unknown processor"


def startup_table(startups: list[Startup]) -> str:
    """One row a command; the ratio is to the plain PyTorch script."""
    plain = next(startup for startup in startups if startup.name.startswith("plain"))
    lines = [
        "| from the start of the process to | seconds | ratio | range |",
        "| --- | --: | --: | --: |",
    ]
    for startup in startups:
        lines.append(
            f"| {startup.name} | {startup.median:.2f} | {startup.median / plain.median:.2f} "
            f"| {min(startup.seconds):.2f} – {max(startup.seconds):.2f} |"
        )
    return "\n".join(lines)


def answers_table(answers: list[Startup]) -> str:
    """One row a command; the ratio is to ``import torch``."""
    torch = answers[0]
    lines = ["| command | seconds | ratio | range |", "| --- | --: | --: | --: |"]
    for answer in answers:
        lines.append(
            f"| {answer.name} | {answer.median:.2f} | {answer.median / torch.median:.2f} "
            f"| {min(answer.seconds):.2f} – {max(answer.seconds):.2f} |"
        )
    return "\n".join(lines)


def steps_table(steps: list[Steps]) -> str:
    """One row a way to train; the ratio is to the plain PyTorch loop."""
    plain = steps[0]
    lines = ["| training loop | ms a step | ratio | range | ms an epoch |", "| --- | --: | --: | --: | --: |"]
    for way in steps:
        lines.append(
            f"| {way.name} | {way.median * 1e3:.2f} | {way.median / plain.median:.2f} "
            f"| {min(way.step) * 1e3:.2f} – {max(way.step) * 1e3:.2f} | {way.median_epoch * 1e3:.0f} |"
        )
    return "\n".join(lines)


def readme_table(startups: list[Startup], steps: list[Steps]) -> str:
    """The two comparisons in one small table."""
    script, project = startups[-2], startups[-1]
    plain, bare, whole = steps[0], steps[3], steps[-1]
    return "\n".join(
        [
            "| digits MLP, one CPU thread | plain PyTorch | `Trainer`, no callbacks | new project, as it is |",
            "| --- | --: | --: | --: |",
            f"| process start to first training step | {script.median:.1f} s | | {project.median:.1f} s |",
            f"| one training step | {plain.median * 1e3:.2f} ms | {bare.median * 1e3:.2f} ms "
            f"| {whole.median * 1e3:.2f} ms |",
        ]
    )


def with_table(readme: str, table: str) -> str:
    """``readme`` with ``table`` between the two markers; ValueError when they are not there."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md has no {BEGIN} and {END}, so there is no place for the table.")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def page(
    machine: Machine,
    startups: list[Startup],
    answers: list[Startup],
    questions: list[Question],
    conversions: str,
    steps: list[Steps],
) -> str:
    """docs/benchmarks.md."""
    return f"""# Benchmarks

This page is written by `make benchmark` (`benchmarks/run.py`) as measured.

{machine}

## Start

Each row is a fresh process with a warm file cache. The rows take turns; the figures are medians of
{len(startups[0].seconds)} rounds. The clock stops when the imports or the first optimizer step are done. What
`import lightning.pytorch` takes depends on what else is installed: torchmetrics imports transformers where it is there.

{startup_table(startups)}

`train.py` composes the configs, opens the run folder, imports Lightning and runs Lightning's sanity check of the
validation loop before its first step. The plain script does none of this.

## Answers without training

Each row is a whole process, from its start to its end, with a warm file cache. The rows take turns; the figures are
medians of {len(answers[0].seconds)} rounds. None of them but the first imports torch. A cold check reads the signatures
of all targets from the source of their packages; a warm one finds them in a cache, which is per user.

{answers_table(answers)}

## Questions about runs

Run folders with the `run.json` and `config.yaml` of a training of the digits example, each with its own learning rate,
width, seed and metrics. A row is a whole process, with a warm file cache; the figures are medians of
{len(questions[0].seconds)} rounds, fewer where there is no index yet, which is made then. The filters are
`model.optimizer.lr<1e-3`, `metrics.val/acc>0.9` and `status=completed`. The plain program reads the records alone,
and knows no settings. The last column is the time of the processor, which other processes disturb less.

{runs_table(questions)}

## Conversion

The first rows are the median steps of three programs, each alone and under the recorder; the ratio is to the step
alone. Both run in one process, twenty steps of one and then twenty of the other; the figures are medians of
{len(steps[0].step)} processes. What the recorder adds grows with the number and the size of the gradients, of which
it takes the norm, and with the batch, of which it takes a checksum. The others are whole processes: a conversion
runs the script once and what it wrote once, and the ratio is to both together. The script is
`tests/corpus/scripts/accelerate_text/train_lm.py`; recordings are cut after two epochs.

{conversions}

## Step

The MLP of the digits example, 64-64-128-64-10 with batch norm, batches of 64, Adam, the same data in
every row. All rows run in one process and take turns; the figures are medians of {len(steps[0].step)} rounds. A step
includes the loading of its batch. An epoch is 20 steps, the validation of 180 images and, in the last two rows, the
checkpoints and the record of the run.

{steps_table(steps)}

The step of this MLP is so short that what surrounds it shows.
The progress bar writes to a file here, not to a terminal.
"""
