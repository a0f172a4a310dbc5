"""Trials side by side: each is launched by itself, so that none waits for the slowest of a batch."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Self

# Runs one trial, given its overrides and its number, and waits for it. Without overrides it only makes ready,
# in the thread that asks for it, what all launches share.
Launch = Callable[[Sequence[str] | None, int], None]


class Slots:
    """At most so many launches at once; one at a time happens in the thread that starts it.

    end: called where the block is left, however; it ends what still runs elsewhere.
    """

    def __init__(self, launch: Launch, at_once: int, end: Callable[[], None]) -> None:
        self._launch, self._at_once, self._end = launch, at_once, end
        self._running: set[int] = set()
        self._ended: queue.SimpleQueue[tuple[int, Exception | None]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._end()
        if isinstance(error, SystemExit):  # Ray's answer to SIGTERM
            raise KeyboardInterrupt from error

    @property
    def running(self) -> frozenset[int]:
        """The numbers of the trials that were started and not taken back by `ended`."""
        return frozenset(self._running)

    @property
    def has_room(self) -> bool:
        return len(self._running) < self._at_once

    def start(self, overrides: Sequence[str], number: int) -> None:
        if self._at_once == 1:
            self._running.add(number)
            self._run(overrides, number)
            return
        if not self._running:
            self._launch(None, number)
        self._running.add(number)
        # A thread that a launcher does not leave must not keep an interrupted sweep from ending.
        threading.Thread(target=self._run, args=(overrides, number), daemon=True).start()

    def ended(self, seconds: float) -> tuple[int, Exception | None] | None:
        """A trial whose launch has come back, and what it raised; None where none has, after so long."""
        try:
            number, error = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        self._running.remove(number)
        return number, error

    def _run(self, overrides: Sequence[str], number: int) -> None:
        error: Exception | None = None
        try:
            self._launch(overrides, number)
        except Exception as raised:
            error = raised
        self._ended.put((number, error))
