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
    k, count = len(points), len(PART_OF)
    drawn = LEGS if champion.skeleton.limbs == "legs" else frozenset(range(count))
    left_out = {name: limbs for name in LEFT_OUT if (limbs := _limbs(name) & drawn)}
    dropped = np.zeros((1 + len(left_out), k, count), bool)  # the first: all of the body
    for row, limbs in enumerate(left_out.values(), 1):
        dropped[row][:, sorted(limbs)] = True
    images = draw(np.tile(points, (len(dropped), 1, 1)), champion.skeleton, dropped.reshape(-1, count))
    outputs = champion.outputs(torch.from_numpy(images))
    whole, *others = (champion.p_good(outputs[row * k : (row + 1) * k]) for row in range(len(dropped)))
    return {name: round(other - whole, 3) for name, other in zip(left_out, others, strict=True)}


def _limbs(name: str) -> set[int]:
    part, side = LEFT_OUT[name]
    return {limb for limb, of in enumerate(PART_OF) if of[0] == part and side in ("", of[1])}
