"""Whole processes: what a user waits for when there is nothing to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.home import Home
from bench.row import Row, Sides

_HYDRA = "Python with no more than `import hydra`"


@contextmanager
def _prepare(home: Home) -> Iterator[Sides]:
    overrides = home.prepared()
    yield Sides(
        ours=lambda: home.run("src/prepare.py", *overrides),
        reference=lambda: home.run("-c", "import hydra"),
    )


@contextmanager
def _help(home: Home) -> Iterator[Sides]:
    yield Sides(
        ours=lambda: home.run("src/train.py", "--help"),
        reference=lambda: home.run("-c", "import hydra"),
    )


ROWS = (
    Row(
        name="prepare",
        what="src/prepare.py, all prepared",
        reference=_HYDRA,
        unit="s",
        ready=_prepare,
        more_is_better=False,
        limit=1.0,
    ),
    Row(
        name="help",
        what="src/train.py --help",
        reference=_HYDRA,
        unit="s",
        ready=_help,
        more_is_better=False,
        limit=1.0,
    ),
)
