"""A finished network on other data, through the program and directly."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.errors import UserError
from deepsquat.evaluation import transfer
from deepsquat.images import Images, draw_images
from deepsquat.skeleton import Style
from program import Command

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images() -> Images:
    table, _ = MadeUpJoints(people=6, frames=FrameChoice(1, 0.05)).landmark_table_and_drops()
    return draw_images(table, "print", "joints", Style(24, 18, 1, "person", "legs"))


def test_each_squat_is_judged_by_the_mean_of_its_images(images: Images) -> None:
    """A network that knows the labels, but says them of one image in three the wrong way round."""
    truth = torch.from_numpy(images.label.astype(np.float32))
    seen = 0

    def p_good(batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        nonlocal seen
        rows = torch.arange(seen, seen + len(batch[1]))
        seen += len(rows)
        said = 0.1 + 0.8 * truth[rows]
        return torch.where(rows % 3 == 0, 1 - said, said)

    found = transfer.tested({"these": images}, p_good, CPU, batch_size=7)["these"]
    assert (found.squats, found.subjects) == (24, 6)
    assert found.auc == 1.0 and found.balanced_accuracy == 1.0 and found.auc_with_reference == 1.0
    assert transfer.metrics_of({"these": found}).keys() == set(transfer.metric_names(["these"]))


def test_a_network_that_knows_nothing_scores_a_half_and_the_table_says_so(images: Images) -> None:
    found = transfer.tested({"these": images}, lambda batch: torch.full((len(batch[1]),), 0.5), CPU, 24)
    assert found["these"].auc == 0.5 and found["these"].balanced_accuracy == 0.5
    head, row = transfer.lines(found)
    assert "AUC" in head and row.startswith("these") and "0.500" in row
    assert transfer.lines({}) == []


def test_data_of_one_label_are_refused_by_name(images: Images) -> None:
    good = replace(images, label=np.ones_like(images.label))
    with pytest.raises(UserError, match=r"evaluation\.on\.other: there must be squats"):
        transfer.refuse_unlabelled({"other": good})


def test_a_run_on_made_up_joints_is_tested_on_filmed_squats(command: Command, corpus: LabelledVideos) -> None:
    words = [
        *("data=joints", "data.people=12", "skeleton=legs", "protocol.frames_each_side=0", "model=mlp"),
        *("optim.batch_size=8", "trainer.max_epochs=1", "tracking=offline"),
        f"+evaluation.on.filmed={{option: videos, root: {corpus.root}}}",
    ]
    done = command("src/train.py", *words)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^filmed +\d+ +[\d.]+ +[\d.]+%", done.stdout, re.MULTILINE), done.stdout


def test_an_option_that_is_not_there_is_one_line(command: Command) -> None:
    done = command("src/train.py", "+evaluation.on.x={option: films}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: evaluation.on.x must name an option of data") and (
        done.stderr.count("\n") == 1
    )
