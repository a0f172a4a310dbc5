"""What a coach would say of a squat, read off a picture: how far each fault goes, and the measures behind."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from deepsquat.errors import UserError
from deepsquat.measures import FAULTS, Limits
from deepsquat.trainer.target import Batch

# How far beyond its limit a fault is plain, in the order of FAULTS: shares of the leg, degrees, shares of the
# ankles' distance; of shifted, for the hips and for the shoulders.
_PLAIN = {"depth": 0.10, "lean": 10.0, "knees_in": 0.15, "knees_out": 0.4, "foot": 6.0, "forward": 0.07}
_PLAIN_SHIFT, _PLAIN_TILT = 0.04, 5.0
_MOST = 2.0  # beyond, a fault is no plainer, nor a good squat better
# About the mean and spread of made-up people's measures, in the order of measures.Measures; not of the yaw,
# which is learned as two coordinates on a circle.
_MEAN = (0.05, 38.0, 1.2, 3.0, 0.05, 0.0, 0.0)
_SPREAD = (0.15, 14.0, 0.45, 7.0, 0.12, 0.06, 6.0)
_BODY = slice(len(FAULTS), len(FAULTS) + len(_MEAN))
OUTPUTS = _BODY.stop + 2


def severities(measures: Tensor, limits: Limits) -> Tensor:
    """(..., 8) measures to (..., 8): how far each of FAULTS goes, 0 at its limit, 1 where plain, -2 to 2.

    Above 0 where `measures.faulty` says that the limit is passed.
    """
    depth, lean, knees, heel, forward, shift, tilt, _ = measures.unbind(dim=-1)
    aside = (shift.abs() - limits.shift) / _PLAIN_SHIFT, (tilt.abs() - limits.tilt) / _PLAIN_TILT
    found = [
        (depth - limits.depth) / _PLAIN["depth"],
        (lean - limits.lean) / _PLAIN["lean"],
        (limits.knees_in - knees) / _PLAIN["knees_in"],
        (knees - limits.knees_out) / _PLAIN["knees_out"],
        (heel - limits.heel) / _PLAIN["foot"],
        (-limits.toe - heel) / _PLAIN["foot"],
        (forward - limits.knees_forward) / _PLAIN["forward"],
        torch.maximum(*aside),
    ]
    return torch.stack(found, dim=-1).clamp(-_MOST, _MOST)


@dataclass(frozen=True)
class Form:
    """Severities of the faults, the measures, standardised, and where the camera stands.

    Learned from bodies whose joints are known. The verdict is not learned: a squat is as good as the sum of
    the severities that are `counted` is low, and no better than its plainest fault allows, whichever that is,
    so that it has its reasons by its construction. `even` is the sum at which as many squats are good as bad,
    `slope` how fast that changes; `plain` and `steep` are the same of the plainest fault.
    """

    limits: Limits = field(default_factory=Limits)
    counted: tuple[str, ...] = ("too_shallow", "leaning", "knees_caving", "shifted")
    even: float = -4.2
    slope: float = 1.25
    plain: float = 0.4
    steep: float = 2.0

    loss_name = "smooth_l1"
    outputs = OUTPUTS
    needs_measures = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "counted", tuple(self.counted))  # a config has a list
        unknown = [name for name in self.counted if name not in FAULTS]
        if unknown or not self.counted:
            raise UserError(f"target.counted must name one or more of {', '.join(FAULTS)}; got {unknown}")
        for name in ("even", "slope", "plain", "steep"):
            if not math.isfinite(value := getattr(self, name)) or (name[0] == "s" and value <= 0):
                asked = "a number above 0" if name[0] == "s" else "a number"
                raise UserError(f"target.{name} must be {asked}, got {value}")

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        return 3, height, width

    def inputs(self, batch: Batch) -> Tensor:
        return batch[0]

    def truth(self, batch: Batch) -> Tensor:
        """(B, 17): the severities, the standardised measures, cosine and sine of the camera's yaw."""
        measures = batch[3]
        mean, spread = measures.new_tensor(_MEAN), measures.new_tensor(_SPREAD)
        body, yaw = (measures[:, :-1] - mean) / spread, measures[:, -1:].deg2rad()
        return torch.cat([severities(measures, self.limits), body, yaw.cos(), yaw.sin()], dim=1)

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Smooth L1, the mean over images and outputs."""
        return smooth_l1_loss(outputs, truth)

    def p_good(self, outputs: Tensor) -> Tensor:
        """The logistic function of what the counted severities' sum allows, or the plainest fault if less."""
        rows = [FAULTS.index(name) for name in self.counted]
        together = self.slope * (self.even - outputs[:, rows].sum(dim=1))
        plainest = self.steep * (self.plain - outputs[:, : len(FAULTS)].amax(dim=1))
        return torch.minimum(together, plainest).sigmoid()

    def read(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """The severities (B, 8) and the measures (B, 8), as measures.Measures has them, that outputs say."""
        said, body, (x, y) = outputs[:, : len(FAULTS)], outputs[:, _BODY], outputs[:, _BODY.stop :].T
        body = body * outputs.new_tensor(_SPREAD) + outputs.new_tensor(_MEAN)
        return said, torch.cat([body, torch.atan2(y, x).rad2deg()[:, None]], dim=1)
