"""How deep a squat has to go, as somebody asks for it, in the place of a standard's own depth."""

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from deepsquat.champion import Champion, Standard
from deepsquat.errors import UserError
from deepsquat.measures import FAULTS
from deepsquat.trainer.form import Form, severities

NAMED = {"parallel": 0.0, "below": 10.0}  # degrees of the thigh under the level
STEEPEST = 45.0  # degrees
_THIGH = 0.5  # of the leg's length
_SHALLOW = FAULTS.index("too_shallow")


@dataclass(frozen=True)
class _Asking(Form):
    """What a network says, with how far too shallow it is by the depth that it reads and these limits."""

    def p_good(self, outputs: Tensor) -> Tensor:
        return super().p_good(self._asked(outputs))

    def read(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return super().read(self._asked(outputs))

    def _asked(self, outputs: Tensor) -> Tensor:
        _, measures = super().read(outputs)
        asked = outputs.clone()
        asked[:, _SHALLOW] = severities(measures, self.limits)[:, _SHALLOW]
        return asked


def degrees(depth: object) -> float:
    """
    Raises:
        UserError: it is neither a name nor a number of degrees that can be.
    """
    known = NAMED.get(depth) if isinstance(depth, str) else depth
    if isinstance(known, bool) or not isinstance(known, int | float) or not abs(known) <= STEEPEST:
        names = ", ".join(NAMED)
        raise UserError(
            f"depth={depth}: must be {names}, or the thigh's degrees under the level, "
            f"-{STEEPEST:.0f} to {STEEPEST:.0f}"
        )
    return float(known)


def asking(champion: Champion, depth: object) -> Champion:
    """The champion that asks for another depth, and for all else as before.

    depth: one of NAMED, or degrees of the thigh under the level, from which the hips' height over the knees
    follows. The probability from which a squat is good stays.

    Raises:
        UserError: there is no such depth, or the model does not read how deep a squat is.
    """
    wanted = -_THIGH * float(np.sin(np.deg2rad(degrees(depth))))
    form, limits = champion.target, champion.limits
    if not isinstance(form, Form) or limits is None:
        raise UserError(
            f"depth={depth}: the model {champion.name} does not read how deep a squat is; leave it out"
        )
    # The threshold of a standard of its own was set by severities that the network's limits give.
    beside = form.limits.depth + wanted - limits.depth
    values = {name: getattr(form, name) for name in ("counted", "even", "slope", "plain", "steep")}
    name = f"{champion.standard}, depth {depth}" + ("" if isinstance(depth, str) else " degrees")
    standard = Standard(replace(limits, depth=wanted), champion.threshold)
    return replace(
        champion,
        target=_Asking(limits=replace(form.limits, depth=beside), **values),
        standards={**champion.standards, name: standard},
        standard=name,
    )
