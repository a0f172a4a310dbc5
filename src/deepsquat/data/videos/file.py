"""Opening a video file, and saying in one line why it cannot be opened."""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from deepsquat.errors import UserError

# Files are opened as these only: a text or a playlist named .mp4 would otherwise be drawn, or make libav open
# the files and addresses that it lists.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,dv,gif"
HEAD = 65536  # bytes; an AVI file's headers are among them


class Exhausted(UserError):
    """The machine has no memory or no file handles left, which says nothing of the video."""


def if_exhausted(path: Path, error: Exception) -> None:
    """Raises `Exhausted` where that is what the error says."""
    if getattr(error, "errno", None) in (errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        raise Exhausted(
            f"{path}: cannot be read now ({os.strerror(error.errno)}); "  # type: ignore[attr-defined]
            "start again, perhaps with pose.workers=1: finished videos are kept"
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its video stream.

    Raises:
        UserError: it cannot be read, is no video, or lacks what is needed to decode and time its frames.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        if_exhausted(path, error)
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a video file") from error
    if not head:
        raise UserError(f"{path}: the file is empty; copy the video again")
    if _avi_without_rate(head):
        raise UserError(
            f"{path}: its header gives no frame rate and AVI has no timestamps; convert it to .mp4"
        )
    av.logging.set_level(None)  # libav's own messages add nothing to ours
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        # An absolute path: libav would take what stands before a colon for a protocol.
        container = av.open(str(path.absolute()), container_options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        if_exhausted(path, error)
        what = "is no video; give a video file"
        if head[4:8] == b"ftyp":
            what = "is cut off or damaged; copy it again, or export it again"
        raise UserError(f"{path}: {what} ({getattr(error, 'strerror', None) or error})") from error
    with container:
        stream = _shown(path, container)
        stream.codec_context.thread_count = 1  # videos are spread over processes instead
        yield container, stream


def _shown(path: Path, container: InputContainer) -> VideoStream:
    """Of several picture tracks the one that players show: marked as such, and the largest of those.

    Cover pictures, thumbnails and maps of depth, which phones store as tracks of their own, are smaller.
    """
    aside = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    aside |= Disposition.dependent
    videos = [stream for stream in container.streams.video if not stream.disposition & aside]
    if not videos:
        raise UserError(f"{path}: there is no picture track in it; give a video file")
    readable = [stream for stream in videos if stream.codec_context is not None]
    if not readable:
        raise UserError(f"{path}: its video codec is not supported; convert it to H.264")
    return max(
        readable,
        key=lambda stream: (bool(stream.disposition & Disposition.default), stream.width * stream.height),
    )


def _avi_without_rate(head: bytes) -> bool:
    """Whether it is an AVI file with a frame rate of zero, for which libav would make up 25."""
    main, stream = head.find(b"avih"), head.find(b"vids")
    if head[:4] != b"RIFF" or head[8:12] != b"AVI " or min(main, stream) < 0 or len(head) < stream + 28:
        return False
    (period,) = struct.unpack_from("<I", head, main + 8)
    return period == 0 and 0 in struct.unpack_from("<II", head, stream + 20)
