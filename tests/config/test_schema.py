"""JSON schemas of config files: what ships passes, what is broken does not."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from omegaconf import OmegaConf
from referencing import Registry, Resource
from typer.testing import CliRunner

from hydra_lightning.cli import app
from hydra_lightning.config.editor import parsed
from hydra_lightning.config.layout import options
from hydra_lightning.config.schema_types import value_schema
from hydra_lightning.config.signatures.model import Choice, Either, ListOf, Opaque, Plain, TupleOf
from hydra_lightning.errors import ConfigError
from hydra_lightning.scaffold.new import BARE, new_project
from hydra_lightning.tasks.schema import FOLDER, Schemas, schemas

FASHION = "lightning_classes.data.fashion_mnist_datamodule.FashionMNISTDataModule"
EXAMPLES = ("digits", "text", BARE)


class Project:
    """A project, its schemas, and what they say about a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.schemas = schemas(root)
        self.registry = Registry().with_resources(
            (f"file:///{name}", Resource.from_contents(json.loads(text)))
            for name, text in self.schemas.files.items()
        )

    def mistakes(self, name: str, content: Any) -> list[str]:
        validator = Draft7Validator({"$ref": f"file:///{name}.json"}, registry=self.registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]

    def names(self) -> list[str]:
        configs = self.root / "configs"
        return [
            file.relative_to(configs).with_suffix("").as_posix() for file in sorted(configs.rglob("*.yaml"))
        ]

    def content(self, name: str) -> Any:
        return OmegaConf.to_container(OmegaConf.load(self.root / "configs" / f"{name}.yaml"))


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    folder = tmp_path_factory.mktemp("projects")
    return {example: Project(new_project(folder / example, example).root) for example in EXAMPLES}


@pytest.fixture(scope="module")
def digits(projects: dict[str, Project]) -> Project:
    return projects["digits"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_config_that_ships_is_right(projects: dict[str, Project], example: str) -> None:
    project = projects[example]
    assert not project.schemas.broken
    assert len(project.names()) > 30
    for name in project.names():
        assert not project.mistakes(name, project.content(name)), name


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_config_that_ships_would_be_right_as_a_new_file(
    projects: dict[str, Project], example: str
) -> None:
    project = projects[example]
    for name in project.names():
        group = name.rpartition("/")[0]
        assert not group or not project.mistakes(f"{group}/_new", project.content(name)), name


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_schemas_are_schemas_and_cover_every_group(projects: dict[str, Project], example: str) -> None:
    project = projects[example]
    for text in project.schemas.files.values():
        Draft7Validator.check_schema(json.loads(text))
    expected = {f"{name}.json" for name in project.names()}
    expected |= {f"{group}/_new.json" for group in options(project.root / "configs")}
    assert set(project.schemas.matches) == expected
    assert set(project.schemas.files) == expected | {"targets.json"}


@pytest.mark.parametrize(
    ("name", "yaml", "place"),
    [
        # a misspelt key
        ("experiment/digits", "trainr: {max_epochs: 99}", "trainr"),
        ("experiment/_new", "modle: {}", "modle"),
        ("debug/fdr", "sead: 3", "sead"),
        ("hparams_search/digits_grid", "optimised_metric: a", "optimised_metric"),
        ("extras/default", "print_confg: true", "print_confg"),
        ("experiment/digits", "extras: {trustd: [a]}", "trustd"),
        ("paths/default", "data_dri: a", "data_dri"),
        ("hydra/default", "runn: {dir: a}", "runn"),
        ("hydra/default", "run: {folder: a}", "folder"),
        ("train", "hydra: {job: {chdirr: true}}", "chdirr"),
        # a misspelt argument
        ("experiment/digits", "trainer: {max_epoch: 99}", "max_epoch"),
        ("experiment/digits", "model: {optimizer: {weight_decy: 1}}", "weight_decy"),
        ("experiment/digits", "model: {net: {hidden: [1]}}", "hidden"),
        ("experiment/fashion_mnist", "model: {net: {hidden_sizes: [1]}}", "hidden_sizes"),
        ("experiment/digits", "callbacks: {early_stopping: {patiense: 1}}", "patiense"),
        ("callbacks/early_stopping", "early_stopping: {patiense: 1}", "patiense"),
        ("trainer/cpu", "acelerator: cpu", "acelerator"),
        ("model/digits", "scheduler: {_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, patiance: 1}", "patiance"),
        ("data/_new", "{_target_: lightning_classes.data.digits_datamodule.DigitsDataModule, batch: 1}", "batch"),
        ("logger/_new", "x: {_target_: hydra_lightning.training.csv_logger.CSVLogger, save: 1}", "save"),
        # a type that does not fit
        ("experiment/digits", "trainer: {max_epochs: ten}", "ten"),
        ("experiment/digits", "model: {optimizer: {lr: fast}}", None),
        ("experiment/digits", "model: {net: {input_size: [64]}}", "64"),
        ("experiment/digits", "seed: abc", "abc"),
        ("experiment/digits", "train: 'no'", "no"),
        ("eval", "mode: tset", "tset"),
        ("trainer/default", "trainer: 5", None),
        ("experiment/digits", "trainer: 5", "5"),
        ("model/net/mlp", "{_target_: lightning_classes.models.components.mlp.MLP, _partial_: [1]}", "_partial_"),
        # a group or an option that is not there
        ("experiment/digits", "defaults: [{override /modell: digits}]", "modell"),
        ("experiment/digits", "defaults: [{override /model: digit}]", "digit"),
        ("train", "defaults: [_self_, {data: digts}]", "digts"),
        ("trainer/cpu", "defaults: [defalt]", "defalt"),
        ("callbacks/default", "defaults: {model_summary: null}", "array"),
        # an argument that is missing
        ("data/fashion_mnist", f"_target_: {FASHION}", "data_dir"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told(digits: Project, name: str, yaml: str, place: str | None) -> None:
    mistakes = digits.mistakes(name, OmegaConf.to_container(OmegaConf.create(yaml)))
    assert mistakes, yaml
    assert place is None or place in " ".join(mistakes)


@pytest.mark.parametrize(
    ("name", "yaml"),
    [
        ("experiment/digits", "trainer: {max_epochs: '${oc.env:EPOCHS}', devices: '???'}"),
        ("experiment/digits", "trainer: {limit_train_batches: 0.1, strategy: ddp, max_time: {hours: 1}}"),
        ("experiment/digits", "model: {optimizer: {_target_: torch.optim.SGD, lr: 0.1, nesterov: true}}"),
        ("experiment/digits", "model: {optimizer: {_target_: my.own.Optimizer, anything: 1}}"),
        (
            "experiment/digits",
            "callbacks: {mine: {_target_: lightning.pytorch.callbacks.Timer, duration: 1}}",
        ),
        ("experiment/digits", "{callbacks: null, logger: null, trainer: {logger: {_target_: a.B, c: 1}}}"),
        (
            "experiment/digits",
            "defaults: [/experiment/fashion_mnist, {override /logger: [csv, tensorboard]}]",
        ),
        (
            "experiment/digits",
            "defaults: [{override hydra/sweeper: optuna}, {override /model/net@model.net: cnn}]",
        ),
        ("experiment/digits", "hydra: {sweeper: {params: {seed: '1,2'}}, job: {chdir: true}}"),
        ("experiment/digits", "add_tags: more"),
        ("model/digits", "{defaults: [{net: cnn}, _self_], compile: true}"),
        ("train", "{my_own_key: 1, defaults: [{optional local: anything}]}"),
        ("callbacks/none", "{}"),
    ],
)
def test_what_is_right_is_not_told(digits: Project, name: str, yaml: str) -> None:
    mistakes = digits.mistakes(name, OmegaConf.to_container(OmegaConf.create(yaml)))
    assert mistakes == []


def test_an_empty_file_is_right(digits: Project) -> None:
    assert not digits.mistakes("callbacks/none", None)
    assert not digits.mistakes("local/_new", None)


def test_arguments_have_their_documentation_and_default(digits: Project) -> None:
    definitions = json.loads(digits.schemas.files["targets.json"])["definitions"]
    weight_decay = definitions["torch.optim.Adam"]["properties"]["weight_decay"]
    assert weight_decay["description"] == "weight decay (L2 penalty)"
    assert weight_decay["default"] == 0
    assert "Customize every aspect of training" in definitions["lightning.pytorch.Trainer"]["description"]


def test_keys_at_the_top_have_the_comments_of_the_main_config(digits: Project) -> None:
    properties = json.loads(digits.schemas.files["experiment/digits.json"])["properties"]
    assert properties["ckpt_path"]["description"] == "A checkpoint to start from, in a run of its own."


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A bare project with a key of its own, a misspelt one, and two files that do not compose."""
    root = new_project(tmp_path_factory.mktemp("edited") / "project", BARE).root
    (root / "configs/experiment/mine.yaml").write_text(
        "# @package _global_\nwidth: 3\nmodel: {_target_: a.B, width: '${width}'}\nwitdh: 3\n"
    )
    (root / "configs/experiment/wrong.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: no\n"
    )
    (root / "configs/data/text.yaml").write_text("_target_: [\n")
    return Project(root)


def test_a_key_that_another_config_reads_is_known(edited: Project) -> None:
    assert not edited.mistakes("experiment/mine", {"width": 3})
    assert edited.mistakes("experiment/mine", {"witdh": 3})


def test_a_file_that_does_not_compose_has_a_schema_all_the_same(edited: Project) -> None:
    assert set(edited.schemas.broken) == {"experiment/wrong", "data/text"}
    assert edited.mistakes("experiment/wrong", {"trainr": {}})
    assert not edited.mistakes("data/text", {"_target_": "a.B"})


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Plain("int"), [1, "${a}", "???", {"_target_": "a.B"}], ["1", 1.5, None, [1], {"a": 1}]),
        (Plain("bool"), [True, 0, 1, "${a}"], [2, "true", None]),
        (Plain("str"), ["a", ""], [1, None]),
        (Either((Plain("float"), Plain("None"))), [1, 0.5, None, "x${a}"], ["fast", [1]]),
        (Choice(("min", "max")), ["min", "${a}"], ["mni", 1, None]),
        (ListOf(Plain("int")), [[1, "${a}"], []], [1, ["a"], "a"]),
        (ListOf(Plain("str"), str_too=True), [["a"], "a"], [1, [1]]),
        (TupleOf((Plain("float"), Plain("float"))), [[0.9, 0.99]], [0.9, [0.9], [1, 2, 3]]),
        (Opaque("torch.Tensor", is_class=True), [1, "a", [1], None, {"a": 1}], []),
        (Either((Plain("str"), Opaque("Callable"))), [1, "a"], []),
        (Either((Plain("float"), Opaque("torch.Tensor", is_class=True))), [1, [1, 2]], ["fast"]),
    ],
)
def test_types_as_schemas(kind: Any, right: list[Any], wrong: list[Any]) -> None:
    validator = Draft7Validator({"definitions": {"any": {}}, **value_schema(kind)})
    assert [value for value in right if not validator.is_valid(value)] == []
    assert [value for value in wrong if validator.is_valid(value)] == []


def test_the_command_writes_schemas_and_settings_and_says_when_they_are_old(tmp_path: Path) -> None:
    root = new_project(tmp_path / "project", BARE).root
    (root / ".vscode").mkdir()
    (root / ".vscode/settings.json").write_text('{\n  // mine\n  "editor.rulers": [110]\n}\n')
    run = CliRunner().invoke
    done = run(app, ["schema", "--project", str(root / "configs")])
    assert done.exit_code == 0, done.output
    settings = (root / ".vscode/settings.json").read_text()
    assert "// mine" in settings
    for schema, globs in parsed(settings)["yaml.schemas"].items():
        assert (root / schema).is_file()
        assert "*" in globs[0] or (root / globs[0]).is_file()
    assert (root / FOLDER / ".gitignore").read_text().endswith("*\n")
    (root / "configs/trainer/mine.yaml").write_text("defaults: [default]\n")
    (root / "configs/trainer/mps.yaml").unlink()
    done = run(app, ["schema", "--check", "--project", str(root)])
    assert done.exit_code == 1
    assert f"{FOLDER}/trainer/mine.json" in done.output
    assert f"{FOLDER}/trainer/mps.json" in done.output


def test_settings_that_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    found = Schemas({}, {"train.json": ["configs/train.yaml"]}, {})
    (tmp_path / ".vscode").mkdir()
    file = tmp_path / ".vscode/settings.json"
    file.write_text("{ broken")
    with pytest.raises(ConfigError, match=r"settings\.json: .*left as it is.*--modelines"):
        found.write_settings(tmp_path)
    assert file.read_text() == "{ broken"


def test_modelines_keep_the_package_of_a_file(digits: Project, tmp_path: Path) -> None:
    import hydra_lightning

    root = new_project(tmp_path / "project").root
    before = hydra_lightning.compose(root, ["experiment=digits"])
    changed = digits.schemas.write_modelines(root)
    assert root / "configs/experiment/digits.yaml" in changed
    first = (root / "configs/model/net/mlp.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../../.hydra-schemas/model/net/mlp.json"
    assert hydra_lightning.compose(root, ["experiment=digits"]) == before
    assert not digits.schemas.write_modelines(root)


def test_nothing_heavy_is_imported(digits: Project) -> None:
    code = textwrap.dedent(
        f"""
        import sys
        from hydra_lightning.tasks.schema import schemas
        schemas({str(digits.root)!r})
        assert not {{"torch", "lightning", "transformers", "lightning_classes"}} & set(sys.modules)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
