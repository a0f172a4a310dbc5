"""Says in one line what this machine still lacks: python src/check.py

It needs nothing but Python itself, and ends with exit code 0 when nothing is missing, else with 2.
"""

from __future__ import annotations  # a Python that is too old gets as far as saying so

import ctypes
import importlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
# Those that load libraries of the system come last: a missing package of Python's is named first.
MODULES = (
    "numpy",
    "scipy",
    "tqdm",
    "filelock",
    "cmaes",
    "hydra",
    "torch",
    "pytorch_lightning",
    "optuna",
    "pyarrow",
    "psutil",
    "mlflow",
    "av",
    "cv2",
    "albumentations",
    "mediapipe",
)
# What OpenCV and MediaPipe load: the package's name in Debian and Ubuntu, and in Fedora.
PACKAGES = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libGLESv2.so.2": ("libgles2", "libglvnd-gles"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libstdc++.so.6": ("libstdc++6", "libstdc++"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libz.so.1": ("zlib1g", "zlib"),
}
CPUS = Path("/sys/devices/system/cpu/possible")  # MediaPipe's allocator aborts where it cannot read this


def main(modules: Sequence[str]) -> int:
    if {"-h", "--help"} & set(modules):
        print(__doc__, end="")
        return 0
    if modules:  # the child of `failures`
        try_imports(modules)
        return 0
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return _say([f"this is Python {_version(sys.version_info)}, but 3.11 to 3.14 is needed"])
    if sys.stderr.isatty():
        print("Trying to import all that is needed ...", file=sys.stderr, flush=True)
    found = failures(MODULES)
    if found:
        return _say(complaints(found))
    print(f"Nothing is missing: Python {_version(sys.version_info)} imports all that is needed.")
    return 0


def try_imports(modules: Iterable[str]) -> None:
    """Imports each, and writes a line of JSON for each: {} where that can be done.

    Else "module"; "error", one line; and where it is known "absent", a module that is not installed, or
    "file", the library that cannot be loaded.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a module prints is no answer
    for module in modules:
        failure: dict[str, str] = {}
        library = None
        try:
            if module == "mediapipe":  # its C library, which it loads on first use only
                for library in _files(module, "tasks/c/libmediapipe*"):
                    ctypes.CDLL(str(library))
            importlib.import_module(module)
        except Exception as error:
            failure = {"module": module, "error": " ".join(str(error).split())}
            if isinstance(error, ModuleNotFoundError):
                failure["absent"] = error.name or module
            elif file := getattr(error, "path", None) or library:
                failure["file"] = str(file)
        print(json.dumps(failure), file=answers, flush=True)


def failures(modules: Iterable[str]) -> list[dict[str, str]]:
    """What `try_imports` says of those that cannot be imported.

    They are tried in processes of their own, since a C library may end its process.
    """
    found = []
    waiting = list(modules)
    environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"}  # else it asks the network
    while waiting:
        child = subprocess.run(
            [sys.executable, __file__, *waiting], capture_output=True, text=True, env=environment
        )
        answers = [json.loads(line) for line in child.stdout.splitlines()]
        found += [answer for answer in answers if answer]
        waiting = waiting[len(answers) :]
        if waiting:
            found.append({"module": waiting.pop(0), "error": _end(child)})
    return found


def complaints(found: Sequence[dict[str, str]]) -> list[str]:
    """What is missing and what to do about it, in parts of one sentence."""
    said = []
    absent = list(dict.fromkeys(failure["absent"] for failure in found if "absent" in failure))
    if absent:
        said.append(f"{sys.executable} has no {', '.join(absent)}: `make venv` sets up a Python that has")
    lacking = {failure["module"]: missing_libraries(failure) for failure in found}
    libraries = sorted({library for missing in lacking.values() for library in missing})
    if libraries:
        said.append(f"{', '.join(libraries)} cannot be found: {_packages(libraries)}")
    no_cpus = not CPUS.exists() and any(failure["module"] == "mediapipe" for failure in found)
    if no_cpus:
        said.append(f"{CPUS} cannot be read, without which MediaPipe aborts: mount /sys in this container")
    for failure in found:
        explained = "absent" in failure or lacking[failure["module"]]
        if not explained and not (no_cpus and failure["module"] == "mediapipe"):
            said.append(f"{failure['module']} cannot be imported ({failure['error']})")
    return said


def missing_libraries(failure: dict[str, str]) -> list[str]:
    """The shared libraries that are not there; the loader itself names only the first of them."""
    missing = re.findall(r"(\S+\.so[.\d]*): cannot open shared object file", failure["error"])
    if missing and "file" in failure and shutil.which("ldd"):
        listed = subprocess.run(["ldd", failure["file"]], capture_output=True, text=True).stdout
        missing += re.findall(r"^\s*(\S+) => not found", listed, re.MULTILINE)
    return missing


def _files(module: str, pattern: str) -> list[Path]:
    """A package's files; it is not imported, since the first thing that it needs may be missing."""
    spec = importlib.util.find_spec(module)
    folders = spec.submodule_search_locations if spec else None
    return [path for folder in folders or () for path in Path(folder).glob(pattern)]


def _packages(libraries: Sequence[str]) -> str:
    debian, fedora = (
        " ".join(dict.fromkeys(PACKAGES[name][system] for name in libraries if name in PACKAGES))
        for system in (0, 1)
    )
    if not debian:
        return "install the packages that have them"
    return f"install {debian} (Debian, Ubuntu) or {fedora} (Fedora)"


def _end(child: subprocess.CompletedProcess[str]) -> str:
    last = (child.stderr.split("\n\n")[0].splitlines() or [""])[-1].strip()
    how = f"exit code {child.returncode}"
    if child.returncode < 0:
        how = signal.Signals(-child.returncode).name
    return f"it ended the process, {how}" + (f": {last}" if last else "")


def _version(version: Sequence[object]) -> str:
    return ".".join(str(part) for part in version[:3])


def _say(parts: Sequence[str]) -> int:
    print(f"error: {'; '.join(parts)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
