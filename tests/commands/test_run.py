"""How a command ends: exit codes, and one line for a mistake."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from omegaconf import DictConfig

from deepsquat.commands import run
from deepsquat.errors import UserError
from program import ROOT, environment


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable:
    """Runs a command whose work is `task` with the words; its exit code and what it printed on stderr."""
    monkeypatch.setenv("DEEPSQUAT_HOME", str(tmp_path))

    def end(task: Callable[[DictConfig], Any], *words: str, conf: str = run.CONF) -> tuple[Any, str]:
        @hydra.main(version_base=None, config_path=conf, config_name="train")
        def main(config: DictConfig) -> None:
            with run.user_errors():
                task(config)

        monkeypatch.setattr(sys, "argv", ["src/train.py", *words])
        with pytest.raises(SystemExit) as stop:
            run.run(main, sweeps=True)
        return stop.value.code, capfd.readouterr().err

    return end


def raising(error: BaseException) -> Callable[[DictConfig], None]:
    def task(config: DictConfig) -> None:
        raise error

    return task


def test_exit_codes(ended: Callable) -> None:
    assert ended(lambda config: None) == (None, "")
    assert ended(raising(UserError("this\n  and that"))) == (2, "error: this and that\n")
    assert ended(raising(KeyboardInterrupt())) == (130, "Interrupted.\n")
    code, said = ended(raising(PermissionError(13, "Permission denied", "/x")))
    assert (
        code == 2
        and said == "error: /x: cannot be written (Permission denied); choose a folder you may write to\n"
    )


def test_a_defect_shows_its_traceback(ended: Callable) -> None:
    for kind in ("ValueError('ours')", "FileNotFoundError(2, 'No such file', '/x')"):
        ours = compile(f"raise {kind}", str(ROOT / "src" / "deepsquat" / "training.py"), "exec")
        with pytest.raises((ValueError, FileNotFoundError)):
            ended(lambda config, ours=ours: exec(ours))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model=convnett"], "model=convnett: there is no such option; there are convnet"),
        (["-m", "sweep=nothing"], "there are batch_size, depth_l2, kernel_l2, leakage"),
        (["hydra/launcher=slurmm"], "there are basic, joblib"),
        (["-cn", "missing"], "there is no config missing"),
        (["--config-dir", "/nowhere"], "'/nowhere' not found"),
        (["--config-path", "/nowhere"], "'/nowhere' exists"),
        (["model.blcks=3"], "did you mean model.blocks?"),
        (["blocks=3"], "did you mean model.blocks?"),
        (["optm.lr=3"], "did you mean optim?"),
        (["split.zzz=3"], "there are split.by, split.val, split.test, split.seed"),
        (["optim.lr=1,2"], "To sweep over it, add --multirun"),
        (["model"], "write NAME=VALUE"),
        ([""], "write NAME=VALUE"),
        (["=3"], "the config cannot be put together"),
        (["model.blocks=${nope}"], "Interpolation key 'nope' not found"),
        (["model.blocks=${oc.env:NOPE}"], "Environment variable 'NOPE' not found"),
        (["hydra.run.dir=/dev/null/x"], "/dev/null/x: cannot be written"),
        (["hydra.run.dir=null"], "not Optional"),
        (["hydra.job.chdir=abc"], "not a valid bool"),
        (["paths=null"], "hydra.run.dir"),
        (["~model.nope"], "there is no model.nope here"),
    ],
)
def test_what_hydra_finds_is_one_line(words: list[str], said: str, ended: Callable) -> None:
    code, errors = ended(lambda config: str(config.model.blocks), *words)
    assert code == 2 and errors.startswith("error: ") and errors.count("\n") == 1, errors
    assert said in errors


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model/mine.yaml", b"blocks: [1\n", "mine.yaml, line 2: not YAML"),
        ("model/mine.yaml", b"a: 1\na: 2\n", "mine.yaml, line 2: not YAML (found duplicate key a)"),
        ("model/mine.yaml", b"\xff\xfe\x00", "cannot be put together"),
        ("model/mine.yaml", b"defaults: 3\n", "cannot be put together"),
    ],
)
def test_a_broken_config_file_is_one_line(
    file: str, content: bytes, said: str, ended: Callable, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_bytes(content)
    code, errors = ended(lambda config: None, "--config-dir", str(tmp_path), "model=mine")
    assert code == 2 and errors.count("\n") == 1 and said in errors, errors


@pytest.mark.parametrize("name", ["it's", 'a "b" c', "a,b=c [d]{e} ä $x 100%"])
def test_a_home_with_odd_characters_reaches_the_config(name: str, tmp_path: Path) -> None:
    home = tmp_path / name
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "src/train.py", "--cfg", "job", "--resolve", "--package", "paths"],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["data"] == f"{home}/data"
