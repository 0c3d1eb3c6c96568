from __future__ import annotations

import pytest

from hydra_lightning.config.experiment_differences import differences
from hydra_lightning.config.experiment_text import experiment_text, parse, parts_of
from hydra_lightning.errors import ConfigError

COMPOSED = {
    "tags": [],
    "seed": 1,
    "data": {"sizes": [1, 2, 3]},
    "model": {},
    "callbacks": {},
    "trainer": {"_target_": "lightning.pytorch.Trainer"},
    "hydra": {},
}
GROUPS = {
    "experiment",
    "data",
    "model",
    "model/net",
    "callbacks",
    "logger",
    "debug",
    "hydra/launcher",
    "more",
}


def text_of(*overrides: str, name: str = "x") -> str:
    parts = parts_of(parse(overrides), COMPOSED, GROUPS.__contains__, ["local", "debug"])
    return experiment_text(parts, name, "About it", list(COMPOSED))


def test_groups_are_chosen_first_and_keys_follow_in_the_order_of_the_config() -> None:
    overrides = (
        "model.lr=0.1 +data.x=1 callbacks=none model/net=cnn +more=one seed=3 tags=[a,b] hydra.job.chdir=true"
    )
    assert text_of("experiment=[digits,big]", *overrides.split(), "data=digits") == (
        """\
# @package _global_
# About it

defaults:
  - digits
  - big
  - /more: one
  - override /data: digits
  - override /model/net: cnn
  - override /callbacks: none
  - _self_

tags: [a, b]
seed: 3

data:
  x: 1

model:
  lr: 0.1

hydra:
  job:
    chdir: true
"""
    )


def test_an_experiment_in_a_folder_names_the_one_that_it_builds_on_from_the_top() -> None:
    assert "  - /experiment/digits\n" in text_of("experiment=digits", name="ablations/wide")
    assert "  - ablations/wide\n" in text_of("experiment=ablations/wide", name="wider")


def test_the_last_of_two_overrides_wins_and_mappings_are_merged() -> None:
    text = text_of("model.a.b=1", "model={a: {c: 2}}", "model.a.b=3", "+more=one", "+more=two")
    assert text.endswith("defaults:\n  - /more: two\n  - _self_\n\nmodel:\n  a:\n    b: 3\n    c: 2\n")


def test_an_item_of_a_list_becomes_the_whole_list_as_it_is_composed() -> None:
    assert text_of("data.sizes.1=2").endswith("data:\n  sizes: [1, 2, 3]\n")


def test_what_is_removed_becomes_null_where_that_is_the_same() -> None:
    text = text_of("~callbacks.early_stopping", "~logger", "~seed", "~trainer.gradient_clip_val")
    assert "- override /logger: null" in text
    assert "seed: null\n\ncallbacks:\n  early_stopping: null\n" in text
    assert text.endswith("\ntrainer:\n  gradient_clip_val: null\n")


def test_a_long_list_stands_one_item_a_line() -> None:
    text = text_of(f"data.names=[{','.join('name' + str(n) for n in range(20))}]")
    assert "  names:\n    - name0\n    - name1\n" in text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "seed=1,2",
            r"^seed=1,2: an experiment is one run(.|\n)*hparams_search(.|\n)*params:\n      seed: 1,2",
        ),
        ("model.lr=range(1,5)", r"an experiment is one run"),
        ("~model.lr", r"^~model.lr: .* null is not the same as no lr here"),
        ("~callbacks.early_stopping.mode", r"null is not the same"),
        ("~trainer.accelerator", r"null is not the same"),
        ("~train", r"null is not the same"),
        ("debug=fdr", r"^debug=fdr: debug stands after experiment .* wins over it"),
        ("model=null", r"^model=null: no option of a group is ~model"),
        ("a b", r"'a b' is not an override"),
    ],
)
def test_what_a_file_cannot_say_is_refused_with_the_reason(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        text_of(override)


def test_differences_tell_types_apart_and_keep_what_is_on_one_side_whole() -> None:
    found = differences(
        {"a": 1, "b": {"c": [1], "d": {"e": 1}}, "f": {}, "n": float("nan")},
        {"a": 1.0, "b": {"c": [True], "g": {"h": 2}}, "f": None, "n": float("nan")},
    )
    assert found.changed == {("a",): (1, 1.0), ("b", "c"): ([1], [True]), ("f",): ({}, None)}
    assert found.added == {("b", "g"): {"h": 2}}
    assert found.removed == {("b", "d"): {"e": 1}}
