"""A run on made-up people, interrupted and resumed, and made the model that is shipped."""

import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from deepsquat import champion
from deepsquat.commands.promote import refuse_different
from deepsquat.commands.weights import load_weights
from deepsquat.errors import UserError
from deepsquat.model.plain import PlainNet
from deepsquat.runs.pictures import can_draw
from deepsquat.skeleton import Style
from deepsquat.trainer.form import Form
from program import ROOT, Command, environment

SMALL = (
    *("src/train.py", "experiment=joints", "data.people=24", "model.widths=[4,8]", "model.hidden=8"),
    *("split.val=0.2", "split.test=0.2", "optim.batch_size=8", "trainer.max_epochs=3", "tracking=offline"),
)


def run_id(output: str) -> str:
    found = re.search(r"^Run ([0-9a-f]{32}), in (.*)$", output, re.MULTILINE)
    assert found, output
    return found[1]


def weights(home: Path, run: str) -> dict[str, torch.Tensor]:
    path = home / "multirun" / "offline" / run / "artifacts" / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def runs(command: Command) -> list[str]:
    """Two finished runs of one kind."""
    done = [command(*SMALL, f"seed={seed}") for seed in (0, 1)]
    assert all(one.returncode == 0 for one in done), done[0].stderr + done[1].stderr
    assert "smooth_l1" in done[0].stdout
    return [run_id(one.stdout) for one in done]


def test_resumed_with_other_people_in_every_epoch_it_ends_with_the_same_weights(
    runs: list[str], command: Command, home: Path
) -> None:
    """Killed, with no time to end: what is left is the checkpoint of an epoch."""
    started = subprocess.Popen(
        [sys.executable, *SMALL, "seed=0"],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert started.stdout is not None
    line = next(line for line in started.stdout if line.startswith("Run "))
    folder = Path(line.strip().split(", in ")[1])
    deadline = time.monotonic() + 60
    while not (folder / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    started.kill()
    started.communicate(timeout=60)
    run = run_id(line)
    assert torch.load(folder / "last.ckpt", weights_only=True)["epoch"] < 2
    resumed = command("src/train.py", f"resume={run}", "tracking=offline")
    assert resumed.returncode == 0, resumed.stderr
    expected = weights(home, runs[0])
    for name, value in weights(home, run).items():
        assert torch.equal(value, expected[name]), name


def test_runs_become_a_model_that_can_be_loaded(runs: list[str], command: Command, tmp_path: Path) -> None:
    words = ("src/promote.py", "tracking=offline", "held_out.people=40", "name=trial")
    more = "+evaluation.on.others={option: joints, people: 20, seed: 5, noise: 0.5}"
    for chosen in (runs[:1], runs):
        folder = tmp_path / str(len(chosen))
        done = command(*words, f"runs=[{','.join(chosen)}]", f"folder={folder}", more)
        assert done.returncode == 0, done.stderr
        assert "made-up people, held out: 80 squats" in done.stdout and "others: 80 squats" in done.stdout
        model = champion.load(folder)
        assert model.name == "trial" and model.made_of["runs"] == chosen
        assert model.frames.each_side == 1 and model.skeleton.limbs == "legs"
        front = model.quantiles["lean"]["front"]
        assert list(front) == ["5", "25", "50", "75", "95"] and sorted(front.values()) == list(front.values())
        assert len(list(model.network.parameters())) % len(chosen) == 0
        card = (folder / "README.md").read_text()
        assert (folder / "told.csv").read_text().startswith("source,margin,told,right\n")
        assert (folder / "told.png").read_bytes().startswith(b"\x89PNG")
        assert "| made-up people, held out | 80 |" in card and all(run in card for run in chosen)


def test_a_runs_network_judges_by_its_id_or_its_checkpoint(
    runs: list[str], home: Path, tmp_path: Path
) -> None:
    """By its id with the weights that were tested; those of the lowest val/loss are a checkpoint's."""
    tracking = {"_target_": "deepsquat.tracking.offline.OfflineOptions"}
    tracking |= {"folder": str(home / "multirun" / "offline"), "experiment": "deepsquat"}

    def loaded(weights: object) -> champion.Champion:
        told = {"weights": str(weights), "paths": {"data": str(tmp_path)}, "tracking": tracking}
        return load_weights(OmegaConf.create(told))

    checkpoints = home / "multirun" / "offline" / runs[0] / "artifacts" / "checkpoints"
    for weights, name in ((runs[0], "tested"), *((checkpoints / f"{x}.ckpt", x) for x in ("best", "tested"))):
        model, kept = loaded(weights), torch.load(checkpoints / f"{name}.ckpt")["weights"]
        found = model.network.state_dict()
        assert found.keys() == kept.keys() and all(torch.equal(found[key], kept[key]) for key in kept)
        assert model.made_of["runs"] == [runs[0]] and isinstance(model.target, Form)
    last = loaded(checkpoints / "last.ckpt").network.state_dict()  # of the same epoch as what was tested
    assert all(torch.equal(last[key], kept[key]) for key in kept)
    assert loaded("champion").name == loaded("shipped").name == "deepsquat"
    champion.write(tmp_path / "promoted", model)
    assert loaded("champion").made_of == model.made_of and loaded("shipped").made_of != model.made_of
    (tmp_path / "x.ckpt").write_bytes(b"no checkpoint")
    (tmp_path / "y.ckpt").write_bytes((checkpoints / "best.ckpt").read_bytes())
    for weights, message in {
        "0" * 32: "there is no run 0000",
        tmp_path / "x.ckpt": "the run's config.yaml is not beside it",
        tmp_path / "y.ckpt": "the run's config.yaml is not beside it",
        "anything": "weights=anything: must be champion, shipped, the id of a run, a checkpoint's file",
    }.items():
        with pytest.raises(UserError, match=message):
            loaded(weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["runs=[none]"], "there is no run none"),
        (["standards.strict.deep=1"], "standards.strict: "),
        (["name=a/b"], "name must be a text without / and :"),
        (["+evaluation.on.x={option: films}"], "evaluation.on.x must name an option of data"),
    ],
)
def test_what_cannot_be_promoted_is_one_line(
    runs: list[str], changes: list[str], message: str, command: Command, tmp_path: Path
) -> None:
    words = ["src/promote.py", f"runs=[{runs[0]}]", "tracking=offline", "held_out.people=40"]
    done = command(
        *words,
        f"folder={tmp_path / 'model'}",
        *(c if c.startswith(("runs", "name")) else f"+{c.lstrip('+')}" for c in changes),
    )
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "model").exists()


def test_another_kind_of_run_is_refused() -> None:
    def choices(hidden: int) -> Any:
        model = SimpleNamespace(cls=PlainNet, arguments={"hidden": hidden})
        return SimpleNamespace(model=model, target=Form(), skeleton=Style())

    refuse_different(["a", "b"], [choices(8), choices(8)])
    with pytest.raises(UserError, match="runs: b has another network, target or skeleton than a"):
        refuse_different(["a", "b"], [choices(8), choices(9)])


TOGETHER = (
    *("src/train.py", "data=joined", "skeleton=legs", "model=plain", "target=form", "tracking=offline"),
    "data.of={drawn: {option: joints, people: 30}, real: {option: joints, people: 6, seed: 9}}",
    *("split=by_subject", "split.of=[drawn]", "protocol.frames_each_side=0", "skeleton.height=64"),
    *("skeleton.width=48", "model.widths=[4,8]", "model.hidden=8", "optim.batch_size=8"),
    "trainer.max_epochs=1",
)


@pytest.fixture(scope="module")
def start(runs: list[str], command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of both runs."""
    folder = tmp_path_factory.mktemp("start")
    made = (f"runs=[{','.join(runs)}]", "tracking=offline", "held_out.people=20", f"folder={folder}")
    assert command("src/promote.py", *made).returncode == 0
    return folder


def test_a_model_is_trained_further_and_judged_on_people_left_out(
    runs: list[str], start: Path, command: Command, home: Path, tmp_path: Path
) -> None:
    folds, folder = tmp_path / "folds", tmp_path / "folder"
    promote = ("src/promote.py", "tracking=offline", "held_out.people=40")
    hardly = command(*TOGETHER, f"start={start}", "seed=1", "optim.lr=1e-9")
    assert hardly.returncode == 0, hardly.stderr
    begun, now = (weights(home, run) for run in (runs[1], run_id(hardly.stdout)))
    name = "network.output.weight"
    assert torch.allclose(begun[name], now[name], atol=1e-5)  # of the network numbered by the seed

    kfold = ("evaluation=kfold", "evaluation.folds=3", "evaluation.of=[real]", "evaluation.guessers=[]")
    tested = command(*TOGETHER, f"start={start}", *kfold, f"hydra.run.dir={folds}")
    assert tested.returncode == 0, tested.stderr
    assert "3 folds by subject" in tested.stdout
    trained = run_id(hardly.stdout)
    done = command(*promote, f"runs=[{trained}]", f"folder={folder}", f"folds={folds}")
    assert done.returncode == 0, done.stderr
    assert "real people left out, all: 24 squats" in done.stdout
    model, card = champion.load(folder), (folder / "README.md").read_text()
    assert model.shift and model.threshold == pytest.approx(0.5)
    assert model.made_of["beside"]["real"]["people"] == "6" and "root" not in str(model.made_of)
    assert model.made_of["start"]["runs"] == runs
    assert "| real people left out, all | 24 |" in card and "squats of joints" in card
    if can_draw():
        assert (folder / "reliability.png").exists() and (folds / "files" / "reliability.png").exists()

    done = command(*promote, f"runs=[{trained}]", f"folder={tmp_path / 'x'}", f"folds={tmp_path}")
    assert done.returncode == 2 and "holds no evaluation over folds that is complete" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.hidden=9"], "has another network; choose the same model"),
        (["skeleton.height=72"], "has another target or skeleton"),
    ],
)
def test_what_cannot_be_trained_further_is_one_line(
    words: list[str], message: str, start: Path, command: Command
) -> None:
    done = command(*TOGETHER, f"start={start}", *words)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
