"""From the 39 markers of the Plug-in-Gait set to the 33 landmarks of MediaPipe's pose, in space."""

from itertools import pairwise

import numpy as np

from deepsquat.landmarks import INDEX, NAMES

# fmt: off
MARKERS = (  # in the order of the columns
    "LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN", "RBAK",
    "LSHO", "LUPA", "LELB", "LFRM", "LWRA", "LWRB", "LFIN",
    "RSHO", "RUPA", "RELB", "RFRM", "RWRA", "RWRB", "RFIN",
    "LASI", "RASI", "LPSI", "RPSI",
    "LTHI", "LKNE", "LTIB", "LANK", "LHEE", "LTOE",
    "RTHI", "RKNE", "RTIB", "RANK", "RHEE", "RTOE",
)
# fmt: on
PELVIS = [MARKERS.index(name) for name in ("LASI", "RASI", "LPSI", "RPSI")]
FEET = [MARKERS.index(name) for name in ("LANK", "RANK")]

# The knee and ankle markers sit on the outside of the joint: its centre is half a joint's width and half a
# marker away, as in Davis et al., A gait analysis data collection and reduction technique, Hum. Mov. Sci. 10
# (1991). The widths were not published with the data; these are assumed, the usual ones of adults, in metres.
_MARKER = 0.014
_KNEE_SHIFT = (0.100 + _MARKER) / 2
_ANKLE_SHIFT = (0.070 + _MARKER) / 2

# Beyond this the ASIS markers stand on soft tissue, not on bone: a pelvis is 0.24 m wide on average.
_WIDEST_PELVIS = 0.30

# Face points in metres from the middle of the two front head markers, which sit on the temples about 45 mm
# above the eyes: forward, to the left, up. Assumed, from the proportions of an average adult head.
_FACE = {
    "nose": (0.020, 0.0, -0.090),
    "eye_inner": (0.005, 0.018, -0.045),
    "eye": (0.0, 0.032, -0.045),
    "eye_outer": (-0.008, 0.046, -0.045),
    "ear": (-0.085, 0.072, -0.070),
    "mouth": (0.005, 0.025, -0.122),
}


def with_short_gaps_filled(markers: np.ndarray, longest: int) -> np.ndarray:
    """A marker that was lost is written as zeros; interpolate where it comes back within `longest` samples.

    Args:
        markers: (n, 39, 3); longest: samples.

    Returns:
        (n, 39, 3), NaN where a marker stays lost, as at either end of the recording.
    """
    lost = (markers == 0).all(axis=-1)
    filled = np.where(lost[..., None], np.nan, markers)
    for marker in np.flatnonzero(lost.any(axis=0)):
        for before, after in pairwise(np.flatnonzero(~lost[:, marker])):
            if 1 < after - before <= longest + 1:
                filled[before : after + 1, marker] = np.linspace(
                    filled[before, marker], filled[after, marker], after - before + 1
                )
    return filled


def body_points(markers: np.ndarray) -> np.ndarray:
    """The 33 landmarks in space.

    Hips, knees and ankles are joint centres; shoulders, elbows, heels and toes are where the markers are. The
    wrist is the middle of its two markers. The data set has no markers on the face and but one on each
    hand: these landmarks are built from the head's and the wrist's axes.

    Args:
        markers: (n, 39, 3) metres, z up, the subject facing +x, left +y; NaN where lost.

    Returns:
        (n, 33, 3) metres; NaN where a marker that the landmark needs is lost.
    """
    at = {name: markers[:, i] for i, name in enumerate(MARKERS)}
    points = _face(at) | _hips(at)
    # `medial` is the sign that turns the leg's axis, which points to the subject's right, inwards.
    for side, s, medial in (("left", "L", 1), ("right", "R", -1)):
        wrist = (at[s + "WRA"] + at[s + "WRB"]) / 2  # A is on the thumb's side
        across = at[s + "WRB"] - at[s + "WRA"]  # about as wide as the hand at the knuckles
        knuckles = at[s + "FIN"]
        # The shank and the foot span the plane in which knee and ankle bend; both hinges are square to it.
        hinge = medial * _unit(np.cross(at[s + "TOE"] - at[s + "HEE"], at[s + "KNE"] - at[s + "ANK"]))
        points |= {
            f"{side}_shoulder": at[s + "SHO"],
            f"{side}_elbow": at[s + "ELB"],
            f"{side}_wrist": wrist,
            f"{side}_pinky": knuckles + 0.4 * across,
            f"{side}_index": knuckles - 0.4 * across,
            f"{side}_thumb": (wrist + knuckles) / 2 - 0.7 * across,
            f"{side}_knee": at[s + "KNE"] + _KNEE_SHIFT * hinge,
            f"{side}_ankle": at[s + "ANK"] + _ANKLE_SHIFT * hinge,
            f"{side}_heel": at[s + "HEE"],
            f"{side}_foot_index": at[s + "TOE"],
        }
    return np.stack([points[name] for name in NAMES], axis=1)


def hip_midpoint(points: np.ndarray) -> np.ndarray:
    """(n, 33, 3) to (n, 3)."""
    return points[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)


def _face(at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    front = (at["LFHD"] + at["RFHD"]) / 2
    back = (at["LBHD"] + at["RBHD"]) / 2
    forward = _unit(front - back)
    up = _unit(np.cross(forward, at["LFHD"] + at["LBHD"] - at["RFHD"] - at["RBHD"]))
    left = np.cross(up, forward)

    def place(name: str, side: int) -> np.ndarray:
        x, y, z = _FACE[name]
        return front + x * forward + side * y * left + z * up

    points = {"nose": place("nose", 0)}
    for name, side in (("left", 1), ("right", -1)):
        points |= {f"{name}_{part}": place(part, side) for part in ("eye_inner", "eye", "eye_outer", "ear")}
        points[f"mouth_{name}"] = place("mouth", side)
    return points


def _hips(at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Joint centres by Harrington et al., Prediction of the hip joint centre in adults, children and patients
    with cerebral palsy based on magnetic resonance imaging, J. Biomech. 40 (2007), without leg length: from
    the middle of the ASIS, in mm, back 0.24 depth + 9.9, down 0.30 width + 10.9, outwards 0.33 width + 7.3.
    """
    front = (at["LASI"] + at["RASI"]) / 2
    to_front = front - (at["LPSI"] + at["RPSI"]) / 2
    width = np.linalg.norm(at["LASI"] - at["RASI"], axis=-1, keepdims=True).clip(max=_WIDEST_PELVIS)
    depth = np.linalg.norm(to_front, axis=-1, keepdims=True)
    left = _unit(at["LASI"] - at["RASI"])
    up = _unit(np.cross(to_front, left))
    forward = np.cross(left, up)
    middle = front - (0.24 * depth + 0.0099) * forward - (0.30 * width + 0.0109) * up
    outwards = (0.33 * width + 0.0073) * left
    return {"left_hip": middle + outwards, "right_hip": middle - outwards}


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Length 1 along the last axis; NaN where two markers stand in one place."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, np.nan)
