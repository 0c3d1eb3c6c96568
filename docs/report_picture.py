"""Draws docs/assets/report.png, the report of a real sweep: python docs/report_picture.py

It trains 24 runs, takes some minutes, and needs the extras ``dev`` and a Chromium.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

BIN = Path(sys.executable).parent
PNG = Path(__file__).parent / "assets" / "report.png"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWEEP = (
    "experiment=digits",
    "callbacks=model_checkpoint",
    "trainer.max_epochs=5",
    "model.optimizer.lr=0.0003,0.001,0.003,0.03",
    "model.net.hidden_sizes=[32],[128],[128,128]",
    "data.batch_size=32,128",
    "extras.print_config=false",
)


def sweep(project: Path) -> None:
    """Make a project and train the runs."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([BIN / "hydra-lightning", "new", project], check=True)
    train = [sys.executable, "lightning_classes/train.py", "-m", *SWEEP]
    subprocess.run(train, cwd=project, env=environment, check=True)


def draw(project: Path) -> None:
    """Write the report of a project's runs and a picture of it."""
    subprocess.run([BIN / "hydra-lightning", "runs", "report", "--title", "Digits"], cwd=project, check=True)
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(120_000)
        page.goto((project / "report.html").resolve().as_uri())
        page.wait_for_selector("body[data-drawn]")
        page.screenshot(path=PNG, full_page=True)
        browser.close()
    with Image.open(PNG) as picture:
        # So many colours are enough, and make it a third of the size.
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(PNG, optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sweep(Path(folder) / "digits")
        draw(Path(folder) / "digits")
