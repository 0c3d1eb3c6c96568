"""Every ``_target_`` goes through one function: trusted packages, clear messages, the target's own errors."""

from fractions import Fraction
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hydra_lightning.config.instantiate import instantiate, targets
from hydra_lightning.errors import ConfigError


def config(**node: object):
    return OmegaConf.create({"extras": {"trusted": None}, "x": node})


def test_builds_the_object_with_arguments_on_top() -> None:
    node = config(_target_="fractions.Fraction", numerator=1)
    assert instantiate(node, "x", denominator=3) == Fraction(1, 3)


def test_nothing_there_names_the_key() -> None:
    with pytest.raises(ConfigError, match=r"^y: nothing is configured there"):
        instantiate(config(), "y")


def test_a_package_that_is_not_trusted_is_refused_at_any_depth() -> None:
    node = config(_target_="builtins.dict", inner=[{"_target_": "os.getcwd"}])
    node.extras.trusted = ["builtins"]
    with pytest.raises(ConfigError, match=r"^x\.inner\.0\._target_: os\.getcwd is of the package 'os'"):
        instantiate(node, "x")


def test_trusted_packages_build() -> None:
    node = config(_target_="builtins.dict", inner=[{"_target_": "fractions.Fraction", "numerator": 2}])
    node.extras.trusted = ["builtins", "fractions"]
    assert instantiate(node, "x")["inner"][0] == 2


def test_an_unknown_argument_names_key_target_and_signature() -> None:
    node = config(inner={"_target_": "fractions.Fraction", "numerater": 1})
    with pytest.raises(ConfigError) as raised:
        instantiate(node, "x")
    assert "x.inner: fractions.Fraction" in str(raised.value)
    assert "numerater" in str(raised.value)
    assert "numerator=0" in str(raised.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("fractionz.Fraction", "no package 'fractionz'"),
        ("fractions.Fractoin", "fractions has no 'Fractoin'. Did you mean Fraction?"),
        ("fractions", "this is a module"),
    ],
)
def test_a_target_that_does_not_exist_says_which_part(target: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        instantiate(config(_target_=target), "x")
    assert message in str(raised.value)
    assert str(raised.value).startswith("x._target_: ")


def test_a_module_that_needs_a_missing_package_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_missing.py").write_text("import not_installed_anywhere\nclass A: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="needs 'not_installed_anywhere'"):
        instantiate(config(_target_="needs_missing.A"), "x")


def test_an_error_inside_the_target_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        instantiate(config(_target_="fractions.Fraction", numerator=1, denominator=0), "x")


def test_targets_are_listed_with_their_keys() -> None:
    node = OmegaConf.create({"_target_": "a.A", "inner": {"_target_": "b.B"}, "many": [{"_target_": "c.C"}]})
    assert list(targets(node, "model")) == [("model", "a.A"), ("model.inner", "b.B"), ("model.many.0", "c.C")]
