"""``train.py`` keeps the whole of Hydra's command line, from any folder, and answers mistakes in one message."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import TINY, environment, record, run_afresh, run_script, runs_in


def test_help_lists_the_groups(shared_project: Path) -> None:
    done = run_script(shared_project, "train.py", "--help")
    assert done.returncode == 0
    assert "experiment: " in done.stdout
    assert "trainer: cpu, ddp, ddp_sim, default, fsdp, gpu, mps" in done.stdout


def test_cfg_job_prints_the_composed_config(shared_project: Path) -> None:
    done = run_script(
        shared_project, "train.py", "--cfg", "job", "trainer.max_epochs=7", "--package", "trainer"
    )
    assert done.returncode == 0, done.stderr
    assert "max_epochs: 7" in done.stdout


def test_info_shows_the_search_path(shared_project: Path) -> None:
    done = run_script(shared_project, "train.py", "--info", "searchpath")
    assert done.returncode == 0, done.stderr
    assert f"file://{shared_project}/configs" in done.stdout


def test_config_dir_adds_options(shared_project: Path, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "outside.yaml").write_text("# @package _global_\nseed: 77\n")
    done = run_script(
        shared_project, "train.py", "--config-dir", str(tmp_path), "experiment=outside", "--cfg", "job"
    )
    assert done.returncode == 0, done.stderr
    assert "seed: 77" in done.stdout


@pytest.mark.parametrize(
    ("typed", "completions"),
    [("trainer=d", {"trainer=ddp", "trainer=ddp_sim", "trainer=default"}), ("debug=f", {"debug=fdr"})],
)
def test_tab_completion_in_bash(shared_project: Path, typed: str, completions: set[str]) -> None:
    session = f"""
        eval "$(python lightning_classes/train.py -sc install=bash)"
        COMP_LINE="python lightning_classes/train.py {typed}"
        COMP_POINT=${{#COMP_LINE}}
        COMP_CWORD=2
        hydra_bash_completion
        echo "${{COMPREPLY[@]}}"
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", session],
        env=environment(PATH=path),
        cwd=shared_project,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert set(done.stdout.split()) == completions, done.stderr


def test_looking_at_configs_writes_nothing(project: Path) -> None:
    before = sorted(project.rglob("*"))
    for flags in (["--help"], ["--cfg", "all"], ["--info"]):
        run_afresh(project, "train.py", *flags)
    assert sorted(project.rglob("*")) == before


def test_a_stale_project_root_of_another_project_does_not_matter(shared_project: Path) -> None:
    done = run_script(
        shared_project,
        "train.py",
        "--cfg",
        "job",
        "--resolve",
        "--package",
        "paths.root_dir",
        env={"PROJECT_ROOT": "/another"},
    )
    assert str(shared_project) in done.stdout + done.stderr


MISTAKES = {
    "experiment=digts": ["no option 'digts' in group experiment", "Did you mean digits?"],
    "modle=digits": ["modle=digits  no such key. Did you mean model?"],
    "trainer.max_epoch=3": ["trainer.max_epoch=3  no such key. Did you mean max_epochs?"],
    "tags=[a": ["'tags=[a' is not an override"],
    "data.batch_size=???": ["data.batch_size", "???"],
    "+data.num_worker=3": ["+data.num_worker=3  ", "Did you mean num_workers?", "it takes"],
    "model.net._target_=lightning_classes.models.components.mlp.MPL": ["has no 'MPL'", "Did you mean MLP?"],
    "model.net._target_=os.getcwd": ["package 'os'", "extras.trusted"],
    "paths.data_dir=${nowhere}": ["paths.data_dir", "nowhere"],
    "ckpt_path=gone.ckpt": ["gone.ckpt"],
    "trainer.accelerator=gpuu": ["trainer: ", "gpuu"],
    "optimized_metric=val/accuracy": ["optimized_metric", "Did you mean val/acc"],
    "callbacks.model_checkpoint.monitor=val/accc": ["val/accc"],
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_is_one_clear_message(override: str, project: Path) -> None:
    done = run_script(project, "train.py", *TINY, override)
    assert done.returncode in (1, 2), done.stdout
    for part in MISTAKES[override]:
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    # Either it was a run, and is recorded as failed, or nothing is left of it.
    assert [record(run)["status"] for run in runs_in(project)] in ([], ["failed"])


def test_the_full_error_is_shown_on_request(shared_project: Path) -> None:
    done = run_script(shared_project, "train.py", "experiment=digts", env={"HYDRA_FULL_ERROR": "1"})
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_config_that_is_not_yaml_names_file_and_line(project: Path) -> None:
    (project / "configs" / "experiment" / "bad.yaml").write_text(
        "# @package _global_\nmodel:\n  a: [1\n  b: 2\n"
    )
    done = run_script(project, "train.py", "experiment=bad")
    assert done.returncode == 1
    assert "configs/experiment/bad.yaml\n    4    not YAML" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_local_config_is_used_and_stays_out_of_git(project: Path) -> None:
    (project / "configs" / "local" / "default.yaml").write_text("# @package _global_\nseed: 5\n")
    assert "seed: 5" in run_script(project, "train.py", "--cfg", "job").stdout
    subprocess.run(["git", "init", "-q", str(project)], check=True, env=os.environ)
    ignored = subprocess.run(
        [
            "git",
            "-C",
            str(project),
            "check-ignore",
            "configs/local/default.yaml",
            "logs/x",
            "data/x",
            "model/x",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(ignored.stdout.split()) == 4


def test_debug_wins_over_the_experiment(project: Path) -> None:
    (project / "configs" / "experiment" / "long.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /callbacks: ema\ntrainer:\n  max_epochs: 99\n"
    )
    shown = run_script(project, "train.py", "experiment=long", "debug=default", "--cfg", "job").stdout
    assert "max_epochs: 1\n" in shown
    assert "callbacks: null" in shown
    assert "logger: null" in shown
