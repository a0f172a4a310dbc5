"""One body, followed through a span of a video.

A tracker goes from picture to picture; every half second all people are looked for anew. Whoever squats over
the whole span is the one. Where the tracker was not with that one, it is set on it again, and goes back over
the last pictures too; a pose that cannot be is sought anew in its own picture, or dropped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepsquat.data.videos.ahead import ahead
from deepsquat.data.videos.frames import Index, decoded, indexed, nearest
from deepsquat.errors import UserError
from deepsquat.landmarks import NAMES
from deepsquat.pose.landmarkers import Landmarkers, Tracker
from deepsquat.pose.people import NEAR, apart, distinct, prominence, squatting
from deepsquat.pose.plausible import LEAP, implausible

LONGEST = 1280  # pixels of a picture's longer side; the networks see the body at 256 x 256
LOOK = 0.5  # seconds between two looks for everybody
MARGIN = 0.2  # of a body's box, around it, that stays in the picture a tracker is set on it with
STRAY = 0.6  # of a body's size, from the straight way between two looks: a squat's middle keeps to half of it
UNDECODED = "cannot be decoded"
Pose = np.ndarray


@dataclass(frozen=True)
class Track:
    """One body in the frames of a span, by time; n frames."""

    frames: np.ndarray  # (n,) int32, numbers in the video
    times: np.ndarray  # (n,) float64, seconds from the video's first frame
    landmarks: np.ndarray  # (n, 33, 4) float32, as in LandmarkTable; NaN where dropped
    reasons: np.ndarray  # (n,) str, why it was dropped; "" where it was not
    repaired: np.ndarray  # (n,) bool, where the pose was sought anew
    aspect: float  # the picture's width over its height
    persons: int  # most people seen at once in the span, the one that was followed among them
    lifters: int  # those who squat among them


def follow(
    path: Path,
    span: tuple[float, float] | None,
    rate: float,
    landmarkers: Landmarkers,
    begins: Callable[[int], Callable[[], object]] = lambda frames: lambda: None,
) -> Track:
    """Follow the one who squats through a span of a video.

    The video is decoded as it goes, twice or three times where more than one person is in it or poses have to
    be repaired: memory does not grow with its length.

    Args:
        span: seconds, from the first frame's; None: all of the video.
        rate: poses a second, at most; the video's own frame rate where that is lower.
        begins: told how many frames it will be; what it returns is called once for each.

    Raises:
        UserError: the file cannot be read, is no video, or has no timestamps, or no frame can be decoded.
    """
    index = indexed(path)
    start, end = span or (0.0, float(index.times[-1]))
    numbers = index.nearest(_grid(index.times, start, end, 1 / rate))
    at = [*_grid(index.times, start, end, LOOK), end]
    looks = [numbers[place] for place in nearest(index.times[numbers], at)]
    return followed(path, index, numbers, looks, landmarkers, begins(len(numbers)))


def _grid(times: np.ndarray, start: float, end: float, step: float) -> list[float]:
    """Times from start to end, a step from each other; of those that lie between frames far apart, none."""
    within = times[(times >= start - step) & (times <= end + 1e-6)]
    found = start + np.unique(np.round((within - start) / step)) * step
    return [time for time in found.tolist() if start <= time <= end + 1e-6]


def followed(
    path: Path,
    index: Index,
    numbers: Sequence[int],
    looks: Sequence[int],
    landmarkers: Landmarkers,
    tick: Callable[[], object] = lambda: None,
) -> Track:
    """Follow through the frames `numbers`, and look for everybody in the frames `looks`; both rising.

    tick: called once for every frame of `numbers`.
    """
    one = _Following(path, index, numbers, looks, landmarkers)
    one.run(None, tick)
    if not one.aspect:
        raise UserError(f"{path}: no frame of it can be decoded; export the video again")
    chosen = squatting([one.seen.get(number, []) for number in one.looks], one.aspect)
    guide, persons = dict(zip(one.looks, chosen.poses, strict=True)), chosen.persons
    tracked = set(one.numbers)
    if any(guide[n] is not None and guide[n] is not one.taken.get(n) for n in one.looks if n in tracked):
        one.run(guide, lambda: None)
    landmarks = np.stack([_NOBODY if pose is None else pose for pose in map(one.poses.get, one.numbers)])
    reasons = implausible(landmarks, one.aspect)
    reasons[one.strays(landmarks, guide)] = LEAP
    repaired = one.repair(landmarks, reasons) if persons else np.zeros(len(landmarks), bool)
    reasons = implausible(landmarks, one.aspect)
    reasons[one.strays(landmarks, guide)] = LEAP
    reasons = np.where([number in one.undecoded for number in one.numbers], UNDECODED, reasons)
    landmarks[reasons != ""] = np.nan
    return Track(
        np.array(one.numbers, np.int32),
        index.times[one.numbers],
        landmarks,
        reasons,
        repaired & (reasons == ""),
        one.aspect,
        persons if persons else int((reasons == "").any()),
        chosen.lifters,
    )


_NOBODY = np.full((len(NAMES), 4), np.nan, np.float32)


class _Following:
    """What is known of a span while it is followed."""

    def __init__(
        self, path: Path, index: Index, numbers: Sequence[int], looks: Sequence[int], landmarkers: Landmarkers
    ) -> None:
        self.path, self.index, self.landmarkers = path, index, landmarkers
        self.numbers = list(numbers)
        self.looks = sorted({*looks, *self.numbers[:1]})
        self.poses: dict[int, Pose | None] = {}
        self.seen: dict[int, list[Pose]] = {}  # by look: everybody
        self.taken: dict[int, Pose | None] = {}  # by look: the one that was followed
        self.undecoded: set[int] = set()
        self.aspect = 0.0

    def run(self, guide: dict[int, Pose | None] | None, tick: Callable[[], object]) -> None:
        """Go through the span once. guide: by look, whom to follow; None: whoever seems to be the one."""
        tracked, looked = set(self.numbers), set(self.looks)
        tracker: Tracker | None = None
        since: list[tuple[int, np.ndarray]] = []  # pictures since the last look, to go back over
        wanted = sorted(tracked | looked if guide is None else tracked)
        last: Pose | None = None
        for number, picture in ahead(decoded(self.path, self.index, wanted, LONGEST)):
            if picture is None:
                self.undecoded.add(number)
            else:
                self.aspect = picture.shape[1] / picture.shape[0]
                if number in looked and guide is None:
                    self.seen[number] = distinct(self.landmarkers.find(picture), self.aspect)
                if number in tracked:
                    time = float(self.index.times[number])
                    pose = tracker(picture, time) if tracker else None
                    right = None
                    if number in looked:
                        right = self._likely(number, pose, last) if guide is None else guide[number]
                    if right is not None and (pose is None or apart(pose, right, self.aspect) > NEAR):
                        if tracker:
                            tracker.close()
                        self._back(since, number, picture, right, last)
                        tracker, pose = self._set_on(picture, number, right)
                    elif tracker is None:
                        tracker = self.landmarkers.tracker()
                        pose = tracker(picture, time)
                    self.poses[number] = pose
                    since.append((number, picture))
                    if number in looked:
                        self.taken[number], since = right, []
                        last = right if right is not None else last
            if number in tracked:
                tick()
        if tracker:
            tracker.close()

    def _likely(self, number: int, pose: Pose | None, last: Pose | None) -> Pose | None:
        """Of everybody at a look the one that is followed already, else the most prominent."""
        near = pose if pose is not None else last
        seen = self.seen[number]
        if near is not None and seen:
            return min(seen, key=lambda other: apart(near, other, self.aspect))
        return max(seen, key=lambda pose: prominence(pose, self.aspect), default=None)

    def _set_on(self, picture: np.ndarray, number: int, right: Pose) -> tuple[Tracker, Pose | None]:
        """A new tracker that follows the body of the pose `right` in this picture, and its first pose."""
        if len(self.seen[number]) > 1:
            picture = _alone(picture, right)
        tracker = self.landmarkers.tracker()
        pose = tracker(picture, float(self.index.times[number]))
        return tracker, right if pose is None else pose

    def _back(
        self,
        since: list[tuple[int, np.ndarray]],
        number: int,
        picture: np.ndarray,
        right: Pose,
        last: Pose | None,
    ) -> None:
        """Follow backwards from a look; of both poses of a picture the one on the way to it stays."""
        if not since:
            return
        tracker, _ = self._set_on(picture, number, right)
        begin, end = self.index.times[since[0][0]], self.index.times[number]
        for before, earlier in reversed(since):
            time = float(self.index.times[before])
            way = (time - begin) / (end - begin)
            expected = right if last is None else last + np.float32(way) * (right - last)
            both = [pose for pose in (self.poses.get(before), tracker(earlier, time)) if pose is not None]
            nearest = min(both, key=lambda pose: apart(pose, expected, self.aspect), default=None)
            near = nearest is not None and apart(nearest, expected, self.aspect) <= STRAY
            self.poses[before] = nearest if near else None
        tracker.close()

    def strays(self, landmarks: np.ndarray, guide: dict[int, Pose | None]) -> np.ndarray:
        """(n,) bool, which landmarks are far from where the one who squats is, between two looks."""
        known = [(number, pose) for number, pose in guide.items() if pose is not None]
        looks = [number for number, _ in known]
        stray = np.zeros(len(landmarks), bool)
        for row, number in enumerate(self.numbers):
            after = int(np.searchsorted(looks, number))
            if np.isnan(landmarks[row, 0, 0]) or not 0 < after < len(known):
                continue
            (begin, one), (end, two) = known[after - 1], known[after]
            times = self.index.times[[begin, number, end]]
            if times[2] - times[0] <= 2 * LOOK:
                way = np.float32((times[1] - times[0]) / (times[2] - times[0]))
                stray[row] = apart(landmarks[row], one + way * (two - one), self.aspect) > STRAY
        return stray

    def repair(self, landmarks: np.ndarray, reasons: np.ndarray) -> np.ndarray:
        """Seek poses that cannot be anew in their own pictures, and put those in `landmarks` that lie right.

        Returns:
            (n,) bool, where one was put.
        """
        repaired = np.zeros(len(landmarks), bool)
        good = np.flatnonzero(reasons == "")
        bad = [row for row in np.flatnonzero(reasons) if self.numbers[row] not in self.undecoded]
        if not len(good) or not bad:
            return repaired
        times = self.index.times[self.numbers]
        pictures = decoded(self.path, self.index, [self.numbers[row] for row in bad], LONGEST)
        for row, (_, picture) in zip(bad, pictures, strict=True):
            landmarks[row] = np.nan
            if picture is None:
                continue
            after = int(np.searchsorted(good, row))
            one, two = good[max(after - 1, 0)], good[min(after, len(good) - 1)]
            nearest = one if times[row] - times[one] <= times[two] - times[row] or one == two else two
            if abs(times[row] - times[nearest]) > 2 * LOOK:
                continue
            found = distinct(self.landmarkers.find(picture), self.aspect)
            pose = min(found, key=lambda pose: apart(pose, landmarks[nearest], self.aspect), default=None)
            if pose is not None and apart(pose, landmarks[nearest], self.aspect) <= NEAR:
                landmarks[row], repaired[row] = pose, True
        return repaired


def _alone(picture: np.ndarray, pose: Pose) -> np.ndarray:
    """The picture with all grey but the body's surroundings."""
    size = np.array([picture.shape[1], picture.shape[0]])
    low, high = pose[:, :2].min(axis=0) * size, pose[:, :2].max(axis=0) * size
    margin = MARGIN * (high - low).max()
    left, top = np.clip(low - margin, 0, size).astype(int)
    right, bottom = np.clip(high + margin, 0, size).astype(int)
    alone = np.full_like(picture, 128)
    alone[top:bottom, left:right] = picture[top:bottom, left:right]
    return alone
