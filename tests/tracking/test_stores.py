"""What callers may expect of every store."""

from dataclasses import replace
from pathlib import Path

import pytest

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.study.running import Pruned


@pytest.fixture(params=["mlflow", "offline"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tracking.Store:
    """An empty one: in MLflow's case an experiment of its own."""
    if request.param == "offline":
        return request.getfixturevalue("offline")
    options = request.getfixturevalue("mlflow_options")
    return replace(options, experiment=tmp_path.name).open_store()


def test_a_run_is_found_with_what_it_was_given(store: tracking.Store) -> None:
    run = store.start("a run", {"folder": "/here", "it's": "quoted"})
    run.tags({"trial": 3})
    found = store.find(run.id)
    assert (found.id, found.status) == (run.id, "RUNNING")
    assert (found.tag("folder"), found.tag("trial"), found.tag("nothing")) == ("/here", "3", "")
    assert [r.id for r in store.tagged({"it's": "quoted", "folder": "/here"})] == [run.id]
    assert store.tagged({"it's": "quoted", "folder": "/there"}) == []
    for unknown in ("0" * 32, "../offline", "x"):
        with pytest.raises(UserError, match="there is no run"):
            store.find(unknown)


@pytest.mark.parametrize("value", ["it's", 'a "b"', """it's "both" 100%_""", "a\\b", "a\nb", "ä;`"])
def test_a_run_is_found_by_a_tag_with_odd_characters(value: str, store: tracking.Store) -> None:
    store.start("another", {"folder": value.replace("'", "x")})
    run = store.start("a run", {"folder": value})
    assert run.id in [found.id for found in store.tagged({"folder": value})]
    assert {found.tag("folder") for found in store.tagged({"folder": value})} == {value}
    assert store.tagged({"folder": f"{value}!"}) == []


def test_metrics_come_back_by_step_the_latest_of_each(store: tracking.Store) -> None:
    run = store.start("a run", {})
    for step, value in ((1, 0.5), (2, 0.25), (3, 0.125)):
        run.metrics({"train/loss": value, "val/loss": 2 * value, "other": 0}, step)
    run.metrics({"late": 7.0}, 0)
    run.metrics({"train/loss": 0.75, "val/loss": 1.5}, 2)  # an epoch trained again, after a resume
    assert run.history(["train/loss", "val/loss"]) == [
        {"epoch": 1, "train/loss": 0.5, "val/loss": 1.0},
        {"epoch": 2, "train/loss": 0.75, "val/loss": 1.5},
        {"epoch": 3, "train/loss": 0.125, "val/loss": 0.25},
    ]
    assert run.latest_metrics() == {"train/loss": 0.125, "val/loss": 0.25, "other": 0, "late": 7.0}


@pytest.mark.parametrize(
    ("error", "status", "tag", "said"),
    [
        (None, "FINISHED", "error", ""),
        (KeyboardInterrupt(), "KILLED", "error", ""),
        (SystemExit(1), "KILLED", "error", ""),
        (Pruned("at epoch 3"), "FINISHED", "pruned", "at epoch 3"),
        (ValueError("no good"), "FAILED", "error", "ValueError: no good"),
    ],
)
def test_a_run_ends_as_its_block_does(
    store: tracking.Store, error: BaseException | None, status: str, tag: str, said: str
) -> None:
    run = store.start("a run", {})

    def end() -> None:
        with run.ending(Pruned):
            if error is not None:
                raise error

    if error is None:
        end()
    else:
        with pytest.raises(type(error)):
            end()
    found = store.find(run.id)
    assert (found.status, found.tag(tag)) == (status, said)
    found.reopen()
    again = store.find(run.id)
    assert (again.status, again.tag("error")) == ("RUNNING", "")


def test_runs_are_found_by_all_of_the_tags(store: tracking.Store) -> None:
    ids = [store.start(f"run {n}", {"study.id": "a", "trial": str(n)}).id for n in range(3)]
    store.start("another", {"study.id": "b", "trial": "0"})
    assert sorted(run.id for run in store.tagged({"study.id": "a"})) == sorted(ids)
    assert [run.id for run in store.tagged({"study.id": "a", "trial": "2"})] == [ids[2]]
