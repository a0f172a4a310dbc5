"""Studies that begin with another one's trials."""

import shutil

import pytest

Y = "y=0.1"


@pytest.fixture
def begun(toy):
    """A toy whose study `a` has x of 1, 2 and 3 at y = 0.1."""
    toy.run("x=1,2,3", Y, "hydra.sweeper.study=a")
    return toy


def ran(toy, *words):
    """The points that a sweep ran anew, and what it said."""
    before = len(toy.points())
    said = toy.run(*words)
    return toy.points()[before:], said


def test_a_space_that_was_moved_runs_what_is_new_alone(begun):
    words = ("x=2,3,4", Y, "hydra.sweeper.begin_with=a", "hydra.sweeper.study=b")
    points, said = ran(begun, *words)
    assert points == [(4, 0.1)] and "3 of 3 done" in said
    assert "Begun with 2 trials of a; 1 more lie outside of this space" in said
    assert [trial.params["x"] for trial in begun.trials("b")] == [2, 3, 4]
    taken = begun.trials("b")[0]
    assert taken.value == begun.trials("a")[1].value and taken.user_attrs["of"]["trial"] == 1
    points, said = ran(begun, *words)
    assert not points and "Begun" not in said


def test_a_value_that_was_fixed_is_swept_and_the_other_way_round(begun):
    points, _ = ran(begun, "x=1,2", "y=0.1,0.2", "hydra.sweeper.begin_with=a", "hydra.sweeper.study=b")
    assert points == [(1, 0.2), (2, 0.2)]
    points, _ = ran(begun, "x=2", "y=0.1,0.2,0.3", "hydra.sweeper.begin_with=b", "hydra.sweeper.study=c")
    assert points == [(2, 0.3)]
    whose = [trial.user_attrs.get("of", {}).get("study") for trial in begun.trials("c")]
    assert sorted(whose, key=str) == [None, "a", "b"], "of those that b took over, a has the folders"


def test_a_sampler_draws_on_with_what_is_known(begun):
    words = ("x=interval(1.5,4.0)", Y, "hydra.sweeper.n_trials=4", "hydra.sweeper.first=[{x:2.5}]")
    points, said = ran(begun, *words, "hydra.sweeper.begin_with=a", "hydra.sweeper.study=b")
    assert "Begun with 2 trials of a" in said and len(points) == 2 and points[0] == (2.5, 0.1)
    assert begun.states(name="b") == {"COMPLETE": 4}


def test_what_a_kill_left_undone_is_taken_over_by_the_next_start(begun):
    words = ("x=1,2,3,4", Y, "hydra.sweeper.begin_with=a", "hydra.sweeper.study=b")
    begun.run(*words)
    journal = begun.folder / "multirun" / "b" / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    taken = [number for number, line in enumerate(lines) if '"of"' in line]
    assert len(taken) == 3
    journal.write_text("".join(lines[: taken[1]]))  # as after a kill between the first and the second
    for number in range(4):
        shutil.rmtree(begun.folder / "multirun" / "b" / str(number), ignore_errors=True)
    points, said = ran(begun, *words)
    assert points == [(4, 0.1)] and "Begun with 2 trials of a" in said
    assert begun.states(name="b") == {"COMPLETE": 4}


def test_before_it_begins_it_says_what_it_will_take_over(begun):
    words = ("x=2,3,4", Y, "hydra.sweeper.study=b", "hydra.sweeper.dry=true")
    assert "2 done, 1 to run" in begun.run(*words, "hydra.sweeper.begin_with=a")
    assert "there is no study of that name" in begun.run(*words, "hydra.sweeper.begin_with=z", code=2)
    assert not (begun.folder / "multirun" / "b").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hydra.sweeper.begin_with=z"], "begin_with=z: there is no study of that name"),
        (["hydra.sweeper.begin_with=b"], "begin_with=b: it is this very study"),
        (
            ["steps=3", "hydra.sweeper.begin_with=a"],
            "there steps is 2, here 3; only what is swept may differ",
        ),
        (["hydra.sweeper.objective=size", "hydra.sweeper.begin_with=a"], "it has another objective, loss"),
    ],
)
def test_what_cannot_be_begun_with_is_one_line(begun, words, said):
    output = begun.run("x=1,2", Y, "hydra.sweeper.study=b", *words, code=2)
    assert said in output and len([line for line in output.splitlines() if line.startswith("error")]) == 1
