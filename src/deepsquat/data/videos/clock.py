"""Times in a labels file: seconds, or the paper's `[[HH:]MM:]SS:ff`."""

import math
import re
from pathlib import Path

import yaml

from deepsquat.data.videos.plain_yaml import kind, scalar, wrong

RATE = 30  # frames per second of the paper's times, whatever the video's own rate
MOST_SECONDS = 100 * 3600.0  # the paper's form has two digits for hours
CLOCK = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,2}):)?(\d{1,2}):(\d\d)", re.ASCII)
NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
NO_NUMBER = re.compile(r"[+-]\.?\d.*|[+-]?\.?(?:nan|inf)", re.ASCII | re.IGNORECASE)


def read_time(path: Path, node: yaml.Node, name: str, place: str) -> float:
    """Seconds, from a number of seconds or the paper's `[[HH:]MM:]SS:ff`; name and place are for messages.

    Raises:
        UserError: it is neither, with the line number.
    """
    text = scalar(node)
    if text is None or kind(node) == "null":
        raise wrong(path, node, f"{name} must be a time, as seconds or as '[[HH:]MM:]SS:ff'", place)
    if NUMBER.fullmatch(text):
        seconds = float(text)
        if seconds >= MOST_SECONDS:
            raise wrong(path, node, f"{name} {text} is beyond 100 hours; give seconds", place)
        return seconds
    if NO_NUMBER.fullmatch(text):
        raise wrong(path, node, f"{name} must be a number of seconds from 0 on, got {text}", place)
    parts = CLOCK.fullmatch(text)
    if not parts:
        what = f"{name} {text!r} is no time; give seconds, or '[[HH:]MM:]SS:ff'"
        if re.fullmatch(r"(\d+:){1,3}\d", text, re.ASCII):
            what = f"{name} {text!r}: the frame number after the last colon needs two digits, as in '01:05'"
        raise wrong(path, node, what, place)
    hours, minutes, seconds, frame = (int(part or 0) for part in parts.groups())
    if frame >= RATE:
        what = f"the frame number {frame} must be 00-29, at 30 frames per second; the form is SS:ff"
        raise wrong(path, node, f"{name} {text!r}: {what}", place)
    if minutes >= 60 or seconds >= 60:
        what = "minutes and seconds must be below 60; the form is [[HH:]MM:]SS:ff"
        raise wrong(path, node, f"{name} {text!r}: {what}", place)
    return (((hours * 60 + minutes) * 60 + seconds) * RATE + frame) / RATE


def in_frames(time: float) -> str | None:
    """The paper's form of a time in seconds; None where it is between two frames."""
    frames = math.floor(time * RATE + 0.5)
    if frames / RATE != time or not 0 <= time < MOST_SECONDS:
        return None
    seconds, frame = divmod(frames, RATE)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours:02}:" if hours else "") + f"{minutes:02}:{seconds:02}:{frame:02}"
