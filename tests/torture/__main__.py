"""Kills the program at random moments and sees whether anything is lost, doubled, stuck or unusable.

python tests/torture --kills 50 --seed 2
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from math import inf
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import table
from jobs import ROOT
from killing import Kill, Stopped, Torture
from scenarios import Scenario, deal


class Part:
    """The scenarios of one seed, handed out until enough kills are made, and what became of them."""

    def __init__(self, seed: int, kills: int, only: list[int], reports: Path) -> None:
        self.seed, self.path = seed, reports / f"seed-{seed}.json"
        if only:
            first = list(islice(deal(seed), max(only) + 1))
            self.dealt, self.kills = iter([first[number] for number in only]), inf
        else:
            self.dealt, self.kills = deal(seed), float(kills)
        self.planned = 0
        self.code = table.code_version()
        self.rows: list[dict[str, Any]] = []
        self.errors: list[Exception] = []
        self.lock = Lock()

    def scenarios(self) -> Iterator[Scenario]:
        while (scenario := self._next()) is not None:
            yield scenario

    def _next(self) -> Scenario | None:
        with self.lock:
            scenario = next(self.dealt, None) if self.planned < self.kills else None
            if scenario is not None:
                self.planned += len(scenario.moments)
            return scenario

    def add(self, scenario: Scenario, kill: Kill) -> None:
        with self.lock:
            row = table.row(scenario, kill)
            self.rows.append(row)
            print(table.line(row), flush=True)
            table.write(self.path, self.seed, self.code, self.rows)

    def play(self, torture: Torture) -> None:
        """All scenarios that are left; two threads share them."""
        try:
            for scenario in self.scenarios():
                kills = torture.suffer(scenario, lambda kill, of=scenario: self.add(of, kill))
                with self.lock:
                    self.planned -= len(scenario.moments) - len(kills)  # it had ended before the others
        except Stopped:
            return
        except Exception as error:
            if not torture.stopped:
                self.errors.append(error)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="scenarios at once")
    parser.add_argument("--only", type=int, nargs="+", default=[], help="these scenarios of the seed alone")
    parser.add_argument("--reports", type=Path, default=ROOT / "reports" / "torture")
    told = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # not ignored, so that the jobs do not inherit that
        signal.signal(number, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    torture, part = Torture(folder), Part(told.seed, told.kills, told.only, told.reports)
    code = 0
    try:
        torture.make_images()
        threads = [Thread(target=part.play, args=(torture,)) for _ in range(told.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        code = 130
    finally:
        torture.stop()
    for error in part.errors:
        print(f"error: {error}", file=sys.stderr)
        code = code or 2
    print(f"\nSeed {told.seed}:\n{table.table(part.rows)}")
    others = table.parts(told.reports)
    if len(others) > 1:
        codes = ", ".join(sorted({one["code"] for one in others}))
        print(f"\nAll {len(others)} parts in {told.reports}, of the code {codes}:")
        print(table.table(row for one in others for row in one["kills"]))
    if any(row["faults"] for row in part.rows):
        print(f"\nThe homes with faults: {folder}")
        return code or 1
    shutil.rmtree(folder)
    return code


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
