"""Pictures of a lifter with the skeleton in them, and a band of text above: legible at any size."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from deepsquat.landmarks import INDEX
from deepsquat.predict.captions import Caption
from deepsquat.predict.parts import PART_OF
from deepsquat.skeleton import LIMBS, with_middles

Colour = tuple[int, int, int]

LEFT, RIGHT, MIDDLE, FAULTY = (70, 170, 255), (255, 170, 40), (240, 240, 240), (255, 40, 60)  # RGB
AIM = (255, 225, 60)  # where a part of the body should come to
_OUTLINE = (20, 20, 20)
_SUBPIXEL = 3  # cv2 takes coordinates in 1/8 pixel
_COLOURS = {"left": LEFT, "right": RIGHT, "": MIDDLE}
_DRAWN = [
    (ends, part, _COLOURS[side])
    for ends, (part, side) in zip(LIMBS, PART_OF, strict=True)
    if ends[0] != INDEX["nose"]
]


def draw_skeleton(picture: np.ndarray, landmarks: np.ndarray, faulty: Sequence[str] = ()) -> None:
    """Draws one body (33, 4) into a picture (H, W, 3) uint8 RGB. faulty: parts that are drawn as such."""
    import cv2

    height, width = picture.shape[:2]
    points = with_middles(landmarks[None, :, :2] * (width, height))[0].clip(-4096, 4096)
    fixed = np.round(points * (1 << _SUBPIXEL)).astype(int).tolist()
    thick = max(2, round((height * width) ** 0.5 / 160))
    for outline in (True, False):
        for (a, b), part, colour in _DRAWN:
            wrong = part in faulty
            line = thick + thick // 2 * wrong + outline * max(2, thick // 2)
            shown = _OUTLINE if outline else FAULTY if wrong else colour
            cv2.line(picture, fixed[a], fixed[b], shown, line, cv2.LINE_AA, _SUBPIXEL)


def draw_depth(picture: np.ndarray, landmarks: np.ndarray, below: float) -> None:
    """Draws how far down the hips (33, 4) should come: a dashed line, and an arrow to it.

    below: how far under the knees it is drawn, as a share of the leg's length; here twice the shin's.
    """
    import cv2

    height, width = picture.shape[:2]
    at = (landmarks[:, :2] * (width, height)).clip(-4096, 4096)  # as above
    hips, knees = (at[[INDEX[f"left_{joint}"], INDEX[f"right_{joint}"]]] for joint in ("hip", "knee"))
    shins = knees - at[[INDEX["left_ankle"], INDEX["right_ankle"]]]
    leg = 2 * float(np.linalg.norm(shins, axis=1).mean())
    y, x = float(knees[:, 1].mean()) + below * leg, float(hips[:, 0].mean())
    thick = max(2, round((height * width) ** 0.5 / 160))
    reach, dash = 0.5 * float(np.ptp(at[:, 1])), 5 * thick
    for start in np.arange(x - reach, x + reach, 2 * dash):
        ends = (round(start), round(y)), (round(start + dash), round(y))
        cv2.line(picture, *ends, _OUTLINE, 2 * thick, cv2.LINE_AA)
        cv2.line(picture, *ends, AIM, thick, cv2.LINE_AA)
    begin = float(hips[:, 1].mean())
    if y > begin + 3 * thick:
        for colour, line in ((_OUTLINE, 2 * thick), (AIM, thick)):
            ends = (round(x), round(begin)), (round(x), round(y))
            cv2.arrowedLine(
                picture, *ends, colour, line, cv2.LINE_AA, tipLength=min(0.5, 5 * thick / (y - begin))
            )


def text_size(width: int, height: int) -> int:
    """Pixels of letters over a picture: legible where a phone shows its whole width."""
    return round(max((width * height) ** 0.5 / 32, width / 34))


class Band:
    """The text above the pictures of one video; of one height, whatever is said in it."""

    def __init__(self, width: int, size: int, captions: Sequence[Caption]) -> None:
        """width: of the pictures; size: of the letters; pixels."""
        self._width, self._size = width, size
        rows = max((len(self._rows(caption)) for caption in captions), default=0)
        self.height = 2 * round((self._pad * 2 + self._title_row + rows * self._row) / 2)

    @property
    def _pad(self) -> int:
        return self._size // 2

    @property
    def _title_row(self) -> int:
        return round(self._size * 1.9)

    @property
    def _row(self) -> int:
        return round(self._size * 1.35)

    def drawn(self, caption: Caption) -> np.ndarray:
        """(height, width, 3) uint8 RGB."""
        import cv2

        band = np.full((self.height, self._width, 3), caption.colour, np.uint8)
        title = self._size * 1.35
        while title > self._size * 0.7 and _text_width(caption.title, round(title), 700) > self._inner:
            title -= 1
        y = self._pad + round(self._size * 1.3)
        cv2.putText(band, caption.title, (self._pad, y), (255, 255, 255), _font(), round(title), 700)
        for k, row in enumerate(self._rows(caption)):
            y = self._pad + self._title_row + round(self._size * (1 + 1.35 * k))
            cv2.putText(band, row, (self._pad, y), (255, 255, 255), _font(), self._size, 400)
        return band

    @property
    def _inner(self) -> int:
        return self._width - 2 * self._pad

    def _rows(self, caption: Caption) -> list[str]:
        """The lines, broken between words where they are wider than the picture."""
        rows: list[str] = []
        for line in caption.lines:
            begun = ""
            for word in line.split():
                longer = f"{begun} {word}".strip()
                if begun and _text_width(longer, self._size, 400) > self._inner:
                    rows.append(begun)
                    begun = word
                else:
                    begun = longer
            rows.append(begun)
        return rows


@lru_cache(maxsize=1)
def _font():  # type: ignore[no-untyped-def]
    import cv2

    return cv2.FontFace("sans")


def _text_width(text: str, size: int, weight: int) -> int:
    import cv2

    return int(cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)[2])
