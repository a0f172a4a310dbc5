"""Every command in the README runs, on a corpus of seconds instead of minutes."""

import re
import shlex
from pathlib import Path

import pytest

from program import ROOT, Command

COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]
PROGRAM = [line for line in COMMANDS if line.startswith("python src/") and "RUN_ID" not in line]
TRAININGS = [
    pytest.param(line, marks=pytest.mark.slow if " -m " in line or " from=" in line else [])
    for line in PROGRAM
]  # sweeps are slow, and what starts from one comes after it
# By what a command has, where the way to it is tested.
OF_ONES_OWN = {
    "label.py": "commands/test_label.py",
    "data.root=videos": "commands/test_label.py",
    "export.py": "test_onnx_file.py",
    "evaluation=kfold": "test_cross_validation.py",
    "STUDY STUDY": "commands/test_compare.py",
}
# Sizes alone: what each command is about stays as it stands.
SMALL = ["protocol.videos=3", "protocol.squats=15", "protocol.frames_each_side=0", "data.seed=7"]
SHORT = ["trainer.max_epochs=1", "optim.batch_size=4", "split.val=0.25", "split.test=0.25"]


def test_readme_has_the_commands_that_a_user_needs() -> None:
    for command in ("make train", "make test", "mlflow ui", "python src/train.py protocol=paper"):
        assert command in COMMANDS
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    used = {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert used <= set(targets)


@pytest.fixture(scope="module")
def arrays(command: Command, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the README's squats.npz goes."""
    return str(tmp_path_factory.mktemp("arrays") / "squats.npz")


@pytest.mark.parametrize("line", TRAININGS)
def test_every_command_runs(line: str, command: Command, corpus, arrays: str, tmp_path: Path) -> None:
    words = shlex.split(line)[1:]
    if any(word.endswith("=FILE") for word in words):
        pytest.skip("needs a data set that a user must download; its reader has tests of its own")
    if words[0] == "src/reproduce.py":
        pytest.skip("days without a GPU; tests/paper/test_reproduction.py runs it at a tiny size")
    if own := [name for name in OF_ONES_OWN if name in line]:
        pytest.skip(f"{own[0]}: what a user has of it is made up in tests/{OF_ONES_OWN[own[0]]}")
    if words[0] == "src/predict.py":
        video = str(corpus.root / corpus.squats[0].video)
        words[1:] = [video, *(word.replace("my-good-squats.mp4", video) for word in words[2:])]
    words = [word.replace("DIR", str(corpus.root)).replace("squats.npz", arrays) for word in words]
    training = words[0] == "src/train.py"
    if words[0] == "src/report.py":
        words.append(f"folder={tmp_path}")
    synthetic = not any(word.startswith("data=") for word in words)
    anew = any(word.startswith("from=") for word in words)  # as small as what it is trained anew from
    if words[0] in ("src/train.py", "src/prepare.py") and not anew:
        words += SMALL[: len(SMALL) if synthetic else -1]
    if training:
        words += SHORT
    if "sweep=pipeline_tpe" in words:
        words.append("hydra.sweeper.n_trials=2")
    done = command(*words)
    assert done.returncode == 0, done.stderr
    expected = {"src/train.py": "Run ", "src/prepare.py": "Landmark table", "src/report.py": "Table 5"}
    expected |= {"src/sync.py": "imported", "src/predict.py": "verdict.json"}
    assert expected[words[0]] in done.stdout or "-m" in words
    if "-m" in words:
        assert "failed" not in done.stdout
