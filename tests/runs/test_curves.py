from __future__ import annotations

import math
from pathlib import Path

import pytest

from hydra_lightning.errors import RunError
from hydra_lightning.runs.curves import Point, packed, points_a_curve, read_curves, thinned


def write(folder: Path, text: str) -> Path:
    (folder / "metrics.csv").write_text(text)
    return folder / "metrics.csv"


def test_a_curve_has_the_steps_at_which_there_is_a_value(tmp_path: Path) -> None:
    file = write(tmp_path, "epoch,step,loss,acc\n0,0,1.0,\n0,1,0.5,0.7\n,2,nan,0.8\n")
    curves = read_curves(file, 100)
    assert curves["acc"] == [Point(1, 0, 0.7), Point(2, None, 0.8)]
    assert [point.step for point in curves["loss"]] == [0, 1, 2]
    assert math.isnan(curves["loss"][2].value)


def test_a_step_that_was_trained_again_replaces_what_came_after_it(tmp_path: Path) -> None:
    file = write(tmp_path, "step,loss\n0,1\n1,2\n2,3\n1,20\n")
    assert [(point.step, point.value) for point in read_curves(file, 100)["loss"]] == [(0, 1), (1, 20)]


def test_one_value_is_no_curve_and_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    file = write(tmp_path, "step,loss,test\n0,1,\n1,2,0.9\n2,3")
    curves = read_curves(file, 100)
    assert list(curves) == ["loss"]
    assert len(curves["loss"]) == 2
    assert read_curves(tmp_path / "none.csv", 100) == {}


@pytest.mark.parametrize("row", ["2,many", "2,1,5", "x,1"])
def test_a_row_that_is_none_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    file = write(tmp_path, f"step,loss\n0,1\n{row}\n")
    with pytest.raises(RunError, match=r"metrics.csv:3 is not a row"):
        read_curves(file, 100)


def test_thinning_keeps_ends_spikes_and_the_first_value_that_is_no_number() -> None:
    curve = [Point(step, None, 0.0) for step in range(10_000)]
    curve[5001] = Point(5001, None, 9.0)
    curve[7001] = Point(7001, None, math.nan)
    kept = thinned(curve, 100)
    assert len(kept) < 160
    assert {0, 5001, 7001, 9999} <= {point.step for point in kept}


def test_points_are_fewer_the_more_curves_there_are(tmp_path: Path) -> None:
    file = write(tmp_path, "epoch,step,a,b\n")
    assert points_a_curve([file]) == 1000
    assert points_a_curve([file] * 1000) == 120
    assert points_a_curve([file] * 10_000) == 60


def test_packed_curves_share_their_steps() -> None:
    curve = [Point(0, 0, 1.234567), Point(1, 0, math.inf)]
    assert packed({"a": curve, "b": curve}) == {
        "x": [[[0, 1], [0, 0]]],
        "y": {"a": [0, [1.2346, None]], "b": [0, [1.2346, None]]},
    }
