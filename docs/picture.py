"""Draws docs/assets/terminal.svg from a real session: python docs/picture.py

Everything is as printed, but for the log lines of Lightning, which are left out.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = (
    "hydra-lightning new my-project",
    "cd my-project",
    "python lightning_classes/train.py experiment=digits callbacks=model_checkpoint extras.print_config=false",
    "python lightning_classes/eval.py run=@last mode=predict extras.print_config=false",
    "ls -A logs/train/runs/*",
)
SVG = Path(__file__).parent / "assets" / "terminal.svg"
WIDTH = 112
LOG_LINE = re.compile(r"^\[\d{4}-\d\d-\d\d ")


def draw() -> None:
    """Run the commands in a new folder and write the picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": str(WIDTH),
        "OMP_NUM_THREADS": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            if command.startswith("cd "):
                here = here / command.removeprefix("cd ")
                continue
            done = subprocess.run(
                command, shell=True, cwd=here, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            for line in done.stdout.rstrip().splitlines():
                if not LOG_LINE.match(line):
                    console.print(Text.from_ansi(line.rstrip()))
    SVG.parent.mkdir(exist_ok=True)
    SVG.write_text(_without_fonts_from_the_network(console.export_svg(title="hydra-lightning")))


def _without_fonts_from_the_network(svg: str) -> str:
    return re.sub(r"@font-face \{.*?\n    \}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    draw()
