"""What the pictures of a study show, and what they have in common: trials, scales, colours, legends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepsquat.runs.pictures import TRAIN, VAL
from deepsquat.study.summary import importances

DONE, PRUNED, FAILED, BEST = TRAIN, "#8a8a8a", "#b2182b", VAL
# Around the point, which it does not hide.
RING = {
    "marker": "o",
    "markersize": 15,
    "color": BEST,
    "markerfacecolor": "none",
    "markeredgewidth": 2.5,
    "linestyle": "none",
}
HOLLOW = {"marker": "v", "color": PRUNED, "markerfacecolor": "none", "linestyle": "none"}
MOST_CELLS = 12  # values of an axis that are shown as cells, each with its own


@dataclass(frozen=True)
class Shown:
    """The trials of a study by how they ended; withdrawn ones are none. A pruned one ended early."""

    name: str
    metric: str
    minimize: bool
    done: Sequence[Any]  # optuna's FrozenTrial
    pruned: Sequence[Any]
    failed: Sequence[Any]
    importances: Mapping[str, float]

    @property
    def best(self) -> Any:
        return (min if self.minimize else max)(self.done, key=lambda trial: trial.value)

    @property
    def axes(self) -> dict[str, Any]:
        """The distribution of everything that is swept, in the order of the first trials."""
        found: dict[str, Any] = {}
        for trial in (*self.done, *self.pruned):
            found |= {name: known for name, known in trial.distributions.items() if name not in found}
        return found


def metrics_of(study: Any) -> list[str]:
    """What the objectives are called."""
    return study.metric_names or [f"value {i}" if i else "value" for i in range(len(study.directions))]


def shown(study: Any) -> Shown:
    trials = [t for t in study.get_trials(deepcopy=False) if t.user_attrs.get("ended") != "withdrawn"]
    return Shown(
        study.study_name,
        metrics_of(study)[0],
        study.directions[0].name == "MINIMIZE",
        [t for t in trials if t.state.name == "COMPLETE" and np.isfinite(t.value)],
        [t for t in trials if t.state.name == "PRUNED" and t.intermediate_values],
        [t for t in trials if t.state.name == "FAIL" and t.user_attrs.get("ended") == "failed"],
        importances(study),
    )


def last_said(trial: Any) -> float:
    """The value of a trial, or what a pruned one said last."""
    value = trial.value if trial.state.name == "COMPLETE" else None
    return float(trial.intermediate_values[max(trial.intermediate_values)] if value is None else value)


def spans_much(values: Sequence[float]) -> bool:
    """Whether values are better seen on a logarithmic scale: above 0, and more than a factor of 10 apart."""
    finite = [value for value in values if np.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) > 10 * min(finite)


@dataclass(frozen=True)
class Scale:
    """Where the values of one swept parameter stand on an axis, and what is written there.

    A number has its own place, on a logarithmic axis where it was drawn so; a choice the place in its row.
    """

    known: Any
    values: Sequence[Any]  # those that occur, rising where they are numbers
    is_number: bool
    is_log: bool

    def place(self, value: Any) -> float:
        return float(value) if self.is_number else float(self.values.index(value))

    def put_on(self, axes: Any, which: str) -> None:
        """which: x or y of matplotlib's axes."""
        axis = getattr(axes, f"{which}axis")
        if self.is_log:
            ends = [getattr(self.known, "low", self.values[0]), getattr(self.known, "high", self.values[-1])]
            make_log(axes, which, ends)
        elif not self.is_number:
            axis.set_ticks(range(len(self.values)), [in_few(value) for value in self.values])
        elif all(isinstance(value, int) for value in self.values):
            if len(self.values) <= MOST_CELLS:
                axis.set_ticks(list(self.values), [str(value) for value in self.values])
            else:
                axis.get_major_locator().set_params(integer=True)


def make_log(axes: Any, which: str, values: Sequence[float]) -> None:
    """A logarithmic axis over these values, with few numbers beside it."""
    low, high = min(values), max(values)
    axis = getattr(axes, f"{which}axis")
    getattr(axes, f"set_{which}scale")("log")
    few_numbers(axis, low, high)
    aside = (high / low) ** 0.08
    getattr(axes, f"set_{which}lim")(low / aside, high * aside)


def few_numbers(axis: Any, low: float, high: float) -> None:
    """Plain numbers at powers of ten, and between them where there are not many of these."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def scale(known: Any, values: Sequence[Any]) -> Scale:
    """known: the parameter's distribution. values: those that trials had."""
    choices = list(getattr(known, "choices", ()))
    occurring = list(dict.fromkeys(values))
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in choices or occurring)
    if numbers:
        occurring.sort()
    elif choices:
        occurring.sort(key=choices.index)
    is_log = bool(getattr(known, "log", False)) or (numbers and bool(choices) and spans_much(occurring))
    return Scale(known, occurring, numbers, is_log)


def in_few(value: Any) -> str:
    """As it is written beside an axis."""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 14 else f"{text[:13]}…"


def norm_of(values: Sequence[float]) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    low, high = min(values), max(values)
    return LogNorm(low, high) if spans_much(values) else Normalize(low, high)


def legend(seen: Shown) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], marker="o", color=DONE, linestyle="none", label="complete")]
    if seen.pruned:
        handles.append(Line2D([], [], label="pruned, its last value", **HOLLOW))  # type: ignore[arg-type]
    label = f"best, trial {seen.best.number}"
    return [*handles, Line2D([], [], label=label, **{**RING, "markersize": 10})]  # type: ignore[arg-type]
