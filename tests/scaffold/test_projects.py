"""A new project's own tests and notebook pass as they are, also from a wheel outside the repository."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from processes import TINY, environment, run_script

from hydra_lightning.scaffold.new import BARE, EXAMPLES, new_project

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parents[2]


def run(*command: object, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("example", [*EXAMPLES, BARE])
def test_the_tests_of_a_new_project_pass(example: str, tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", example).root
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", [*EXAMPLES, BARE])
def test_the_notebook_says_what_to_do_before_the_first_run(example: str, tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", example).root
    done = execute(next((project / "notebooks").glob("1.0-*.ipynb")))
    assert done.returncode != 0
    assert "train.py" in done.stdout + done.stderr


def test_the_notebook_loads_and_plots_a_run(project: Path) -> None:
    assert run_script(project, "train.py", *TINY).returncode == 0
    done = execute(next((project / "notebooks").glob("1.0-*.ipynb")))
    assert done.returncode == 0, done.stderr
    assert "image/png" in done.stdout


def execute(notebook: Path) -> "subprocess.CompletedProcess[str]":
    """Run every cell in a kernel of its own; prints the kinds of output that the cells gave."""
    code = (
        "import nbformat, nbclient, sys\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(notebook, timeout=120).execute()\n"
        "outputs = [output for cell in notebook.cells for output in cell.get('outputs', [])]\n"
        "print(*[kind for output in outputs for kind in output.get('data', [])])"
    )
    return run(sys.executable, "-c", code, notebook, cwd=notebook.parent)


def test_the_wheel_holds_every_file_of_a_project_and_writes_one(tmp_path: Path) -> None:
    built = run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        tmp_path,
        REPOSITORY,
        cwd=tmp_path,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = "import hydra_lightning, sys; from hydra_lightning.cli import main; print(hydra_lightning.__file__); main()"
    made = run(
        sys.executable, "-c", code, "new", "project", cwd=tmp_path, PYTHONPATH=str(tmp_path / "installed")
    )
    assert made.returncode == 0, made.stderr
    assert str(tmp_path / "installed") in made.stdout
    from_here = new_project(tmp_path / "here" / "project").root
    files = {file.relative_to(from_here) for file in from_here.rglob("*") if file.is_file()}
    assert {
        file.relative_to(tmp_path / "project") for file in (tmp_path / "project").rglob("*") if file.is_file()
    } == files
