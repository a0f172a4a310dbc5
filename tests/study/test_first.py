"""Points that are tried before the sampler draws, what a sweep would run, and its own time limit."""

import time

import pytest

SPACE = ("x=interval(0,4)", "y=tag(log,interval(0.01,1))", "hydra.sweeper.n_trials=4", "hydra.sweeper.seed=3")


def test_the_config_and_other_points_come_before_the_draws(toy):
    """{} is the config as it stands: x 1, y 0.1."""
    toy.run(*SPACE, "hydra.sweeper.first=[{},{x:3.5},{x:2,y:0.5}]")
    assert toy.points()[:3] == [(1, 0.1), (3.5, 0.1), (2, 0.5)] and len(toy.points()) == 4
    drawn = toy.points()[3]
    assert 0 <= drawn[0] <= 4 and 0.01 <= drawn[1] <= 1
    assert "4 of 4 done" in toy.run(*SPACE, "hydra.sweeper.first=[{},{x:3.5},{x:2,y:0.5}]")
    assert len(toy.points()) == 4


def test_a_choice_is_met_as_it_is_typed(toy):
    words = (
        "x=choice(1,2.5)",
        "y=choice(0.1,0.2)",
        "hydra.sweeper.sampler=random",
        "hydra.sweeper.n_trials=2",
    )
    toy.run(*words, "hydra.sweeper.first=[{x:2.5}]")
    assert toy.points()[0] == (2.5, 0.1)


def test_what_would_run_is_said_and_nothing_is_written(toy):
    said = toy.run("x=1,2,3", "y=0.1", "hydra.sweeper.dry=true")
    assert "Study toy: 3 trials by grid" in said and "0 done, 3 to run\n  x=1\n  x=2\n  x=3\n" in said
    assert "nobody knows before a trial is complete" in said
    assert not (toy.folder / "multirun" / "toy").exists() and not toy.ran() and "Told" not in said
    toy.run("x=1,2,3", "y=0.1", "fails=[3]", "sleep=0.1", code=1)
    before = sorted(path.stat().st_mtime_ns for path in (toy.folder / "multirun").rglob("*"))
    said = toy.run("x=1,2,3", "y=0.1", "hydra.sweeper.dry=true")
    assert "2 done, 1 to run\n  x=3\n" in said and "by the median of 2 complete trials" in said
    assert sorted(path.stat().st_mtime_ns for path in (toy.folder / "multirun").rglob("*")) == before
    draws = toy.run(*SPACE, "hydra.sweeper.first=[{}]", "hydra.sweeper.study=d", "hydra.sweeper.dry=true")
    assert "  x=1 y=0.1\n  3 that tpe draws: x=interval(0,4) y=tag(log,interval(0.01,1))\n" in draws


def test_a_sweep_ends_at_its_own_time_limit_and_is_resumed(toy):
    start = time.monotonic()
    said = toy.run("x=1,2", "y=0.1", "steps=40", "sleep=0.5", "hydra.sweeper.sweep_timeout=3", code=130)
    assert time.monotonic() - start < 18
    assert "hydra.sweeper.sweep_timeout=3 s have passed. The same command goes on with the sweep." in said
    assert [trial.user_attrs["ended"] for trial in toy.trials()] == ["interrupted"]
    toy.run("x=1,2", "y=0.1", "steps=40", "sleep=0")
    assert toy.ran()[1][3] > 0 and toy.states() == {"COMPLETE": 2, "FAIL": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*SPACE, "hydra.sweeper.first=[{z:1}]"), "hydra.sweeper.first: z is not swept; there are x, y"),
        ((*SPACE, "hydra.sweeper.first=[{x:5}]"), "hydra.sweeper.first: x=5 is not among what is swept"),
        ((*SPACE, "y=1", "hydra.sweeper.first=[1]"), "hydra.sweeper.first must be a list"),
        (("x=2,3", "hydra.sweeper.first=[{}]"), "hydra.sweeper.first: a grid runs all of its points"),
        (
            ("x=2,3", "hydra.sweeper.sampler=random", "hydra.sweeper.n_trials=2", "hydra.sweeper.first=[{}]"),
            "hydra.sweeper.first: the config's own x=1 is not among what is swept, 2,3",
        ),
        ((*SPACE, "hydra.sweeper.sweep_timeout=0"), "hydra.sweeper.sweep_timeout must be 0.01 or more"),
    ],
)
def test_a_mistake_is_one_line(toy, words, said):
    lines = toy.run(*words, code=2).splitlines()
    assert len(lines) == 1 and said in lines[0]
