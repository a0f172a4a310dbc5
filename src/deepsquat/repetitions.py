"""Where in a video somebody squats, from the landmarks alone.

The signal is how high the hips are over the lower ankle, in lengths of the leg, beside that person's own
standing height within some seconds: it does not depend on the camera's distance, nor on where in the picture
somebody stands, nor on which leg is called left. A squat is a dip of it, and what else goes down (a bow, a
bend on one leg, a push-up) is told by what the trunk, the feet and the hands do meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deepsquat.landmarks import INDEX

STEP = 0.05  # seconds between two values of the signal
SMOOTH = 0.1  # seconds, standard deviation of the smoothing
WINDOW = 10.0  # seconds to either side in which a standing height is looked for
LONGEST_GAP = 0.6  # seconds without a pose that are bridged
DOWN = 0.85  # of the standing height, at most, at the bottom of a squat, even of a shallow one
DROP = 0.12  # that it goes down and up again, at least, beside what is around it
DEEP = 0.75  # a squat of which one side is not seen is below
FALLEN = 0.1  # of the way down, at least, that is not the body getting smaller in the picture
UPRIGHT = 0.6  # of the leg: hips lower than this over the ankles are not those of somebody standing
SHORTEST, LONGEST = 0.2, 15.0  # seconds below half of the way
UP = 0.90  # of the standing height: who is as high at the clip's edge has ended the squat, or not begun it
STRAIGHT = 0.98  # of the standing height: a squat begins and ends here, or where the height turns
REACH = 2.0  # seconds


@dataclass(frozen=True)
class Repetition:
    """One squat, times in seconds from the video's first frame.

    partial: the clip, or what is known of the body, begins or ends inside it; that time is then None, and so
    is the bottom where it was not seen.
    """

    start: float | None
    bottom: float | None
    end: float | None

    @property
    def partial(self) -> bool:
        return self.start is None or self.bottom is None or self.end is None


@dataclass(frozen=True)
class _Series:
    """Values every STEP seconds; (n,) each. Lengths in pictures' heights, up is positive."""

    time: np.ndarray
    height: np.ndarray  # of the hips over the lower ankle, in standing heights
    standing: np.ndarray  # standing height, in lengths of the leg
    leg: np.ndarray
    size: np.ndarray  # of shin, trunk and foot, each beside its greatest, the one that shrinks least
    ankle: np.ndarray  # of the lower ankle, over the picture's lower edge
    lifted: np.ndarray  # of an ankle, above the other, beside how the two are seen otherwise
    trunk: np.ndarray  # of the shoulders over the hips, in lengths of the trunk
    hands: np.ndarray  # of the higher hand over the shoulders, in lengths of the leg
    low_hands: np.ndarray  # of the lower hand over the higher knee, in lengths of the leg
    ground: np.ndarray  # of the lower hand over the lower ankle


def find(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> list[Repetition]:
    """The squats in a video, in order of time.

    Args:
        times: (n,) seconds, rising; of any spacing down to five a second.
        landmarks: (n, 33, 4), NaN where there is no pose.
        aspect: the picture's width over its height.
    """
    return [one for piece in _pieces(times, landmarks, aspect) for one in _in_one_piece(piece)]


def hip_height(
    times: np.ndarray, landmarks: np.ndarray, aspect: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The signal that squats are found in, piece by piece: times, heights in standing heights, (n,) each."""
    return [(piece.time, piece.height) for piece in _pieces(times, landmarks, aspect)]


def _pieces(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> Iterator[_Series]:
    """Of a second or more each, without a long gap."""
    known = ~np.isnan(landmarks[:, 0, 0])
    times, landmarks = times[known], landmarks[known]
    gaps = np.flatnonzero(np.diff(times) > LONGEST_GAP) + 1
    for some in np.split(np.arange(len(times)), gaps):
        if len(some) >= 3 and times[some[-1]] - times[some[0]] >= 1.0:
            yield _series(times[some], landmarks[some], aspect)


def _series(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> _Series:
    grid = np.arange(times[0], times[-1] + STEP / 2, STEP)
    xy = np.stack([landmarks[..., 0] * aspect, 1 - landmarks[..., 1]], axis=-1)  # (n, 33, 2), y up

    def smooth(values: np.ndarray) -> np.ndarray:
        return _smoothed(np.interp(grid, times, values))

    def sides(name: str) -> tuple[np.ndarray, np.ndarray]:
        return xy[:, INDEX[f"left_{name}"]], xy[:, INDEX[f"right_{name}"]]

    hips, knees, ankles, shoulders, hands = map(sides, ("hip", "knee", "ankle", "shoulder", "wrist"))
    legs = [_length(h - k) + _length(k - a) for h, k, a in zip(hips, knees, ankles, strict=True)]
    # Seen from before, a bent leg looks short: what it measures is its length when it is straight.
    leg = _highest(smooth(np.maximum(*legs)), 0.9)
    hip, shoulder = ((left + right) / 2 for left, right in (hips, shoulders))
    ankle = smooth(np.minimum(ankles[0][:, 1], ankles[1][:, 1]))
    height = (smooth(hip[:, 1]) - ankle) / leg
    standing = _highest(height, 0.9)
    shin = smooth(np.maximum(*(_length(k - a) for k, a in zip(knees, ankles, strict=True))))
    trunk = smooth(_length(shoulder - hip))
    foot = smooth(np.maximum(*map(_length, map(np.subtract, sides("foot_index"), sides("heel")))))
    apart = smooth(np.abs(ankles[0][:, 1] - ankles[1][:, 1])) / leg
    low_hand = np.minimum(hands[0][:, 1], hands[1][:, 1])
    return _Series(
        time=grid,
        height=height / np.maximum(standing, 1e-6),
        standing=standing,
        leg=leg,
        size=np.max([x / np.maximum(_highest(x, 0.9), 1e-6) for x in (shin, trunk, foot)], axis=0),
        ankle=ankle,
        lifted=apart - _highest(apart, 0.25),  # of a wide stance from the side, one is seen above the other
        trunk=smooth(shoulder[:, 1] - hip[:, 1]) / _highest(trunk, 0.9),
        hands=smooth(np.maximum(hands[0][:, 1], hands[1][:, 1]) - shoulder[:, 1]) / leg,
        low_hands=smooth(low_hand - np.maximum(knees[0][:, 1], knees[1][:, 1])) / leg,
        ground=(smooth(low_hand) - ankle) / leg,
    )


def _in_one_piece(series: _Series) -> list[Repetition]:
    found = []
    for low, seen_down, seen_up in _valleys(series.height):
        half = (series.height[low] + min(1.0, _top(series.height, low))) / 2
        first, last = _edge(series.height, low, half, -1), _edge(series.height, low, half, 1)
        seconds = (last - first) * STEP
        whole = seen_down and seen_up
        if not SHORTEST <= seconds <= LONGEST or not (whole or series.height[low] < DEEP):
            continue
        if not _is_squat(series, first, low, last):
            continue
        last_row = len(series.height) - 1
        start, end = _risen(series.height, first, -1), _risen(series.height, last, 1)
        seen_down &= start > 0 or series.height[0] >= UP
        seen_up &= end < last_row or series.height[last_row] >= UP
        turned = 0 < low < last_row  # at the clip's edge nobody knows whether it went on down
        found.append(
            Repetition(
                float(series.time[start]) if seen_down else None,
                _bottom(series, first, low, last) if turned else None,
                float(series.time[end]) if seen_up else None,
            )
        )
    return found


def _valleys(height: np.ndarray) -> list[tuple[int, bool, bool]]:
    """The lowest point of each dip, and whether the way down to it and the way up again are seen."""
    from scipy.signal import find_peaks

    bounded = np.concatenate([[1.0], height, [1.0]])  # so that a dip at an end is one too
    lows = find_peaks(-bounded, height=-DOWN, prominence=DROP)[0] - 1
    found = []
    for k, low in enumerate(lows):
        before = height[lows[k - 1] if k else 0 : low + 1].max()
        after = height[low : lows[k + 1] + 1 if k + 1 < len(lows) else None].max()
        found.append((int(low), before - height[low] >= DROP, after - height[low] >= DROP))
    return found


def _top(height: np.ndarray, low: int) -> float:
    """How high it is within REACH of a lowest point."""
    reach = round(2 * REACH / STEP)
    return float(height[max(0, low - reach) : low + reach + 1].max())


def _edge(height: np.ndarray, low: int, level: float, way: int) -> int:
    """From the lowest point on, the last index below a level."""
    index = low
    while 0 <= index + way < len(height) and height[index + way] < level:
        index += way
    return index


def _is_squat(series: _Series, first: int, lowest: int, last: int) -> bool:
    """Whether the weight is on both feet and the trunk over them, at the lowest point of a dip."""
    depth = 1 - series.height[lowest]  # of the standing height
    if series.standing[lowest] < UPRIGHT or series.trunk[lowest] < -0.2 or series.lifted[lowest] > 0.3:
        return False
    if series.size[lowest] - series.height[lowest] < FALLEN * depth:
        return False  # it goes away from the camera, not down
    if series.trunk[lowest] < 0.25 and series.ground[lowest] < 0.15:
        return False  # it rests on its hands
    before, after = max(first - 1, 0), min(last + 1, len(series.time) - 1)
    top = min(series.ankle[before], series.ankle[after])
    fallen = depth * series.standing[lowest] * series.leg[lowest]  # of the hips, towards the ankles
    if series.hands[lowest] > 0 and series.ankle[lowest] - top > 0.5 * fallen:
        return False  # it hangs by the hands, and draws the feet up
    # Lifting something from the ground, the trunk goes down to it, and the hands below the knees.
    lifts = series.trunk[lowest] < 0.6 and series.low_hands[lowest] < 0
    return bool(not lifts or series.height[lowest] < DEEP - 0.1)


def _bottom(series: _Series, first: int, lowest: int, last: int) -> float:
    """The middle of the time at the lowest point, which may last."""
    near = series.height < series.height[lowest] + 0.02
    begin = end = lowest
    while begin > first and near[begin - 1]:
        begin -= 1
    while end < last and near[end + 1]:
        end += 1
    return float((series.time[begin] + series.time[end]) / 2)


def _risen(height: np.ndarray, index: int, way: int) -> int:
    """From halfway up on, to where somebody stands straight or the height rises no more."""
    look = round(0.4 / STEP)
    while 0 <= index + way < len(height) and height[index] < STRAIGHT:
        ahead = height[index + 1 : index + 1 + look] if way > 0 else height[max(0, index - look) : index]
        if ahead.max() < height[index] + 0.015:
            break
        index += way
    return index


def _highest(values: np.ndarray, share: float) -> np.ndarray:
    """(n,) the quantile `share` of the values within WINDOW of each."""
    reach = round(WINDOW / STEP)
    every = 10  # it changes slowly
    at = np.arange(0, len(values), every)
    found = [np.quantile(values[max(0, i - reach) : i + reach + 1], share) for i in at]
    return np.interp(np.arange(len(values)), at, found)


def _smoothed(values: np.ndarray) -> np.ndarray:
    reach = round(3 * SMOOTH / STEP)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * STEP / SMOOTH) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, weights / weights.sum(), mode="valid")


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=-1)
