"""Draws the README's pictures of sweeps: python docs/sweep_pictures.py

Two small sweeps are run under DEEPSQUAT_HOME, minutes on two cores; the second time they are found. It needs
Chromium (of Debian and Ubuntu the package chromium) for MLflow's page and for that of a comparison.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from PIL import Image  # noqa: E402

from browser import PHONE, Browser, found  # noqa: E402

CORPUS = ["protocol.videos=12", "protocol.squats=90"]
GRID, SEARCH = "depth-and-l2", "mlp"
SWEEPS = (
    [
        *CORPUS,
        *("protocol.epochs=3", "skeleton.height=96", "skeleton.width=54"),
        *("model.blocks=1,2,3", "optim.l2=1e-2,1e-3,1e-4,1e-5", f"hydra.sweeper.study={GRID}"),
        *("hydra.sweeper.pruner=median", "++hydra.sweeper.pruner_options.n_startup_trials=3"),
    ],
    [
        *CORPUS,
        *("protocol.epochs=6", "skeleton.height=64", "skeleton.width=36", "model=mlp"),
        *("model.hidden=choice([16],[64],[64,32])", "optim.lr=tag(log,interval(1e-5,1e-1))"),
        *("optim.l2=tag(log,interval(1e-6,1e-2))", "optim.batch_size=choice(8,16,32)"),
        *("hydra.sweeper.n_trials=24", f"hydra.sweeper.study={SEARCH}", "hydra.sweeper.pruner=median"),
    ],
)
# How wide MLflow's page is, and its first columns: the names of trials are long.
PAGE, NAME = 690, 500
STATE = f"""(() => {{
  const page = Object.keys(localStorage).find((key) => key.includes('ExperimentPage-["1"]'))
  const state = JSON.parse(localStorage[page])
  state.selectedColumns = []
  state.columnOrder = ['1', 'attributes.`Run Name`', 'runDateAndNestInfo', 'duration']
  state.columnWidths = {{'attributes.`Run Name`': {NAME}}}
  localStorage[page] = JSON.stringify(state)
  localStorage['mlflow.assistant.panelOpen_v1'] = 'false'
}})()"""


def main() -> None:
    if found() is None:
        sys.exit("error: no Chromium is installed here; Debian, Ubuntu: apt-get install chromium")
    home = Path(os.environ.setdefault("DEEPSQUAT_HOME", str(ROOT)))
    for sweep in SWEEPS:
        program("train.py", "-m", *sweep)
    for study, drawn, name in ((GRID, "grid", "sweep-grid"), (SEARCH, "parallel", "sweep-parallel")):
        keep(home / "multirun" / study / "report" / f"{drawn}.png", name)
    with tempfile.TemporaryDirectory() as folder, Browser(120) as browser:
        taken = Path(folder) / "taken.png"
        program("compare.py", GRID, SEARCH, f"out={folder}")
        (page,) = Path(folder).glob("*.html")
        browser.open(page.as_uri(), PHONE, 1240)
        browser.screenshot(taken)
        keep(taken, "sweep-comparison")
        with mlflow(home) as address:
            runs_page(browser, f"{address}/#/experiments/1/runs?workflowType=machine_learning")
            browser.screenshot(taken)
        keep(taken, "sweep-runs")


def program(script: str, *words: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "src" / script), *words], check=True)


def keep(path: Path, name: str) -> None:
    """In docs/, with as many colours as such a picture needs."""
    Image.open(path).convert("RGB").quantize(96).save(ROOT / "docs" / f"{name}.png", optimize=True)


@contextmanager
def mlflow(home: Path) -> Iterator[str]:
    """The address of MLflow's pages, on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{home}/mlflow.db"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen([sys.executable, *words, *store], env=environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def runs_page(browser: Browser, address: str) -> None:
    """The list of runs, one sweep unfolded, without what stands beside it."""
    there = f"document.body.innerText.includes({json.dumps(SEARCH)})"
    for state in (STATE, "0"):  # what is shown is kept in the page's own storage, and read when it opens
        browser.open("about:blank", PAGE, 700)
        browser.open(address, PAGE, 700, there)
        browser.evaluate(state)
    button = "document.querySelector(\"button[aria-label='Toggle sidebar']\")"
    browser.evaluate(f"{button}?.click()")
    unfold = "[...document.querySelectorAll('button[data-component-id*=runnamecellrenderer]')]"
    browser.evaluate(f"{unfold}.at(-1)?.click()")
    browser.wait_for("document.body.innerText.includes('trial 11: ')")


if __name__ == "__main__":
    main()
