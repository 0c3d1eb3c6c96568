from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_lightning.config.experiment_differences import same
from hydra_lightning.config.yaml_text import as_yaml


@pytest.mark.parametrize(
    "value",
    [
        "1e-3",
        "1e3",
        "007",
        "12",
        "1_000",
        "0x10",
        "1:30",
        "null",
        "~",
        "true",
        "on",
        "No",
        "nan",
        ".inf",
        "2026-01-01",
        "",
        " ",
        "a: b",
        "a #b",
        "# b",
        "- a",
        "[a",
        "{a: b}",
        "a, b",
        "'",
        '"',
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "a:",
        "two\nlines\n",
        "tab\there",
        "é→",
        "${seed}",
        "${..a}/b: c",
        r"\${seed}",
        "x" * 300,
        "word " * 60,
        1,
        -0.5,
        1e-7,
        1e22,
        float("inf"),
        float("nan"),
        True,
        None,
        [],
        {},
        [1, "1", 1.0, True, None, ["a,b", {"c": "d: e", "1": "2"}]],
    ],
)
def test_a_value_is_read_back_as_it_was(value: Any) -> None:
    text = as_yaml(value)
    assert "\n" not in text
    assert same(OmegaConf.to_container(OmegaConf.create(f"a:\n  b: {text}\n"))["a"]["b"], value)
    in_list = OmegaConf.to_container(OmegaConf.create(f"a: {as_yaml([value, value])}\n"))
    assert same(in_list["a"], [value, value])
