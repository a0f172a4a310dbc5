"""What a sweep says of itself on the terminal."""

import sys
import time
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from deepsquat.study import running
from deepsquat.study.ownership import Heartbeat
from deepsquat.study.points import RESUMED, Points, how
from deepsquat.study.space import in_words
from deepsquat.terminal import columns, fitted, say, took


class Terminal:
    """Says what happens: a line for each trial that ends, how far it all is, the failures at the end.

    On a terminal no line is wider than it: a long one goes on in the next, between two words.
    """

    def __init__(self, points: Points, folder: str) -> None:
        self.points, self.folder = points, folder
        self.names, self.directions = points.options.objectives, points.options.directions
        self.waiting = False
        self.begun, self.done_before = time.monotonic(), self._done()
        self.done, self.best = self.done_before, ""
        words = "a new study" if not points.trials() else f"{self.done} of {points.count} done"
        how = f"{points.count} trials by {points.options.sampler}, {words}"
        say(f"Study {points.study.study_name}: {how}, in {folder}")
        self.bar: Any = tqdm(bar_format="{desc}", disable=None, dynamic_ncols=True, file=sys.stderr)
        self._say_best()
        self.ticks = Heartbeat(self.show, 1.0)

    def __enter__(self) -> "Terminal":
        self.ticks.__enter__()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ticks.__exit__()
        self.bar.close()

    def show(self) -> None:
        """The last line anew: how far the trials are that run, the best so far, the time left."""
        if self.bar.disable:
            return
        at = self._reached()
        share = sum(epoch / epochs for epoch, epochs in at.values())
        left = self.points.count - self.done
        parts = [f"{self.done}/{self.points.count} done"]
        if left:
            parts += [f"trial {number} epoch {epoch}/{epochs}" for number, (epoch, epochs) in at.items()]
        parts += [self.best] if self.best else []
        here = self.done - self.done_before + share
        if left and here:
            passed = time.monotonic() - self.begun
            parts.append(f"{took(passed / here * (left - share), whole=True)} left")
        self.bar.set_description_str(fitted(parts, self.done / max(1, self.points.count), columns()))

    def _reached(self) -> dict[int, tuple[int, int]]:
        """By trial that runs, in any process, the epoch that it has last reported, and of how many.

        Of several objectives nothing is reported to a study: then this process's own trial alone.
        """
        found = {
            trial.number: (max(trial.intermediate_values), int(trial.user_attrs["epochs"]))
            for trial in self.points.trials()
            if trial.state == TrialState.RUNNING
            and trial.intermediate_values
            and "epochs" in trial.user_attrs
        }
        here = running.reached()
        return {**found, here[0]: (here[1], here[2])} if here else found

    def _done(self) -> int:
        return sum(point.done for point in self.points.all())

    def line(self, text: str) -> None:
        with self.bar.get_lock():  # not tqdm's own write, which misses a bar whose stream has been replaced
            self.bar.clear(nolock=True)
            say(text)
            self.bar.refresh(nolock=True)

    def trial(self, trial: FrozenTrial) -> None:
        seconds = trial.user_attrs.get("seconds")
        self.line(
            f"trial {trial.number:<3} {in_words(trial.params)}  {self._outcome(trial)}"
            + (f"  {took(seconds)}" if seconds is not None else "")
        )
        self._say_best()
        self.show()

    def _say_best(self) -> None:
        self.done = self._done()
        self.best = f"best {', '.join(f'{v:.4g}' for v in best[0].values)}" if (best := self._best()) else ""

    def waits(self) -> bool:
        """Whether other processes still run points that may be left for us."""
        others = [p for p in self.points.all() if p.running and not p.done]
        if others and not self.waiting:
            owners = {
                f"{o['machine'].split()[0]} process {o['pid']}"
                for p in others
                for o in [p.trials[-1].user_attrs["owner"]]
            }
            whose = ", ".join(sorted(owners))
            self.line(f"waits for {len(others)} of other processes ({whose}); Ctrl-C to leave them")
        self.waiting = bool(others)
        self.done = self._done()
        return bool(others)

    def end(self) -> int:
        """Says how the study stands; the number of points that are not done."""
        points = self.points.all()
        pruned = sum(any(t.state == TrialState.PRUNED for t in p.trials) for p in points)
        failed = [p for p in points if p.failed]
        say(
            f"Study {self.points.study.study_name}: {sum(p.done for p in points)} of {len(points)} done"
            + (f", {pruned} of them pruned" if pruned else "")
            + (f", {len(failed)} failed" if failed else "")
        )
        for trial in self._best():
            say(f"Best: trial {trial.number}  {in_words(trial.params)}  {self._outcome(trial)}")
        limit = self.points.options.max_retries
        for point in failed:
            last = point.trials[-1]
            rest = point.tries_left(limit)
            again = f"given up; hydra.sweeper.max_retries={point.tries} tries it again"
            then = f"{rest} more {'try' if rest == 1 else 'tries'}" if rest else again
            where = f"{self.folder}/{last.number}"
            say(f"Failed: {in_words(last.params)}: {last.user_attrs.get('error')} ({where}; {then})")
        if any(point.tries_left(limit) for point in failed):
            say("The same command tries the failed ones again.")
        sys.stdout.flush()
        return sum(not p.done for p in points)

    def _outcome(self, trial: FrozenTrial) -> str:
        if trial.state == TrialState.COMPLETE:
            return ", ".join(
                f"{name} {value:.4g}" for name, value in zip(self.names, trial.values, strict=True)
            )
        if trial.state == TrialState.PRUNED:
            return str(trial.user_attrs.get("ended", "pruned"))
        if how(trial) in RESUMED:
            return f"{trial.user_attrs.get('error')}; it is resumed"
        return f"FAILED: {trial.user_attrs.get('error')}"

    def _best(self) -> list[FrozenTrial]:
        """The best trial, or with several objectives the best trade-offs."""
        trials = [t for t in self.points.trials() if t.state == TrialState.COMPLETE]
        if not trials:
            return []
        if len(self.directions) > 1:
            return list(self.points.study.best_trials)
        sign = 1 if self.directions[0] == "minimize" else -1
        return [min(trials, key=lambda t: sign * t.values[0])]
