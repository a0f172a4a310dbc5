"""What a pose estimator makes of true joints: each a little beside its place, for a while in the same way."""

import numpy as np

from deepsquat.landmarks import INDEX, NAMES

# Shares of the body's height in the picture, standard deviations: of what stays over a squat, and of what
# changes from frame to frame.
_BIAS = {"shoulder": 0.012, "hip": 0.014, "knee": 0.012, "ankle": 0.012, "heel": 0.016, "foot_index": 0.017}
_OTHER_BIAS = 0.012
_JITTER = 0.004
# A pose estimator's shoulders and hips are not the joints' centres: wider or narrower, by this log-normal.
_WIDTHS = {"shoulder": 0.12, "hip": 0.25}
# Nor do they agree on how high up the trunk a shoulder is, which also rises with the arm, or on where a foot
# ends: longer or shorter trunks and feet, log-normal.
_TRUNK, _FOOT = 0.055, 0.10


def estimated(rng: np.random.Generator, seen: np.ndarray, aspect: float, noise: float) -> np.ndarray:
    """Landmarks (n, 33, 4) of one squat with errors; noise: times the usual ones."""
    xy = seen[..., :2] * np.array([aspect, 1.0])
    for name, spread in _WIDTHS.items():
        left, right = INDEX[f"left_{name}"], INDEX[f"right_{name}"]
        middle = (xy[:, left] + xy[:, right]) / 2
        wider = np.exp(noise * rng.normal(0, spread))
        xy[:, left], xy[:, right] = (middle + wider * (xy[:, i] - middle) for i in (left, right))
    hips = (xy[:, INDEX["left_hip"]] + xy[:, INDEX["right_hip"]]) / 2
    shoulders = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
    trunk = xy[:, shoulders].mean(axis=1) - hips
    xy[:, shoulders] += (np.exp(noise * rng.normal(0, _TRUNK)) - 1) * trunk[:, None]
    longer = np.exp(noise * rng.normal(0, _FOOT))
    for side in ("left", "right"):
        heel, toes = INDEX[f"{side}_heel"], INDEX[f"{side}_foot_index"]
        xy[:, toes] = xy[:, heel] + longer * (xy[:, toes] - xy[:, heel])
    size = np.ptp(xy[..., 1], axis=1).max()
    bias = np.array([_BIAS.get(name.split("_", 1)[-1], _OTHER_BIAS) for name in NAMES])
    xy = xy + noise * size * rng.normal(0, 1, (1, *xy.shape[1:])) * bias[:, None]
    xy = xy + noise * size * rng.normal(0, _JITTER, xy.shape)
    return np.concatenate([xy / np.array([aspect, 1.0]), seen[..., 2:]], axis=-1)
