"""What a sweep says of itself on the terminal."""

import sys
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from deepsquat.study.cells import Ledger


class Teller:
    """Says what happens: a line for each trial that ends, a bar over the cells, the failures at the end."""

    def __init__(self, ledger: Ledger, folder: str) -> None:
        self.ledger, self.folder = ledger, folder
        self.names, self.directions = ledger.options.objectives, ledger.options.directions
        self.waiting = False
        done = self._done()
        words = "a new study" if not ledger.trials() else f"{done} of {ledger.count} done"
        how = f"{ledger.count} trials by {ledger.options.sampler}, {words}"
        print(f"Study {ledger.study.study_name}: {how}, in {folder}", flush=True)
        self.bar: Any = tqdm(
            total=ledger.count,
            initial=done,
            unit="trial",
            disable=None,
            dynamic_ncols=True,
            smoothing=0,
            file=sys.stderr,
        )

    def __enter__(self) -> "Teller":
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.close()

    def _done(self) -> int:
        return sum(cell.done for cell in self.ledger.cells())

    def line(self, text: str) -> None:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def trial(self, trial: FrozenTrial) -> None:
        seconds = trial.user_attrs.get("seconds")
        self.line(
            f"trial {trial.number:<3} {self._params(trial)}  {self._outcome(trial)}"
            + (f"  {took(seconds)}" if seconds is not None else "")
        )
        self.bar.n = self._done()
        best = self._best()
        if best:
            self.bar.set_postfix_str(f"best {self._outcome(best[0])}", refresh=False)
        self.bar.refresh()

    def waits(self) -> bool:
        """Whether other processes still run cells that may come back to us."""
        others = [c for c in self.ledger.cells() if c.running and not c.done]
        if others and not self.waiting:
            owners = {
                f"{o['machine'].split()[0]} process {o['pid']}"
                for c in others
                for o in [c.trials[-1].user_attrs["owner"]]
            }
            whose = ", ".join(sorted(owners))
            self.line(f"waits for {len(others)} of other processes ({whose}); Ctrl-C to leave them")
        self.waiting = bool(others)
        self.bar.n = self._done()
        return bool(others)

    def end(self) -> int:
        """Says how the study stands; the number of cells that are not done."""
        cells = self.ledger.cells()
        pruned = sum(any(t.state == TrialState.PRUNED for t in c.trials) for c in cells)
        failed = [c for c in cells if c.failed]
        print(
            f"Study {self.ledger.study.study_name}: {sum(c.done for c in cells)} of {len(cells)} done"
            + (f", {pruned} of them pruned" if pruned else "")
            + (f", {len(failed)} failed" if failed else "")
        )
        for trial in self._best():
            print(f"Best: trial {trial.number}  {self._params(trial)}  {self._outcome(trial)}")
        limit = self.ledger.options.max_retries
        for cell in failed:
            last = cell.trials[-1]
            rest = limit + 1 - cell.failures
            then = f"{rest} more {'try' if rest == 1 else 'tries'}" if rest > 0 else "given up"
            where = f"{self.folder}/{last.number}"
            print(f"Failed: {self._params(last)}: {last.user_attrs.get('error')} ({where}; {then})")
        if any(c.failures <= limit for c in failed):
            print("The same command tries the failed ones again.")
        sys.stdout.flush()
        return sum(not c.done for c in cells)

    def _params(self, trial: FrozenTrial) -> str:
        return " ".join(
            f"{name}={f'{v:.4g}' if isinstance(v, float) else v}" for name, v in trial.params.items()
        )

    def _outcome(self, trial: FrozenTrial) -> str:
        if trial.state == TrialState.COMPLETE:
            return ", ".join(
                f"{name} {value:.4g}" for name, value in zip(self.names, trial.values, strict=True)
            )
        if trial.state == TrialState.PRUNED:
            return str(trial.user_attrs.get("ended", "pruned"))
        return f"FAILED: {trial.user_attrs.get('error')}"

    def _best(self) -> list[FrozenTrial]:
        """The best trial, or with several objectives the best trade-offs."""
        trials = [t for t in self.ledger.trials() if t.state == TrialState.COMPLETE]
        if not trials:
            return []
        if len(self.directions) > 1:
            return list(self.ledger.study.best_trials)
        sign = 1 if self.directions[0] == "minimize" else -1
        return [min(trials, key=lambda t: sign * t.values[0])]


def took(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds < 3600 else f"{seconds / 3600:.1f} h"
