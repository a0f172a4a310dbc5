"""Which code ran, on what machine, with which versions: tags for a run."""

import hashlib
import platform
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from deepsquat.processes import cores

_ROOT = Path(__file__).resolve().parents[3]  # the repository that this code lies in
# What no run depends on; src/reproduce.py packs its archive into docs/ while others are at work.
_NO_CODE = (":(exclude)docs", ":(exclude)tests", ":(exclude)*.md")


@lru_cache(maxsize=1)  # what this process runs was read when it began
def code_tags() -> tuple[dict[str, str], str]:
    """Tags that say which code runs, and the uncommitted changes as a diff ("" where there are none)."""

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(_ROOT), *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return ""
        return done.stdout

    commit = git("rev-parse", "HEAD").strip()
    diff = git("diff", "--no-ext-diff", "--no-color", "HEAD", "--", ".", *_NO_CODE) if commit else ""
    diff += "".join(
        f"not in git: {name}\n"
        for name in git("ls-files", "--others", "--exclude-standard", "src", "conf").split()
    )
    tags = {
        "mlflow.source.name": sys.argv[0],
        "mlflow.source.type": "LOCAL",
        "command": shlex.join([Path(sys.executable).name, *sys.argv]),
        "code.dirty": hashlib.sha256(diff.encode()).hexdigest()[:12] if diff else "no",
    }
    if commit:
        tags["mlflow.source.git.commit"] = commit
    return tags, diff


@lru_cache(maxsize=1)
def machine_tags() -> dict[str, str]:
    """Tags that say on what hardware and with which versions a run was made."""
    from importlib.metadata import PackageNotFoundError, version

    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    tags = {
        "hardware.cpu": f"{_cpu_name()}, {cores()} cores",
        "hardware.gpu": gpu,
        "version.python": platform.python_version(),
    }
    for package in ("torch", "pytorch-lightning", "mediapipe", "albumentations", "mlflow", "optuna", "numpy"):
        try:
            tags[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            tags[f"version.{package}"] = "not installed"
    return tags


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
