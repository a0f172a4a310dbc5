"""Several studies beside each other, as a user asks for it."""

import json
import warnings
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from deepsquat.runs import comparison
from deepsquat.study.storage import open_storage
from deepsquat.study.summary import summary
from deepsquat.tracking.offline import OfflineOptions
from program import Command


def study(
    runs: Path, name: str, values: list[float | None], direction: str = "minimize", metric: str = "val/loss"
):
    """A study in its folder, as a sweep leaves it; None: a trial that failed."""
    folder = runs / name
    folder.mkdir(parents=True)
    made = optuna.create_study(
        study_name=name, storage=open_storage(str(folder / "study.journal")), direction=direction
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.set_metric_names([metric])
    made.set_user_attr("id", f"id of {name}")
    (folder / "study.id").write_text(f"id of {name}\n")
    axes = {"optim.l2": FloatDistribution(1e-6, 1e-2, log=True), "model": CategoricalDistribution(("a", "b"))}
    for i, value in enumerate(values):
        params = {"optim.l2": 1e-6 * (i + 1), "model": "ab"[i % 2]}
        state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
        trial = optuna.trial.create_trial(state=state, value=value, params=params, distributions=axes)
        made.add_trial(trial)
    return made


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of its own, with studies and the run of one."""
    folder = tmp_path_factory.mktemp("own")
    runs = folder / "multirun"
    study(runs, "wide <1>", [0.9, 0.5, None, 0.7, 0.3, 0.6, 0.4, 0.35, 0.3125])
    study(runs, "narrow", [0.4, 0.2, 0.25])
    study(runs, "other", [0.4], "maximize", "val/accuracy")
    study(runs, "empty", [None])
    run = (
        OfflineOptions(str(runs / "offline"), "deepsquat")
        .open_store()
        .start("narrow", {"study.id": "id of narrow", "sweep": "narrow", "folder": str(runs / "narrow")})
    )
    run.end("FINISHED")
    return folder


def test_studies_are_set_beside_each_other_and_no_run_is_made(own: Path, command: Command) -> None:
    offline = own / "multirun" / "offline"
    before = sorted(offline.iterdir())
    done = command("src/compare.py", "wide <1>", "narrow", "tracking=offline", home=own)
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    cells = {
        row[0].strip(): [cell.strip() for cell in row[1:] if cell.strip()] for row in rows if row[0].strip()
    }
    assert cells["wide <1>"] == ["8", "0", "1", "0.3", "0.3406", "0.45", "0.625", "0.9"]
    assert cells["narrow"] == ["3", "0", "0", "0.2", "0.225", "0.25", "0.325", "0.4"]
    assert "narrow, best: trial 1  optim.l2=2e-06 model='b'" in done.stdout
    assert done.stdout.count("matters: not to be said of so few trials") == 1
    page = (own / "reports" / "comparisons" / "wide <1> and narrow.html").read_text()
    assert "wide &lt;1&gt; and narrow" in page and page.count("data:image/png;base64,") == 3
    assert "http" not in page and "<script" not in page
    assert sorted(offline.iterdir()) == before
    (kept,) = offline.glob("*/artifacts/comparison/*.html")
    assert kept.read_text() == page
    assert json.loads((kept.parents[2] / "run.json").read_text())["status"] == "FINISHED"
    assert "Note: wide <1> has no run" in done.stdout


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "name the studies"),
        (
            ["narrow", "none"],
            "none: there is no study of that name; there are empty, narrow, other, wide <1>",
        ),
        (["narrow", "other"], "narrow looks at val/loss, lowest best, other at val/accuracy, highest best"),
        (["narrow", "empty"], "empty: none of its trials is complete"),
        (["../narrow"], "there is no study of that name"),
    ],
)
def test_a_mistake_is_one_line(names: list[str], said: str, own: Path, command: Command) -> None:
    done = command("src/compare.py", *names, "tracking=offline", home=own)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr


def test_the_best_so_far_follows_the_direction(tmp_path: Path) -> None:
    up = summary(study(tmp_path, "up", [1.0, 3.0, 2.0, 4.0], "maximize"))
    down = summary(study(tmp_path, "down", [3.0, 4.0, 1.0, 2.0]))
    assert up.best_so_far.tolist() == [1, 3, 3, 4] and up.numbers[up.best_row] == 3
    assert down.best_so_far.tolist() == [3, 3, 1, 1] and down.numbers[down.best_row] == 2
    assert comparison.lines([up])[2].split()[4:] == ["4", "1.75", "2.5", "3.25", "1"]
