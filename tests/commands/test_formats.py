from __future__ import annotations

import csv
import io
import json
import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from hydra_lightning.commands.formats import (
    ago,
    as_csv,
    as_json,
    as_latex,
    as_markdown,
    as_text,
    duration,
    number,
)
from hydra_lightning.runs.table import Table

ID = "2026-11-23_16-33-55_k3f9"


def table() -> Table:
    now = datetime.now().astimezone()
    return Table(
        ["id", "status", "model.lr", "val/acc", "created", "error"],
        [
            [ID, "completed", 0.001, 0.98333333, now - timedelta(minutes=2, seconds=5), None],
            ["other", "failed", 0.3, math.nan, now - timedelta(days=2), "Error: a|b & 50%\nof_x"],
        ],
        heads={"model.lr": "lr", "created": "when"},
        short={ID: "k3f9"},
        optional=["model.lr", "val/acc"],
    )


def test_a_terminal_gets_aligned_columns_short_ids_and_relative_times() -> None:
    text, left_out = as_text(table())
    assert text.splitlines() == [
        "id     status        lr  val/acc  when       error",
        "k3f9   completed  0.001    0.983  2 min ago",
        "other  failed       0.3      nan  2 d ago    Error: a|b & 50% of_x",
    ]
    assert left_out == []


def test_a_narrow_terminal_leaves_columns_out_and_cuts_long_text() -> None:
    text, left_out = as_text(table(), 58)
    assert left_out == ["model.lr"]
    assert max(map(len, text.splitlines())) <= 58
    assert "…" in text
    text, left_out = as_text(table(), 56)
    assert left_out == ["model.lr", "val/acc"]
    assert max(map(len, text.splitlines())) <= 56


def test_wide_characters_take_two_columns() -> None:
    text, _ = as_text(Table(["note", "n"], [["学習", 1], ["abc", 2]]))
    assert text.splitlines() == ["note  n", "学習  1", "abc   2"]


def test_json_has_everything_and_nan_as_text() -> None:
    runs = table()
    first, second = json.loads(as_json(runs))
    assert first["id"] == ID
    assert first["val/acc"] == 0.98333333
    assert datetime.fromisoformat(first["created"]) == runs.rows[0][4]
    assert (first["error"], second["val/acc"]) == (None, "nan")


def test_csv_is_read_back() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(table()))))
    assert rows[0]["model.lr"] == "0.001"
    assert rows[1]["error"] == "Error: a|b & 50%\nof_x"
    assert as_csv(Table(["tags"], [[["a", "b"]]])) == 'tags\n"[""a"", ""b""]"'


def test_markdown_and_latex_escape_what_means_something_there() -> None:
    assert "a\\|b & 50% of_x" in as_markdown(table())
    assert as_markdown(table()).splitlines()[1] == "| --- | --- | --: | --: | --- | --- |"
    assert r"a|b \& 50\% of\_x \\" in as_latex(table())
    assert as_latex(table()).splitlines()[0] == r"\begin{tabular}{llrrll}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "0.001"),
        (1e-5, "1e-05"),
        (0.98333, "0.9833"),
        (12345.678, "12346"),
        (1e9, "1e+09"),
        (0.0, "0"),
        (math.inf, "inf"),
        (100.0, "100"),
        (999.96, "1000"),
    ],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.26, "1.3 s"),
        (14.4, "14 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (100_800, "1 d 4 h"),
        (3600, "1 h"),
    ],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("past", "text"),
    [
        ({"seconds": 1}, "now"),
        ({"seconds": 30}, "30 s ago"),
        ({"minutes": 61}, "1 h ago"),
        ({"days": 30}, "30 d ago"),
    ],
)
def test_the_past_is_told_from_now(past: dict[str, Any], text: str) -> None:
    assert ago(datetime.now().astimezone() - timedelta(**past)) == text
    assert ago(datetime(2020, 1, 2, 3).astimezone()) == "2020-01-02"
