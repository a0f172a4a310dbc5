"""What docs/extending.md says is what tests/extending holds, and it runs."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from deepsquat.data.squats import LabelledVideos
from program import ROOT, Command, tiny

EXAMPLE = ROOT / "tests" / "extending"
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
TEXT = PAGE[PAGE.index("## Your own model") :]
QUOTED = re.findall(r"`((?:mine|conf)/[\w/.]+)`:\n\n```\w+\n(.*?)```", TEXT, re.DOTALL)
LINES = [
    pytest.param(line, marks=pytest.mark.slow if " -m " in line else [])
    for line in re.findall(r"^python src/train.py .*", TEXT, re.MULTILINE)
]


def test_the_page_quotes_the_files() -> None:
    files = {
        str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*.*") if path.suffix in (".py", ".yaml")
    }
    assert {name for name, _ in QUOTED} == files
    for name, text in QUOTED:
        assert (EXAMPLE / name).read_text(encoding="utf-8") == text, name


@pytest.fixture(scope="module")
def landmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 squats of one frame, the good ones with their hips lower."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("csv") / "squats.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["squat", "video", "label", "time", "offset", "aspect", "landmarks"])
        for i in range(24):
            places = generator.uniform(0.2, 0.8, (33, 4)) + np.array([0, 0.1 * (i % 2), 0, 0])
            rows.writerow([f"v{i}#0", f"v{i}", i % 2, 1.0, 0.0, 0.5625, *places.ravel()])
    return path


@pytest.mark.parametrize("line", LINES)
def test_every_command_runs(
    line: str,
    command: Command,
    corpus: LabelledVideos,
    home: Path,
    landmarks: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPSQUAT_TRUST", "mine")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE))
    words = shlex.split(line.replace("DIR/squats.csv", str(landmarks)).replace("DIR", str(EXAMPLE)))[2:]
    of_convnet = not any(word.startswith(("model=", "model._target_=")) for word in words)
    small = [word for word in tiny(corpus)[1:] if of_convnet or not word.startswith("model.")]
    if "data=csv" in words:
        small = [word for word in small if not word.startswith("data.")]
    taken = {word.split("=")[0] for word in words}
    done = command("src/train.py", *words, *(w for w in small if w.split("=")[0] not in taken))
    assert done.returncode == 0, done.stderr
    if "-m" in words:
        assert "failed" not in done.stdout
        return
    found = re.search(r"^Run ([0-9a-f]{32}), in", done.stdout, re.MULTILINE)
    assert found
    if "tracking=json" in words:
        known = json.loads((home / "multirun" / "json" / f"{found[1]}.json").read_text())
        assert known["status"] == "FINISHED" and known["metrics"][0]["epoch"] == 1
        return
    run = MlflowClient(f"sqlite:///{home}/mlflow.db").get_run(found[1])
    if "model=small" in words:
        assert run.data.params["model._target_"] == "mine.net.SmallNet"
        assert run.info.run_name.startswith("SmallNet filters=8 step=4, l2 ")
    elif "data=csv" in words:
        assert run.data.tags["data.source"] == "mine" and run.data.tags["data.squats"] == "24"
    elif any("callbacks" in word for word in words):
        assert run.data.params["callbacks.early._target_"] == "mine.early.UntilRight"
        assert run.data.metrics["system/memory_mib"] > 100 and run.data.metrics["system/cpu_cores"] > 0
    else:
        recalls = {name for name in run.data.metrics if name.endswith("/recall")}
        assert recalls == {"train/recall", "val/recall", "test/recall"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=convnet,mlp", "model.padding=valid,same"], "Could not override 'model.padding'"),
        (["model.hidden=[9],[1000000000000]"], "parameters would take"),
        (
            ["model=mlp", "seed=0,1", "hydra.sweeper.hooks=os.Popen"],
            "hooks=os.Popen: os.Popen is not of a",
        ),
        (["model=mlp", "seed=0,1", "hydra.sweeper.objective=val/recall"], "no trial returns val/recall"),
    ],
)
def test_a_sweep_that_cannot_be_is_one_line_before_any_data(
    words: list[str], message: str, command: Command, tmp_path: Path
) -> None:
    done = command("src/train.py", "-m", *words, home=tmp_path, timeout=120)
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1 and message in lines[0], done.stderr
    assert not (tmp_path / "data").exists() and not (tmp_path / "mlflow.db").exists()
