"""A sweep among the runs: one parent run a study, the trials' runs its children. The sweeper's hooks."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from deepsquat.commands.options import build
from deepsquat.files import written_whole
from deepsquat.runs import provenance
from deepsquat.study.hooks import Hooks


class StudyRuns(Hooks):
    """Keeps the parent run: its tags, the table, the pictures. The children are written by the trials."""

    def identity(self) -> Mapping[str, str]:
        from deepsquat.images import load_images

        groups = [build(self.config, group) for group in ("data", "pose", "skeleton")]
        images = load_images(*groups, Path(self.config.paths.data))
        return {"the data's fingerprint": str(images.fingerprint)}

    def version(self) -> str:
        tags, _ = provenance.code_tags()
        dirty = "" if tags["code.dirty"] == "no" else f" changed {tags['code.dirty'][:8]}"
        return tags.get("mlflow.source.git.commit", "no commit")[:10] + dirty

    def on_start(self, study: Any) -> Mapping[str, Any]:
        store = build(self.config, "tracking").open_store()
        tags = {
            "sweep": self.name,
            "protocol": self.config.protocol.name,
            "folder": self.folder,
            "search space": study.user_attrs["identity"]["swept"],
        }
        self.parent = store.only("sweep", self.name) or store.first("sweep", self.name, tags)
        self.parent.go_on()
        return {"parent": self.parent.id}

    def on_trial_end(self, study: Any, trial: Any) -> None:
        if trial.state.name == "COMPLETE" and len(trial.values) == 1 and study.best_value == trial.value:
            self.parent.metrics({"best": trial.value}, trial.number)

    def on_end(self, study: Any, finished: bool) -> None:
        from deepsquat.runs import study as study_files

        if not finished:
            self.parent.end("KILLED")
            return
        folder = Path(self.folder) / "report"
        study_files.write(folder, study)
        self.parent.artifact(folder)
        if study.best_trials:
            best = study.best_trials[0]
            params = " ".join(f"{key}={value}" for key, value in best.params.items())
            self.parent.tags({"best.trial": best.number, "best.params": params})
        failed = any(t.state.name == "FAIL" and t.user_attrs.get("ended") == "failed" for t in study.trials)
        self.parent.tags({"failures": failed})
        self.parent.end("FINISHED")


def child_tags(trial: DictConfig) -> dict[str, str]:
    """The tags by which the run of a trial is found."""
    tags = {
        "mlflow.parentRunId": trial.parent,
        "study": trial.study,
        "trial": trial.number,
        "cell": trial.cell,
    }
    if trial.earlier:
        tags["resumed"] = f"after trial {', '.join(str(n) for n in reversed(trial.earlier))}"
    return {key: str(value) for key, value in tags.items()}


def take_up(config: DictConfig, folder: Path) -> str | None:
    """The run that a trial goes on with, its checkpoint now in `folder`; None where it begins anew.

    The runs of earlier attempts that are not gone on with end KILLED.
    """
    store = build(config, "tracking").open_store()
    found: str | None = None
    for number in config.trial.earlier:
        earlier = folder.parent / str(number)
        run = store.only("folder", str(earlier))
        if run is None:
            continue
        if found is None and (earlier / "last.ckpt").is_file():
            shutil.copytree(earlier / "files", folder / "files", dirs_exist_ok=True)
            for name in ("best.ckpt", "last.ckpt"):  # last is what a start looks for, so it comes last
                if (earlier / name).is_file():
                    with written_whole(folder / name) as temporary:
                        shutil.copyfile(earlier / name, temporary)
            found = run.id
        else:
            run.end("KILLED")
    return found
