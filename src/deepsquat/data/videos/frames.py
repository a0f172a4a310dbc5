"""Wanted frames of a video file, upright, by their timestamps.

One pass over the packets, which decodes a single frame, tells when each frame is shown and which packets it
needs. A second pass decodes no more than those packets and converts no more than the wanted frames. So any
frame rate will do, a variable one too, and frame numbers do not depend on how well a container seeks.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from deepsquat.data.squats import Squat
from deepsquat.data.videos.file import if_exhausted, opened
from deepsquat.data.videos.pictures import Pictures
from deepsquat.errors import UserError

FARTHEST = 0.25  # seconds from a wanted time to its frame, in a squat; enough for 2 frames per second
REMEDY = "replace it, or take that squat out of the labels file"


@dataclass(frozen=True)
class Index:
    """When each frame is shown, and where in the file it is."""

    duration: float  # seconds, to the end of the last frame
    times: np.ndarray  # (frames,) seconds from the first shown frame, rising
    stamps: list[int]  # (frames,) the same in the file's own unit
    packets: list[tuple[int, bool]]  # (timestamp, whether decoding can begin here), as they lie in the file
    in_order: bool  # the packets' timestamps are not those of their frames; only counting tells
    pixel: float  # width over height of a stored pixel

    def nearest(self, times: Sequence[float]) -> list[int]:
        """The numbers of the frames nearest to `times`, each once, rising."""
        return nearest(self.times, times)


def nearest(known: np.ndarray, times: Sequence[float]) -> list[int]:
    """The places in `known` (n,), which rises, of what is nearest to each of `times`, each once, rising."""
    after = np.searchsorted(known, times).clip(1, max(len(known) - 1, 1))
    before = after - 1
    after = after.clip(max=len(known) - 1)
    nearer = np.abs(known[after] - times) < np.abs(known[before] - times)
    return [int(place) for place in np.unique(np.where(nearer, after, before))]


def out_of_reach(index: Index, squat: Squat, wanted: Sequence[float]) -> str:
    """Why the video cannot show the squat; "" where it does."""
    if squat.end > index.duration + index.duration / len(index.times):  # more than a frame
        return (
            f"ends at {squat.end:.1f} s but the video is {index.duration:.1f} s long; "
            "correct the labels file, or replace the video if it is cut off"
        )
    for time in wanted:
        if np.abs(index.times - time).min() > FARTHEST:  # the nearest frame would show another posture
            return f"has no frame near {time:.2f} s; the video is damaged there: {REMEDY}"
    return ""


def indexed(path: Path) -> Index:
    """The frames of a video, by one pass over its packets.

    Raises:
        UserError: it cannot be read, holds no video, or has no timestamps.
    """
    first: VideoFrame | None = None
    packets: list[tuple[int, bool]] = []
    shown: list[int] = []
    last, duration = -(2**63), 0
    with opened(path) as (container, stream):
        codec = stream.codec_context
        in_order = container.format.name == "avi"  # no timestamps in it: libav counts packets up as they lie
        for packet in _packets(path, container, stream):
            if first is None:
                first = next(iter(_frames(path, codec, packet)), None)
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is None:
                raise UserError(f"{path}: its frames have no timestamps; convert it to an .mp4 with them")
            packets.append((stamp, packet.is_keyframe))
            if not packet.is_discard and not _hidden(codec, packet):
                shown.append(stamp)
                if stamp >= last:
                    last, duration = stamp, packet.duration or 0
        if first is None:
            first = next(iter(_frames(path, codec, None)), None)
        unit = stream.time_base
        pixel = float(stream.sample_aspect_ratio or codec.sample_aspect_ratio or 1)
    if first is None or not shown or not unit:
        raise UserError(f"{path}: no frame of it can be decoded; export the video again")

    # Frames shown before the first one that decoding can begin at lack what they were coded from.
    begin = next((stamp for stamp, is_key in packets if is_key), shown[0])
    stamps = sorted({stamp for stamp in shown if stamp >= begin or in_order})
    if not stamps:
        raise UserError(f"{path}: no frame of it can be decoded; export the video again")
    times = np.array([float((stamp - stamps[0]) * unit) for stamp in stamps])
    gap = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return Index(float(times[-1]) + (float(duration * unit) or gap), times, stamps, packets, in_order, pixel)


def _hidden(codec: VideoCodecContext, packet: av.Packet) -> bool:
    """Whether a VP8 packet only serves others: its fourth bit says so (RFC 6386, section 9.1)."""
    return codec.name in ("vp8", "libvpx") and not bytes(packet)[0] >> 4 & 1


def decoded(
    path: Path, index: Index, numbers: Sequence[int], longest: int | None = None
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Yield the frames of these rising numbers, upright, (H, W, 3) uint8 RGB; None where one is damaged.

    longest: pixels of a picture's longer side, beyond which it is made smaller; None: never.

    No more is decoded than they need. Where that loses a frame, because no real keyframe stands where the
    file says so, all is decoded from the start: a stream that refreshes itself bit by bit needs that.
    """
    left = list(numbers)
    picture = Pictures(index.pixel, longest)
    for whole in (False, True):
        for number, frame in _counted(path) if index.in_order else _stamped(path, index, left, whole):
            while whole and left and left[0] < number:
                yield left.pop(0), None
            if not left:
                return
            if number == left[0] and (whole or not frame.is_corrupt):
                yield left.pop(0), None if frame.is_corrupt else picture(frame)
                if not left:
                    return
            elif number >= left[0]:
                break
    for number in left:
        yield number, None


def _counted(path: Path) -> Iterator[tuple[int, VideoFrame]]:
    """Every frame, numbered as it comes out; up to the first damage, after which the count is not known."""
    number = 0
    with opened(path) as (container, stream):
        try:
            for packet in chain(_packets(path, container, stream), [None]):
                for frame in stream.codec_context.decode(packet):
                    yield number, frame
                    number += 1
        except av.FFmpegError as error:
            if_exhausted(path, error)


def _stamped(
    path: Path, index: Index, numbers: Sequence[int], whole: bool
) -> Iterator[tuple[int, VideoFrame]]:
    """The frames of these numbers, told by their timestamps. Decodes all packets, or those they need.

    Of those that are needed, H.264 says which serve no other frame: they are passed over, unless wanted
    themselves. In MP4 alone, where a packet is a whole frame, never one of its fields.
    """
    number_of = {index.stamps[number]: number for number in numbers}
    needed = [True] * len(index.packets) if whole else _needed(index.packets, set(number_of))
    with opened(path) as (container, stream):
        codec = stream.codec_context
        may_skip = not whole and codec.name == "h264" and "mp4" in container.format.name
        decoding = False
        for packet, is_needed in zip(
            chain(_packets(path, container, stream), [None]), chain(needed, [False]), strict=False
        ):
            if is_needed or decoding:
                if may_skip and packet is not None:
                    stamp = packet.dts if packet.pts is None else packet.pts
                    codec.skip_frame = "DEFAULT" if stamp in number_of else "NONREF"
                for frame in _frames(path, codec, packet if is_needed else None):
                    if frame.pts in number_of:
                        yield number_of[frame.pts], frame
            if decoding and not is_needed:
                codec.flush_buffers()  # the end was signalled to the decoder; now it may go on elsewhere
            decoding = is_needed


def _needed(packets: Sequence[tuple[int, bool]], wanted: set[int]) -> list[bool]:
    """For each packet up to the last wanted one, whether a wanted frame needs it.

    A frame needs the packets from the last keyframe that is stored before it and not shown after it.
    """
    keys = [position for position, (_, is_key) in enumerate(packets) if is_key]
    changes = np.zeros(len(packets) + 1, int)
    for position, (stamp, _) in enumerate(packets):
        if stamp in wanted:
            at = bisect_right(keys, position) - 1
            while at >= 0 and packets[keys[at]][0] > stamp:
                at -= 1
            changes[keys[at] if at >= 0 else 0] += 1
            changes[position + 1] -= 1
    return [bool(count) for count in np.cumsum(changes[:-1])]


def _packets(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """The stream's packets; up to the first place that cannot be read."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except (av.FFmpegError, OSError, IndexError) as error:  # IndexError: a damaged list of streams, from PyAV
        if_exhausted(path, error)


def _frames(path: Path, codec: VideoCodecContext, packet: av.Packet | None) -> list[VideoFrame]:
    """What comes out of the decoder for a packet, or at its end; nothing where the packet is damaged."""
    try:
        return codec.decode(packet)
    except av.FFmpegError as error:
        if_exhausted(path, error)
        return []
