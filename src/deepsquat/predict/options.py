"""What a user can choose of what is written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What is written, and what is known of the lifter."""

    annotated: bool  # a video with the skeleton too
    blur_faces: bool  # in all that is written
    height: float | None = None  # of the lifter, in centimetres
    slowed: float = 1.0  # how many times slower than life the videos show what they show
