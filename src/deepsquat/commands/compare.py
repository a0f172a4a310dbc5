"""src/compare.py: several studies beside each other."""

from collections.abc import Sequence

from omegaconf import DictConfig

from deepsquat.commands.options import build
from deepsquat.commands.studies import study_by_name
from deepsquat.errors import UserError
from deepsquat.files import expanded

FOLDER = "comparison"  # of a parent run's artifacts


def compare(config: DictConfig, names: Sequence[str]) -> None:
    """Says how the studies came out, writes a page, and keeps it with each study's own run.

    Raises:
        UserError: fewer than one study, one that does not exist, or studies of unlike objectives.
    """
    names = list(dict.fromkeys(names))
    if not names:
        raise UserError("name the studies: python src/compare.py STUDY STUDY")
    runs, out = expanded(config.paths.runs, "paths.runs"), expanded(config.out, "out")
    if config.storage is not None and not isinstance(config.storage, str):
        raise UserError(f"storage must be an address of Optuna's, or null, got {config.storage}")
    studies = [study_by_name(runs, name, config.storage, name, option="storage") for name in names]
    from deepsquat.commands.sweep import STUDY_ID, SWEEP
    from deepsquat.runs import comparison
    from deepsquat.study.summary import summary

    summaries = [summary(study) for study in studies]
    comparison.refuse_unlike(summaries)
    print(*comparison.lines(summaries), sep="\n")
    page = out / f"{' and '.join(names)[:150]}.html"
    comparison.write(page, summaries)
    print(f"\nTo look at: {page}")
    store = build(config, "tracking").open_store()
    for study in studies:
        known = {STUDY_ID: str(study.user_attrs.get("id")), SWEEP: study.study_name}
        if parents := store.tagged(known):
            parents[-1].artifact(page, FOLDER)
        else:
            print(f"Note: {study.study_name} has no run where tracking= looks, to keep the page with.")
