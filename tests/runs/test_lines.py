from __future__ import annotations

from hydra_lightning.runs.lines import from_lines, in_lines, keys_in_lines, to_lines, within_lines

MAPPING = {
    "status": "completed",
    "note": 'two\nlines, "status": "failed", \n"seed":1,\n "val/acc":2',
    "metrics": {"val/acc": 0.5, "odd\nname\t": 1, "ümlaut": None, "curve": {"a": 1}},
    "tags": ["a", {"status": 1}],
    "empty": {},
    "best": {"val/acc": 7},
}


def test_a_mapping_comes_back() -> None:
    assert from_lines(to_lines(MAPPING)) == MAPPING
    assert from_lines(to_lines({})) == {}


def test_one_value_is_found_by_its_key_and_not_in_texts_or_mappings() -> None:
    text = to_lines(MAPPING)
    for key, value in MAPPING.items():
        assert in_lines(text, key) == value
    assert in_lines(text, "seed", "none") == "none"
    assert in_lines(text, "val/acc", "none") == "none"


def test_a_value_within_a_mapping_is_that_of_this_mapping() -> None:
    text = to_lines(MAPPING)
    for name, value in MAPPING["metrics"].items():  # type: ignore[attr-defined]
        assert within_lines(text, "metrics", name) == value
    assert within_lines(text, "best", "val/acc") == 7
    assert within_lines(text, "best", "a", "none") == "none"
    for key in ("status", "empty", "note", "missing", "tags"):
        assert within_lines(text, key, "val/acc", "none") == "none"


def test_keys_are_told_in_their_order() -> None:
    assert keys_in_lines(to_lines(MAPPING)) == [*MAPPING]
    odd = {'a"b': 1, "\n": 2, "back\\": 3, "": 4}
    assert keys_in_lines(to_lines(odd)) == [*odd]
