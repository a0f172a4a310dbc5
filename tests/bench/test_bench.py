"""The table's and the regression check's arithmetic, and a cheap row through the command line; no speeds."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench import check
from bench.result import Result, Spread, measured
from bench.row import Row, Sides
from bench.rows import ROWS, chosen
from bench.table import table
from deepsquat.errors import UserError
from program import Command


def row(**more) -> Row:
    told = {"name": "draw", "what": "images", "reference": "bare OpenCV", "unit": "images/s"}
    return Row(**told | {"ready": lambda home: nullcontext()} | more)


def result(ours: list[float], reference: list[float], **more) -> Result:
    return Result(row(**more), ours, reference, {})


def counting(calls: list[str], name: str):
    """A side whose repeats give 1.0, 2.0, ... and which keeps when it was called."""

    def measure() -> float:
        calls.append(name)
        return float(calls.count(name))

    return measure


def test_sides_take_turns_and_the_warm_up_does_not_count() -> None:
    calls: list[str] = []
    sides = Sides(*(counting(calls, name) for name in ("ours", "reference")), {"more": counting(calls, "m")})
    found = measured(row(), sides, 2, say=lambda what: None)
    assert calls == ["ours", "reference", "m"] * 3
    assert (found.ours, found.reference, found.also) == ([2.0, 3.0], [2.0, 3.0], {"more": [2.0, 3.0]})


def test_a_row_may_have_fewer_repeats_and_no_warm_up() -> None:
    calls: list[str] = []
    sides = Sides(counting(calls, "ours"), counting(calls, "reference"))
    found = measured(row(warm_up=False, most_repeats=1), sides, 5, say=lambda what: None)
    assert found.ours == [1.0]


def test_ratio_is_larger_where_ours_is_better() -> None:
    assert result([20.0], [10.0]).ratios == [2.0]
    assert result([20.0], [10.0], more_is_better=False).ratios == [0.5]


def test_ratios_are_of_repeats_beside_each_other() -> None:
    # The machine slowed down to a half in the second repeat: the ratio does not feel it.
    slowed = result([30.0, 15.0, 33.0], [10.0, 5.0, 10.0])
    assert Spread.of(slowed.ratios) == Spread(3.0, 3.0, 3.3)
    assert slowed.plain()["ours"] == {
        "median": 30.0,
        "low": 15.0,
        "high": 33.0,
        "repeats": [30.0, 15.0, 33.0],
    }


@pytest.mark.parametrize(
    ("asked", "is_met"),
    [
        ({}, None),
        ({"goal": 0.5}, True),
        ({"goal": 0.51}, False),
        ({"limit": 2.0}, True),
        ({"limit": 1.9}, False),
        ({"goal": 0.5, "limit": 1.9}, False),
    ],
)
def test_goal_is_the_least_ratio_and_limit_the_most_of_ours(asked: dict[str, float], is_met) -> None:
    found = result([2.0, 2.0, 9.0], [1.0, 1.0, 1.0], more_is_better=False, unit="s", **asked)
    assert found.is_met is is_met


def test_table_says_what_was_asked_and_whether_it_is_met() -> None:
    text = table(
        [
            result([1234.5, 1200.0], [1000.0, 1000.0], goal=0.9),
            result([2.0], [0.5], name="help", unit="s", more_is_better=False, limit=1.0),
        ]
    )
    draw, helped = text.splitlines()[2:4]
    assert "1,217 (1,200-1,234) images/s" in draw and "1.22 (1.20-1.23)" in draw
    assert draw.split()[-4:] == ["ratio", ">=", "0.90", "yes"]
    assert "2.00 s" in helped and helped.split()[-5:] == ["ours", "<=", "1", "s", "NO"]
    assert "draw: beside bare OpenCV" in text


def test_ratio_falls_by_more_than_a_tenth_and_more_than_the_spreads() -> None:
    earlier = {"draw": Spread(1.0, 0.95, 1.05)}
    now = {
        "slow": result([0.8, 0.85, 0.9], [1.0, 1.0, 1.0]),
        "slow once, as the earlier one": result([0.8, 0.85, 0.96], [1.0, 1.0, 1.0]),
        "hardly slower": result([0.91, 0.92, 0.93], [1.0, 1.0, 1.0]),
        "faster": result([2.0, 2.0, 2.0], [1.0, 1.0, 1.0]),
        "new": result([0.1], [1.0], name="new"),
    }
    fell = {what: check.fallen([found], earlier) for what, found in now.items()}
    assert fell.pop("slow") == ["draw: the ratio fell from 1 (0.95-1.05) to 0.85 (0.8-0.9)"]
    assert not any(fell.values())


def test_seconds_alone_make_no_fall() -> None:
    half_the_machine = result([50.0, 51.0], [25.0, 25.5])
    assert check.fallen([half_the_machine], {"draw": Spread(2.0, 2.0, 2.0)}) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"rows": {"draw": {"ratio": 1}}}'])
def test_what_is_no_bench_json_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=r"x\.json: this is no bench\.json"):
        check.read(tmp_path / "x.json")


def test_rows_have_names_of_their_own_and_unknown_ones_are_refused() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert [row.name for row in chosen(["pose", "render"])] == ["render", "pose"]
    with pytest.raises(UserError, match="no row posse; there are render, "):
        chosen(["posse"])


def test_a_cheap_row_is_measured_written_and_compared(command: Command, tmp_path: Path) -> None:
    arguments = ["bench/run.py", "rows=help", "repeats=1", f"folder={tmp_path}"]
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert "src/train.py --help" in done.stdout and "ours <= 1 s" in done.stdout
    path = tmp_path / "bench.json"
    written = json.loads(path.read_text())
    assert {"date", "machine", "code", "rows"} <= set(written)
    assert "cores" in written["machine"]["hardware.cpu"]
    ratio = written["rows"]["help"]["ratio"]
    assert set(ratio) == {"median", "low", "high", "repeats"}

    earlier = tmp_path / "earlier.json"  # a ratio that this machine cannot have
    written["rows"]["help"]["ratio"] = {"median": 1e6, "low": 1e6, "high": 1e6, "repeats": [1e6]}
    earlier.write_text(json.dumps(written))
    done = command(*arguments, f"check={earlier}")
    assert done.returncode == 1, done.stderr
    assert "help: the ratio fell from 1e+06" in done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rows=nothing", "there is no row nothing"),
        ("repeats=0", "repeats must be a whole number, 1 or more"),
        ("check=nowhere.json", "nowhere.json: cannot be read"),
    ],
)
def test_mistakes_are_one_line(override: str, message: str, command: Command) -> None:
    done = command("bench/run.py", override)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
