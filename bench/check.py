"""Whether speed has fallen since an earlier run: ratios are compared, never seconds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.result import Result, Spread
from deepsquat.errors import UserError

FALL = 0.9
RULE = (
    f"One has where its median is below {FALL} of the earlier median, and its best repeat below the worst "
    "earlier one."
)


def read(path: Path) -> dict[str, Spread]:
    """The ratios in a bench.json, by row.

    Raises:
        UserError: it cannot be read or is no bench.json.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return {name: _spread(row["ratio"]) for name, row in content["rows"].items()}
    except OSError as error:
        raise UserError(
            f"check={path}: cannot be read ({error.strerror}); give an earlier bench.json"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"check={path}: this is no bench.json; give one that bench/run.py wrote") from None


def _spread(ratio: Mapping[str, Any]) -> Spread:
    return Spread(float(ratio["median"]), float(ratio["low"]), float(ratio["high"]))


def fallen(results: Sequence[Result], earlier: Mapping[str, Spread]) -> list[str]:
    """A line for each row whose ratio fell by more than a tenth and by more than both runs' spread explains.

    A row that is not in both runs is not compared.
    """
    lines = []
    for result in results:
        before, now = earlier.get(result.row.name), Spread.of(result.ratios)
        if before and now.median < FALL * before.median and now.high < before.low:
            lines.append(f"{result.row.name}: the ratio fell from {_words(before)} to {_words(now)}")
    return lines


def _words(spread: Spread) -> str:
    return f"{spread.median:.3g} ({spread.low:.3g}-{spread.high:.3g})"
