"""Measures start-up, answers and time per step, and publishes them: python benchmarks/run.py [--quick] [--to FOLDER]

Writes docs/benchmarks.md and the table in README.md, below the repository or below FOLDER.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from answers import measure_answers
from report import Machine, page, readme_table, with_table
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

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        startups = measure_startup(Path(folder) / "startup", repetitions)
        answers = measure_answers(Path(folder) / "answers", repetitions)
        steps = measure_steps(Path(folder) / "steps", repetitions, epochs)

    table = readme_table(startups, steps)
    docs = arguments.to / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "benchmarks.md").write_text(page(Machine.this(load), startups, answers, steps), encoding="utf-8")
    readme = with_table((ROOT / "README.md").read_text(encoding="utf-8"), table)
    (arguments.to / "README.md").write_text(readme, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
