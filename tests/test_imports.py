"""The house's order: imports run down."""

import os
import subprocess
import sys

from program import ROOT


def test_imports_run_down() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout
