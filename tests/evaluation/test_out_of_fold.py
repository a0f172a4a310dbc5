"""What is said out of fold, as a table and as squats."""

from pathlib import Path

import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.evaluation.out_of_fold import OutOfFold, logits, per_squat, read, write


def said(guesser: str, logit: list[float]) -> OutOfFold:
    n = len(logit)
    return OutOfFold(
        guesser=np.full(n, guesser),
        seed=np.zeros(n, int),
        fold=np.arange(n) // 4,
        squat=np.array([f"v{i // 4}#{i // 2}" for i in range(n)]),
        video=np.array([f"v{i // 4}" for i in range(n)]),
        subject=np.array(["anna, b" if i < 4 else "" for i in range(n)]),
        frame=np.arange(n),
        label=np.arange(n) // 2 % 2,
        reference=np.zeros(n, int),
        logit=np.array(logit),
    )


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    found = OutOfFold.joined([said("network", [0.5, -1.5, 2, 3, 1e-3, 0, 0, 7]), said("a guesser", [1, 2])])
    write(tmp_path / "x.csv", found)
    again = read(tmp_path / "x.csv")
    for name, column in vars(found).items():
        np.testing.assert_array_equal(getattr(again, name), column, err_msg=name)


def test_a_squat_is_the_mean_of_its_images_and_its_group_the_video_where_a_subject_is_unknown() -> None:
    squats = per_squat(said("network", [1, 3, -2, -4, 0, 1, 5, 5]))
    assert squats.squat.tolist() == ["v0#0", "v0#1", "v1#2", "v1#3"]
    assert squats.scores.score.tolist() == [2, -3, 0.5, 5] and squats.scores.label.tolist() == [0, 1, 0, 1]
    assert squats.group.tolist() == ["v0", "v0", "v1", "v1"]


def test_no_probability_is_beyond_a_millionth() -> None:
    np.testing.assert_allclose(logits(np.array([0, 0.5, 1])), [-13.8155, 0, 13.8155], atol=1e-4)


def test_a_damaged_table_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("guesser,seed\nnetwork,one\n")
    with pytest.raises(UserError, match=r"x\.csv: cannot be read, or is damaged"):
        read(tmp_path / "x.csv")
