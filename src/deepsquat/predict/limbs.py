"""How a squat's probability changes when one part of the body is left out of the picture."""

import numpy as np
import torch

from deepsquat.champion import Champion
from deepsquat.predict.judging import points_at
from deepsquat.predict.parts import PART_OF
from deepsquat.predict.poses import Poses
from deepsquat.skeleton import LEGS, draw

LEFT_OUT = {
    "left thigh": ("thigh", "left"),
    "right thigh": ("thigh", "right"),
    "left shin": ("shin", "left"),
    "right shin": ("shin", "right"),
    "left foot": ("foot", "left"),
    "right foot": ("foot", "right"),
    "trunk": ("trunk", ""),
    "hips": ("hips", ""),
    "shoulders": ("shoulders", ""),
}


def without(bottom: float, poses: Poses, champion: Champion) -> dict[str, float]:
    """By part of the body, the probability of good form without it less that with it.

    What a picture without a thigh means to the network nobody knows; but a part that changes nothing is one
    that the verdict does not rest on. {} where the bottom shows nobody.
    """
    points = points_at(bottom, poses, champion)
    if not len(points):
        return {}
    k, parts = len(points), {name: _limbs(name) for name in LEFT_OUT}
    drawn_limbs = LEGS if champion.skeleton.limbs == "legs" else range(len(PART_OF))
    parts = {name: limbs for name, limbs in parts.items() if limbs & set(drawn_limbs)}
    dropped = np.zeros((1 + len(parts), k, len(PART_OF)), bool)
    for row, limbs in enumerate(parts.values(), 1):
        dropped[row][:, sorted(limbs)] = True
    images = draw(np.tile(points, (len(dropped), 1, 1)), champion.skeleton, dropped.reshape(-1, len(PART_OF)))
    outputs = champion.outputs(torch.from_numpy(images))
    whole, *others = (champion.p_good(outputs[row * k : (row + 1) * k]) for row in range(len(dropped)))
    return {name: round(other - whole, 3) for name, other in zip(parts, others, strict=True)}


def _limbs(name: str) -> set[int]:
    part, side = LEFT_OUT[name]
    return {limb for limb, of in enumerate(PART_OF) if of[0] == part and side in ("", of[1])}
