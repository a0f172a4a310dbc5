"""Folds of made-up squats: what is divided, and what cannot be."""

import pytest

from deepsquat.errors import UserError
from deepsquat.evaluation.folds import FoldOptions, folds, grouping
from deepsquat.split import Item


def items(subjects: int = 6, each: int = 8, videos: int = 2) -> list[Item]:
    """As many good as bad squats of every subject, in several videos."""
    return [
        Item(f"v{s}-{i % videos}#{i}", f"v{s}-{i % videos}", f"s{s}", int(i < each // 2))
        for s in range(subjects)
        for i in range(each)
    ]


@pytest.mark.parametrize("options", [FoldOptions(folds=3), FoldOptions(by="video", folds=4), FoldOptions()])
def test_every_squat_is_tested_once_and_no_group_is_divided(options: FoldOptions) -> None:
    everyone = items()
    found = folds(everyone, options)
    tested = [item.id for fold in found for item in fold.divided(everyone)["test"]]
    assert sorted(tested) == sorted(item.id for item in everyone)
    for fold in found:
        parts = fold.divided(everyone)
        groups = [{getattr(item, fold.by) for item in parts[name]} for name in ("train", "val", "test")]
        assert all(groups) and not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
        assert {item.label for item in parts["train"]} == {0, 1}
    assert [fold.number for fold in found] == list(range(len(found)))


def test_folds_hold_about_the_same_of_each_label() -> None:
    everyone = [item for s in range(9) for item in items(1, 2 + 4 * (s % 3))]
    everyone = [Item(f"{i}", f"v{i // 3}", "", i % 2) for i in range(len(everyone))]
    counts = [
        (sum(item.label for item in test), len(test))
        for fold in folds(everyone, FoldOptions(folds=3))
        for test in [fold.divided(everyone)["test"]]
    ]
    assert max(n for _, n in counts) - min(n for _, n in counts) <= 3
    assert all(abs(good / n - 0.5) < 0.2 for good, n in counts)


def test_left_out_are_subjects_where_every_squats_is_known() -> None:
    everyone = items()
    assert grouping(everyone, None) == "subject" and grouping(everyone, "video") == "video"
    assert [fold.test for fold in folds(everyone, FoldOptions())] == [frozenset([f"s{i}"]) for i in range(6)]
    assert grouping([*everyone, Item("x#0", "x", "", 1)], None) == "video"


def test_the_same_seed_deals_the_same_folds() -> None:
    everyone = items(12)
    one, same = (folds(everyone, FoldOptions(folds=4, seed=1)) for _ in range(2))
    other = folds(everyone, FoldOptions(folds=4, seed=2))
    assert one == same and [fold.test for fold in one] != [fold.test for fold in other]


def test_where_others_are_trained_on_alone_some_of_them_are_watched() -> None:
    real = [Item(f"real/{i.id}", i.video, f"real/{i.subject}", i.label) for i in items()]
    drawn = [Item(f"drawn/{i.id}", i.video, f"drawn/{i.subject}", i.label) for i in items(40)]
    found = folds([*drawn, *real], FoldOptions(of=("real",)))
    assert [fold.test for fold in found] == [frozenset([f"real/s{i}"]) for i in range(6)]
    for fold in found:
        parts = fold.divided([*drawn, *real])
        assert len({item.subject for item in parts["val"]}) == 2 and len(parts["test"]) == 8
        assert all(item.id.startswith("drawn/") for item in parts["val"])
        assert sum(item.id.startswith("real/") for item in parts["train"]) == 40


@pytest.mark.parametrize("bad", [(0, 1), (0, 2), (3, 4)])
def test_what_is_watched_leaves_both_labels_where_bad_squats_are_of_two_people(bad: tuple[int, int]) -> None:
    everyone = [Item(f"{s}#{i}", f"{s}", f"s{s}", int(s not in bad)) for s in range(5) for i in range(3)]
    found = folds(everyone, FoldOptions())
    assert [fold.test for fold in found] == [frozenset([f"s{s}"]) for s in range(5)]
    for fold in found:
        parts = fold.divided(everyone)
        assert {item.label for item in parts["train"]} == {0, 1} and len(parts["val"]) == 3


def test_every_reference_is_answered_once() -> None:
    everyone = [Item(i.id, i.video, i.subject, i.label, i.id.endswith("#0")) for i in items()]
    answered = [
        item.id for fold in folds(everyone, FoldOptions()) for item in fold.divided(everyone)["reference"]
    ]
    assert sorted(answered) == sorted(item.id for item in everyone if item.reference)


def test_references_are_tested_apart() -> None:
    everyone = [Item(i.id, i.video, i.subject, i.label, i.id in ("v0-0#0", "v3-0#0")) for i in items()]
    parts = folds(everyone, FoldOptions())[0].divided(everyone)
    assert [item.id for item in parts["reference"]] == ["v0-0#0"]
    assert "v0-0#0" not in [item.id for item in parts["test"]]
    assert "v3-0#0" in [item.id for item in parts["train"]]


@pytest.mark.parametrize(
    ("everyone", "options", "message"),
    [
        (items(2), FoldOptions(), "2 subjects do not make 3 folds"),
        (items(4), FoldOptions(folds=5), "4 subjects do not make 5 folds"),
        ([Item("a#0", "a", "", 1)], FoldOptions(by="subject"), "1 squats have no subject, the first is a#0"),
        ([Item("a#0", "a", "", 1)], FoldOptions(), "only good squats have a label"),
        (
            [Item(f"{s}#0", f"{s}", f"s{s}", int(s > 1)) for s in range(8)],
            FoldOptions(folds=5),
            "2 bad squats cannot be dealt to 5 folds",
        ),
        (
            [Item(f"{s}#{i}", f"{s}", f"s{s}", int(s > 0)) for s in range(5) for i in range(3)],
            FoldOptions(),
            "but one label to train on, .* good squats come from 4 subjects, bad ones from 1",
        ),
    ],
)
def test_says_in_one_line_what_cannot_be_folded(
    everyone: list[Item], options: FoldOptions, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        folds(everyone, options)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"by": "age"}, "evaluation.by must be squat, video, subject"),
        ({"folds": 0}, "evaluation.folds must be 3 or more"),
        ({"reference": "best"}, "evaluation.reference must be none, marked, first_good"),
        ({"guessers": ["tarot"]}, "there is no tarot; there are logistic_measures"),
        ({"seeds": [1, 1]}, "evaluation.seeds must be one or more"),
    ],
)
def test_a_value_that_cannot_be_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        FoldOptions(**values)  # type: ignore[arg-type]
