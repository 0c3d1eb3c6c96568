"""A config becomes plain data, or the key that prevents it is named."""

import pytest
from omegaconf import OmegaConf

from hydra_lightning.config.resolved import resolved
from hydra_lightning.errors import ConfigError


def test_interpolations_are_resolved_into_plain_containers() -> None:
    plain = resolved(OmegaConf.create({"a": 1, "b": {"c": "${a}", "d": ["${b.c}"]}}))
    assert plain == {"a": 1, "b": {"c": 1, "d": [1]}}
    assert type(plain["b"]) is dict
    assert type(plain["b"]["d"]) is list


def test_all_missing_values_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        resolved(OmegaConf.create({"a": "???", "b": {"c": "???"}}))
    assert "  a\n  b.c" in str(raised.value)


def test_an_interpolation_to_nowhere_names_its_key() -> None:
    with pytest.raises(ConfigError, match=r"b\.c: .*'nowhere'"):
        resolved(OmegaConf.create({"b": {"c": "${nowhere}"}}))
