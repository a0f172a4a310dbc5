"""Renders the corpus: plans the videos, draws them in several processes, writes labels and true joints.

A video depends only on the options and its number, and is written whole: an interrupted corpus continues
where it stopped. `labels.yaml` comes last; with it and the `corpus.json` of these options the corpus is
complete.

`joints.npz` is compressed and holds no pickles: `names` (33,) are MediaPipe's landmarks, and for each video
`<video>/pixels` (frames, 33, 2) float32, x to the right and y down in the picture, and
`<video>/metres` (frames, 33, 3) float32, x to the subject's left, y up from the floor, z to where it faces.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from deepsquat.data.squats import Squat
from deepsquat.data.synthetic.body import in_room
from deepsquat.data.synthetic.motion import FPS, Motion, filmed_motion
from deepsquat.data.synthetic.render import Painter, drawn_look
from deepsquat.data.synthetic.room import YAW, drawn_scene
from deepsquat.data.synthetic.source import SQUATS_A_VIDEO, SyntheticSquats
from deepsquat.data.videos.annotations import write_labels
from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, written_whole
from deepsquat.landmarks import NAMES
from deepsquat.processes import cores, end_with_parent

# One thread, and no macroblock tree, which in x264 core 165 reads memory that it never set: both for equal
# bytes. A key frame every half second, so that a wanted frame is soon decoded.
ENCODER = {"preset": "veryfast", "crf": "23", "threads": "1", "mbtree": "0", "g": str(FPS // 2)}


@dataclass(frozen=True)
class VideoPlan:
    """One video to render."""

    number: int
    subject: int
    labels: tuple[int, ...]  # of its squats, in order of time

    @property
    def name(self) -> str:
        return f"videos/{self.number + 1:03d}.mp4"


def planned(options: SyntheticSquats) -> tuple[VideoPlan, ...]:
    """The videos of a corpus: who squats in each, how often, and how well."""
    rng = np.random.default_rng([options.seed, 0])
    counts = _counts(rng, options.squats, options.videos)
    whole = rng.permutation(np.arange(options.videos) % 2)  # the label of a video of one label only
    plans = []
    for number, count in enumerate(counts):
        good = int(rng.integers(count // 2, (count + 1) // 2 + 1))
        labels = rng.permutation([1] * good + [0] * (count - good))
        if options.one_label_per_video:
            labels = np.full(count, whole[number])
        subject = number % (options.subjects or options.videos)
        plans.append(VideoPlan(number, subject, tuple(int(label) for label in labels)))
    return tuple(plans)


def _counts(rng: np.random.Generator, squats: int, videos: int) -> list[int]:
    """Squats in each video, uneven but within the bounds."""
    fewest, most = SQUATS_A_VIDEO
    counts = [squats // videos + (number < squats % videos) for number in range(videos)]
    for giver, taker in rng.integers(videos, size=(3 * videos, 2)):
        if giver != taker and counts[giver] > fewest and counts[taker] < most:
            counts[giver] -= 1
            counts[taker] += 1
    return counts


def drawn(options: SyntheticSquats) -> None:
    """Draw what is missing of the corpus."""
    folder = options.folder
    note, labels, joints = (folder / name for name in ("corpus.json", "labels.yaml", "joints.npz"))
    plans = planned(options)
    missing = [plan for plan in plans if not (folder / plan.name).exists()]
    same = note.exists() and note.read_text(encoding="utf-8") == options.description()
    if same and not missing and all([_is_whole(labels), _is_whole(joints)]):
        return
    with written_whole(note) as path:
        path.write_text(options.description(), encoding="utf-8")
    done = len(plans) - len(missing)
    with tqdm(desc="drawing videos", unit="video", total=len(plans), initial=done) as bar:
        for _ in _in_processes(options, missing):
            bar.update()
    _write_joints(options, plans)
    squats = [squat for plan in plans for squat in _squats(options, plan)]
    with written_whole(labels) as path:
        write_labels(path, squats)
        add_checksum(path)


def _is_whole(path: Path) -> bool:
    """Whether the file is there and undamaged; says where it is damaged."""
    try:
        return path.exists() and bool(read_checked(path, "it is made again"))
    except UserError as error:
        print(error)
        return False


def _in_processes(options: SyntheticSquats, plans: list[VideoPlan]) -> Iterator[None]:
    """Draw the planned videos, several at once; yields as each is done."""
    workers = min(options.workers or cores(), len(plans))
    if workers <= 1:
        for plan in plans:
            write_video(options, plan)
            yield
        return
    # Spawned, not forked: the caller may hold threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker)
    try:
        yield from pool.map(write_video, [options] * len(plans), plans)
    except BrokenProcessPool:
        raise UserError(
            f"{options.folder}: a process that drew videos was killed, perhaps out of memory; "
            "start again, perhaps with data.workers=1: finished videos are kept"
        ) from None
    finally:
        # After Ctrl-C the videos under way are finished, and no other is started.
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    end_with_parent()


def motion(options: SyntheticSquats, plan: VideoPlan) -> Motion:
    """The motion of one video."""
    return filmed_motion(options.seed, plan.number, plan.subject, plan.labels, options.people)


def painter(options: SyntheticSquats, plan: VideoPlan, motion: Motion) -> Painter:
    """The renderer of one video: the subject's looks, and the video's room and camera."""
    look = drawn_look(np.random.default_rng([options.seed, 3, plan.subject]))
    room = np.random.default_rng([options.seed, 4, plan.number])
    return Painter(
        motion.body,
        look,
        drawn_scene(room, options.width, options.height, motion.body.height, YAW[options.people]),
    )


def write_video(options: SyntheticSquats, plan: VideoPlan) -> None:
    """Draw and encode one video."""
    filmed = motion(options, plan)
    draw = painter(options, plan, filmed)
    with (
        written_whole(options.folder / plan.name) as path,
        av.open(str(path), "w", format="mp4") as container,
    ):
        stream = container.add_stream("libx264", rate=FPS, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = options.width, options.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for number, points in enumerate(filmed.points):
            planes = cv2.cvtColor(draw.frame(points), cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _squats(options: SyntheticSquats, plan: VideoPlan) -> list[Squat]:
    return [
        Squat(
            video=plan.name,
            index=index,
            start=rep.start / FPS,
            bottom=rep.bottom / FPS,
            end=rep.end / FPS,
            label=rep.label,
            subject=f"subject-{plan.subject + 1:03d}",
            faults=rep.faults,
        )
        for index, rep in enumerate(motion(options, plan).reps)
    ]


def _write_joints(options: SyntheticSquats, plans: tuple[VideoPlan, ...]) -> None:
    arrays: dict[str, np.ndarray] = {"names": np.array(NAMES)}
    for plan in plans:
        filmed = motion(options, plan)
        metres = filmed.points[:, : len(NAMES)]
        pixels, _ = painter(options, plan, filmed).scene.camera.project(in_room(metres))
        arrays[f"{plan.name}/pixels"] = pixels.astype(np.float32)
        arrays[f"{plan.name}/metres"] = metres.astype(np.float32)
    with written_whole(options.folder / "joints.npz") as path:
        np.savez_compressed(path, allow_pickle=False, **arrays)
        add_checksum(path)
