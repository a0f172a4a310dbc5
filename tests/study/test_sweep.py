"""Whole sweeps of a toy through the command line."""

import fcntl
import json
import os
import pty
import random
import signal
import struct
import termios
import time

import psutil
import pytest

GRID = ("x=1,2,3,4", "y=0.1,0.2,0.3")
POINTS = [(x, y) for x in (1, 2, 3, 4) for y in (0.1, 0.2, 0.3)]
TPE = ("x=interval(0,4)", "y=tag(log,interval(0.01,1))", "hydra.sweeper.seed=3")


def test_a_grid_runs_every_point_in_order_and_none_again(toy):
    said = toy.run(*GRID)
    assert toy.points() == POINTS
    assert [t.number for t in toy.trials()] == list(range(12))
    assert [t.value for t in toy.trials()] == [(x - 2) ** 2 + y for x, y in POINTS]
    lines = [line for line in said.splitlines() if line.startswith("trial ")]
    assert len(lines) == 12 and "x=2 y=0.1" in lines[3] and "loss 0.1" in lines[3]
    assert "Best: trial 3" in said
    assert "the trial says" not in said
    assert (toy.folder / "multirun/toy/4/output.txt").read_text() == "the trial says 2\n"

    assert "12 of 12 done" in toy.run(*GRID)
    assert len(toy.ran()) == 12


def test_a_sweep_without_a_name_is_found_again_by_the_same_line_alone(toy):
    for expected in (2, 2):
        toy.run("x=1,2", "hydra.sweeper.study=''")
        assert len(toy.ran()) == expected
    toy.run("x=1,3", "hydra.sweeper.study=''")
    assert len(toy.ran()) == 4
    assert len(list((toy.folder / "multirun").glob("sweep-*/study.journal"))) == 2


def test_failed_points_do_not_stop_the_sweep_and_are_tried_again_by_the_next_start(toy):
    said = toy.run(*GRID, "fails=[2]", code=1)
    assert toy.states() == {"COMPLETE": 9, "FAIL": 3}
    assert said.count("\nFailed: x=2") == 3 and "RuntimeError: x is 2" in said
    error = (toy.folder / "multirun/toy/3/error.txt").read_text()
    assert error.startswith("Traceback") and error.endswith("RuntimeError: x is 2\n")

    toy.run(*GRID, "fails=[2]", "hydra.sweeper.max_retries=1", code=1)
    assert toy.points()[12:] == [point for point in POINTS if point[0] == 2]
    assert "given up" in toy.run(*GRID, "hydra.sweeper.max_retries=1", code=1)
    assert len(toy.ran()) == 15

    toy.run(*GRID)
    assert toy.points()[15:] == [point for point in POINTS if point[0] == 2]
    assert toy.states() == {"COMPLETE": 12, "FAIL": 6}


def test_nan_and_a_time_limit_fail_one_trial(toy):
    toy.run("x=1,2", "nans=[2]", code=1)
    assert [t.user_attrs.get("error") for t in toy.trials()] == [None, "loss is NaN"]

    said = toy.run("x=1", "sleep=5", "hydra.sweeper.timeout=0.3", "hydra.sweeper.study=slow", code=1)
    assert "TimeLimit: longer than hydra.sweeper.timeout=0.3 s" in said


def test_a_mistake_in_a_value_is_not_tried_again(toy):
    said = toy.run("x=1,2", "mistakes=[2]", code=1)
    assert "x cannot be 2" in said and "tries the failed" not in said
    assert "hydra.sweeper.max_retries=3 tries it again" in said
    toy.run("x=1,2", code=1)
    assert len(toy.ran()) == 2
    assert toy.ends() == ["undone", "undone"]
    toy.run("x=1,2", "hydra.sweeper.max_retries=3")  # as the line above says
    assert toy.states() == {"COMPLETE": 2, "FAIL": 1}


def test_an_objective_that_is_not_returned_stops_the_sweep_after_its_first_trial(toy):
    said = toy.run("x=1,2,3", "hydra.sweeper.objective=lss", code=1)
    assert len(toy.ran()) == 1
    assert "the trial returned no lss; it has loss, size" in said


def test_a_mistake_that_concerns_all_trials_stops_the_sweep_after_three(toy):
    said = toy.run("x=1,2,3,4,5", "fails=[1,2,3,4,5]", code=1)
    assert len(toy.ran()) == 3
    assert said.count("failed in the same way") == 1


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_trial_is_resumed_where_it_stood(toy, kind):
    process = toy.start(*GRID, "sleep=0.1", "steps=5")
    toy.wait_for("multirun/toy/2/step")
    process.send_signal(kind)
    time.sleep(0.3)  # by now it is ending what it has begun
    said = toy.stop(process, kind)
    assert process.returncode == 130
    assert toy.ends() == ["interrupted"]
    assert "The same command resumes" in said and "Traceback" not in said
    assert toy.states() == {"COMPLETE": 2, "FAIL": 1}
    assert toy.trials()[2].user_attrs["ended"] == "interrupted"

    toy.run(*GRID, "sleep=0", "steps=5")
    number, x, y, step = toy.ran()[3]
    assert (number, x, y) == (3, 1, 0.3) and step > 0
    assert toy.states() == {"COMPLETE": 12, "FAIL": 1}


def test_ctrl_c_before_the_first_trial_ends_what_has_begun(toy):
    process = toy.start("x=1,2", "start=30")
    toy.wait_for("starts.txt")
    said = toy.stop(process, signal.SIGINT)
    assert process.returncode == 130 and "Traceback" not in said
    assert toy.ends() == ["interrupted"]
    toy.run("x=1,2")
    assert toy.ends() == ["interrupted", "done"]
    assert toy.states() == {"COMPLETE": 2}


def _workers(process) -> list[psutil.Process]:
    """The processes that run the trials of a sweep under joblib."""
    return [
        c
        for c in psutil.Process(process.pid).children(recursive=True)
        if "popen_loky" in " ".join(c.cmdline())
    ]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_sweep_and_their_trials_are_resumed(toy, kind):
    arguments = ("x=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "steps=300")
    process = toy.start(*arguments, "sleep=0.2")
    for number in (0, 1):
        toy.wait_for(f"multirun/toy/{number}/step")
    workers = _workers(process)
    assert len(workers) == 2
    toy.stop(process, kind)  # it alone, not its workers
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert not alive
    toy.run(*arguments, "sleep=0")
    assert toy.states() == {"COMPLETE": 2, "FAIL": 2}
    assert {t.user_attrs.get("ended") for t in toy.trials()[:2]} == {
        "interrupted" if kind == signal.SIGINT else "lost"
    }
    assert all(step > 0 for _, _, _, step in toy.ran()[2:])


def _killed_again_and_again(toy, kills: int) -> None:
    moments = random.Random(7)
    for _ in range(kills):
        process = toy.start(*GRID, "sleep=0.15")
        time.sleep(moments.uniform(0.5, 2.5))
        process.kill()
        process.communicate()
    toy.run(*GRID)
    states = toy.states()
    assert states["COMPLETE"] == 12 and states["RUNNING"] == 0
    done = [t for t in toy.trials() if t.state.name == "COMPLETE"]
    assert sorted(t.user_attrs["point"] for t in done) == list(range(12))
    assert {t.user_attrs["point"]: t.value for t in done} == {
        i: (x - 2) ** 2 + y for i, (x, y) in enumerate(POINTS)
    }


def test_a_study_survives_kills(toy):
    _killed_again_and_again(toy, kills=4)


@pytest.mark.slow
def test_a_study_survives_twenty_kills(toy):
    _killed_again_and_again(toy, kills=20)


@pytest.mark.parametrize("storage", [None, "sqlite:///study.db"])
def test_two_processes_share_a_study_and_run_no_point_twice(toy, storage):
    more = [f"hydra.sweeper.storage={storage}"] if storage else []
    both = [toy.start(*GRID, "sleep=0.1", *more) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(toy.points()) == POINTS
    where = f"sqlite:///{toy.folder}/study.db" if storage else None
    done = [t for t in toy.trials(storage=where) if t.state.name == "COMPLETE"]
    assert sorted(t.user_attrs["point"] for t in done) == list(range(12))
    owners = {t.user_attrs["owner"]["pid"] for t in done}
    assert owners == {process.pid for process in both}


def test_another_process_waits_for_a_point_and_resumes_it_when_its_owner_dies(toy):
    first = toy.start("x=1,2", "sleep=30")
    toy.wait_for("ran.txt")
    second = toy.start("x=1,2", "sleep=0")
    assert "waits for 1" in [second.stdout.readline() for _ in range(3)][2]
    first.kill()
    first.communicate()
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert toy.states() == {"COMPLETE": 2, "FAIL": 1}


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (["x=1,2,3"], "swept was x=1,2, is x=1,2,3"),
        (["x=1,2", "steps=3"], "steps was 2, is 3"),
        (["x=1,2", "hydra.sweeper.direction=maximize"], "hydra.sweeper.direction was minimize, is maximize"),
    ],
)
def test_a_study_with_other_values_is_refused_in_one_line(toy, arguments, difference):
    toy.run("x=1,2")
    said = toy.run(*arguments, code=2)
    assert said.startswith("error: ") and said.count("\n") == 1
    assert difference in said and "hydra.sweeper.study=NAME" in said
    assert len(toy.ran()) == 2
    toy.run(*arguments, "hydra.sweeper.study=other")


def test_a_study_in_which_nothing_has_ended_well_may_be_started_with_other_values(toy):
    toy.run("x=1,2,3,4", "fails=[1,2,3,4]", "steps=1", code=1)
    toy.run("x=1,2,3,4", "steps=2")
    assert toy.states() == {"COMPLETE": 4, "FAIL": 3}


def test_a_pruner_ends_trials_early(toy):
    said = toy.run("x=2,1,3,9,8,7,6,5", "steps=6", "hydra.sweeper.pruner=median")
    states = toy.states()
    assert states["PRUNED"] >= 2 and states["COMPLETE"] >= 5 and states["FAIL"] == 0
    assert "pruned at step" in said
    toy.run("x=2,1,3,9,8,7,6,5", "steps=6", "hydra.sweeper.pruner=median")
    assert len(toy.ran()) == 8


def test_n_trials_is_a_total_and_a_resumed_sampler_draws_what_it_would_have_drawn(toy):
    toy.run(*TPE, "hydra.sweeper.n_trials=5")
    toy.run(*TPE, "hydra.sweeper.n_trials=14")
    resumed = [t.params for t in toy.trials()]
    assert len(resumed) == 14
    toy.run(*TPE, "hydra.sweeper.n_trials=14", "hydra.sweeper.study=whole")
    assert [t.params for t in toy.trials("whole")] == resumed
    assert len({json.dumps(p) for p in resumed}) == 14


@pytest.mark.parametrize("sampler", ["random", "qmc", "gp", "nsga2"])
def test_other_samplers(toy, sampler):
    toy.run(*TPE, f"hydra.sweeper.sampler={sampler}", "hydra.sweeper.n_trials=3")
    assert toy.states() == {"COMPLETE": 3}


def test_several_objectives(toy):
    said = toy.run(
        *GRID, "hydra.sweeper.objective=[loss,size]", "hydra.sweeper.direction=[minimize,maximize]"
    )
    assert toy.trials()[0].values == [1.1, 1.0]
    assert said.count("Best: trial") == 3


def test_joblib_runs_trials_side_by_side(toy):
    arguments = (*GRID, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "sleep=0.1")
    said = toy.run(*arguments, "fails=[3]", code=1)
    assert sorted(toy.points()) == POINTS
    assert toy.states() == {"COMPLETE": 9, "FAIL": 3}
    assert "the trial says" not in said
    toy.run(*arguments)
    assert toy.states() == {"COMPLETE": 12, "FAIL": 3}


def test_no_trial_waits_for_a_slower_one_beside_it(toy):
    toy.run("steps=60,1,2,3,4", "sleep=0.1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    slow, *quick = toy.trials()
    assert toy.states() == {"COMPLETE": 5}
    assert all(trial.datetime_complete < slow.datetime_complete for trial in quick)


def test_a_terminal_shows_how_far_each_trial_is_that_runs_beside_another(toy):
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    slow = ("x=1,2", "steps=30", "sleep=0.2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    process = toy.start(*slow, stderr=terminal)
    os.close(terminal)
    shown = ""
    while not all(f"trial {number} epoch" in shown for number in (0, 1)):
        shown = os.read(screen, 4096).decode(errors="replace").split("\r")[-1]
    toy.stop(process, signal.SIGKILL)
    os.close(screen)
    assert "/30" in shown and "0/2 done" in shown


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        (["z=1,2"], "Could not override 'z'"),
        (["x=1,13"], "x=13: 13 is no good"),
        (["x=interval(0,13)", "hydra.sweeper.n_trials=2"], "x=13.0: 13 is no good"),
        (["x=1,2", "hydra.sweeper.objective=lss", "returned=[loss,size]"], "no trial returns lss"),
        (["x=1,2", "hydra.sweep.dir=here"], "hydra.sweep.dir=here: a sweep's folder is"),
        (["hydra.sweeper.n_jobs=2", "x=1,2"], "hydra/launcher=joblib"),
        (["x=interval(0,1)"], "hydra.sweeper.n_trials"),
        (["x=interval(0,1)", "hydra.sweeper.sampler=grid"], "cannot run through an interval"),
        (["x=shuffle(1,2)"], "shuffle"),
        (["x=1,2", "hydra.sweeper.sampler=simplex"], "hydra.sweeper.sampler must be one of"),
        (
            ["x=1,2", "hydra.sweeper.pruner_options={n_warm:1}", "hydra.sweeper.pruner=median"],
            "pruner_options",
        ),
        (["x=1,2", "hydra.sweeper.storage=sqlite:////nowhere/x.db"], "hydra.sweeper.storage"),
        (["x=1,2", "hydra.sweeper.n_trials=many"], "hydra.sweeper.n_trials"),
    ],
)
def test_a_mistake_is_told_in_one_line(toy, arguments, mistake):
    said = toy.run(*arguments, code=2)
    assert said.startswith("error: ") and said.count("\n") == 1, said
    assert mistake in said
    assert toy.ran() == [] and not (toy.folder / "multirun/toy").exists()
