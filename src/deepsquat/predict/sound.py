"""A video's sound, taken over into another one as the pictures go."""

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from deepsquat.data.videos.file import opened
from deepsquat.data.videos.frames import Index

PLAYED = frozenset({"aac", "mp3"})  # in MP4, by every browser; other sound is encoded anew
RATE = 48_000  # samples a second of that


class Sound:
    """The sound of `path` for `out`, to which a track is added at once where there is sound.

    Where it cannot be read any more it ends: a video is worth having without.
    """

    def __init__(self, path: Path, index: Index, out: OutputContainer) -> None:
        self._out = out
        self._packets = _packets(path, index, out)
        self._next = next(self._packets, None)

    def until(self, time: float) -> None:
        """Writes what is heard until then, in seconds from the first frame."""
        while self._next is not None and self._next[0] <= time:
            try:
                self._out.mux(self._next[1])
            except (av.FFmpegError, ValueError) as error:  # its times may go back
                if isinstance(error, OSError):  # a full disk
                    raise
                self.close()
                self._next = None
                return
            self._next = next(self._packets, None)

    def close(self) -> None:
        self._packets.close()


def _packets(path: Path, index: Index, out: OutputContainer) -> Generator[tuple[float, Packet], None, None]:
    """Each with the time in seconds at which it is heard."""
    with opened(path) as (container, pictures):
        tracks = [track for track in container.streams.audio if track.codec_context is not None]
        if not tracks or not pictures.time_base:
            return
        track = tracks[0]
        begin = index.stamps[0] * pictures.time_base
        try:
            if track.codec_context.name in PLAYED and "mp4" in container.format.name:
                yield from _copied(container, track, begin, out)
            else:
                yield from _encoded(container, track, begin, out)
        except (av.FFmpegError, OSError, ValueError, IndexError):
            return


def _copied(
    container: InputContainer, track: AudioStream, begin: Fraction, out: OutputContainer
) -> Iterator[tuple[float, Packet]]:
    into = out.add_stream_from_template(track)
    for packet in container.demux(track):
        if packet.pts is None or packet.dts is None or not packet.time_base:
            continue
        shift = round(begin / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.dts >= 0:
            packet.stream = into
            yield float(packet.pts * packet.time_base), packet


def _encoded(
    container: InputContainer, track: AudioStream, begin: Fraction, out: OutputContainer
) -> Iterator[tuple[float, Packet]]:
    into = out.add_stream("aac", rate=RATE)
    into.codec_context.layout = "mono" if track.codec_context.channels == 1 else "stereo"
    time = 0.0
    for frame in _frames(container, track):
        if frame.pts is None or not frame.time_base:
            continue
        frame.pts -= round(begin / frame.time_base)
        if frame.pts >= 0:
            time = float(frame.pts * frame.time_base)
            for packet in into.encode(frame):
                yield time, packet
    for packet in into.encode(None):
        yield time, packet


def _frames(container: InputContainer, track: AudioStream) -> Iterator[AudioFrame]:
    """What can be decoded; a damaged packet is passed over."""
    for packet in container.demux(track):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue
