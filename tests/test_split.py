import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.split import PARTS, Item, SplitOptions, audit, split


def squats(videos: int, each: int, seed: int = 0, one_label: bool = False) -> list[Item]:
    """Two videos a subject, labels at random or one a video."""
    generator = np.random.default_rng(seed)
    return [
        Item(f"v{v}#{i}", f"v{v}", f"s{v // 2}", int(v % 2 if one_label else generator.random() < 0.5))
        for v in range(videos)
        for i in range(each)
    ]


def test_by_squat_takes_the_papers_ten_and_ten() -> None:
    items = [Item(f"v{i % 34}#{i}", f"v{i % 34}", "", int(i < 110)) for i in range(219)]
    parts = split(items, SplitOptions("squat", 0.05, 0.05, 230))
    assert [len(parts[p]) for p in PARTS] == [199, 10, 10]
    assert sum(item.label for item in parts["test"]) == 5
    found = audit(parts, "squat")
    assert found.shared["test"]["video"] == 10
    assert "10 of 10 test squats have a sibling of the same video in train" in found.lines()


@pytest.mark.parametrize("by", ["video", "subject"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("one_label", [False, True])
def test_groups_stay_whole_and_sizes_and_labels_near_what_was_asked(
    by: str, seed: int, one_label: bool
) -> None:
    items = squats(24, 8, seed, one_label)
    parts = split(items, SplitOptions(by, 0.15, 0.25, seed))
    assert sorted(i.id for p in PARTS for i in parts[p]) == sorted(i.id for i in items)
    groups = {p: {getattr(i, by) for i in parts[p]} for p in PARTS}
    assert not groups["train"] & groups["val"] and not groups["train"] & groups["test"]
    assert not groups["val"] & groups["test"]
    for part, share in (("val", 0.15), ("test", 0.25)):
        assert abs(len(parts[part]) / len(items) - share) <= 0.08
        assert abs(np.mean([i.label for i in parts[part]]) - np.mean([i.label for i in items])) <= 0.15
    assert audit(parts, by).shared["test"][by] == 0


def test_videos_of_one_label_are_divided_so_that_every_part_has_both() -> None:
    items = [Item(f"v{v}#{i}", f"v{v}", "", int(v < 3)) for v in range(6) for i in range(6)]
    parts = split(items, SplitOptions("video"))
    assert all({item.label for item in parts[name]} == {0, 1} for name in PARTS)


def test_same_seed_same_split_and_another_seed_another() -> None:
    items = squats(20, 8)
    first, again, other = (split(items, SplitOptions("video", seed=s)) for s in (1, 1, 2))
    assert first == again
    assert first["test"] != other["test"]


def test_audit_stops_at_a_crossing_of_the_declared_group() -> None:
    items = squats(4, 4)
    parts = {"train": items[:6], "val": items[6:9], "test": items[9:]}
    with pytest.raises(ValueError, match="split by video"):
        audit(parts, "video")


@pytest.mark.parametrize(
    ("items", "options", "message"),
    [
        ([], SplitOptions(), "no squat has a label"),
        ([Item("a#0", "a", "", 1), Item("b#0", "b", "", 1)], SplitOptions(), "only good squats have a label"),
        (squats(2, 8), SplitOptions("video"), "2 videos cannot fill"),
        (squats(6, 1), SplitOptions("squat", 0.05, 0.05), "val would hold 0 good and 0 bad"),
        (
            [Item(f"a#{i}", "a", "", i % 2) for i in range(9)],
            SplitOptions("subject"),
            "9 squats have no subject",
        ),
    ],
)
def test_says_in_one_line_what_cannot_be_split(
    items: list[Item], options: SplitOptions, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        split(items, options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("seed", range(10))
def test_every_part_has_good_squats_that_are_no_reference(seed: int) -> None:
    """Eight people have a reference and a bad squat, four have two of each."""
    items = []
    for who in range(12):
        labels = [(1, True), (0, False)] if who < 8 else [(1, False), (1, False), (0, False), (0, False)]
        items += [
            Item(f"{who}#{i}", str(who), str(who), label, reference)
            for i, (label, reference) in enumerate(labels)
        ]
    parts = split(items, SplitOptions("subject", seed=seed))
    for name in ("val", "test"):
        assert {item.label for item in parts[name]} == {0, 1}
        assert not any(item.reference for item in parts[name])


@pytest.mark.parametrize(
    "values", [{"by": "day"}, {"seed": -1}, {"val": 0.0}, {"test": 1.0}, {"val": 0.6, "test": 0.5}]
)
def test_refuses_options_that_cannot_be(values: dict) -> None:
    with pytest.raises(UserError, match="split"):
        SplitOptions(**values)


def test_val_and_test_can_be_of_some_sources_alone() -> None:
    items = [Item(f"{of}/v{i}#0", f"{of}/v{i}", f"{of}/{i}", i % 2) for of in ("a", "b") for i in range(40)]
    parts = SplitOptions("subject", 0.2, 0.2, of=("a",)).divided(items)
    assert {item.id[0] for name in ("val", "test") for item in parts[name]} == {"a"}
    assert sorted(i.id for part in parts.values() for i in part) == sorted(item.id for item in items)
    assert sum(item.id.startswith("b/") for item in parts["train"]) == 40
    with pytest.raises(UserError, match=r"split\.of: no squat is of the source c; data\.of names them"):
        SplitOptions("subject", of=("c",)).divided(items)
