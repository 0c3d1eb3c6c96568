"""What a user sees of a finished run in trackio's dashboard, started as the docs say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import PAINTED, browser_page
from processes import TINY, environment, run_script, runs_in


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """The address of ``TRACKIO_DIR=folder trackio show --project train``."""
    command = [Path(sys.executable).parent / "trackio", "show", "--project", "train"]
    quiet = environment(TRACKIO_DIR=str(folder), BROWSER="true", HF_HUB_OFFLINE="1")
    server = subprocess.Popen(
        command, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
    )
    assert server.stdout is not None
    try:
        printed = ""
        for line in server.stdout:
            printed += line
            if found := re.search(r"launched at: (http://\S+?)\x1b", line):
                yield found[1]
                return
        pytest.fail(f"no dashboard was started:\n{printed}")
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_a_finished_run_is_in_the_dashboard_with_its_curves(project: Path) -> None:
    pytest.importorskip("trackio")
    with browser_page() as page:
        done = run_script(project, "train.py", *TINY, "logger=trackio", "trainer.log_every_n_steps=1")
        assert done.returncode == 0, done.stderr
        (run,) = runs_in(project)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        with dashboard(project / "logs" / "trackio") as address:
            page.goto(address)
            curves = page.locator("canvas")
            curves.first.wait_for(timeout=30_000)
            page.get_by_text("acc_best", exact=True).wait_for(timeout=30_000)
            text = page.inner_text("body")
            assert run.name in text
            for section, metrics in {"train": 2, "val": 3, "test": 2}.items():
                assert f"{section} ({metrics})" in text
            page.wait_for_timeout(500)
            colours = [curve.evaluate(PAINTED) for curve in curves.all()]
            assert colours
            assert min(colours) > 10, "a chart is empty"
    assert {request.split("/")[2] for request in requests if request.startswith("http")} == {
        address.split("/")[2]
    }
