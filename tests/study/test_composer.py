"""A composed config is the one that Hydra composes by itself."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from deepsquat.commands import run as command
from deepsquat.study.composer import Composer


@pytest.fixture
def loader():
    if not OmegaConf.has_resolver("root"):
        OmegaConf.register_new_resolver("root", command.home)
    with initialize_config_dir(command.CONF, version_base=None):
        yield GlobalHydra.instance().config_loader()


def test_jobs_get_what_hydra_composes_and_nothing_of_each_other(loader) -> None:
    master = loader.load_configuration("train", ["sweep=depth_l2", "protocol=paper"], RunMode.MULTIRUN)
    common = ["hydra.sweep.dir=/somewhere", "hydra.mode=MULTIRUN"]
    lines = [
        ["model.blocks=3", "optim.l2=0.01", "++trial={number:1,earlier:[]}", *common],
        ["augment=none", "model.blocks=1", "++trial={number:2,parent:'a b'}", *common],
        ["model.widths=[4,8]", "model.blocks=2", "++trial={number:3,earlier:[1]}", *common],
    ]
    expected = [loader.load_sweep_config(master, line) for line in lines]
    compose = Composer(loader)
    for line, other in zip(lines, expected, strict=True):
        found, wanted = (OmegaConf.to_container(config) for config in (compose(master, line), other))
        for plain in (found, wanted):  # choices of groups come first in ours
            plain["hydra"]["overrides"]["task"].sort()
        assert found == wanted
    assert len(compose.bases) == 2
