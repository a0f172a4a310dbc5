"""A sweep among the runs: one parent run a study, the trials' runs its children. The sweeper's hooks."""

import shlex
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from deepsquat import tracking
from deepsquat.commands.options import build, build_metrics, narrow
from deepsquat.commands.train import chosen, fold_options, own_words
from deepsquat.errors import UserError
from deepsquat.files import expanded, written_whole
from deepsquat.locks import locked
from deepsquat.processes import uninterrupted
from deepsquat.runs import provenance
from deepsquat.runs.description import MOST, NOTE, description
from deepsquat.runs.folds import IDENTITY
from deepsquat.runs.owner import NAME as OWNER
from deepsquat.runs.owner import owner
from deepsquat.runs.record import NO_PARAMS
from deepsquat.study.hooks import Ending, Hooks
from deepsquat.study.points import living, process_of
from deepsquat.terminal import say
from deepsquat.tracking import PARENT
from deepsquat.tracking.lasting import waiting
from deepsquat.trainer import checkpoint

if TYPE_CHECKING:
    from deepsquat.images import Images

_IN_WORDS: Mapping[Ending, str] = {
    "done": "complete",
    "undone": "some not done",
    "interrupted": "interrupted",
}
# Tags by which the parent run and its children are found; a child has no SWEEP, a parent no TRIAL.
STUDY_ID, SWEEP, OPTION, TRIAL = "study.id", "sweep", "sweep.option", "trial"


class StudyRuns(Hooks):
    """Keeps the parent run: its tags, the table, the pictures. The children are written by the trials."""

    def __init__(self, config: DictConfig, name: str, folder: str) -> None:
        super().__init__(config, name, folder)
        self.store: tracking.Store | None = None
        self.parent: tracking.Run | None = None
        self.images: Images | None = None

    def check(self, config: DictConfig) -> None:
        if config["from"] is not None:
            raise UserError("from= trains one run; leave out -m, or sweep with the values that its run has")
        if config.debug:
            raise UserError("debug=true tries out one run; leave out -m, or leave it out")
        if config.promote and OmegaConf.is_list(config.hydra.sweeper.direction):
            raise UserError("promote=true: of several objectives no trial is the best; leave it out")
        narrow(config, list(config.hydra.overrides.task))
        fold_options(config)
        chosen(config)

    def metrics(self) -> Collection[str]:
        from deepsquat import cross_validation
        from deepsquat.training import returned

        names = returned(build(self.config, "target"), build_metrics(self.config), self.config.evaluation.on)
        options = fold_options(self.config)
        return names if options is None else cross_validation.returned(names, options)

    def identity(self) -> Mapping[str, str]:
        from deepsquat.images import load_images

        self._open()  # its errors come before minutes of data
        groups = [build(self.config, group) for group in ("data", "pose", "skeleton")]
        self.images = load_images(*groups, expanded(self.config.paths.data, "paths.data"))
        return {"the data's fingerprint": str(self.images.fingerprint)}

    def version(self) -> str:
        tags, _ = provenance.code_tags()
        dirty = "" if tags["code.dirty"] == "no" else f" changed {tags['code.dirty'][:8]}"
        return tags.get("mlflow.source.git.commit", "no commit")[:10] + dirty

    def on_start(self, study: Any) -> Mapping[str, Any]:
        store = self._open()
        with locked(Path(self.folder) / ".parent.lock"), uninterrupted():  # two first starts make one parent
            self.parent = self._found_or_started(store, study)
        self._settle(store, self.parent, study)
        self._describe(study, "running")
        return {"parent": self.parent.id}

    def _open(self) -> tracking.Store:
        if self.store is None:
            self.store = build(self.config, "tracking").open_store()
        return self.store

    def _found_or_started(self, store: tracking.Store, study: Any) -> tracking.Run:
        key = {STUDY_ID: study.user_attrs["id"], SWEEP: self.name}
        if found := store.tagged(key):
            found[0].reopen()
            return found[0]
        if _running(study) and (others := living(study)):
            raise UserError(
                f"tracking={self.config.hydra.runtime.choices.tracking}: the sweep's own run is not here, "
                f"and trial {others[0].number} runs ({process_of(others[0])}); name the place where it "
                "keeps its runs"
            )
        code, _ = provenance.code_tags()
        name, own = own_words(self.config)
        tags = {
            **own,
            **code,
            **provenance.machine_tags(),
            **key,
            OPTION: option_of(self.config),
            "protocol": self.config.protocol.name,
            "folder": self.folder,
            "search space": study.user_attrs["identity"]["swept"],
        }
        run = store.start(name or self.name, tags)
        config = OmegaConf.masked_copy(
            self.config, [str(key) for key in self.config if key not in ("hydra", *NO_PARAMS)]
        )
        values: Any = tracking.flattened(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
        run.params({key: v for key, v in values.items() if key in study.user_attrs["identity"]})  # not swept
        if self.images is not None:
            source, print_ = str(self.images.source), str(self.images.fingerprint)
            run.dataset(source, print_, str(build(self.config, "data")), "{}")
        return run

    def _settle(self, store: tracking.Store, parent: tracking.Run, study: Any) -> None:
        """Puts every child under the parent, and ends those that a killed process has left RUNNING."""
        running = {str(trial.number) for trial in _running(study)}
        for run in store.tagged({STUDY_ID: study.user_attrs["id"]}):
            if run.tag(SWEEP) or run.write_unwritten():
                continue
            if run.tag(PARENT) != parent.id:  # the parent that it had was deleted
                run.tags({PARENT: parent.id})
            if run.status == "RUNNING" and run.tag(TRIAL) not in running:
                run.end("KILLED")

    def _describe(self, study: Any, state: str) -> None:
        assert self.store is not None and self.parent is not None
        best = study.best_trials[:MOST]
        runs = {trial.number: run.id for trial in best for run in self.store.tagged(_key(study, trial))}
        command = provenance.code_tags()[0]["command"]
        text = description(study, self.name, command, state, runs)
        notes = own_words(self.config)[1].get(NOTE)
        self.parent.tags({NOTE: f"{notes}\n\n{text}" if notes else text})

    def on_trial_end(self, study: Any, trial: Any) -> None:
        assert self.parent is not None
        if trial.state.name == "COMPLETE" and len(trial.values) == 1 and study.best_value == trial.value:
            self.parent.metrics({"best": trial.value}, trial.number)
        self._tidy(study)

    def on_end(self, study: Any, ending: Ending) -> None:
        if self.store is None or self.parent is None:
            return  # it ended before there was a parent
        self._tidy(study)
        if ending != "interrupted":
            try:
                self._write_report(self.parent, study)
            finally:  # a full disk leaves no sweep RUNNING that has ended
                self.parent.end("FINISHED" if ending == "done" else "FAILED")
        elif not _running(study):  # else the sweep goes on in another process
            self.parent.end("KILLED")
        if not self.parent.unwritten():  # else the store is away
            self._describe(study, _IN_WORDS[ending])
            self._settle(self.store, self.parent, study)
        if ending != "interrupted":
            if len(study.directions) == 1 and study.best_trials:
                say(f"To train the best again: python src/train.py {shlex.quote(f'from={self.name}')}")
            say(f"To look at the runs: {self.store.how_to_look()}")
        if line := waiting(Path(self.folder)):
            say(line)
        if ending == "done" and self.config.get("promote"):
            self._promote(study)

    def _tidy(self, study: Any) -> None:
        from deepsquat.runs.weights import tidy

        if (most := self.config.get("keep_weights")) is not None:
            tidy(Path(self.folder), study, most)

    def _promote(self, study: Any) -> None:
        """Makes the best trial's network the champion. What it raises is said as the sweep's own error."""
        from deepsquat.commands.promote import promote_after

        store, self.store = self.store, None  # all else has been told by now
        assert store is not None
        finished = [r.id for r in store.tagged(_key(study, study.best_trial)) if r.status == "FINISHED"]
        if not finished:
            raise UserError(
                f"promote=true: the run of trial {study.best_trial.number} is no more; train it anew"
            )
        promote_after(self.config, finished[-1])

    def _write_report(self, parent: tracking.Run, study: Any) -> None:
        from deepsquat.runs import study as study_files
        from deepsquat.runs import winner

        folder = Path(self.folder) / "report"
        study_files.write(folder, study)
        if found := winner.corrected(Path(self.folder), study):
            with written_whole(folder / "winner.txt") as path:
                path.write_text("\n".join(winner.lines(found)) + "\n", encoding="utf-8")
            parent.metrics(winner.metrics(found), len(study.trials))
            say(*winner.lines(found))
        parent.artifact(folder)
        if study.best_trials:
            best = study.best_trials[0]
            params = " ".join(f"{key}={value}" for key, value in best.params.items())
            parent.tags({"best.trial": best.number, "best.params": params})
        failed = any(t.state.name == "FAIL" and t.user_attrs.get("ended") == "failed" for t in study.trials)
        parent.tags({"failures": failed})


def option_of(config: DictConfig) -> str:
    """The option of conf/sweep; empty where what is swept was typed."""
    return config.hydra.runtime.choices.get("sweep") or ""


def _key(study: Any, trial: Any) -> dict[str, str]:
    """The tags of a trial's run, which is another study's where this one began with it."""
    from deepsquat.study.beginning import origin

    where = origin(study, trial)
    return {STUDY_ID: where.id, TRIAL: str(where.trial)}


def _running(study: Any) -> list[Any]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "RUNNING"]


def child_tags(trial: DictConfig) -> dict[str, str]:
    """The tags by which the run of a trial is found."""
    tags = {
        PARENT: trial.parent,
        STUDY_ID: trial.id,
        "study": trial.study,
        TRIAL: trial.number,
        "grid_point": trial.point,
    }
    if trial.earlier:
        tags["resumed"] = f"after trial {', '.join(str(n) for n in reversed(trial.earlier))}"
    return {key: str(value) for key, value in tags.items()}


def resumable_run(config: DictConfig, folder: Path) -> str | None:
    """The run that a trial resumes, its checkpoint now in `folder`; None where it begins anew.

    The runs of earlier attempts that are not resumed end KILLED.
    """
    store = build(config, "tracking").open_store()
    found: str | None = None
    for number in config.trial.earlier:
        earlier = folder.parent / str(number)
        for run in store.tagged({STUDY_ID: config.trial.id, TRIAL: str(number)}):
            if found is None and _is_sound(earlier, run.id):
                _copy(earlier, folder)
                found = run.id
            else:
                run.end("KILLED")
    return found


def bring_folds(config: DictConfig, folder: Path) -> None:
    """Moves what earlier attempts at a trial over folds have kept into `folder`: last, whose it is.

    A kill in the middle of that leaves it in two folders, of which the next attempt takes all there is.
    """
    earlier = [folder.parent / str(number) for number in config.trial.earlier]
    there = [place for place in earlier if place.is_dir()]
    for path in (path for place in there for path in sorted(place.iterdir())):
        if (path.is_dir() or path.name == IDENTITY) and not (folder / path.name).exists():
            shutil.move(path, folder / path.name)
    if (last := next((place for place in there if owner(place)), None)) is not None and not owner(folder):
        shutil.move(last / OWNER, folder / OWNER)


def _is_sound(folder: Path, run_id: str) -> bool:
    """Whether there is a checkpoint of this run; one that is damaged is named, and the trial begins anew."""
    if not (folder / checkpoint.LAST).is_file():
        return False
    try:
        checkpoint.check_last(folder, run_id)
    except UserError as error:
        say(f"Note: {error}")
        return False
    return True


def _copy(earlier: Path, folder: Path) -> None:
    """The files of an earlier attempt; last.ckpt, which a start looks for, comes last."""
    shutil.copytree(earlier / "files", folder / "files", dirs_exist_ok=True)
    for name in (checkpoint.BEST, checkpoint.LAST):
        if (earlier / name).is_file():
            with written_whole(folder / name) as temporary:
                shutil.copyfile(earlier / name, temporary)
