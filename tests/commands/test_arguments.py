"""A signature is the schema of what a config may say."""

from enum import Enum
from pathlib import Path

import pytest

from deepsquat.commands.arguments import fitted, typed
from deepsquat.errors import UserError


class Size(Enum):
    small = 1


class Made:
    def __init__(
        self,
        height: int,
        depth: int,
        widths: tuple[int, ...] | None = None,
        rate: float = 0.5,
        size: Size = Size.small,
        folder: Path | None = None,
        free=object,
        strange: "NotThere" = 1,  # type: ignore[name-defined]  # noqa: F821
    ) -> None: ...


class Typed:
    def __init__(self, depth: int, widths: tuple[int, ...] = (), size: Size = Size.small) -> None: ...


def takes_all(answers: object, threshold: float = 0.5, **more: int) -> float:
    return threshold


def test_values_are_of_the_types_that_the_constructor_names() -> None:
    values = {"depth": "3", "widths": [4, 8], "size": "small"}
    assert fitted(Typed, values, "model", {}) == {"depth": 3, "widths": (4, 8), "size": Size.small}


def test_a_type_that_cannot_be_told_is_no_obstacle() -> None:
    values = {"depth": 3, "free": [1], "strange": "x"}
    assert fitted(Made, values, "model", {"height": 9, "width": 8}) == {**values, "height": 9}


def test_a_function_that_takes_all_takes_all() -> None:
    assert fitted(takes_all, {"threshold": 1, "other": 2}, "m", {}, first=1) == {"threshold": 1.0, "other": 2}


@pytest.mark.parametrize(
    ("made", "values", "message"),
    [
        (Typed, {"depth": "three"}, "^model.depth: Value 'three' of type 'str' could not be converted"),
        (Typed, {"depth": 1, "widths": [1, "two"]}, r"^model.widths\[1\]: Value 'two'"),
        (
            Typed,
            {"depth": 1, "deep": 2},
            "^model.deep: Typed has no value of this name; it has depth, ",
        ),
        (Typed, {"depth": 1, "height": 2}, "^model.height is set by the images"),
        (Typed, {}, r"^model.depth: Typed needs it; give \+model.depth=VALUE"),
        (Typed, {"depth": None}, "^model.depth: "),
        ("no class", {}, "^model._target_: 'no class' is no class or function"),
    ],
)
def test_what_does_not_fit_is_one_line(made: type, values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        fitted(made, values, "model", {"height": 1})
    assert "\n" not in str(refused.value)


def test_what_was_typed_of_a_group() -> None:
    words = ["model=mlp", "+model.depth=3", "++model.a.b=1", "model.list=[1,2]", "~model.gone", "seed=1"]
    assert typed(words, "model") == {"depth", "a", "list"}
