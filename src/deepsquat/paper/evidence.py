"""What a test over seeds can tell of losses, and what it cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy import stats

LEVEL = 0.05  # false alarms, over all columns together
_SEEDS = 3  # fewer say nothing of how far seeds alone move a loss


@dataclass(frozen=True)
class Verdict:
    """is_so: what was asked, None where it cannot be told. why: the numbers."""

    is_so: bool | None
    why: str


def differs(columns: Mapping[str, Sequence[Sequence[float]]], repeats: Sequence[float]) -> Verdict:
    """Whether the groups of any column differ.

    columns: for each column the losses of its groups, one a seed, independent of each other. repeats: losses
    of one config over seeds that no group has, which tell the spread where a group has one seed alone.

    With several seeds everywhere, Welch's test. With one seed a group, the variance between the groups beside
    that over the seeds (F test): a difference may show, but its absence cannot. Holm's correction.
    """
    groups = [group for column in columns.values() for group in column]
    if all(len(group) >= _SEEDS for group in groups):
        p = holm([_welch(column) for column in columns.values()])
        return Verdict(
            min(p) < LEVEL, f"Welch's test, {_seeds(groups)} seeds each, Holm: {_listed(columns, p)}"
        )
    if len(repeats) < _SEEDS:
        return Verdict(
            None, f"fewer than {_SEEDS} seeds a grid point, and no spread over seeds to compare them with"
        )
    one = [[group[0] for group in column] for column in columns.values()]
    p = holm([_f(column, repeats) for column in one])
    why = f"F test beside {len(repeats)} other seeds, Holm: {_listed(columns, p)}"
    if min(p) < LEVEL:
        return Verdict(True, why)
    return Verdict(None, f"{why}; so few seeds a grid point cannot show that there is none")


Pair = tuple[Sequence[float], Sequence[float]]  # losses over seeds at two grid points, independent


def lower(asked: Mapping[str, Pair], against: Mapping[str, Pair], repeats: Sequence[float]) -> Verdict:
    """Whether the first of every pair is lower than its second.

    asked: what must all be so, each tested by itself at the full level: all of several tests err together at
    most as often as one. against: pairs of which it must not be so, the other way round, for any; Holm's
    correction. repeats: as for `differs`.

    Welch's test, one-sided, where both have several seeds; else Student's, with the spread of the repeats.
    """
    how = _how([*asked.values(), *against.values()], repeats)
    if how is None:
        return Verdict(None, f"fewer than {_SEEDS} seeds a grid point, and no spread over seeds beside them")
    yes = {name: _p_lower(a, b, repeats) for name, (a, b) in asked.items()}
    names = list(against)
    no = dict(zip(names, holm([_p_lower(b, a, repeats) for a, b in against.values()]), strict=True))
    if min(no.values()) < LEVEL:
        return Verdict(False, f"{how}, Holm, the other way round: {_listed(no, list(no.values()))}")
    if max(yes.values()) < LEVEL:
        return Verdict(True, f"{how}: {_listed(yes, list(yes.values()))}")
    return Verdict(None, f"{how}: {_listed(yes, list(yes.values()))}; too few seeds to tell")


def _how(pairs: Sequence[Pair], repeats: Sequence[float]) -> str | None:
    groups = [group for pair in pairs for group in pair]
    if all(len(group) >= _SEEDS for group in groups):
        return f"Welch's test, one-sided, {_seeds(groups)} seeds each"
    if len(repeats) >= _SEEDS:
        some = any(min(len(a), len(b)) >= _SEEDS for a, b in pairs)
        welch = f"Welch's test where both have {_SEEDS} seeds, else " if some else ""
        student = (
            f"Student's test, one-sided, with the spread of {len(repeats)} other seeds of one grid point"
        )
        return welch + student
    return None


def _p_lower(a: Sequence[float], b: Sequence[float], repeats: Sequence[float]) -> float:
    """Of a being no lower than b."""
    if min(len(a), len(b)) >= _SEEDS:
        p = float(stats.ttest_ind(a, b, equal_var=False, alternative="less").pvalue)
        return p if p == p else 1.0  # NaN: no spread at all
    error = (variance(repeats) * (1 / len(a) + 1 / len(b))) ** 0.5
    if error == 0:
        return 1.0
    return float(stats.t.cdf((fmean(a) - fmean(b)) / error, len(repeats) - 1))


def _welch(groups: Sequence[Sequence[float]]) -> float:
    return float(stats.f_oneway(*groups, equal_var=False).pvalue)


def _f(losses: Sequence[float], repeats: Sequence[float]) -> float:
    within = variance(repeats)
    if within == 0:
        return 1.0
    return float(stats.f.sf(variance(losses) / within, len(losses) - 1, len(repeats) - 1))


def holm(p: Sequence[float]) -> list[float]:
    """p values corrected for being several (Holm, 1979); NaN counts as 1."""
    order = sorted(range(len(p)), key=lambda i: p[i] if p[i] == p[i] else 1.0)
    corrected, least = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        value = p[i] if p[i] == p[i] else 1.0
        least = max(least, min(1.0, (len(p) - rank) * value))
        corrected[i] = least
    return corrected


def _listed(columns: Mapping[str, object], p: Sequence[float]) -> str:
    return ", ".join(f"p = {value:.2g} at {name}" for name, value in zip(columns, p, strict=True))


def _seeds(groups: Sequence[Sequence[float]]) -> str:
    few, many = min(map(len, groups)), max(map(len, groups))
    return str(few) if few == many else f"{few} to {many}"
