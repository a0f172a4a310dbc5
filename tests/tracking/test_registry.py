"""A model's files in MLflow, under a name and an alias."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from deepsquat.errors import UserError
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.offline import OfflineOptions


def test_the_alias_names_the_newest_version_and_its_files_lie_with_the_run(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    store = MlflowOptions(uri, str(tmp_path / "mlruns")).open_store()
    folder = tmp_path / "model"
    folder.mkdir()
    for version in ("1", "2"):
        run = store.start("a run", {"folder": str(tmp_path)})
        (folder / "model.json").write_text(f"version {version}")
        said = store.register(run.id, folder, "deepsquat", "champion")
        assert said == f"deepsquat@champion, version {version}"
        found = MlflowClient(uri).get_model_version_by_alias("deepsquat", "champion")
        assert (str(found.version), found.run_id) == (version, run.id)
        kept = tmp_path / "mlruns" / run.id / "artifacts" / "champion" / "model.json"
        assert kept.read_text() == f"version {version}" and found.source.endswith(
            f"{run.id}/artifacts/champion"
        )
    with pytest.raises(UserError, match="there is no run"):
        store.register("0" * 32, folder, "deepsquat", "champion")


def test_plain_files_keep_no_models(tmp_path: Path) -> None:
    store = OfflineOptions(str(tmp_path)).open_store()
    assert store.register("a", tmp_path, "deepsquat", "champion") == ""
