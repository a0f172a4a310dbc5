"""Configs of earlier runs, read back to resume one or to train it anew."""

from pathlib import Path

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from deepsquat.commands import run as command
from deepsquat.commands.earlier import anew, read_config
from deepsquat.errors import UserError
from deepsquat.files import add_checksum
from deepsquat.study.storage import open_storage
from deepsquat.tracking.offline import OfflineOptions
from program import ROOT

RUN = "a" * 32


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    add_checksum(path)
    return path


def test_it_is_read_as_it_was_written_or_refused(tmp_path: Path) -> None:
    text = "seed: 3\nmodel:\n  _target_: deepsquat.model.convnet.ConvNet\n  blocks: 4\n"
    path = _written(tmp_path / "config.yaml", text)
    assert read_config(path, f"resume={RUN}").model.blocks == 4
    whole = path.read_bytes()
    for damaged in (whole.replace(b"blocks: 4", b"blocks: 5"), whole[:20], b"", text.encode()):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"start a new run with python src/train\.py"):
            read_config(path, f"resume={RUN}")


@pytest.mark.parametrize(
    "target", ["deepsquat.model.options.ConvNetOptions", "deepsquat.model.convnet.ConvNetOptions"]
)
def test_what_this_version_has_not_is_named(tmp_path: Path, target: str) -> None:
    path = _written(tmp_path / "config.yaml", f"model:\n  _target_: {target}\n")
    with pytest.raises(UserError, match=f"resume={RUN}: it was started by a version with {target}") as caught:
        read_config(path, f"resume={RUN}")
    assert "\n" not in str(caught.value) and "start a new run with python src/train.py" in str(caught.value)


def composed(*overrides: str) -> DictConfig:
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
    with initialize_config_dir(command.CONF, version_base=None):
        config = compose("train", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        config.pop("hydra")
    return config


@pytest.fixture
def asked(tmp_path: Path):
    """The config that is trained where these overrides are typed."""

    def ask(*overrides: str) -> DictConfig:
        places = [f"paths.runs={tmp_path}", "tracking=offline", f"tracking.folder={tmp_path / 'offline'}"]
        config = composed(*overrides, *places)
        return anew(config, config["from"], list(overrides))

    return ask


def _saved(folder: Path, *overrides: str) -> None:
    folder.mkdir(parents=True)
    _written(folder / "config.yaml", OmegaConf.to_yaml(composed(*overrides), resolve=True))


def _study(folder: Path, name: str, values: list[float | None], directions: list[str]) -> None:
    storage = open_storage(str(folder / name / "study.journal"))
    study = optuna.create_study(storage=storage, study_name=name, directions=directions)
    (folder / name / "study.id").touch()
    for number, value in enumerate(values):
        trial = study.ask()
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [value] * len(directions))
        _saved(folder / name / str(number) / "files", f"optim.l2=1e-{number + 2}", "model=mlp")


def test_the_winner_of_a_study_is_trained_anew_with_what_is_typed_on_top(tmp_path: Path, asked) -> None:
    _study(tmp_path, "mine", [0.5, 0.25, 0.75], ["minimize"])
    found = asked("from=mine", "seed=7", "optim.lr=0.5")
    assert found.optim.l2 == 1e-3 and found.optim.lr == 0.5 and found.seed == 7
    assert found.model._target_.endswith("MLP") and found.trial is None and found["from"] == "mine"
    assert asked("from=mine", "model=convnet", "model.blocks=2").model.blocks == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["from=none"], "no run and no study of that name; there are both, failed"),
        (["from=../both"], "no run and no study of that name"),
        (["from=both"], "several objectives"),
        (["from=failed"], "none of its trials has finished"),
        (["from=failed", "protocol=paper"], "none of its trials"),
        ([f"from={RUN}"], "there is no run"),
    ],
)
def test_what_has_no_winner_is_one_line(tmp_path: Path, asked, typed: list[str], said: str) -> None:
    _study(tmp_path, "both", [0.5], ["minimize", "maximize"])
    _study(tmp_path, "failed", [None], ["minimize"])
    with pytest.raises(UserError, match=said) as caught:
        asked(*typed)
    assert "\n" not in str(caught.value)


def test_a_run_is_trained_anew_and_a_group_that_sets_others_is_refused(tmp_path: Path, asked) -> None:
    folder = tmp_path / "train" / "today"
    _saved(folder / "files", "optim.l2=0.5")
    run = OfflineOptions(str(tmp_path / "offline")).open_store().start("a run", {"folder": str(folder)})
    assert asked(f"from={run.id}").optim.l2 == 0.5
    with pytest.raises(UserError, match="protocol=paper cannot be given with from="):
        asked(f"from={run.id}", "protocol=paper")
    with pytest.raises(UserError, match=r"protocol.epochs=2 cannot be given with from=.* trainer.max_epochs"):
        asked(f"from={run.id}", "protocol.epochs=2")


def test_a_run_of_a_version_that_knew_less_is_one_line(tmp_path: Path, asked) -> None:
    folder = tmp_path / "train" / "today"
    (folder / "files").mkdir(parents=True)
    _written(folder / "files" / "config.yaml", "seed: 0\nmodel: {blocks: 2}\n")
    run = OfflineOptions(str(tmp_path / "offline")).open_store().start("a run", {"folder": str(folder)})
    with pytest.raises(UserError, match="by a version without data, pose"):
        asked(f"from={run.id}")
