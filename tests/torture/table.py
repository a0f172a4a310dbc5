"""The kills as a table, and as a file for each seed whose tables add up."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from faults import FAULTS
from jobs import ROOT
from killing import Kill
from scenarios import Scenario


def row(scenario: Scenario, kill: Kill) -> dict[str, Any]:
    return {
        "scenario": scenario.number,
        "kind": str(scenario.kind),
        "whom": scenario.whom,
        "signal": scenario.signal.name,
        "after": round(kill.after, 3),
        "code": kill.code,
        "seconds": round(kill.seconds, 1),
        "faults": kill.faults,
        "notes": kill.notes,
    }


def line(row: dict[str, Any]) -> str:
    where = f"{row['scenario']:4} {row['kind']}: {row['signal']} to {row['whom']} at {row['after']:.2f} s"
    said = [f"{fault.upper()} {what}" for fault, what in row["faults"]] or ["ok"]
    ended = f"gone in {row['seconds']:.1f} s with {row['code']}"
    return f"{where}, {ended}: {'; '.join([*said, *(f'(note: {note})' for note in row['notes'])])}"


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Markdown: a line for each kind, and the sum."""
    kinds: dict[str, Counter[str]] = {}
    for one in rows:
        for kind in (one["kind"], "**all**"):
            count = kinds.setdefault(kind, Counter())
            count["kills"] += 1
            count.update({fault for fault, _ in one["faults"]})
    total = kinds.pop("**all**", Counter())
    lines = [f"| kind | kills | {' | '.join(FAULTS)} |", "| --- " * (2 + len(FAULTS)) + "|"]
    for kind, count in [*sorted(kinds.items()), ("**all**", total)]:
        lines.append(f"| {kind} | {' | '.join(str(count[key]) for key in ('kills', *FAULTS))} |")
    return "\n".join(lines)


def write(path: Path, seed: int, code: str, rows: list[dict[str, Any]]) -> None:
    """The part of a seed, in the place of an earlier one."""
    part = {"seed": seed, "code": code, "kills": sorted(rows, key=lambda one: one["scenario"])}
    temporary = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(part, indent=1) + "\n")
    temporary.replace(path)


def code_version() -> str:
    """The commit, and whether the program differs from it."""
    here = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*here, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout
    changed = subprocess.run([*here, "status", "--porcelain", "src", "conf"], capture_output=True).stdout
    return (commit.strip() or "no commit") + (", changed" if changed else "")


def parts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("seed-*.json"))]
