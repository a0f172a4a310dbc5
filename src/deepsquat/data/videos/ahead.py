"""Decoding while something else is done with the pictures before."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()


def ahead(items: Iterator[T], most: int = 4) -> Iterator[T]:
    """The same items, made in a thread of their own, at most so many before they are asked for.

    libav gives Python's lock back while it decodes, so that two cores are busy. An error comes where the item
    would have come; whoever stops asking ends the thread.
    """
    ready: queue.Queue[tuple[object, BaseException | None]] = queue.Queue(most)
    stopped = threading.Event()

    def put(item: object, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                ready.put((item, error), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:
            put(_END, error)

    thread = threading.Thread(target=make, daemon=True, name="decodes ahead")
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
