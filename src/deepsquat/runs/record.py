"""What the tracking store is told of a run before its first step."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.images import Images
from deepsquat.runs import files as run_files
from deepsquat.runs import provenance
from deepsquat.runs.choices import Choices
from deepsquat.split import Audit
from deepsquat.trainer.batches import SquatData

# Of a run's config, what is no value that it is trained with.
NO_PARAMS = ("trial", "from", "resume", "name", "notes", "tags", "promote", "dry", "debug")


def known_tags(choices: Choices, images: Images, crossing: Audit, folder: Path) -> dict[str, str]:
    """The tags that a run starts with: code, machine, protocol, data, split."""
    code, _ = provenance.code_tags()
    return {
        **code,
        **provenance.machine_tags(),
        "protocol": choices.protocol,
        "protocol.note": choices.protocol_note,
        "folder": str(folder),
        "data.source": str(images.source),
        "data.fingerprint": str(images.fingerprint),
        "data.squats": str(sum(crossing.squats.values())),
        "split": f"by_{choices.split.by}",
        "split.crossing": "; ".join(crossing.lines()) or "none",
    }


def log_inputs(
    run: tracking.Run,
    choices: Choices,
    config: Mapping[str, Any],
    images: Images,
    data: SquatData,
    folder: Path,
    in_sweep: bool,
) -> None:
    """Params, data set and the files that say what went in. in_sweep: no picture, a dozen times over."""
    _, diff = provenance.code_tags()
    values = tracking.flattened({key: value for key, value in config.items() if key not in NO_PARAMS})
    run.params({**values, "parameters": choices.model.parameters})
    run.dataset(str(images.source), str(images.fingerprint), str(choices.data), json.dumps(data.counts()))
    run_files.write_inputs(folder, config, diff, data)
    if not in_sweep:
        run_files.write_samples(folder, data)
    run.artifact(folder)
