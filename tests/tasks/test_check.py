"""The strict check of whole projects, and of a run before it starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from processes import TINY, run_afresh, run_script, runs_in

import hydra_lightning
from hydra_lightning.config.problems import Problem, report
from hydra_lightning.errors import ConfigError
from hydra_lightning.scaffold.new import BARE, EXAMPLES, new_project
from hydra_lightning.tasks.check import check_everything, check_overrides

TEMPLATE = Path(__file__).parent.parent / "fixtures" / "template_project"


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("check") / "project", request.param).root


def test_no_config_that_ships_has_a_problem(example: Path) -> None:
    found = check_everything(example)
    assert {"train.yaml", "eval.yaml"} < set(found)
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_every_experiment_debug_option_and_search_is_composed_with_every_main_config(
    shared_project: Path,
) -> None:
    found = check_everything(shared_project)
    for group in ("experiment", "debug", "hparams_search"):
        for file in (shared_project / "configs" / group).glob("*.yaml"):
            assert f"train.yaml {group}={file.stem}" in found
            assert f"eval.yaml +{group}={file.stem}" in found


OPTIONS = [
    f"{file.parent.name}={file.stem}"
    for group in ("callbacks", "logger", "trainer", "debug")
    for file in (Path(hydra_lightning.__file__).parent / "scaffold/files/base/configs" / group).glob("*.yaml")
]


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_no_option_of_a_group_has_a_problem(shared_project: Path, option: str) -> None:
    problems = check_overrides(shared_project, [option])
    assert [problem for problem in problems if "is not installed" not in problem.message] == []


@pytest.mark.parametrize(
    "overrides",
    [
        ["logger=[csv,tensorboard,mlflow,wandb]"],
        ["trainer=ddp_sim", "model/net=cnn", "data=fashion_mnist"],
        ["+trainer.limit_train_batches=0.5", "+trainer.limit_val_batches=3"],
        ["trainer.devices=[0,1]", "+trainer.strategy=ddp_find_unused_parameters_true"],
        ["trainer.precision=16-mixed", "trainer.deterministic=warn", "+trainer.profiler=simple"],
        ["+trainer.max_time={hours: 1}"],
        ["+trainer.max_time='00:01:00:00'"],
        ["model.optimizer._target_=torch.optim.SGD", "+model.optimizer.momentum=0.9"],
        ["model.scheduler=null", "model.lr_scheduler_config=null", "callbacks=none", "~logger"],
        ["seed=null", "ckpt_path=a.ckpt", "+weights_only=false", "add_tags=a", "tags=[1]"],
        ["experiment=digits", "debug=fdr"],
        ["hydra.job.name=x", "hydra.run.dir=here", "+hydra.job.env_set.A=b"],
        ["+model.optimizer.betas=[0.9,0.99]", "data.num_workers=${cpu_count:2}"],
        ["+callbacks.timer={_target_: lightning.pytorch.callbacks.Timer, duration: '00:01:00:00'}"],
        ["callbacks.early_stopping=null"],
        ["paths.data_dir=/somewhere"],
    ],
)
def test_what_people_type_is_no_problem(shared_project: Path, overrides: list[str]) -> None:
    assert check_overrides(shared_project, overrides) == []


def test_a_project_of_the_template_s_layout_has_no_errors(tmp_path: Path) -> None:
    project = Path(shutil.copytree(TEMPLATE, tmp_path / "project"))
    assert check_overrides(project, ["experiment=example"], "train.yaml") == [
        Problem(
            f"logger.{name}",
            "has no _target_, so it is left out.",
            "configs/experiment/example.yaml",
            line,
            level="warning",
        )
        for name, line in (("wandb", 30), ("aim", 33))
    ]


def test_a_key_that_the_project_s_code_reads_is_no_problem(project: Path) -> None:
    script = project / "lightning_classes" / "train.py"
    script.write_text(script.read_text().replace("return hydra", "print(cfg.greeting)\n    return hydra"))
    assert check_overrides(project, ["+greeting=hello"]) == []
    assert len(check_overrides(project, ["+greting=hello"])) == 1


def test_a_key_that_another_one_refers_to_is_no_problem(project: Path) -> None:
    assert check_overrides(project, ["+width=64", "model.net.hidden_sizes=['${width}']"]) == []
    assert check_overrides(project, ["+paths.cache=x", "paths.data_dir='${.cache}/a'"]) == []
    assert check_overrides(project, ["+paths.cache=x", "paths.data_dir='${paths.cach}/a'"]) != []


def test_a_resolver_of_the_project_is_no_problem(project: Path) -> None:
    override = "data.batch_size='${half:64}'"
    assert "Unsupported interpolation type half" in check_overrides(project, [override])[0].message
    script = project / "lightning_classes" / "train.py"
    script.write_text(
        "from omegaconf import OmegaConf\n"
        "OmegaConf.register_new_resolver('half', lambda x: int(x) // 2)\n" + script.read_text()
    )
    assert check_overrides(project, [override]) == []


def test_own_classes_are_read_anew_after_a_change(project: Path) -> None:
    net = project / "lightning_classes" / "models" / "components" / "mlp.py"
    assert len(check_overrides(project, ["+model.net.dropout=0.1"])) == 1
    net.write_text(
        net.read_text().replace("output_size: int = 10\n", "output_size: int = 10, dropout: float = 0.0\n")
    )
    assert check_overrides(project, ["+model.net.dropout=0.1"]) == []
    assert len(check_overrides(project, ["+model.net.dropout=much"])) == 1


def test_a_bare_project_lacks_data_and_model_only(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", BARE).root
    assert {problem.key for problem in check_overrides(project)} == {"data", "model"}
    assert all(problems == [] for problems in check_everything(project).values())


def test_a_folder_without_configs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        check_overrides(tmp_path)


def test_the_report_has_files_first_and_the_command_line_last() -> None:
    problems = [
        Problem("b.c", "is wrong", "command line", override="b.c=1"),
        Problem("late", "is late", "configs/z.yaml", 12),
        Problem("early", "is early", "configs/z.yaml", 3, signature="pkg.f(early)"),
        Problem("a", "may be wrong", "configs/a.yaml", 1, level="warning"),
    ]
    assert report(problems, "nothing was started").splitlines() == [
        "3 problems and 1 warning, nothing was started",
        "",
        "configs/a.yaml",
        "    1  a  warning: may be wrong",
        "",
        "configs/z.yaml",
        "    3  early  is early",
        "       it takes  pkg.f(early)",
        "   12  late   is late",
        "",
        "command line",
        "       b.c=1  is wrong",
    ]


def test_a_run_with_problems_says_them_all_and_leaves_nothing(project: Path) -> None:
    (project / "configs" / "experiment" / "big.yaml").write_text(
        "# @package _global_\ntrainr:\n  max_epochs: 99\nmodel:\n  optimizer:\n    weight_decy: 0.1\n"
    )
    for script in ("train.py", "eval.py"):
        experiment = "experiment=big" if script == "train.py" else "+experiment=big"
        done = run_script(project, script, experiment, "trainer.max_epochs=ten", "ckpt_path=a.ckpt")
        assert done.returncode == 1
        assert done.stderr.startswith(
            "\n3 problems, nothing was started\n\nconfigs/experiment/big.yaml\n    2  trainr"
        )
        assert "    6  model.optimizer.weight_decy" in done.stderr
        assert "command line\n       trainer.max_epochs=ten" in done.stderr
        assert "Traceback" not in done.stderr
    assert not list((project / "logs").rglob("*.json"))
    assert runs_in(project) == []


def test_torch_is_not_imported_for_a_config_with_problems(project: Path) -> None:
    script = project / "lightning_classes" / "train.py"
    script.write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print('IMPORTED', {'torch', 'lightning', 'griffe'} & set(sys.modules)))\n"
        + script.read_text()
    )
    done = run_afresh(project, "train.py", "trainer.max_epochs=ten")
    assert done.returncode == 1
    assert "IMPORTED set()" in done.stdout


def test_without_strict_a_run_starts_with_warnings(project: Path) -> None:
    done = run_script(project, "train.py", *TINY, "strict=false", "+learning_rate=0.1")
    assert done.returncode == 0, done.stderr
    assert "1 warning\n\ncommand line\n       +learning_rate=0.1  warning: no such key" in done.stderr
    assert len(runs_in(project)) == 1


def test_without_strict_what_cannot_run_still_stops(project: Path) -> None:
    done = run_script(project, "train.py", "strict=false", "data.batch_size=???")
    assert done.returncode == 1
    assert "data.batch_size=???  needs a value" in done.stderr
