"""What calls are given can be asked for again, where that changes nothing."""

import sys

from hydra_lightning.parity.values import values_in


class Vocabulary:
    size = 7

    def __len__(self) -> int:
        return 5


def given(*values: object, **named: object) -> None:
    """A call of the program."""


def test_names_attributes_sizes_and_sums_are_told() -> None:
    words, width = Vocabulary(), 4
    given(len(words), words.size, width * 2, sum([width]), words, later=None)
    found = values_in(sys._getframe())
    assert found["len(words)"] == 5
    assert found["words.size"] == 7
    assert found["width * 2"] == 8
    assert "sum([width])" not in found
    assert "words" not in found


def test_what_is_not_made_yet_is_left_out() -> None:
    def inner(flag: bool) -> dict[str, object]:
        if flag:
            late = 3
            given(late)
        return values_in(sys._getframe())

    assert "late" not in inner(flag=False)
    assert inner(flag=True)["late"] == 3
