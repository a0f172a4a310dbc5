"""What a sweep says of itself on the terminal."""

import sys
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from deepsquat.study.points import RESUMED, Points, how
from deepsquat.study.space import in_words


class Terminal:
    """Says what happens: a line for each trial that ends, a bar over the points, the failures at the end."""

    def __init__(self, points: Points, folder: str) -> None:
        self.points, self.folder = points, folder
        self.names, self.directions = points.options.objectives, points.options.directions
        self.waiting = False
        done = self._done()
        words = "a new study" if not points.trials() else f"{done} of {points.count} done"
        how = f"{points.count} trials by {points.options.sampler}, {words}"
        print(f"Study {points.study.study_name}: {how}, in {folder}", flush=True)
        self.bar: Any = tqdm(
            total=points.count,
            initial=done,
            unit="trial",
            disable=None,
            dynamic_ncols=True,
            smoothing=0,
            file=sys.stderr,
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.close()

    def _done(self) -> int:
        return sum(point.done for point in self.points.all())

    def line(self, text: str) -> None:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def trial(self, trial: FrozenTrial) -> None:
        seconds = trial.user_attrs.get("seconds")
        self.line(
            f"trial {trial.number:<3} {in_words(trial.params)}  {self._outcome(trial)}"
            + (f"  {took(seconds)}" if seconds is not None else "")
        )
        self.bar.n = self._done()
        best = self._best()
        if best:
            self.bar.set_postfix_str(f"best {self._outcome(best[0])}", refresh=False)
        self.bar.refresh()

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
        self.bar.n = self._done()
        return bool(others)

    def end(self) -> int:
        """Says how the study stands; the number of points that are not done."""
        points = self.points.all()
        pruned = sum(any(t.state == TrialState.PRUNED for t in p.trials) for p in points)
        failed = [p for p in points if p.failed]
        print(
            f"Study {self.points.study.study_name}: {sum(p.done for p in points)} of {len(points)} done"
            + (f", {pruned} of them pruned" if pruned else "")
            + (f", {len(failed)} failed" if failed else "")
        )
        for trial in self._best():
            print(f"Best: trial {trial.number}  {in_words(trial.params)}  {self._outcome(trial)}")
        limit = self.points.options.max_retries
        for point in failed:
            last = point.trials[-1]
            rest = point.tries_left(limit)
            again = f"given up; hydra.sweeper.max_retries={point.tries} tries it again"
            then = f"{rest} more {'try' if rest == 1 else 'tries'}" if rest else again
            where = f"{self.folder}/{last.number}"
            print(f"Failed: {in_words(last.params)}: {last.user_attrs.get('error')} ({where}; {then})")
        if any(point.tries_left(limit) for point in failed):
            print("The same command tries the failed ones again.")
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


def took(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds < 3600 else f"{seconds / 3600:.1f} h"
