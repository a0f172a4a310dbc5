"""Lines for a terminal that are no wider than it."""

import io

import pytest

from deepsquat import terminal
from deepsquat.terminal import OneLine, fitted, took, wrapped

PARTS = ["12/30 done", "trial 12 epoch 10/12", "best 0.6322", "12 min left"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("across", range(20, 160))
def test_a_line_is_never_as_wide_as_the_terminal(across: int) -> None:
    assert len(fitted(PARTS, 0.4, across)) < across


def test_what_matters_is_there_at_60_columns_and_a_bar_at_100() -> None:
    assert fitted(PARTS, 0.4, 60) == ", ".join(PARTS)
    wide = fitted(PARTS, 0.5, 100)
    assert wide == f"{'█' * 12}{'░' * 12}  {', '.join(PARTS)}"
    assert fitted(PARTS, 0.4, 30) == "12/30 done, 12 min left"


def test_a_long_line_goes_on_in_the_next_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "trial 3  " + " ".join(f"model.value{i}=0.25" for i in range(6))
    monkeypatch.setenv("COLUMNS", "60")
    assert wrapped(text) == text
    monkeypatch.setattr("sys.stdout", Terminal())
    told = wrapped(text).splitlines()
    assert max(map(len, told)) < 60 and " ".join(told).split() == text.split()
    assert told[1].startswith("    model.")


@pytest.mark.parametrize("across", (60, 100))
def test_a_bar_of_steps_is_whole(monkeypatch: pytest.MonkeyPatch, across: int) -> None:
    monkeypatch.setattr(terminal, "columns", lambda: across)
    bar = OneLine(total=520, file=Terminal(), desc="epoch 8/12", ncols=across)
    bar.more = ["loss 0.479", "val 0.626", "acc 0.786", "val acc 0.643", "squats 0.643"]
    bar.update(260)
    text = str(bar)
    bar.close()
    assert text.startswith(("epoch 8/12, loss 0.479", "█")) and text.endswith("left") and len(text) < across


def test_a_time_that_is_not_known_so_well_has_no_fractions() -> None:
    assert [took(s, whole=True) for s in (8.4, 130, 5400)] == ["8 s", "2 min", "1.5 h"]
    assert [took(s) for s in (8.4, 130, 5400)] == ["8.4 s", "2 min 10 s", "1.5 h"]
