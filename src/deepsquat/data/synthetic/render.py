"""Draws the figure: convex hulls of spheres, a few shades each, over a background drawn once a video.

A part of the figure (a limb, the chest, the skull) is the hull of a few spheres, projected. Its shades are
the same hull with smaller spheres moved toward the light. Parts are painted from the farthest to the nearest.
Colours are BGR; pixels have x to the right and y down.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from deepsquat.data.camera import Camera
from deepsquat.data.synthetic.body import POINT, Body, in_room

CORNERS = 14  # vertices that stand for a sphere's outline
_TURN = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)  # (CORNERS, 2)
# Size of a shade's spheres, its way toward the light in radii, its brightness.
SHADES = np.array([(1.0, 0.0, 0.66), (0.86, 0.07, 0.82), (0.66, 0.16, 0.95), (0.38, 0.27, 1.06)])
FRACTION = 4  # bits after the point in polygons' corners

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """The hull of spheres. A sphere lies at `share` of the way from point `a` to point `b`."""

    spheres: tuple[tuple[str, str, float, float], ...]  # a, b, share, radius in metres
    colour: Colour
    nearer: float = 0.0  # metres by which it is painted as if nearer to the camera
    over: bool = False  # painted right after the part before it, as clothes are over a limb


@dataclass(frozen=True)
class Look:
    """What a subject wears; it does not depend on the video."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    sleeve: float  # share of the upper arm, or 2 for long sleeves
    leg: float  # share of the thigh, or 2 for long trousers
    hair_style: str  # "short", "long" or "bun"


@dataclass(frozen=True)
class Scene:
    """A room and the camera in it."""

    camera: Camera
    light: tuple[float, float]  # direction in the picture toward the light
    background: np.ndarray = field(repr=False)  # (rows, width, 3) uint8


def drawn_look(rng: np.random.Generator) -> Look:
    skins = ((150, 185, 228), (125, 160, 212), (95, 130, 185), (70, 100, 150), (55, 75, 110))
    hairs = ((30, 30, 35), (35, 50, 75), (60, 95, 130), (25, 40, 60), (110, 115, 120))
    shirts = ((150, 70, 45), (60, 60, 180), (70, 130, 60), (60, 55, 60), (40, 120, 200), (150, 60, 130))
    trousers = ((55, 45, 40), (95, 60, 40), (80, 80, 85), (50, 40, 70))
    shoes = ((235, 235, 235), (45, 45, 45), (60, 60, 190), (200, 150, 70))

    def one(of: tuple[Colour, ...]) -> Colour:
        blue, green, red = np.array(of[rng.integers(len(of))]) * rng.uniform(0.9, 1.1)
        return float(blue), float(green), float(red)

    return Look(
        skin=one(skins),
        hair=one(hairs),
        shirt=one(shirts),
        trousers=one(trousers),
        shoes=one(shoes),
        sleeve=(0.0, 0.55, 0.55, 2.0)[rng.integers(4)],
        leg=(0.6, 0.7, 2.0, 2.0)[rng.integers(4)],
        hair_style=("short", "short", "long", "bun")[rng.integers(4)],
    )


def figure(body: Body, look: Look) -> tuple[Part, ...]:
    """The parts of a body, girths as fractions of its height."""
    h = body.height
    g = body.height * body.girth
    parts: list[Part] = []

    def add(
        colour: Colour, *spheres: tuple[str, str, float, float], nearer: float = 0.0, over: bool = False
    ) -> None:
        parts.append(Part(spheres, colour, nearer, over))

    for s in ("left", "right"):
        hip, knee, ankle, heel = (f"{s}_{joint}" for joint in ("hip", "knee", "ankle", "heel"))
        ball, toe = f"{s}_ball", f"{s}_foot_index"
        shoulder, elbow, wrist = (f"{s}_{joint}" for joint in ("shoulder", "elbow", "wrist"))
        shin, thigh = (look.trousers, look.trousers) if look.leg > 1 else (look.skin, look.skin)
        add(shin, (knee, ankle, 0.0, 0.033 * g), (knee, ankle, 0.3, 0.034 * g), (knee, ankle, 1.0, 0.022 * g))
        add(thigh, (hip, knee, 0.0, 0.054 * g), (hip, knee, 1.0, 0.036 * g), nearer=0.02)
        if look.leg < 1:
            wide = (hip, knee, 0.0, 0.058 * g), (hip, knee, look.leg, 0.050 * g)
            add(look.trousers, *wide, over=True)
        add(
            look.shoes,
            (heel, ankle, 0.12, 0.021 * h),
            (ankle, heel, 0.1, 0.025 * h),
            (ball, toe, 0, 0.02 * h),
        )
        add(
            look.shoes, (heel, ball, 0.1, 0.018 * h), (ball, toe, 0.2, 0.023 * h), (ball, toe, 0.9, 0.014 * h)
        )
        arm = look.shirt if look.sleeve > 1 else look.skin
        add(arm, (shoulder, elbow, 0.0, 0.029 * g), (shoulder, elbow, 1.0, 0.023 * g), nearer=0.03)
        if 0 < look.sleeve < 1:
            wide = (shoulder, elbow, 0.0, 0.034 * g), (shoulder, elbow, look.sleeve, 0.031 * g)
            add(look.shirt, *wide, over=True)
        add(arm, (elbow, wrist, 0.0, 0.023 * g), (elbow, wrist, 0.95, 0.016 * g), nearer=0.04)
        index, pinky, thumb = (f"{s}_{finger}" for finger in ("index", "pinky", "thumb"))
        palm = (wrist, index, 0.0, 0.014 * h), (index, pinky, 0.2, 0.011 * h), (pinky, index, 0.2, 0.011 * h)
        add(look.skin, *palm, nearer=0.05)
        fingers = (
            (index, pinky, 0.2, 0.010 * h),
            (pinky, index, 0.2, 0.010 * h),
            (wrist, index, 1.5, 0.009 * h),
        )
        add(look.skin, *fingers, over=True)
        add(look.skin, (wrist, thumb, 0.2, 0.010 * h), (thumb, wrist, -0.1, 0.008 * h), nearer=0.06)
    add(
        look.shirt,
        ("left_shoulder", "chest", 0.14, 0.036 * g),
        ("right_shoulder", "chest", 0.14, 0.036 * g),
        ("left_shoulder", "waist", 0.72, 0.052 * g),
        ("right_shoulder", "waist", 0.72, 0.052 * g),
    )
    add(
        look.shirt,
        ("left_shoulder", "waist", 0.66, 0.054 * g),
        ("right_shoulder", "waist", 0.66, 0.054 * g),
        ("left_hip", "waist", 0.25, 0.058 * g),
        ("right_hip", "waist", 0.25, 0.058 * g),
        nearer=-0.01,
    )
    add(
        look.trousers,
        ("left_hip", "waist", 0.12, 0.060 * g),
        ("right_hip", "waist", 0.12, 0.060 * g),
        ("left_hip", "right_hip", 0.0, 0.057 * g),
        ("right_hip", "left_hip", 0.0, 0.057 * g),
        nearer=-0.03,
    )
    add(look.skin, ("chest", "nape", -0.1, 0.034 * g), ("nape", "skull", 0.35, 0.031 * g), nearer=0.02)
    parts += _skull(body, look)
    return tuple(parts)


def _skull(body: Body, look: Look) -> list[Part]:
    """Hair behind, then the face's ground and the ears; the features come after, see `_face`."""
    h = body.head
    parts = []
    if look.hair_style == "long":
        spheres = (("skull", "crown", 0.3, 0.40 * h), ("nape", "skull", 0.05, 0.30 * h))
        parts.append(Part(spheres, look.hair, -0.02))
    if look.hair_style == "bun":
        parts.append(Part((("crown", "nose", -0.45, 0.2 * h),), look.hair, -0.03))
    parts += [
        Part((("skull", "crown", 0.28, 0.41 * h), ("skull", "nose", -0.12, 0.39 * h)), look.hair, 0.04),
        Part((("skull", "nose", 0.36, 0.315 * h), ("chin", "skull", 0.12, 0.17 * h)), look.skin, 0.05),
    ]
    return parts


class Painter:
    """Draws one subject in one scene, frame after frame."""

    def __init__(self, body: Body, look: Look, scene: Scene):
        self.scene, self.look, self.head = scene, look, body.head
        self.parts = figure(body, look)
        spheres = [sphere for part in self.parts for sphere in part.spheres]
        self.a = np.array([POINT[a] for a, _, _, _ in spheres])
        self.b = np.array([POINT[b] for _, b, _, _ in spheres])
        self.share = np.array([share for _, _, share, _ in spheres])[:, None]
        self.radius = np.array([radius for _, _, _, radius in spheres])
        ends = np.cumsum([len(part.spheres) for part in self.parts])
        self.slices = [
            slice(end - len(part.spheres), end) for end, part in zip(ends, self.parts, strict=True)
        ]
        lead: list[int] = []  # the part whose distance decides when a part is painted
        for i, part in enumerate(self.parts):
            lead.append(lead[-1] if part.over else i)
        self.lead = np.array(lead)
        self.nearer = np.array([part.nearer for part in self.parts])
        self.colours = [
            [tuple(float(min(255, c * shade)) for c in part.colour) for shade in SHADES[:, 2]]
            for part in self.parts
        ]

    def frame(self, points: np.ndarray) -> np.ndarray:
        """(rows, width, 3) uint8 picture of (len(body.POINTS), 3) points."""
        camera = self.scene.camera
        picture = self.scene.background.copy()
        points = in_room(points)
        centres = points[self.a] + self.share * (points[self.b] - points[self.a])
        middle, depth = camera.project(centres)  # (S, 2), (S,)
        radius = camera.focal * self.radius / depth
        # (shades, S, CORNERS, 2)
        moved = middle + SHADES[:, 1, None, None] * radius[:, None] * np.array(self.scene.light)
        outline = moved[:, :, None] + (SHADES[:, 0, None] * radius)[:, :, None, None] * CIRCLE
        corners = np.round(outline * (1 << FRACTION)).astype(np.int32)
        far = np.array([depth[spheres].mean() for spheres in self.slices]) - self.nearer
        order = np.argsort(-far[self.lead], kind="stable")
        for i in order:
            spheres = self.slices[i]
            for shade, colour in enumerate(self.colours[i]):
                hull = cv2.convexHull(corners[shade, spheres].reshape(-1, 2))
                cv2.fillConvexPoly(picture, hull, colour, cv2.LINE_AA, FRACTION)
        self._face(picture, points)
        return picture

    def _face(self, picture: np.ndarray, points: np.ndarray) -> None:
        """Eyes, brows, nose, mouth and ears of a head that looks toward the camera; points in the room."""
        pixels, depth = self.scene.camera.project(points)
        head = self.scene.camera.focal * self.head / depth[POINT["skull"]]  # pixels from chin to crown
        at = {name: pixels[i] for name, i in POINT.items()}
        skin = np.array(self.look.skin)
        for side in ("left", "right"):
            if depth[POINT[f"{side}_ear"]] < depth[POINT["skull"]] + 0.2 * self.head:
                _blob(picture, at[f"{side}_ear"], (0.06 * head, 0.10 * head), skin * 0.85)
            eye = at[f"{side}_eye"]
            _blob(picture, eye, (0.062 * head, 0.034 * head), skin * 0.6)
            _blob(picture, eye, (0.052 * head, 0.026 * head), np.array([235, 235, 235]))
            _blob(picture, eye, (0.026 * head, 0.026 * head), np.array([40, 35, 30]))
            brow = np.array([0, -0.085 * head])
            _stroke(
                picture,
                at[f"{side}_eye_inner"] + brow,
                at[f"{side}_eye_outer"] + brow,
                0.03 * head,
                self.look.hair,
            )
        between = (at["left_eye"] + at["right_eye"]) / 2
        _stroke(picture, between + 0.2 * (at["nose"] - between), at["nose"], 0.06 * head, tuple(skin * 0.86))
        _blob(picture, at["nose"], (0.055 * head, 0.04 * head), skin * 0.8)
        lips = (0.55 * skin[0], 0.5 * skin[1], 0.78 * skin[2])
        _stroke(picture, at["mouth_left"], at["mouth_right"], 0.045 * head, lips)


def _blob(picture: np.ndarray, centre: np.ndarray, radii: tuple[float, float], colour: np.ndarray) -> None:
    corners = np.round((centre + CIRCLE * radii) * (1 << FRACTION)).astype(np.int32)
    cv2.fillConvexPoly(picture, corners, tuple(map(float, colour)), cv2.LINE_AA, FRACTION)


def _stroke(
    picture: np.ndarray, start: np.ndarray, end: np.ndarray, thickness: float, colour: Colour
) -> None:
    (x0, y0), (x1, y1) = (np.round(p * (1 << FRACTION)).astype(int).tolist() for p in (start, end))
    cv2.line(picture, (x0, y0), (x1, y1), colour, max(1, round(thickness)), cv2.LINE_AA, FRACTION)
