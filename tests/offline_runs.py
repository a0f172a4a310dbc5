"""Offline runs, and what MLflow holds of them."""

from mlflow.tracking import MlflowClient

from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.offline import Store


def runs(options: MlflowOptions) -> dict:
    """What MLflow holds of the experiment, by name."""
    store = options.open_store()
    found = store.client.search_runs([store.experiment])
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: store.client.get_run(run.info.run_id) for run in found}


def points(client: MlflowClient, run) -> list[tuple]:
    """Every point of a run's metrics."""
    return sorted(
        (m.key, m.step, m.timestamp, str(m.value))
        for key in run.data.metrics
        for m in client.get_metric_history(run.info.run_id, key)
    )


def artifacts(client: MlflowClient, run, folder: str | None = None) -> set[str]:
    found: set[str] = set()
    for item in client.list_artifacts(run.info.run_id, folder):
        found |= artifacts(client, run, item.path) if item.is_dir else {item.path}
    return found


def made(offline: Store, name: str, tags: dict[str, str] | None = None, epochs: int = 3):
    """A small run that has come through some epochs."""
    run = offline.start(name, {"protocol": "quick", **(tags or {})})
    run.params({f"p{i}": i for i in range(5)})
    run.dataset("synthetic", "abc", "drawn", "{}")
    for epoch in range(1, epochs + 1):
        run.metrics({"loss": 1 / epoch, "other": epoch}, epoch)
    path = offline.folder.parent / "config.yaml"
    path.write_text("seed: 0\n")
    run.artifact(path)
    run.artifact(path, "checkpoints")
    return run
