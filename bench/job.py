"""src/bench.py: measures the rows, prints the table, writes bench.json, compares it with an earlier one."""

import io
import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench import check, machine
from bench.home import Home, temporary_home
from bench.result import Result, Spread, measured
from bench.row import Row, Unavailable
from bench.rows import chosen
from bench.table import figure, table
from deepsquat.commands import run as command
from deepsquat.errors import UserError
from deepsquat.files import expanded, written_whole


@dataclass
class _Outcome:
    results: list[Result] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)  # row and reason
    failed: list[str] = field(default_factory=list)  # rows


def bench(config: DictConfig) -> None:
    """Exit code 1 where a row fell beside the earlier run, or failed."""
    rows, repeats = _rows(config.rows), _repeats(config.repeats)
    earlier = None if config.check is None else check.read(expanded(config.check, "check"))
    path = expanded(config.folder, "folder") / "bench.json"
    models = Path(command.home()) / "data" / "models"
    load = machine.load()
    if warning := machine.warning(load):
        print(warning)
    with temporary_home(models) as home:
        outcome = _measured(rows, repeats, home)
    if outcome.results:
        print(f"\n{table(outcome.results)}\n")
    for name, reason in outcome.unavailable.items():
        print(f"{name}: not measured, {reason}")
    _write(path, outcome, load)
    print(f"Written as {path}")
    if (earlier is not None and _has_fallen(outcome.results, earlier, config.check)) or outcome.failed:
        raise SystemExit(1)


def _rows(names: Any) -> tuple[Row, ...]:
    if OmegaConf.is_config(names):
        names = OmegaConf.to_container(names)
    if isinstance(names, str):
        names = [names]
    if names is not None and not (isinstance(names, list) and names):
        raise UserError(f"rows must be names of rows, as in rows=[pose,prepare], got {names}")
    return chosen(names)


def _repeats(repeats: Any) -> int:
    if type(repeats) is not int or repeats < 1:
        raise UserError(f"repeats must be a whole number, 1 or more, got {repeats}")
    return repeats


def _measured(rows: Sequence[Row], repeats: int, home: Home) -> _Outcome:
    """Row by row; one that fails must not cost the others' minutes."""
    outcome = _Outcome()
    for number, row in enumerate(rows, 1):
        print(f"[{number}/{len(rows)}] {row.name}: {row.what}, beside {row.reference}", flush=True)
        start = time.monotonic()
        try:
            result = _one(row, repeats, home)
        except Unavailable as reason:
            outcome.unavailable[row.name] = str(reason)
            print(f"      not measured: {reason}", flush=True)
        except UserError:
            raise
        except Exception:
            outcome.failed.append(row.name)
            traceback.print_exc()
            print("      failed", flush=True)
        else:
            outcome.results.append(result)
            ours, reference, ratio = map(figure, (result.ours, result.reference, result.ratios))
            seconds = time.monotonic() - start
            print(
                f"      {ours} beside {reference} {row.unit}, ratio {ratio}; took {seconds:.0f} s", flush=True
            )
    return outcome


def _one(row: Row, repeats: int, home: Home) -> Result:
    terminal = sys.stderr

    def say(what: str) -> None:
        if terminal.isatty():
            print(f"\r\033[K      {what} ", end="", file=terminal, flush=True)

    # The bars of what is measured would stand between our lines.
    with redirect_stderr(io.StringIO()):
        try:
            say("making ready")
            with row.ready(home) as sides:
                return measured(row, sides, repeats, say)
        finally:
            say("\r")


def _write(path: Path, outcome: _Outcome, load: float) -> None:
    content = {
        **machine.described(load),
        "rows": {result.row.name: result.plain() for result in outcome.results},
        "unavailable": outcome.unavailable,
        "failed": outcome.failed,
    }
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _has_fallen(results: Sequence[Result], earlier: Mapping[str, Spread], file: str) -> bool:
    lines = check.fallen(results, earlier)
    for line in lines:
        print(line)
    new = [result.row.name for result in results if result.row.name not in earlier]
    print(f"{len(lines)} of {len(results) - len(new)} ratios fell beside {file}. {check.RULE}")
    if new:
        print(f"Not in {file}, so not compared: {', '.join(new)}")
    return bool(lines)
