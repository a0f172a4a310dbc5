"""Which points are looked at before the first trial, and what is said of a value that cannot be."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException

from deepsquat.errors import UserError
from deepsquat.study.check import check_objective, looked_at
from deepsquat.study.options import StudyOptions
from deepsquat.study.space import Space, parse


def _space(*arguments: str, discrete: bool = True) -> Space:
    return parse({}, arguments, OverridesParser.create(), discrete)


def _samples(space: Space) -> list[tuple]:
    return [tuple(params.values()) for params in space.samples(lambda name: name == "model")]


def test_all_points_of_a_small_grid_are_looked_at() -> None:
    space = _space("model=convnet,mlp", "padding=same,valid")
    assert _samples(space) == [(m, p) for m in ("convnet", "mlp") for p in ("same", "valid")]
    assert _samples(_space("x=3")) == [()]  # what every trial takes is looked at too


def test_of_a_large_grid_each_value_is_looked_at_under_each_option_of_a_group() -> None:
    found = _samples(_space("model=convnet,mlp", "x=range(20)", "y=range(30)"))
    assert len(found) == len(set(found)) == 2 * (1 + 19 + 29)
    assert {(m, x, 0) for m in ("convnet", "mlp") for x in range(20)} <= set(found)
    assert {(m, 0, y) for m in ("convnet", "mlp") for y in range(30)} <= set(found)


def test_of_numbers_both_ends_are_looked_at() -> None:
    space = _space("x=interval(0,0.5)", "y=int(interval(1,9))", "z=range(2,11,2)", discrete=False)
    assert set(_samples(space)) == {(x, y, z) for x in (0.0, 0.5) for y in (1, 9) for z in (2, 10)}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("no number"), "model=mlp x=2: no number"),
        (
            ConfigCompositionException("Could not override 'x'.\nTo append to your config use +x=2"),
            "model=mlp x=2: Could not override 'x'.",
        ),
        (
            ConfigCompositionException("Could not find 'a/b'\n\nAvailable:\n\tc\nConfig search path:\n\tx"),
            "model=mlp x=2: Could not find 'a/b' Available: c",
        ),
    ],
)
def test_a_value_that_cannot_be_is_named_in_one_line(error: Exception, said: str) -> None:
    def look(params: object) -> None:
        raise error

    with pytest.raises(UserError) as caught:
        looked_at(_space("model=convnet,mlp", "x=1,2"), {"model": "mlp", "x": 2}, look)
    assert str(caught.value) == said


def test_an_objective_that_no_trial_returns_is_refused() -> None:
    options = StudyOptions(objective=["loss", "acc"], direction=["minimize", "maximize"])
    check_objective(options, None)
    check_objective(options, ["acc", "loss", "more"])
    with pytest.raises(UserError, match="no trial returns acc; there are loss, more"):
        check_objective(options, ["loss", "more"])


@pytest.mark.parametrize("words", ["", "3", "[1, 2]", "'1,2'", "null"])
def test_what_is_to_be_swept_has_several_values(words: str) -> None:
    with pytest.raises(UserError, match=r"x=.* is one value"):
        parse({"x": words}, [], OverridesParser.create(), True)
    assert parse({"x": "1,2"}, ["x=3"], OverridesParser.create(), True).fixed == ("x=3",)


BRANCHES = {
    "model": {
        "convnet": {"padding": "valid,same", "hidden": "8,16"},
        "mlp": {"hidden": "32,64,128"},
        "resnet": None,
    },
    "lr": "0.1,0.2",
}


def _branches(*arguments: str, discrete: bool = True) -> Space:
    return parse(BRANCHES, arguments, OverridesParser.create(), discrete)


def test_what_depends_on_a_choice_is_there_under_it_alone() -> None:
    space = _branches()
    found = [" ".join(space.overrides(params)) for params in space.grid()]
    convnets = [
        f"model=convnet padding={p} hidden={h} lr={lr}"
        for p in ("valid", "same")
        for h in (8, 16)
        for lr in (0.1, 0.2)
    ]
    mlps = [f"model=mlp hidden={h} lr={lr}" for h in (32, 64, 128) for lr in (0.1, 0.2)]
    assert found == [*convnets, *mlps, "model=resnet lr=0.1", "model=resnet lr=0.2"]
    names = [axis.name for axis in space.axes]
    assert names == ["model", "padding", "hidden (convnet)", "hidden (mlp)", "lr"]
    assert all(space.is_whole(params) for params in space.grid())
    assert not space.is_whole({"model": "mlp", "lr": 0.1}) and space.is_whole({"model": "resnet", "lr": 0.1})
    assert list(space.words()) == [
        "model", "model=convnet: padding", "model=convnet: hidden", "model=mlp: hidden", "lr"
    ]  # fmt: skip
    assert len(list(space.samples(lambda name: name == "model"))) == len(found)


def test_what_is_typed_takes_the_place_of_a_choice_and_of_what_depends_on_it() -> None:
    space = _branches("model=mlp")
    assert space.fixed == ("model=mlp",) and [axis.name for axis in space.axes] == ["hidden", "lr"]
    assert space.grid()[0] == {"hidden": 32, "lr": 0.1}
    space = _branches("model=mlp,resnet", "hidden=5")
    assert space.fixed == ("hidden=5",) and len(space.grid()) == 4
    assert len(_branches("hidden=1,2").grid()) == (2 + 1 + 1) * 2 * 2


def test_of_a_large_space_each_choice_has_its_own_values_looked_at() -> None:
    told = {"model": {"a": {"x": "range(100)"}, "b": {"y": "range(50)"}}, "z": "range(4)"}
    space = parse(told, [], OverridesParser.create(), True)
    found = list(space.samples(lambda name: name == "model"))
    assert len(found) == (1 + 99 + 3) + (1 + 49 + 3)
    assert all(("x" in params) == (params["model"] == "a") for params in found)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"model": {"a": {"x": "1,2"}}}, "model=a is one value, and nothing to sweep"),
        ({"model": {"a": "x", "b": None}}, "under model: a stands what depends on it"),
        ({"model": {"a": {"x": "1,2"}, "b": None}, "x": "3,4"}, "x is swept alone and under a choice"),
    ],
)
def test_branches_that_cannot_be_are_told(told: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(told, [], OverridesParser.create(), True)
