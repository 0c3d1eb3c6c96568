"""How long questions about many runs take: python benchmarks/runs.py [--counts N ...] [--repetitions N]"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hydra_lightning.runs.index import INDEX_FILE
from hydra_lightning.scaffold.new import new_project

HERE = Path(__file__).parent
FILTERS = ("model.optimizer.lr<1e-3", "metrics.val/acc>0.9", "status=completed")
# What a notebook does: the program to beat, without the settings, which are in another file.
PLAIN = """
import json, sys
from pathlib import Path
runs = [json.loads(file.read_bytes()) for file in Path(sys.argv[1]).glob("*/runs/*/run.json")]
print(sum(run["metrics"].get("val/acc", 0) > 0.9 and run["status"] == "completed" for run in runs))
"""
COMMAND = "from hydra_lightning.cli import main; main()"
PYTHON = """
import sys, time
from pathlib import Path
start = time.perf_counter()
from hydra_lightning.runs.select import select
runs = select(Path(sys.argv[1]), sys.argv[2:])
print(len(runs), time.perf_counter() - start)
"""


@dataclass
class Question:
    """What was measured of one question.

    Attributes:
        name: what is asked, and in which state of the index.
        runs: of how many runs.
        seconds: from the start of the process to its end, one a repetition.
        processor: user and system time of the process, one a repetition.
    """

    name: str
    runs: int
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measure_runs(
    folder: Path, repetitions: int, counts: tuple[int, ...] = (10_000, 100_000)
) -> list[Question]:
    """Ask a project with as many runs as each of ``counts`` says.

    From nothing is asked once for every three repetitions of the others, and only of the first count.

    Args:
        folder: where a project with the digits example is written.
        repetitions: how often each question is timed.
        counts: how many runs there are.
    """
    project = new_project(folder / "project", "digits").root
    logs = project / "logs"
    template = _one_run(project)
    found = []
    written = 0
    for count in counts:
        write_runs(template, logs / "train" / "runs", written, count)
        written = count
        found += _ask(project, count, repetitions)
    return found


def write_runs(template: tuple[str, str, str], parent: Path, first: int, end: int) -> None:
    """Folders with the ``run.json`` and ``config.yaml`` of a real run, each with its own lr, seed and results."""
    name, record_text, config_text = template
    draw = random.Random(first)
    start = datetime(2026, 1, 1)
    statuses = ["completed"] * 17 + ["failed", "interrupted", "pruned"]
    old = time.time() - 3600
    for number in range(first, end):
        own = f"{start + timedelta(minutes=number):%Y-%m-%d_%H-%M-%S}_{_base36(number)}"
        folder = parent / own
        folder.mkdir(parents=True)
        lr, width = round(10 ** draw.uniform(-5, 0), 7), draw.choice([32, 64, 128, 256])
        record = json.loads(record_text)
        record["id"] = own
        record["created"] = (
            (start + timedelta(minutes=number)).astimezone().isoformat(timespec="milliseconds")
        )
        record["status"] = draw.choice(statuses)
        record["seed"] = number % 10
        record["overrides"] = [f"model.optimizer.lr={lr}", f"model.net.hidden_sizes=[{width}]"]
        record["metrics"] = {metric: draw.random() for metric in record["metrics"]}
        record["best"]["value"] = draw.random()
        config = config_text.replace(name, own).replace("lr: 0.001", f"lr: {lr!r}")
        config = config.replace("seed: 42", f"seed: {number % 10}").replace("- 128\n", f"- {width}\n")
        for file, text in (("run.json", json.dumps(record, indent=2)), ("config.yaml", config)):
            (folder / file).write_text(text)
            os.utime(folder / file, (old, old))


def _base36(number: int) -> str:
    text = ""
    for _ in range(4):
        number, digit = divmod(number, 36)
        text = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + text
    return text


def _one_run(project: Path) -> tuple[str, str, str]:
    """Name, ``run.json`` and ``config.yaml`` of a training of the digits example, which is removed."""
    command = [
        sys.executable,
        "lightning_classes/train.py",
        "trainer.max_epochs=1",
        "extras.print_config=false",
    ]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (folder,) = (project / "logs" / "train" / "runs").iterdir()
    texts = (folder / "run.json").read_text(), (folder / "config.yaml").read_text()
    folder.rename(project / "template")
    return folder.name, *texts


def _ask(project: Path, count: int, repetitions: int) -> list[Question]:
    logs = project / "logs"
    listing = ["-c", COMMAND, "runs", "list", "--project", str(project)]
    command = [sys.executable, *listing, *FILTERS]
    plain = Question("a plain program that reads every `run.json`", count)
    cold = Question("`runs list` with three filters, no index", count)
    warm = Question("`runs list` with three filters", count)
    newest = Question("`runs list`, the newest", count)
    python = Question("`select` with three filters in Python, without its start", count)
    for repetition in range(repetitions + 1):
        if repetition % 3 == 0:
            (logs / INDEX_FILE).unlink(missing_ok=True)
            _time(cold, command)
        counted = repetition > 0
        _time(plain if counted else Question("", 0), [sys.executable, "-c", PLAIN, str(logs)])
        _time(warm if counted else Question("", 0), command)
        _time(newest if counted else Question("", 0), [sys.executable, *listing])
        asked = [sys.executable, "-c", PYTHON, str(logs), *FILTERS]
        seconds = float(_time(Question("", 0), asked).split()[1])
        if counted:
            python.seconds.append(seconds)
    return [plain, cold, warm, newest, python]


def _time(question: Question, command: list[str]) -> str:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    question.seconds.append(time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    question.processor.append(used)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def runs_table(questions: list[Question]) -> str:
    """One row a question; the ratio is to the plain program with as many runs."""
    lines = [
        "| runs | question | seconds | ratio | range | processor |",
        "| --: | --- | --: | --: | --: | --: |",
    ]
    plain = {question.runs: question.median for question in questions if question.name.startswith("a plain")}
    for question in questions:
        used = f"{statistics.median(question.processor):.2f}" if question.processor else ""
        lines.append(
            f"| {question.runs:,} | {question.name} | {question.median:.2f} "
            f"| {question.median / plain[question.runs]:.2f} "
            f"| {min(question.seconds):.2f} – {max(question.seconds):.2f} | {used} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--repetitions", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(runs_table(measure_runs(Path(folder), arguments.repetitions, tuple(arguments.counts))))


if __name__ == "__main__":
    main()
