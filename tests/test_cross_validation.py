"""An evaluation over folds as a user runs it: killed, gone on with, and what is kept of it."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepsquat.data.squats import LabelledVideos
from deepsquat.evaluation import out_of_fold
from deepsquat.tracking import PARENT
from deepsquat.tracking.offline import OfflineOptions
from program import ROOT, Command, environment

SMALL = (
    *("src/train.py", "experiment=joints", "data.people=6", "data.fresh=false", "model.widths=[4,8]"),
    *("model.hidden=8", "optim.batch_size=8", "trainer.max_epochs=2", "tracking=offline"),
    *("evaluation=kfold", "evaluation.folds=3", "evaluation.reference=first_good"),
    "evaluation.guessers=[logistic_measures,knows_subject]",
)


def folder_of(output: str) -> Path:
    found = re.search(r"^\d+ (?:folds|split) by \w+ of .*, in (.*)$", output, re.MULTILINE)
    assert found, output
    return Path(found[1])


def started(home: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture(scope="module")
def killed_and_finished(command: Command, home: Path) -> tuple[str, str]:
    """What both starts say of an evaluation whose first was killed in its second fold."""
    first = started(home, *SMALL)
    assert first.stdout is not None
    said = ""
    for line in first.stdout:
        said += line
        if line.startswith("fold 1 of 3"):
            break
    folder, deadline = folder_of(said), time.monotonic() + 60
    while not (folder / "0-1" / "run_id").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    first.kill()
    first.communicate(timeout=60)
    done = command(*SMALL)
    assert done.returncode == 0, done.stderr
    return said, done.stdout


def test_a_killed_evaluation_goes_on_with_the_unfinished_fold(
    killed_and_finished: tuple[str, str], home: Path
) -> None:
    before, output = killed_and_finished
    folder = folder_of(output)
    assert folder == folder_of(before)
    assert [line[:9] for line in output.splitlines() if line.startswith("fold ")] == [
        "fold 2 of",
        "fold 3 of",
    ]
    store = OfflineOptions(str(home / "multirun" / "offline"), "deepsquat").open_store()
    parent = store.find((folder / "run_id").read_text().splitlines()[0])
    assert parent.status == "FINISHED" and parent.tag("folds") == "3 by subject"
    children = store.tagged({PARENT: parent.id})
    assert sorted(run.tag("fold") for run in children if run.status == "FINISHED") == ["0", "1", "2"]
    assert {run.status for run in children} <= {"FINISHED", "KILLED"}


def test_every_squat_has_one_answer_of_each_guesser_and_the_run_has_their_scores(
    killed_and_finished: tuple[str, str], home: Path
) -> None:
    output = killed_and_finished[1]
    folder = folder_of(output)
    found = out_of_fold.read(folder / "files" / "out_of_fold.csv")
    assert set(found.guesser) == {"network", "network_head", "logistic_measures", "knows_subject"}
    for guesser in set(found.guesser):
        squats = found.squat[found.guesser == guesser]
        assert len(squats) == len(set(squats)) == 24
    for word in ("per subject", "knows subject", "beside one reference", "network head"):
        assert word in output, output
    store = OfflineOptions(str(home / "multirun" / "offline"), "deepsquat").open_store()
    measured = store.find((folder / "run_id").read_text().splitlines()[0]).latest_metrics()
    assert measured["baseline/knows_subject/squat/auc"] == 0.5  # no subject was ever trained on
    assert {"folds/squat/auc", "folds/reference/auc", "folds/image/brier", "test/loss"} <= set(measured)


def test_a_finished_evaluation_is_said_again_and_trains_nothing(
    killed_and_finished: tuple[str, str], command: Command
) -> None:
    again = command(*SMALL)
    assert again.returncode == 0 and not re.search(r"^fold ", again.stdout, re.MULTILINE)
    tables = [text.partition("Out of fold")[2] for text in (killed_and_finished[1], again.stdout)]
    assert tables[0] and tables[0] == tables[1]


@pytest.mark.slow
def test_a_sweep_has_a_mean_over_folds_as_its_objective(command: Command) -> None:
    done = command(
        *(SMALL[0], "-m", *SMALL[1:], "optim.lr=1e-3,1e-2", "hydra.sweeper.study=over-folds"),
        *("hydra.sweeper.objective=folds/squat/auc", "hydra.sweeper.direction=maximize"),
    )
    assert done.returncode == 0, done.stderr
    assert "BBC-CV" in done.stdout
    assert "2 of 2 done" in done.stdout and re.search(r"^trial 1 .*folds/squat/auc 0\.", done.stdout, re.M)


def test_one_split_under_several_seeds_is_one_run_with_their_mean(command: Command, home: Path) -> None:
    small = [word for word in SMALL if not word.startswith("evaluation")]
    done = command(*small, "evaluation=seeds", "evaluation.seeds=[3,4]")
    assert done.returncode == 0, done.stderr
    assert "its own split, seed 3" in done.stdout and "its own split, seed 4" in done.stdout
    assert "Test squats of a split by" in done.stdout and "over 2 seeds" in done.stdout
    store = OfflineOptions(str(home / "multirun" / "offline"), "deepsquat").open_store()
    parent = store.find((folder_of(done.stdout) / "run_id").read_text().splitlines()[0])
    losses = [run.latest_metrics()["val/loss"] for run in store.tagged({PARENT: parent.id})]
    assert len(losses) == 2 and parent.latest_metrics()["val/loss"] == pytest.approx(sum(losses) / 2)


def test_what_cannot_be_folded_is_one_line(command: Command, corpus: LabelledVideos) -> None:
    words = ("src/train.py", "data=videos", f"data.root={corpus.root}", "tracking=offline")
    for more, message in (
        (["evaluation=kfold"], "3 subjects do not make 5 folds"),
        (["evaluation=kfold", "evaluation.guessers=[tarot]"], "there is no tarot"),
        (["evaluation=leave_one_subject_out", "evaluation.reference=best"], "evaluation.reference must be"),
    ):
        done = command(*words, *more)
        assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
