"""The check of the machine, run as a user does, on stand-ins for modules that cannot be loaded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import check
from program import ROOT

MAKE = shutil.which("make") or ""
BY_MAKE = ("MAKEFLAGS", "PYTHON", "TORCH_INDEX")  # handed on by `make test`
NOT_FOUND = "cannot open shared object file: No such file or directory"


class Machine:
    """Every module that is asked for is empty, until a test says otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for module in check.MODULES:
            self.has(module, "")

    def has(self, module: str, source: str) -> Path:
        """The folder of a package with this source."""
        package = self.folder / module
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(source)
        return package

    def says(self, python: str = sys.executable) -> str:
        """The one line of the check that ends with exit code 2."""
        done = self.checked(python)
        assert done.returncode == 2 and not done.stdout, done.stdout
        [line] = done.stderr.splitlines()
        assert line.startswith("error: ")
        return line

    def checked(self, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        return subprocess.run(
            [python, ROOT / "src" / "check.py"], env=environment, capture_output=True, text=True
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_is_missing_where_these_tests_run() -> None:
    done = subprocess.run([sys.executable, ROOT / "src" / "check.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and done.stdout.startswith("Nothing is missing")


def test_help_says_what_it_is_for() -> None:
    line = [sys.executable, ROOT / "src" / "check.py", "--help"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("Says in one line what this machine still lacks")


@pytest.mark.skipif(not shutil.which("ldd"), reason="makes libraries of Linux")
def test_libraries_that_are_not_there_are_said_by_their_packages(machine: Machine) -> None:
    machine.has("cv2", f"raise ImportError('libGL.so.1: {NOT_FOUND}')")
    machine.has("albumentations", "import cv2")
    library = machine.has("mediapipe", "import cv2") / "tasks" / "c" / "libmediapipe.so"
    library.parent.mkdir(parents=True)
    _library(library, "libnothing.so.1", "libq.so.7")
    line = machine.says()
    assert "libGL.so.1, libnothing.so.1, libq.so.7 cannot be found: " in line
    assert "install libgl1 (Debian, Ubuntu) or libglvnd-glx (Fedora)" in line
    assert "cv2" not in line and "cannot be imported" not in line


def test_opencv_without_windows_needs_no_libgl(machine: Machine) -> None:
    machine.has("cv2", f"raise ImportError('libgthread-2.0.so.0: {NOT_FOUND}')")
    line = machine.says()
    assert "install libglib2.0-0 (Debian, Ubuntu) or glib2 (Fedora)" in line and "libGL" not in line


@pytest.mark.skipif(not shutil.which("ldd"), reason="makes libraries of Linux")
def test_all_missing_libraries_are_said_at_once_though_the_loader_names_one(machine: Machine) -> None:
    _library(machine.folder / "cv2.so", "libnothing.so.1", "libq.so.7")
    shutil.rmtree(machine.folder / "cv2")
    line = machine.says()
    assert line == "error: libnothing.so.1, libq.so.7 cannot be found: install the packages that have them"


def test_a_module_that_ends_its_process_is_named_and_so_are_those_after_it(machine: Machine) -> None:
    machine.has("torch", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    machine.has("mediapipe", "import os, sys; print('CHECK', file=sys.stderr, flush=True); os.abort()")
    line = machine.says()
    assert "torch cannot be imported (it ended the process, SIGILL)" in line
    if check.CPUS.exists():
        assert line.endswith("mediapipe cannot be imported (it ended the process, SIGABRT: CHECK)")


def test_an_abort_of_mediapipe_in_a_container_without_sys_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check, "CPUS", tmp_path / "possible")
    aborted = {"module": "mediapipe", "error": "it ended the process, SIGABRT"}
    [said] = check.complaints([aborted])
    assert said.startswith(str(tmp_path)) and said.endswith("mount /sys in this container")
    # The libraries hide the abort, which comes after them; both are said.
    lacking = {"module": "mediapipe", "error": f"libEGL.so.1: {NOT_FOUND}"}
    assert len(check.complaints([lacking])) == 2
    assert "MediaPipe aborts" not in str(check.complaints([{"module": "av", "error": "no"}]))


def test_modules_that_are_not_installed_are_one_part_of_the_line(machine: Machine) -> None:
    for module in ("hydra", "mlflow"):
        machine.has(module, f"raise ModuleNotFoundError('No module named {module}', name='{module}')")
    assert f"error: {sys.executable} has no hydra, mlflow: `make venv`" in machine.says()


def test_any_other_failure_is_told_in_its_own_words(machine: Machine) -> None:
    machine.has("av", "print('on its own account'); raise ValueError('two\\nlines')")
    assert machine.says() == "error: av cannot be imported (two lines)"


def test_another_python_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    for version in ((3, 10, 13), (3, 15, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        assert check.main([]) == 2
        said = capsys.readouterr().err
        assert said == f"error: this is Python 3.{version[1]}.{version[2]}, but 3.11 to 3.14 is needed\n"


@pytest.mark.skipif(not MAKE, reason="asks make")
@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"3.11": True, "3.14": True}, "3.11"),
        ({"3.11": False, "3.12": True, "3.13": True}, "3.13"),  # False: a shim of pyenv's that does not start
        ({"3.10": True, "3.12": True}, "3.12"),
    ],
)
def test_make_takes_the_first_python_that_starts(there: dict[str, bool], taken: str, tmp_path: Path) -> None:
    for version, starts in there.items():
        python = tmp_path / f"python{version}"
        python.write_text(f"#!/bin/sh\nexit {0 if starts else 127}\n")
        python.chmod(0o755)
    done = _make(tmp_path, "--dry-run")
    assert f"python{taken} -m venv" in done.stdout, done.stderr
    assert "python3.99 -m venv" in _make(tmp_path, "--dry-run", "PYTHON=python3.99").stdout
    index = "--no-deps --index-url https://torch.invalid "
    assert done.stdout.count("--index-url") == 0
    assert _make(tmp_path, "--dry-run", "TORCH_INDEX=https://torch.invalid").stdout.count(index) == 1


@pytest.mark.skipif(not MAKE, reason="asks make")
def test_make_says_in_a_line_that_it_has_no_python(tmp_path: Path) -> None:
    for words, said in (
        ((), "no Python 3.11 to 3.14 starts"),
        (("PYTHON=pythonn",), "pythonn does not start"),
    ):
        done = _make(tmp_path, *words)
        assert done.returncode == 2 and not (tmp_path / "venv").exists()
        line, _ = done.stderr.splitlines()  # the second is make's own
        assert line.startswith("error: ") and said in line


def _make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make venv` where no programs are but those in the folder."""
    environment = {name: value for name, value in os.environ.items() if name not in BY_MAKE}
    return subprocess.run(
        [MAKE, "venv", f"VENV={folder / 'venv'}", *words],
        cwd=ROOT,
        env=environment | {"PATH": str(folder)},
        capture_output=True,
        text=True,
    )


def _library(path: Path, first: str, second: str) -> None:
    """A shared library that needs two others which are not there: one of psutil's, its needs renamed."""
    [source] = Path(psutil.__file__).parent.glob("_psutil_linux*.so")
    content = source.read_bytes()
    for old, new in ((b"libpthread.so.0", first), (b"libc.so.6", second)):
        assert old + b"\0" in content
        content = content.replace(old + b"\0", new.encode().ljust(len(old), b"\0") + b"\0")
    path.write_bytes(content)
