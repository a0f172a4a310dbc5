"""Where in a video somebody squats, from the landmarks alone.

The signal is how high the hips are over the lower ankle, in lengths of the leg, beside that person's own
standing height within some seconds: it does not depend on the camera's distance, nor on where in the picture
somebody stands, nor on which leg is called left. A squat is a dip of it, and what else goes down (a bow, a
bend on one leg, a push-up) is told by what the trunk, the feet and the hands do meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deepsquat.landmarks import BODY, INDEX
from deepsquat.sides import steady

FEWEST = 5  # poses a second: with fewer a squat is not followed
STEP = 0.05  # seconds between two values of the signal
SMOOTH = 0.1  # seconds, standard deviation of the smoothing
WINDOW = 10.0  # seconds to either side in which a length is looked for at its greatest
AGES = 30.0  # and a standing height: who sits for a while has no other
LONGEST_GAP = 0.6  # seconds without a pose that are bridged
# From one pose to the next ones, by so much of the body's size, or so many times as large, it is another
# scene; both the more, the longer the time between them is.
ELSEWHERE, GROWN = 0.2, 1.25
DOWN = 0.87  # of the standing height, at most, at the bottom of a squat, even of a shallow one
DROP = 0.11  # that it goes down and up again, at least, beside what is around it
DEEP = 0.75  # a squat of which one side is not seen is below
DEEPER = 0.72  # and one that is cut off on its way down or up
FALLEN = 0.1  # of the way down, at least, that is not the body getting smaller in the picture
UPRIGHT = 0.75  # of the leg: hips lower than this over the ankles are not those of somebody standing
ERECT = 0.7  # of the trunk's length, upright: somebody stands before a squat and after it
TOP = 0.7  # of the standing height, that is reached before and after
SHORTEST, LONGEST = 0.2, 15.0  # seconds below half of the way
SITTING = 5.0  # seconds at the lowest point: nobody stays in a squat that long
SEATED = 2.5  # and where the clip begins or ends there
FLAT = 0.08  # of the standing height, over the lowest point
UP = 0.90  # of the standing height: who is as high at the clip's edge has ended the squat, or not begun it
STRAIGHT = 0.98  # of the standing height: a squat begins and ends here, or where the height turns
REACH = 2.0  # seconds
# Of the way that the hips go down towards the ankles.
HANGING, STAYING = 0.4, 0.15
# Of the leg; MediaPipe moves an ankle by up to .35 of it while somebody squats on both feet.
STEP_ASIDE, UNEVEN = 0.4, 0.33


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
    hip: np.ndarray  # of the hips, over the picture's lower edge
    size: np.ndarray  # of shin, trunk and foot, each beside its greatest, the one that shrinks least
    ankle: np.ndarray  # of the lower ankle, over the picture's lower edge
    lifted: np.ndarray  # of an ankle, above the other, beside how the two are seen otherwise
    feet: np.ndarray  # (n, 2) from one ankle to the other, in lengths of the leg
    knees: np.ndarray  # of one knee over its ankle, above that of the other, in lengths of the leg
    low_knee: np.ndarray  # of the lower of the two
    trunk: np.ndarray  # of the shoulders over the hips, in lengths of the trunk
    hands: np.ndarray  # of the higher hand over the shoulders, in lengths of the leg
    low_hands: np.ndarray  # of the lower hand over the higher knee, in lengths of the leg
    ground: np.ndarray  # of the lower hand over the lower ankle


def find(times: np.ndarray, landmarks: np.ndarray, aspect: float, slowed: float = 1.0) -> list[Repetition]:
    """The squats in a video, in order of time.

    Args:
        times: (n,) seconds, rising; of any spacing down to FEWEST a second.
        landmarks: (n, 33, 4), NaN where there is no pose.
        aspect: the picture's width over its height.
        slowed: how many times slower than life the video shows it; times are the video's all the same.
    """
    pieces = _pieces(times / slowed, landmarks, aspect)
    return [_in_time(one, slowed) for piece in pieces for one in _in_one_piece(piece)]


def _in_time(one: Repetition, slowed: float) -> Repetition:
    return Repetition(*(None if time is None else time * slowed for time in (one.start, one.bottom, one.end)))


def hip_height(
    times: np.ndarray, landmarks: np.ndarray, aspect: float, slowed: float = 1.0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The signal that squats are found in, piece by piece: times, heights in standing heights, (n,) each.

    slowed: as in `find`.
    """
    pieces = _pieces(times / slowed, landmarks, aspect)
    return [(piece.time * slowed, piece.height) for piece in pieces]


def _pieces(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> Iterator[_Series]:
    """Of a second or more each, without a long gap, and of one scene."""
    known = ~np.isnan(landmarks[:, 0, 0])
    times, landmarks = times[known], landmarks[known]
    if not len(times):
        return
    cuts = (np.diff(times) > LONGEST_GAP) | _scene_changes(times, landmarks, aspect)
    for some in np.split(np.arange(len(times)), np.flatnonzero(cuts) + 1):
        if len(some) >= 3 and times[some[-1]] - times[some[0]] >= 1.0:
            yield _series(times[some], steady(times[some], landmarks[some], aspect), aspect)


def _scene_changes(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """(n - 1,) bool, after which poses the body is elsewhere at once, or larger or smaller, and stays so."""
    if len(times) < 4:
        return np.zeros(len(times) - 1, bool)
    body = landmarks[:, BODY, :2] * (aspect, 1.0)  # (n, 8, 2), the left side first
    other = body[:, [*range(4, 8), *range(4)]]  # left and right are exchanged now and then
    sides = [_length(np.diff(body[:, side], axis=1)) for side in (slice(0, 4), slice(4, 8))]
    parts = np.maximum(np.maximum(*sides), 1e-6)  # (n, 3) trunk, thigh and shin
    size = parts.sum(axis=1)
    after = np.minimum(np.arange(1, len(times))[:, None] + np.arange(3), len(times) - 1)  # (n - 1, 3) rows
    larger = np.maximum(size[:-1, None], size[after])
    gone = np.minimum(
        *(_length(poses[after] - body[:-1, None]).mean(axis=-1) / larger for poses in (body, other))
    )
    # Who rises fast towards the camera shows much more of a thigh, and little more of a shin.
    times_as_long = parts[after] / parts[:-1, None]  # (n - 1, 3, 3)
    grown = np.maximum(times_as_long.min(axis=-1), (1 / times_as_long).min(axis=-1))
    gap = np.diff(times)
    found = (gone.min(axis=1) > ELSEWHERE + 0.3 * gap) | (grown.min(axis=1) > GROWN + 0.3 * gap)
    return np.asarray(found)


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
    standing = _highest(height, 0.9, AGES)
    shin = smooth(np.maximum(*(_length(k - a) for k, a in zip(knees, ankles, strict=True))))
    trunk = smooth(_length(shoulder - hip))
    foot = smooth(np.maximum(*map(_length, map(np.subtract, sides("foot_index"), sides("heel")))))
    apart = smooth(np.abs(ankles[0][:, 1] - ankles[1][:, 1])) / leg
    shins_up = [(k - a)[:, 1] for k, a in zip(knees, ankles, strict=True)]
    low_hand = np.minimum(hands[0][:, 1], hands[1][:, 1])
    return _Series(
        time=grid,
        height=height / np.maximum(standing, 1e-6),
        standing=standing,
        leg=leg,
        hip=smooth(hip[:, 1]),
        size=np.max([x / np.maximum(_highest(x, 0.9), 1e-6) for x in (shin, trunk, foot)], axis=0),
        ankle=ankle,
        lifted=apart - _highest(apart, 0.25),  # of a wide stance from the side, one is seen above the other
        feet=np.stack([smooth(values) for values in (ankles[0] - ankles[1]).T], axis=1) / leg[:, None],
        knees=smooth(shins_up[0] - shins_up[1]) / leg,
        low_knee=smooth(np.minimum(*shins_up)) / leg,
        trunk=smooth(shoulder[:, 1] - hip[:, 1]) / _highest(trunk, 0.9),
        hands=smooth(np.maximum(hands[0][:, 1], hands[1][:, 1]) - shoulder[:, 1]) / leg,
        low_hands=smooth(low_hand - np.maximum(knees[0][:, 1], knees[1][:, 1])) / leg,
        ground=(smooth(low_hand) - ankle) / leg,
    )


def _in_one_piece(series: _Series) -> list[Repetition]:
    found, height = [], series.height
    for dip in _dips(height):
        low, begin, end = dip.low, dip.begin, dip.end
        level = (height[low] + min(1.0, _top(height, dip))) / 2
        first, last = _edge(height, low, level, begin), _edge(height, low, level, end)
        seconds = (last - first) * STEP
        whole = dip.seen_down and dip.seen_up
        last_row = len(height) - 1
        turned = 0 < low < last_row  # at the clip's edge nobody knows whether it went on down
        deep = whole or height[low] < (DEEP if turned else DEEPER)
        if not SHORTEST <= seconds <= LONGEST or not deep:
            continue
        start, stop = _risen(height, first, begin), _risen(height, last, end)
        edges = [edge for edge, seen in ((start, dip.seen_down), (stop, dip.seen_up)) if seen]
        still = np.count_nonzero(height[first : last + 1] < height[low] + FLAT) * STEP
        sits = still > (SITTING if whole else SEATED)
        if sits or not edges or not _is_squat(series, edges, low):
            continue
        seen_down = dip.seen_down and (start > 0 or height[0] >= UP)
        seen_up = dip.seen_up and (stop < last_row or height[last_row] >= UP)
        found.append(
            Repetition(
                float(series.time[start]) if seen_down else None,
                _bottom(series, first, low, last) if turned else None,
                float(series.time[stop]) if seen_up else None,
            )
        )
    return found


@dataclass(frozen=True)
class _Dip:
    """The lowest point of one, and the highest points before and after, up to the next dips; indices."""

    low: int
    begin: int
    end: int
    seen_down: bool  # the way down to it
    seen_up: bool


def _dips(height: np.ndarray) -> list[_Dip]:
    from scipy.signal import find_peaks

    bounded = np.concatenate([[1.0], height, [1.0]])  # so that a dip at an end is one too
    lows = find_peaks(-bounded, height=-DOWN, prominence=DROP)[0] - 1
    found = []
    for k, low in enumerate(map(int, lows)):
        before = int(lows[k - 1]) if k else 0
        after = int(lows[k + 1]) if k + 1 < len(lows) else len(height) - 1
        begin = before + int(np.argmax(height[before : low + 1])) if k else before
        end = low + int(np.argmax(height[low : after + 1])) if k + 1 < len(lows) else after
        rises = (height[begin : low + 1].max(), height[low : end + 1].max())
        found.append(_Dip(low, begin, end, *(bool(rise - height[low] >= DROP) for rise in rises)))
    return found


def _top(height: np.ndarray, dip: _Dip) -> float:
    """How high it is within REACH of a lowest point."""
    reach = round(2 * REACH / STEP)
    return float(height[max(dip.begin, dip.low - reach) : min(dip.end, dip.low + reach) + 1].max())


def _edge(height: np.ndarray, low: int, level: float, bound: int) -> int:
    """From the lowest point on, the last index below a level, up to a bound."""
    index, way = low, 1 if bound > low else -1
    while index != bound and height[index + way] < level:
        index += way
    return index


def _is_squat(series: _Series, edges: list[int], lowest: int) -> bool:
    """Whether somebody who stands goes down over both feet. edges: before and after, where they are seen.

    Limits lie between made-up squats, of which each leaves out one in two hundred, and what else people do.
    """
    depth = 1 - series.height[lowest]  # of the standing height
    fallen = depth * series.standing[lowest] * series.leg[lowest]  # of the hips, towards the ankles

    def change(values: np.ndarray) -> float:
        return float(values[lowest] - values[edges].mean())

    small = np.minimum(series.size[edges], 1)  # whoever is farther away there
    tops, trunks = series.height[edges] / small, series.trunk[edges] / small
    stands = series.standing[lowest] >= UPRIGHT and min(tops) >= TOP and min(trunks) >= ERECT
    if not stands or series.trunk[lowest] < -0.2:
        return False
    if series.size[lowest] - series.height[lowest] < FALLEN * depth:
        return False  # it goes away from the camera, not down
    if change(series.ankle) < -HANGING * fallen:
        return False  # the feet go down with the hips: the weight is on the hands
    leaned = -change(series.trunk)
    if change(series.hip) > -STAYING * fallen and leaned < 0.08:
        return False  # the hips stay, and the feet are drawn up
    if series.hands[lowest] > 0 and change(series.ankle) > 0.5 * fallen:
        return False  # it hangs by the hands
    if min(_moved(series.feet[lowest], series.feet[edge]) for edge in edges) > STEP_ASIDE:
        return False  # a foot is elsewhere
    uneven = abs(change(series.knees))
    kneels = uneven > 0.2 and series.low_knee[lowest] < 0.22 and series.height[lowest] > 0.5
    if uneven > UNEVEN or kneels or series.lifted[lowest] > 0.3:
        return False  # a knee, or a foot, is far above the other one
    return not _is_hinge(series, lowest, depth, leaned)


def _is_hinge(series: _Series, lowest: int, depth: float, leaned: float) -> bool:
    """Whether it is the trunk that goes down, as to lift something. leaned: of its length, from upright."""
    hands, ground = series.low_hands[lowest], series.ground[lowest]
    if series.trunk[lowest] < 0.25 and ground < 0.15:
        return True  # on all fours
    if leaned < 0.2:
        return False
    return bool(
        depth < 0.45 * leaned
        or (depth < 0.6 * leaned and hands < 0.3)
        or (depth < min(1.1 * leaned, 0.5) and hands < 0 and ground < 0.42)
    )


def _moved(one: np.ndarray, two: np.ndarray) -> float:
    """How far one foot has gone beside the other, whichever is called left."""
    return float(min(np.linalg.norm(one - two), np.linalg.norm(one + two)))


def _bottom(series: _Series, first: int, lowest: int, last: int) -> float:
    """The middle of the time at the lowest point, which may last."""
    near = series.height < series.height[lowest] + 0.02
    begin = end = lowest
    while begin > first and near[begin - 1]:
        begin -= 1
    while end < last and near[end + 1]:
        end += 1
    return float((series.time[begin] + series.time[end]) / 2)


def _risen(height: np.ndarray, index: int, bound: int) -> int:
    """From halfway up on, to where somebody stands straight or the height rises no more, up to a bound."""
    look, way = round(0.4 / STEP), 1 if bound > index else -1
    while index != bound and height[index] < STRAIGHT:
        ahead = height[index + 1 : index + 1 + look] if way > 0 else height[max(0, index - look) : index]
        if ahead.max() < height[index] + 0.015:
            break
        index += way
    return index


def _highest(values: np.ndarray, share: float, window: float = WINDOW) -> np.ndarray:
    """(n,) the quantile `share` of the values within a window, seconds to either side, of each."""
    reach = round(window / STEP)
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
