"""Made-up files in the format of UI-PRMD: a stick figure of markers that squats."""

from pathlib import Path

import numpy as np

from deepsquat.data.ui_prmd.markers import MARKERS
from deepsquat.data.ui_prmd.source import UiPrmd
from deepsquat.landmarks import LandmarkTable

CORRECT = "Segmented Movements/Vicon/Positions/m01_{}_e{:02}_positions.txt"
INCORRECT = "Incorrect Segmented Movements/Vicon/Positions/m01_{}_e{:02}_positions_inc.txt"
BOTTOM = 70  # the sample in which the figure is deepest
SAMPLES = 150
PLACE = np.array([900.0, -100.0, 0.0])  # where it stands in the laboratory, mm


def squatting_markers() -> np.ndarray:
    """(150, 39, 3) mm: faces +x, left is +y; the arms are raised, the pelvis goes back and down by 450 mm."""
    down = np.exp(-(((np.arange(SAMPLES) - BOTTOM) / 25) ** 2))[:, None]
    zero, one = np.zeros_like(down), np.ones_like(down)
    pelvis = np.concatenate([-250 * down, zero, 950 - 450 * down], axis=1)
    neck = pelvis + np.concatenate([300 * down, zero, 500 * one - 60 * down], axis=1)
    places = {"C7": neck, "T10": (neck + pelvis) / 2, "CLAV": neck, "STRN": neck, "RBAK": neck}
    for side, y in (("L", 1), ("R", -1)):
        places |= {
            f"{side}FHD": neck + np.array([150, 60 * y, 170]),
            f"{side}BHD": neck + np.array([0, 65 * y, 170]),
            f"{side}SHO": neck + np.array([0, 170 * y, 0]),
            f"{side}UPA": neck + np.array([0, 200 * y, 100]),
            f"{side}ELB": neck + np.array([0, 260 * y, 260]),
            f"{side}FRM": neck + np.array([0, 280 * y, 350]),
            f"{side}WRA": neck + np.array([0, 250 * y, 500]),
            f"{side}WRB": neck + np.array([0, 320 * y, 500]),
            f"{side}FIN": neck + np.array([0, 285 * y, 580]),
            f"{side}ASI": pelvis + np.array([80, 120 * y, 0]),
            f"{side}PSI": pelvis + np.array([-80, 50 * y, 20]),
            f"{side}THI": pelvis + np.array([60, 180 * y, -200]),
            f"{side}KNE": np.concatenate([200 * down, 210 * y * one, 500 - 50 * down], axis=1),
            f"{side}TIB": np.concatenate([100 * down, 210 * y * one, 300 * one], axis=1),
            f"{side}ANK": np.concatenate([zero, 200 * y * one, 80 * one], axis=1),
            f"{side}HEE": np.concatenate([-40 * one, 160 * y * one, 60 * one], axis=1),
            f"{side}TOE": np.concatenate([150 * one, 160 * y * one, 60 * one], axis=1),
        }
    return np.stack([places[name] for name in MARKERS], axis=1) + PLACE


def as_text(markers: np.ndarray) -> str:
    return "".join(",".join(f"{value:.6f}" for value in row) + "\n" for row in markers.reshape(-1, 117))


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def table_of(source: UiPrmd) -> LandmarkTable:
    return source.landmark_table_and_drops()[0]


def only(root: Path, markers: np.ndarray) -> UiPrmd:
    """The reader of a data set of one correct squat, seen from straight in front."""
    return UiPrmd(str(write(root, {CORRECT.format("s01", 1): as_text(markers)})), yaw=0)
