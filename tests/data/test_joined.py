"""Several sources as one, under their names."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from deepsquat.commands import run as command
from deepsquat.commands.options import build
from deepsquat.data.joined import Joined
from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.images import source_name
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.table import prepare
from program import ROOT, Command


@pytest.fixture(autouse=True)
def resolver() -> None:
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)


def built(*overrides: str) -> Joined:
    with initialize_config_dir(command.CONF, version_base=None):
        found = build(compose("train", overrides=["data=joined", *overrides]), "data")
    assert isinstance(found, Joined)
    return found


def test_squats_videos_and_subjects_carry_the_sources_name(tmp_path: Path) -> None:
    one, two = (MadeUpJoints(people=3, seed=seed, frames=FrameChoice(0)) for seed in (0, 1))
    source = Joined((("a", one), ("b", two)))
    found = prepare(source, MediaPipePose(), tmp_path)
    apart = [prepare(each, MediaPipePose(), tmp_path) for each in (one, two)]
    assert len(found.table) == sum(len(each.table) for each in apart) == 24
    assert set(found.table.subject) == {f"{name}/person-0000{i}" for name in "ab" for i in (1, 2, 3)}
    assert found.table.squat[0] == f"a/{apart[0].table.squat[0]}"
    assert found.table.video[-1] == f"b/{apart[1].table.video[-1]}"
    np.testing.assert_array_equal(found.table.landmarks[12:], apart[1].table.landmarks)
    assert prepare(source, MediaPipePose(), tmp_path).fingerprint == found.fingerprint
    turned = Joined((("a", two), ("b", one)))
    assert prepare(turned, MediaPipePose(), tmp_path).fingerprint != found.fingerprint
    assert source_name(source) == "joined"


def test_each_has_its_own_options_and_those_of_its_file() -> None:
    found = built("data.of={lab: {option: joints, people: 5}, synthetic: {option: synthetic, seed: 3}}")
    names, (joints, drawn) = zip(*found.of, strict=True)
    assert names == ("lab", "synthetic")
    assert (joints.people, joints.each, drawn.seed, drawn.videos) == (5, 4, 3, 36)
    listed = built("data.of=[synthetic,{option: joints, people: 5}]")
    assert [name for name, _ in listed.of] == ["synthetic", "joints"]


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("[]", "name two sources or more"),
        ("[films]", r"data\.of\.films must name an option of data"),
        ("[joints,joints]", "joints is there twice"),
        ("[{option: videos}]", r"data\.of\.videos: data\.root: say where your videos are"),
        ("{a/b: {option: joints}}", "cannot be the name of a source"),
        ("3", "must name options of data"),
        ("[{option: arrays, file: x.npz}]", "arrays are images already"),
    ],
)
def test_what_cannot_be_joined_is_named(of: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        built(f"data.of={of}")


def test_a_run_learns_from_both_and_one_source_alone_can_be_tested(command: Command) -> None:
    done = command(
        *("src/train.py", "data=joined", "model=plain", "skeleton=legs", "tracking=offline"),
        "data.of={one: {option: joints, people: 6}, two: {option: joints, people: 4, seed: 9}}",
        *("protocol.frames_each_side=0", "optim.batch_size=8", "trainer.max_epochs=1"),
        *("evaluation=leave_one_subject_out", "evaluation.of=[two]", "evaluation.guessers=[]"),
    )
    assert done.returncode == 0, done.stderr
    assert "4 folds by subject" in done.stdout and "fold 1 of 4, two/person-00001" in done.stdout
