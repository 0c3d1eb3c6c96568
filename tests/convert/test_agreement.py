"""A metric is held against what the program prints where it was computed."""

import pytest

from hydra_lightning.convert.agreement import Logged, is_printed_as, logged_as_printed
from hydra_lightning.parity.tape import Tape


@pytest.mark.parametrize(
    ("value", "number", "same"),
    [
        (0.52344, "0.5234", True),
        (0.52346, "0.5234", False),
        (0.5, "0.52", False),
        (0.9719, "97.2%", True),
        (97.19, "97.2%", True),
        (0.9719, "97.2", False),
        (97.4, "97", True),
        (0.7, "1", False),
        (3.0, "3", True),
        (1.2345e-5, "1.23e-05", True),
        (1.2445e-5, "1.23e-05", False),
        (2.1962983, "2.196298360824585", True),
        (float("nan"), "nan", True),
        (float("nan"), "0.5", False),
        (-float("inf"), "-inf", True),
    ],
)
def test_a_number_is_as_it_was_rounded(value: float, number: str, same: bool) -> None:
    assert is_printed_as(value, number) is same


def compared(
    told: list[tuple[int, list[str], list[str]]], *metrics: tuple[int, dict[str, float]]
) -> list[Logged]:
    places = {"val/loss": ["a.py:7", "a.py:8"], "val/*": ["b.py:3"]}
    original, other = Tape("completed", [], "", told=told), Tape("completed", [], "", metrics=[*metrics])
    return logged_as_printed(original, other, places)


def test_a_metric_is_compared_at_each_step_where_it_is_printed() -> None:
    told = [(4, ["a.py:8", "a.py:20"], ["1", "0.52"]), (8, ["a.py:8"], ["2", "0.31"])]
    (found,) = compared(told, (4, {"val/loss": 0.521}), (8, {"val/loss": 0.31}), (9, {"val/loss": 7.0}))
    assert (found.site, found.times, found.differs) == ("a.py:7", 2, None)
    assert found.told == "as printed, 2 times"


def test_the_first_step_where_another_number_is_printed_is_told() -> None:
    told = [(4, ["a.py:8"], ["0.52"]), (8, ["a.py:8"], ["2", "0.31"])]
    (found,) = compared(told, (4, {"val/loss": 0.521}), (8, {"val/loss": 0.62}))
    assert (found.times, found.differs) == (1, (0.62, ["2", "0.31"]))
    assert found.told == "0.62 is logged where 2, 0.31 is printed"


def test_what_is_printed_elsewhere_is_nothing_to_compare_with() -> None:
    told = [(4, ["a.py:9"], ["0.52"]), (5, ["a.py:8"], ["0.52"])]
    (found,) = compared(told, (4, {"val/loss": 0.9}))
    assert (found.times, found.differs) == (0, None)
    assert found.told == "not both printed and logged in the recording"


def test_metrics_of_a_dict_are_printed_in_one_place() -> None:
    found = compared([(4, ["b.py:3"], ["0.25", "0.75"])], (4, {"val/f1": 0.75, "train/loss": 1.0}))
    assert [(each.name, each.site, each.times) for each in found] == [
        ("val/f1", "b.py:3", 1),
        ("val/loss", "a.py:7", 0),
    ]
