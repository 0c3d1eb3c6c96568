"""Measures start-up, answers, questions and time per step: python benchmarks/run.py [--quick] [--to FOLDER]

Writes docs/benchmarks.md and the table in README.md, below the repository or below FOLDER.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from answers import measure_answers
from conversions import conversions_table, measure_conversion, measure_recorder
from report import Machine, page, readme_table, with_table
from runs import measure_runs
from startup import measure_startup
from steps import measure_steps

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short repetition, to see that it works")
    parser.add_argument(
        "--to", type=Path, default=ROOT, help="where README.md and docs/benchmarks.md are written"
    )
    arguments = parser.parse_args()
    repetitions, epochs = (1, 1) if arguments.quick else (9, 10)
    counts = (20, 40) if arguments.quick else (10_000, 100_000)

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        startups = measure_startup(Path(folder) / "startup", repetitions)
        answers = measure_answers(Path(folder) / "answers", repetitions)
        questions = measure_runs(Path(folder) / "runs", repetitions, counts)
        conversions = conversions_table(
            measure_recorder(repetitions),
            measure_conversion(Path(folder).resolve() / "conversion", min(repetitions, 5)),
        )
        steps = measure_steps(Path(folder) / "steps", repetitions, epochs)

    table = readme_table(startups, steps)
    docs = arguments.to / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    text = page(Machine.this(load), startups, answers, questions, conversions, steps)
    (docs / "benchmarks.md").write_text(text, encoding="utf-8")
    readme = with_table((ROOT / "README.md").read_text(encoding="utf-8"), table)
    (arguments.to / "README.md").write_text(readme, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
