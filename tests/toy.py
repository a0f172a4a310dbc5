"""A toy task function, swept through the real command line."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from deepsquat.study.storage import open_storage

_SOURCE = Path(__file__).parents[1] / "src"

_TOY = """
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig

from deepsquat.commands import run as command
from deepsquat.errors import UserError
from deepsquat.study.hooks import Hooks
from deepsquat.study.running import report


class Told(Hooks):  # keeps what it is told of the sweep's ends; x=13 cannot be
    def check(self, config):
        if config.x == 13:
            raise UserError("13 is no good")

    def metrics(self):
        return None if self.config.returned is None else list(self.config.returned)

    def on_start(self, study):
        Path("starts.txt").touch()
        time.sleep(self.config.start)
        return {}

    def on_end(self, study, ending):
        time.sleep(0.5)
        with open("ends.txt", "a") as file:
            file.write(f"{ending}\\n")


@hydra.main(version_base=None, config_path="conf", config_name="toy")
def main(config):
    folder = Path(HydraConfig.get().runtime.output_dir)
    (folder / "mine").touch(exist_ok=False)  # nobody else's, now or before
    begin = 0
    for number in config.trial.earlier:
        saved = folder.parent / str(number) / "step"
        if saved.exists():
            begin = int(saved.read_text())
            break
    with open(folder.parents[2] / "ran.txt", "a") as file:  # a worker may have another working folder
        file.write(f"{config.trial.number} {config.x} {config.y} {begin}\\n")
    print("the trial says", config.x)
    loss = (config.x - 2) ** 2 + config.y
    for step in range(begin, config.steps):
        time.sleep(config.sleep)
        report({"loss": loss + 1 / (step + 1)}, step, config.steps)
        (folder / "step").write_text(str(step + 1))
    if config.x in config.fails:
        raise RuntimeError(f"x is {config.x}")
    if config.x in config.mistakes:
        raise UserError(f"x cannot be {config.x}")
    return {"loss": float("nan") if config.x in config.nans else loss, "size": abs(config.x)}


if __name__ == "__main__":
    command.run(main, sweeps=True)
"""

_CONFIG = """
defaults:
  - _self_
  - override hydra/sweeper: study
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none
x: 1
y: 0.1
steps: 2
sleep: 0
fails: []
nans: []
mistakes: []
start: 0
returned: null
trial: null
hydra:
  sweeper:
    study: toy
    objective: loss
    may_differ: [sleep, fails, nans, mistakes, start, returned]
    hooks: __main__.Told
"""

GRID = ("x=1,2,3,4", "y=0.1,0.2,0.3")
POINTS = [(x, y) for x in (1, 2, 3, 4) for y in (0.1, 0.2, 0.3)]


class Toy:
    """The toy in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "toy.py").write_text(_TOY)
        (folder / "conf").mkdir()
        (folder / "conf" / "toy.yaml").write_text(_CONFIG)

    def start(self, *arguments: str, stderr: int = subprocess.STDOUT) -> subprocess.Popen:
        path = [found] if (found := os.environ.get("PYTHONPATH")) else []
        return subprocess.Popen(
            [sys.executable, "toy.py", "-m", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_SOURCE), *path])},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, timeout: float = 120) -> str:
        """What it printed; it must end with the exit code."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=timeout)
        assert process.returncode == code, said
        return said

    def wait_for(self, path: str) -> None:
        """Until the file is there."""
        deadline = time.monotonic() + 60
        while not (self.folder / path).exists():
            assert time.monotonic() < deadline, path
            time.sleep(0.02)

    def stop(self, process: subprocess.Popen, kind: signal.Signals) -> str:
        process.send_signal(kind)
        said, _ = process.communicate(timeout=60)
        return said

    def ran(self) -> list[tuple[int, float, float, int]]:
        """Trial number, x, y and first step of each trial, in order."""
        path = self.folder / "ran.txt"
        if not path.exists():
            return []
        rows = [line.split() for line in path.read_text().splitlines()]
        return [(int(n), float(x), float(y), int(step)) for n, x, y, step in rows]

    def points(self) -> list[tuple[float, float]]:
        return [(x, y) for _, x, y, _ in self.ran()]

    def ends(self) -> list[str]:
        """How each start of the sweep ended, as its hooks were told."""
        return (self.folder / "ends.txt").read_text().split()

    def trials(self, name: str = "toy", storage: str | None = None) -> list[FrozenTrial]:
        open_storage.cache_clear()
        address = storage or str(self.folder / "multirun" / name / "study.journal")
        return optuna.load_study(study_name=name, storage=open_storage(address)).trials

    def states(self, **where: str) -> Counter:
        return Counter(trial.state.name for trial in self.trials(**where))
