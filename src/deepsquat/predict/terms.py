"""What measures are called, in which unit they are given, and which limit the standard sets them."""

from collections.abc import Mapping
from dataclasses import dataclass

from deepsquat.measures import OF_FAULT, Limits

LEG = 0.491  # of somebody's height: hip to knee and knee to ankle (Winter, Biomechanics, 4th ed., fig. 4.1)
_OF_LEG = "of the leg's length"


@dataclass(frozen=True)
class Term:
    """One measure, whose values are in `unit`, a share being 1 for the whole of it.

    format: how a value is written. low, high: the names of its limits in measures.Limits, where it has any.
    """

    words: str
    unit: str = ""
    format: str = ".2f"
    low: str = ""
    high: str = ""

    def said(self, value: float) -> str:
        """The value with its unit."""
        return self.number(value) + (f" {self.unit}" if self.unit not in ("", "degrees") else "")

    def number(self, value: float) -> str:
        """The value without a unit in words."""
        number = f"{value:{self.format}}"
        if not number.strip("-0.%"):
            number = number.removeprefix("-")
        return number + "°" * (self.unit == "degrees")

    def limit(self, limits: Limits) -> str:
        """What the standard asks of it, in the same unit; "" where it asks nothing."""
        asked = [
            f"{word} {self.number(getattr(limits, name))}"
            for word, name in (("at least", self.low), ("at most", self.high))
            if name
        ]
        return " and ".join(asked)


def asked(fault: str, limits: Limits) -> str:
    """What the standard asks of the measure that shows a fault, on the side where the fault lies."""
    number = term(OF_FAULT[fault]).number
    low = {"knees_caving": limits.knees_in, "toes_up": -limits.toe}
    high = {
        "too_shallow": limits.depth,
        "leaning": limits.lean,
        "knees_bowing": limits.knees_out,
        "heels_up": limits.heel,
        "knees_forward": limits.knees_forward,
        "shifted": limits.shift,
    }
    return f"at least {number(low[fault])}" if fault in low else f"at most {number(high[fault])}"


_KNOWN = {
    "depth": Term("hips above the knees", _OF_LEG, ".0%", high="depth"),
    "lean": Term("trunk from the vertical", "degrees", ".0f", high="lean"),
    "knee_width": Term("knees apart", "times the feet's distance", low="knees_in", high="knees_out"),
    "heel": Term("heels up", "degrees", ".0f", high="heel"),
    "knees_forward": Term("knees past the toes", _OF_LEG, ".0%", high="knees_forward"),
    "shift": Term("hips to the left of the feet's middle", _OF_LEG, ".0%"),
    "tilt": Term("shoulders lower on the left", "degrees", ".0f"),
    "left_knee": Term("left knee, in the picture", "degrees", ".0f"),
    "right_knee": Term("right knee, in the picture", "degrees", ".0f"),
    "left_hip": Term("left hip, in the picture", "degrees", ".0f"),
    "right_hip": Term("right hip, in the picture", "degrees", ".0f"),
    "left_ankle": Term("left ankle, in the picture", "degrees", ".0f"),
    "right_ankle": Term("right ankle, in the picture", "degrees", ".0f"),
    "down": Term("way down", "s", ".1f"),
    "pause": Term("pause at the bottom", "s", ".1f"),
    "up": Term("way up", "s", ".1f"),
}
_CENTIMETRES = "_cm"
_UNITS = {
    "_degrees": "degrees",
    "_deg": "degrees",
    "_angle": "degrees",
    "_seconds": "s",
    _CENTIMETRES: "cm (estimate)",
}


def term(name: str) -> Term:
    """Of any measure: one that is not known here is called by its name, the end of which says its unit."""
    if name in _KNOWN:
        return _KNOWN[name]
    for end, unit in _UNITS.items():
        if name.endswith(end):
            return Term(_KNOWN.get(stem := name.removesuffix(end), Term(_spoken(stem))).words, unit, ".0f")
    return Term(_spoken(name))


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def in_centimetres(measures: Mapping[str, float], height: float) -> dict[str, float]:
    """Those that are shares of the leg, as `NAME_cm`, for somebody so many centimetres high.

    An estimate: people's legs differ by some percent at the same height.
    """
    return {
        name + _CENTIMETRES: round(value * LEG * height, 1)
        for name, value in measures.items()
        if term(name).unit == _OF_LEG
    }
