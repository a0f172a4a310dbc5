"""Peak memory of preparing data, which must not grow with the data."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.home import Home, finish
from bench.row import Row, Sides

FEW, MANY = 2, 20  # videos
_BETWEEN = 0.02  # seconds between two looks


@contextmanager
def _ready(home: Home) -> Iterator[Sides]:
    together: dict[int, float] = {}  # of the last repeat, by the number of videos

    def peak(videos: int) -> float:
        largest, together[videos] = _peaks(home, videos)
        return largest

    yield Sides(
        ours=lambda: peak(MANY),
        reference=lambda: peak(FEW),
        # Of two videos less: no process is left to estimate while the first one's poses are written.
        also={
            f"all processes together, {MANY} videos": lambda: together[MANY],
            f"all processes together, {FEW} videos": lambda: together[FEW],
        },
    )


def _peaks(home: Home, videos: int) -> tuple[float, float]:
    """MB of the largest process of a src/prepare.py in an empty home, and of all at their highest moment.

    Two processes draw and two estimate, whatever the machine, so that both counts of videos fill them.
    """
    with home.emptied("memory") as empty:
        process = empty.start(
            "src/prepare.py",
            f"protocol.videos={videos}",
            f"protocol.squats={5 * videos}",
            "protocol.frames_each_side=0",
            "data.width=180",  # small frames are drawn fast; of large ones each would only weigh more
            "data.height=320",
            "data.workers=2",
            "pose.workers=2",
        )
        watch = _Watch(process.pid)
        watch.start()
        finish(process)
        watch.join()
    return watch.largest / 1e6, watch.together / 1e6


class _Watch(threading.Thread):
    """Looks at the resident memory of a process and its descendants until it ends; bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.together, self.largest = pid, 0, 0

    def run(self) -> None:
        import psutil

        try:
            root = psutil.Process(self.pid)
            while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
                sizes = [_resident(process) for process in (root, *root.children(recursive=True))]
                self.together = max(self.together, sum(sizes))
                self.largest = max(self.largest, *sizes)
                time.sleep(_BETWEEN)
        except psutil.NoSuchProcess:
            return


def _resident(process: object) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined]
    except psutil.NoSuchProcess:
        return 0


ROWS = (
    Row(
        name="memory",
        what=f"largest process preparing {MANY} videos",
        reference=f"the same of {FEW} videos: memory does not grow with the data",
        unit="MB",
        ready=_ready,
        more_is_better=False,
        goal=1 / 1.1,
        warm_up=False,
        most_repeats=1,  # another differs by less than a hundredth
    ),
)
