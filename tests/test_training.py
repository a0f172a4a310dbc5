"""The main job as a user runs it: the real command, MediaPipe's landmarks, a real MLflow store."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient

from deepsquat.data.squats import LabelledVideos
from deepsquat.data.videos.annotations import write_labels
from deepsquat.locks import held
from program import ROOT, Command, environment, tiny


def client(home: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{home}/mlflow.db")


def run_id(output: str) -> str:
    found = re.search(r"^Run ([0-9a-f]{32}), in", output, re.MULTILINE)
    assert found, output
    return found[1]


def weights(home: Path, run: str) -> dict[str, torch.Tensor]:
    path = home / "mlruns" / run / "artifacts" / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def trained(command: Command, corpus, home: Path) -> tuple[str, str]:
    """Run id and output of one tiny training."""
    done = command(*tiny(corpus, "trainer.max_epochs=12"))
    assert done.returncode == 0, done.stderr
    return run_id(done.stdout), done.stdout


def test_run_keeps_everything(trained: tuple[str, str], home: Path) -> None:
    run, output = trained
    found = client(home).get_run(run)
    assert found.info.status == "FINISHED"
    assert found.data.params["model.blocks"] == "1" and found.data.params["optim.l2"] == "1e-06"
    assert found.data.params["data._target_"] == "deepsquat.data.videos.source.VideoFolder"
    tags = found.data.tags
    for name in ("data.fingerprint", "data.squats", "hardware.cpu", "version.torch", "command", "code.dirty"):
        assert tags[name], name
    assert tags["split"] == "by_squat" and "same video in train" in tags["split.crossing"]
    assert tags["protocol"] == "quick" and tags["protocol.note"] == "not the paper's protocol"
    assert found.inputs.dataset_inputs[0].dataset.name == "videos"

    metrics = found.data.metrics
    for part in ("train", "val", "test"):
        loss = metrics[f"{part}/loss"]
        assert loss == pytest.approx(metrics[f"{part}/bce"] + metrics[f"{part}/l2_penalty"], rel=1e-5)
        assert 0 <= metrics[f"{part}/accuracy"] <= 1
    steps = [m.step for m in client(home).get_metric_history(run, "val/loss")]
    assert steps == list(range(1, 13))

    artifacts = home / "mlruns" / run / "artifacts"
    names = {str(p.relative_to(artifacts)) for p in artifacts.rglob("*") if p.is_file()}
    assert names >= {"confusion.png", "curves.png", "samples.png", "mistakes.png", "predictions.csv"}
    assert names >= {"config.yaml", "split.json", "checkpoints/best.ckpt", "checkpoints/last.ckpt"}
    rows = (artifacts / "predictions.csv").read_text().splitlines()
    squats = json.loads((artifacts / "split.json").read_text())
    assert len(rows) == 1 + 3 * (len(squats["val"]) + len(squats["test"]))  # three images each

    assert "not the paper's protocol" in output and run in output and "mlflow ui" in output
    assert "siblings" in output or "sibling of the same video in train" in output
    assert 0 <= metrics["test/oracle/knows_video"] <= 1 and "test/oracle/sees_framing" in metrics


def test_ctrl_c_then_resume_ends_with_the_weights_of_an_uninterrupted_run(
    trained: tuple[str, str], command: Command, corpus, home: Path
) -> None:
    started = subprocess.Popen(
        [sys.executable, *tiny(corpus, "trainer.max_epochs=12")],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    line = next(line for line in started.stdout if line.startswith("Run "))
    run, folder = run_id(line), Path(line.strip().split(", in ")[1])
    deadline = time.monotonic() + 60
    while not (folder / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.rstrip().splitlines()[-1] == f"Interrupted. To go on: python src/train.py resume={run}"
    killed = client(home).get_run(run)
    assert killed.info.status == "KILLED"
    assert killed.data.metrics["train/loss"] and "test/loss" not in killed.data.metrics
    assert (home / "mlruns" / run / "artifacts" / "checkpoints" / "last.ckpt").is_file()

    runs = len(client(home).search_runs([killed.info.experiment_id]))
    refused = command(*tiny(corpus, f"hydra.run.dir={folder}"))
    assert refused.returncode == 2 and f"{folder} holds the files of the run {run}" in refused.stderr
    assert len(client(home).search_runs([killed.info.experiment_id])) == runs
    with held(folder):
        refused = command("src/train.py", f"resume={run}")
    assert refused.returncode == 2 and "another process is training here" in refused.stderr
    assert client(home).get_run(run).info.status == "KILLED"
    refused = command("src/train.py", f"resume={run}", "model.blocks=2")
    assert refused.returncode == 2 and "leave out model.blocks=2" in refused.stderr
    resumed = command("src/train.py", f"resume={run}")
    assert resumed.returncode == 0, resumed.stderr
    assert client(home).get_run(run).info.status == "FINISHED"
    steps = {m.step for m in client(home).get_metric_history(run, "train/loss")}
    assert steps == set(range(1, 13))
    expected = weights(home, trained[0])
    for name, value in weights(home, run).items():
        assert torch.equal(value, expected[name]), name

    again = command("src/train.py", f"resume={run}")
    assert again.returncode == 2 and "has finished" in again.stderr


def test_a_run_killed_between_its_last_epoch_and_its_end_is_finished_by_resume(
    command: Command, corpus: LabelledVideos, home: Path
) -> None:
    whole = command(*tiny(corpus))
    run = run_id(whole.stdout)
    folder = Path(client(home).get_run(run).data.tags["folder"])
    shutil.copy(home / "mlruns" / run / "artifacts" / "checkpoints" / "last.ckpt", folder)
    predicted = (home / "mlruns" / run / "artifacts" / "predictions.csv").read_bytes()
    client(home).update_run(run, status="RUNNING")  # as a SIGKILL leaves it
    resumed = command("src/train.py", f"resume={run}")
    assert resumed.returncode == 0, resumed.stderr
    assert client(home).get_run(run).info.status == "FINISHED"
    table = [line for line in whole.stdout.splitlines() if line.startswith(("train ", "val ", "test "))]
    assert len(table) == 3
    assert [line for line in resumed.stdout.splitlines() if line in table] == table
    assert (home / "mlruns" / run / "artifacts" / "predictions.csv").read_bytes() == predicted


def test_nan_ends_the_run_failed_and_names_the_step(command: Command, corpus, home: Path) -> None:
    done = command(*tiny(corpus, "optim.lr=1e30", "trainer.max_epochs=3"))
    assert done.returncode == 2
    assert re.search(r"^error: \w+/loss became (nan|inf) at step \d+ of epoch \d", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
    assert client(home).get_run(run_id(done.stdout)).info.status == "FAILED"


def test_trains_from_one_file_where_nothing_but_torch_lightning_and_hydra_is(
    command: Command, corpus, home: Path, tmp_path: Path
) -> None:
    arrays = tmp_path / "squats.npz"
    small = ("skeleton.height=48", "skeleton.width=27")
    prepared = command(
        "src/prepare.py",
        "data=videos",
        f"data.root={corpus.root}",
        *small,
        "augment=paper",
        f"export={arrays}",
    )
    assert prepared.returncode == 0, prepared.stderr
    overrides = tiny(corpus, "augment=paper", f"data.file={arrays}")
    overrides = [o for o in overrides if not o.startswith("data.root")]
    overrides[overrides.index("data=videos")] = "data=arrays"
    blocked = (
        "import runpy, sys\n"
        "for name in ('cv2', 'albumentations', 'mediapipe', 'av', 'pyarrow', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "sys.path.insert(0, 'src'); sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = command("-c", blocked, *overrides)
    assert done.returncode == 0, done.stderr
    found = re.search(r"test (\d+) squats \((\d+) images\)", done.stdout)
    assert found and int(found[2]) == 3 * 4 * int(found[1])  # three images, four copies

    other = command(*overrides, "skeleton.height=64")
    assert other.returncode == 2 and "holds other images: height 48, width 27" in other.stderr


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.blcks=3"], "did you mean model.blocks?"),
        (["model.blocks=four"], "model.blocks: Value 'four'"),
        (["model.blocks=5"], "model: block 3 of 5 would shrink"),
        (["model.kernel_size=9"], "model.kernel_size must be 2 to 7"),
        (["optim.lr=-1"], "optim.lr must be a number above 0"),
        (["optim.batch_size=500"], "there are at most 27 training images"),
        (["split.test=0.01"], "split: test would hold 0 good and 0 bad"),
        (["trainer=gpu"], "trainer=gpu: torch sees no GPU"),
        (["tracking.uri=sqlite:////nowhere/at/all.db"], "the folder /nowhere/at does not exist"),
        (["data=arrays"], "data.file: say which file"),
        (
            ["target=form", "model=resnet"],
            "target: it learns from bodies whose joints are known, and data=videos",
        ),
        (["optim.decay=fast"], "optim.decay must be none or cosine"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    overrides: list[str], message: str, command: Command, corpus, home: Path
) -> None:
    if torch.cuda.is_available() and "trainer=gpu" in overrides:
        pytest.skip("there is a GPU")
    before = len(client(home).search_runs([e.experiment_id for e in client(home).search_experiments()]))
    base = tiny(corpus)
    if "data=arrays" in overrides:
        base, overrides = ["src/train.py"], ["data=arrays"]
    done = command(*base, *overrides)
    errors = [line for line in done.stderr.splitlines() if not line.startswith(("Poses", "\r"))]
    assert done.returncode == 2, done.stderr
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0], done.stderr
    after = len(client(home).search_runs([e.experiment_id for e in client(home).search_experiments()]))
    assert after == before


def test_says_that_unlabelled_and_one_sided_squats_teach_nothing(
    command: Command, corpus, tmp_path: Path
) -> None:
    from dataclasses import replace

    for label, message in ((None, "no squat has a label"), (1, "only good squats have a label")):
        root = tmp_path / str(label)
        root.mkdir()
        for video in {s.video for s in corpus.squats}:
            target = root / video
            target.parent.mkdir(exist_ok=True)
            os.link(Path(corpus.root) / video, target)
        write_labels(root / "labels.yaml", [replace(s, label=label) for s in corpus.squats])
        prepared = command("src/prepare.py", "data=videos", f"data.root={root}")
        assert prepared.returncode == 0, prepared.stderr
        done = command("src/train.py", "data=videos", f"data.root={root}")
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
