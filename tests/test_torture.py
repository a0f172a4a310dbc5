"""The script that kills the program, on a few kills: its own checks see what is whole and what is not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from program import ROOT

pytestmark = pytest.mark.slow


def test_a_part_of_the_torture_ends_with_nothing_lost(tmp_path: Path, bundle_folder: Path) -> None:
    arguments = ("--only", "1", "2", "--seed", "1", "--jobs", "2", "--reports", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "tests/torture", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads((tmp_path / "seed-1.json").read_text())["kills"]
    assert {kill["kind"] for kill in kills} == {"sweep basic mlflow", "sweep joblib offline"}
    assert f"| **all** | {len(kills)} | 0 | 0 | 0 | 0 |" in done.stdout
