"""A tracker of one's own: each run as one JSON file."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.files import written_whole


@dataclass(frozen=True)
class JsonRuns:
    """Where the files are."""

    folder: str

    def open_store(self) -> "Store":
        return Store(self)


class Store(tracking.Store):
    def __init__(self, options: JsonRuns) -> None:
        self.folder = Path(options.folder)

    def start(self, name: str, tags: Mapping[str, str]) -> "Run":
        known = {"name": name, "status": "RUNNING", "tags": dict(tags), "params": {}, "metrics": []}
        run = Run(self.folder / f"{uuid.uuid4().hex}.json", known)
        run.write()
        return run

    def tagged(self, tags: Mapping[str, str]) -> list[tracking.Run]:
        files = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        found = [(path, json.loads(path.read_text())) for path in files]
        return [Run(path, known) for path, known in found if tags.items() <= known["tags"].items()]

    def how_to_look(self, run_id: str | None = None) -> str:
        return f"the files in {self.folder}"

    def find(self, run_id: str) -> "Run":
        path = self.folder / f"{run_id}.json"
        if not path.is_file():
            raise UserError(f"there is no run {run_id} in {self.folder}; its files bear the ids of the runs")
        return Run(path, json.loads(path.read_text()))


class Run(tracking.Run):
    def __init__(self, path: Path, known: dict[str, Any]) -> None:
        super().__init__(path.stem, known["status"], known["tags"])
        self.path, self.known = path, known

    def write(self) -> None:
        with written_whole(self.path) as temporary:
            temporary.write_text(json.dumps(self.known, indent=1))

    def reopen(self) -> None:
        self.end("RUNNING")

    def rename(self, name: str) -> None:
        self.known["name"] = name
        self.write()

    def params(self, values: Mapping[str, Any]) -> None:
        self.known["params"] |= {key: str(value) for key, value in values.items()}
        self.write()

    def tags(self, values: Mapping[str, Any]) -> None:
        self.known["tags"] |= {key: str(value) for key, value in values.items()}
        self.write()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.known["metrics"].append({"epoch": step, **values})
        self.write()

    def dataset(self, name: str, digest: str, source: str, profile: str) -> None:
        self.tags({"dataset": name, "dataset.digest": digest})

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """The files stay in the run's folder."""

    def latest_metrics(self) -> dict[str, float]:
        return {key: value for row in self.known["metrics"] for key, value in row.items() if key != "epoch"}

    def history(self, keys: Sequence[str]) -> list[dict[str, float]]:
        rows = [{k: v for k, v in row.items() if k in (*keys, "epoch")} for row in self.known["metrics"]]
        return [row for row in rows if len(row) > 1]

    def end(self, status: str) -> None:
        self.known["status"] = status
        self.write()
