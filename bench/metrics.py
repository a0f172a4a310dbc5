"""Logging a training's metrics: a call an epoch, beside Lightning's own logger with a call a step."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.home import Home
from bench.row import Row, Sides

EPOCHS, STEPS = 50, 20
# Every step costs the logger the same, so fewer epochs tell as much in less time.
LOGGER_EPOCHS = 5
_TRAIN = {f"train/{name}": 0.5 for name in ("loss", "bce", "l2_penalty", "accuracy")}
_VAL = {
    f"val/{name}": 0.5
    for name in ("loss", "bce", "l2_penalty", "accuracy", "image_accuracy", "squat_accuracy")
}


@contextmanager
def _ready(home: Home) -> Iterator[Sides]:
    from deepsquat.tracking.mlflow import MlflowOptions

    folder = home.folder / "metrics"
    folder.mkdir()
    store = MlflowOptions(f"sqlite:///{folder}/ours.db", str(folder / "ours")).open_store()

    def ours() -> float:
        run = store.start("ours", {})
        start = time.perf_counter()
        for epoch in range(1, EPOCHS + 1):
            run.metrics(_TRAIN | _VAL, epoch)
        return EPOCHS / (time.perf_counter() - start)

    yield Sides(ours, lambda: _by_logger(f"sqlite:///{folder}/logger.db"))


def _by_logger(uri: str) -> float:
    """Epochs a second of MLFlowLogger, told every step's metrics as `log_every_n_steps=1` has it."""
    from pytorch_lightning.loggers import MLFlowLogger

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logger = MLFlowLogger(tracking_uri=uri)
    logger.log_hyperparams({"begun": True})  # the run, and on the first call the database
    start = time.perf_counter()
    for step in range(1, LOGGER_EPOCHS * STEPS + 1):
        logger.log_metrics(_TRAIN, step)
        if step % STEPS == 0:
            logger.log_metrics(_VAL, step)
    seconds = time.perf_counter() - start
    logger.finalize()
    return LOGGER_EPOCHS / seconds


ROWS = (
    Row(
        name="metrics",
        what=f"epochs of {STEPS} steps logged, {EPOCHS} of them",
        reference="pytorch_lightning's MLFlowLogger with every step's metrics, its own sqlite store",
        unit="epochs/s",
        ready=_ready,
    ),
)
