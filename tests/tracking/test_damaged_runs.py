"""Damaged offline runs are named, and keep no other from being imported."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from deepsquat.errors import UserError
from deepsquat.files import with_checksum
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.offline import Store
from offline_runs import artifacts, made, runs


def damages(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is said of each, and how it is done."""
    text = (folder / "run.json").read_text()
    write = (folder / "run.json").write_text
    yield "run.json is damaged", lambda: write("{")
    yield "run.json is damaged", lambda: write(text.replace("RUNNING", "FAILED"))
    record = {key: value for key, value in json.loads(text).items() if key != "sha256"}

    def other(**values: object) -> Callable[[], object]:
        return lambda: write(json.dumps(with_checksum({**record, **values})))

    yield "run.json is damaged", other(id="../../x")
    yield "run.json is damaged", other(status="DONE")
    yield "run.json is damaged", other(start_time=2**70)
    yield "run.json is damaged", other(tags={"\ud800": "half a pair"})
    yield "MLflow does not take it", other(tags={"no!": "such name"})
    yield "run.json is no plain file", lambda: linked(folder / "run.json")
    yield "params.json is damaged", lambda: (folder / "params.json").write_text("[]")
    line = (folder / "metrics.jsonl").read_text().splitlines()[0]
    quoted, null, flipped = (line.replace("1.0", new) for new in ('"1.0"', "null", "3.0"))
    unsigned = line.replace("1.0", "null").split(', "crc32"')[0] + "}"
    for second in ("x", "{}", quoted, null, flipped, unsigned):
        assert second != line
        content = f"{line}\n{second}\n{line}\n"
        yield "line 2, is damaged", lambda content=content: (folder / "metrics.jsonl").write_text(content)


def linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def test_a_damaged_run_is_named_and_keeps_no_other_from_being_imported(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    sound = [made(offline, "first")]
    template = made(offline, "template").folder
    wanted = []
    for said, _ in damages(template):
        run = made(offline, f"damaged {len(wanted)}")
        dict(enumerate(damages(run.folder)))[len(wanted)][1]()
        wanted.append(f"{run.folder}" if "MLflow" in said else f"{run.folder}/{said.split()[0]}")
    sound.append(made(offline, "last"))
    with pytest.raises(UserError) as caught:
        bring()
    message = str(caught.value)
    assert message.startswith(f"{len(wanted)} could not be imported: ") and "\n" not in message
    assert all(f"{start.removesuffix('/line')}" in message for start in wanted)
    assert f"Runs: {len(sound) + 1} imported" in capsys.readouterr().out
    assert {"first", "last", "template"} <= set(runs(options))


@pytest.mark.parametrize("rows", ["", "1,s,0", "1,s,2,0.5", "1,s,0,much", "1"])
def test_damaged_predictions_are_named(
    rows: str, offline: Store, options: MlflowOptions, bring: Callable[..., str]
) -> None:
    run = made(offline, "a run")
    (run.folder / "artifacts" / "predictions.csv").write_text(f"part,squat,label,p_good\n{rows}\n")
    run.end("FINISHED")
    with pytest.raises(UserError, match=r"artifacts/predictions\.csv is damaged"):
        bring()


def test_nothing_outside_a_runs_folder_is_read(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("secret")
    run = made(offline, "a run")
    inside = run.folder / "artifacts"
    (inside / "file.txt").symlink_to(secret / "key.txt")
    (inside / "folder").symlink_to(secret)
    (inside / ".half.12.part.png").write_text("half written")
    whole = made(offline, "all of it")
    shutil.rmtree(whole.folder / "artifacts")
    (whole.folder / "artifacts").symlink_to(secret)
    bring()
    client, found = MlflowClient(options.uri), runs(options)
    assert artifacts(client, found["a run"]) == {"config.yaml", "checkpoints/config.yaml"}
    assert artifacts(client, found["all of it"]) == set()
