"""Pages as a browser shows them, on a desktop and as wide as a phone. `make browser` runs all of it."""

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

import browser
from browser import DESKTOP, PHONE, Browser
from deepsquat import tracking
from deepsquat.paper.page import Heading, Picture, Table, Text, page
from deepsquat.runs import comparison, pictures
from deepsquat.runs.description import NOTE
from deepsquat.study.summary import summary
from deepsquat.tracking import PARENT
from deepsquat.tracking.mlflow import MlflowOptions

pytestmark = pytest.mark.skipif(
    browser.found() is None, reason="there is no chromium; Debian's package of that name will do"
)
WIDER = """[...document.querySelectorAll('body *')].filter((one) => {
  for (let outer = one; outer && outer !== document.body; outer = outer.parentElement)
    if (['auto', 'scroll'].includes(getComputedStyle(outer).overflowX) && outer !== one) return false
  return one.getBoundingClientRect().right > innerWidth + 1
}).map((one) => one.tagName)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with Browser(60) as shown:
        yield shown


def study(name: str) -> optuna.Study:
    made = optuna.create_study(study_name=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.set_metric_names(["val/loss"])
    for i in range(10):
        trial = made.ask()
        x, y = trial.suggest_float("optim.lr", 1e-5, 1e-1, log=True), trial.suggest_int("model.blocks", 1, 4)
        made.tell(trial, x * y + i / 10)
    return made


def test_reports_and_comparisons_fit_a_phone_and_a_desktop(chromium: Browser, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = ("depth_l2-quick-synthetic", "kernel_l2-quick-synthetic-with-a-long-name")
    comparison.write(tmp_path / "comparison.html", [summary(study(name)) for name in names])
    pictures.curves(
        [
            {"epoch": i, **{f"{p}/{m}": 1 / i for p in ("train", "val") for m in ("accuracy", "loss")}}
            for i in (1, 2)
        ],
        tmp_path / "figure.png",
        "a run",
    )
    wide = Table([["claim", *(f"a number {i}" for i in range(8))], ["w" * 60, *("0.25" for _ in range(8))]])
    pieces = [Heading("Title"), Text("python " + "a" * 80), wide, Picture("figure.png", "its curves")]
    (tmp_path / "report.html").write_text(page("Report", pieces), encoding="utf-8")
    for name in ("comparison.html", "report.html"):
        for width in (PHONE, DESKTOP):
            chromium.open((tmp_path / name).as_uri(), width)
            assert chromium.evaluate("document.documentElement.scrollWidth") <= width, name
            assert chromium.evaluate(WIDER) == [], name  # nothing that is cut or must be pushed aside
            images = "[...document.images].every((one) => one.complete && one.naturalWidth > 0)"
            assert chromium.evaluate(images) is True
    assert chromium.evaluate("document.querySelectorAll('th').length") == 9


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """MLflow's address, and the ids of a sweep's run and of its trial's."""
    home = tmp_path_factory.mktemp("home")
    store = MlflowOptions(f"sqlite:///{home}/mlflow.db", str(home / "mlruns"), "squats").open_store()
    parent = store.start("a-sweep", {"sweep": "a-sweep", NOTE: "**Best: trial 0**:\n\n```\nx=1\n```"})
    child = store.start("trial 0: x=1 -> val/loss 0.5", {PARENT: parent.id, "trial": "0"})
    child.params({"parameters": 198178})
    for epoch in (1, 2, 3):
        child.metrics({"train/loss": 1 / epoch, "val/loss": 2 / epoch}, epoch)
    child.metrics({"test/loss": 0.5}, tracking.WHOLE_RUN)
    for run in (child, parent):
        run.end("FINISHED")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        [sys.executable, *words, "--backend-store-uri", f"sqlite:///{home}/mlflow.db"],
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stderr=subprocess.DEVNULL,
    )
    pages = {name: store.how_to_look(one).split("5000")[1] for name, one in _ids(parent, child).items()}
    try:
        yield f"http://127.0.0.1:{port}", pages
    finally:
        server.terminate()
        server.wait(30)


def _ids(parent: tracking.Run, child: tracking.Run) -> dict[str, str | None]:
    return {"all": None, "parent": parent.id, "child": child.id}


@pytest.mark.slow
def test_mlflows_pages_show_a_sweep_as_it_is_meant(
    chromium: Browser, runs: tuple[str, dict[str, str]]
) -> None:
    address, pages = runs

    def opened(page_: str, ready: str) -> None:
        for _ in range(60):  # the server starts; a page that could not be had is asked for anew
            chromium.open("about:blank", DESKTOP, 1400)
            chromium.seconds = 10
            try:
                return chromium.open(
                    address + page_, DESKTOP, 1400, f"document.body.innerText.includes({ready!r})"
                )
            except TimeoutError:
                continue
        raise AssertionError(ready)

    opened(pages["all"], "a-sweep")
    text = chromium.evaluate("document.body.innerText")
    assert "Model training" in text and "trial 0" not in text  # folded under the sweep

    opened(pages["parent"], "Best: trial 0")
    assert "Evaluation runs" not in chromium.evaluate("document.body.innerText")  # not the view for traces

    chart = pages["child"].replace("?", "/model-metrics?")
    opened(chart, "loss")
    chromium.wait_for("document.querySelectorAll('.js-plotly-plot').length >= 3")
    bars = """[...document.querySelectorAll('.js-plotly-plot')].map(
        (one) => one.querySelectorAll('.barlayer .point').length)"""
    chromium.wait_for(f"Math.max(...{bars}) > 0")
    # As the page orders them, test, train, val: what is measured once is a bar, the others are curves.
    assert chromium.evaluate(bars) == [1, 0, 0]
