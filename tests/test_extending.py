"""What docs/extending.md says of models and metrics is what tests/extending holds, and it runs."""

import re
import shlex
from pathlib import Path

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
    assert {name for name, _ in QUOTED} == {"mine/net.py", "conf/model/small.yaml", "mine/recall.py"}
    for name, text in QUOTED:
        assert (EXAMPLE / name).read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize("line", LINES)
def test_every_command_runs(
    line: str, command: Command, corpus: LabelledVideos, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSQUAT_TRUST", "mine")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE))
    words = shlex.split(line.replace("DIR", str(EXAMPLE)))[2:]
    of_convnet = not any(word.startswith(("model=", "model._target_=")) for word in words)
    small = [word for word in tiny(corpus)[1:] if of_convnet or not word.startswith("model.")]
    taken = {word.split("=")[0] for word in words}
    done = command("src/train.py", *words, *(w for w in small if w.split("=")[0] not in taken))
    assert done.returncode == 0, done.stderr
    if "-m" in words:
        assert "failed" not in done.stdout
        return
    found = re.search(r"^Run ([0-9a-f]{32}), in", done.stdout, re.MULTILINE)
    assert found
    run = MlflowClient(f"sqlite:///{home}/mlflow.db").get_run(found[1])
    if "model=small" in words:
        assert run.data.params["model._target_"] == "mine.net.SmallNet"
        assert run.info.run_name.startswith("SmallNet filters=8 step=4, l2 ")
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
