"""Colour tags of a clip, and the matrices and transfer functions that they name, by the numbers of ITU-T H.273."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.io.light import to_light, to_numbers

__all__ = [
    "HLG",
    "PQ",
    "SCREEN",
    "UNSPECIFIED",
    "ColourTags",
    "light_of",
    "numbers_of",
    "primaries_of",
    "tags_for",
    "weights_of_matrix",
]

FloatArray = npt.NDArray[np.float32]
UNSPECIFIED = 2
HD_HEIGHT = 720  # untagged pictures of at least this height are taken as BT.709, as players do
WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}  # of red and blue in luma, by the number of the matrix
PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290),
    7: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    11: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351),
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.3290),
}  # x and y of red, green, blue and white, by the number of the primaries
LIKE_709, GAMMA_22, GAMMA_28, LINEAR, PQ, HLG = (1, 6, 14, 15), 4, 5, 8, 16, 18
PQ_WHITE = 203.0  # candela a square metre of white in a picture of PQ (ITU-R BT.2408)
HLG_WHITE = 0.75  # number of white in a picture of HLG


class ColourTags(NamedTuple):
    """What a clip says of its colours: numbers of ITU-T H.273, 2 where it says nothing.

    Attributes
    ----------
    matrix, primaries, transfer : int
        1 is BT.709; 5 and 6 are BT.601, 9 is BT.2020. Of the transfer, 13 is sRGB, 16 PQ and 18 HLG.
    is_full : bool or None
        Whether luma has all numbers, not only those from 16 to 235 of 255; None if the clip does not say.
    """

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    is_full: bool | None = None

    @property
    def chromaticities(self) -> tuple[float, ...] | None:
        """The primaries as an OpenEXR file has them; None for those of sRGB."""
        return None if self.primaries == 1 else PRIMARIES.get(self.primaries)


SCREEN = ColourTags(1, 1, 13, False)  # of pictures, whose numbers are those of sRGB


def primaries_of(chromaticities: tuple[float, ...] | None) -> int:
    """Return the number of the primaries of an OpenEXR file: those of sRGB if it names none, 2 for unknown ones."""
    if chromaticities is None:
        return SCREEN.primaries
    equal = [number for number, known in PRIMARIES.items() if np.allclose(chromaticities, known, rtol=0, atol=1e-3)]
    return equal[0] if equal else UNSPECIFIED


def tags_for(form: str, tags: ColourTags, *, is_limited: bool) -> ColourTags:
    """Return the tags of an output in a pixel format of FFmpeg, from those of its clip.

    RGB has no matrix and all numbers. Luma and chroma need a matrix, which RGB clips do not have: it is that of the
    primaries. is_limited is for codecs whose luma never has all numbers.
    """
    if not form.startswith("yuv"):
        return tags._replace(matrix=0, is_full=True)
    if tags.matrix in (0, 3):
        tags = SCREEN if tags.primaries == UNSPECIFIED else tags._replace(matrix=_matrix_of(tags.primaries))
        tags = tags._replace(is_full=False)
    return tags._replace(is_full=False) if is_limited else tags


def _matrix_of(primaries: int) -> int:
    """Return the matrix that goes with primaries: the same number where there is one, else BT.709."""
    return primaries if primaries in WEIGHTS else 1


def weights_of_matrix(tags: ColourTags, height: int, label: str) -> tuple[float, float]:
    """Return the weights of red and blue in luma; untagged pictures are BT.601 below 720 rows, else BT.709."""
    matrix = tags.matrix
    if matrix in (0, UNSPECIFIED, 3):
        matrix = 1 if height >= HD_HEIGHT else 6
    if matrix not in WEIGHTS:
        raise ValueError(f"{label} has the colour matrix {matrix}, expected one of BT.601, BT.709 or BT.2020")
    return WEIGHTS[matrix]


def light_of(numbers: FloatArray, transfer: int) -> FloatArray:
    """Return the linear light of numbers in [0, 1], by the number of a transfer function; 1 is white.

    Untagged numbers are taken as sRGB.
    """
    if transfer in LIKE_709:
        x = np.asarray(numbers, np.float32)
        power = ((x + np.float32(0.099)) / np.float32(1.099)) ** np.float32(1 / 0.45)
        return np.where(x < np.float32(0.081), x / np.float32(4.5), power).astype(np.float32)
    if transfer in (GAMMA_22, GAMMA_28):
        return np.asarray(numbers, np.float32) ** np.float32(2.2 if transfer == GAMMA_22 else 2.8)
    if transfer == LINEAR:
        return np.asarray(numbers, np.float32)
    if transfer == PQ:
        return _light_of_pq(np.asarray(numbers, np.float64))
    if transfer == HLG:
        return (_light_of_hlg(numbers) / _light_of_hlg(HLG_WHITE)).astype(np.float32)
    return to_light(numbers)


def numbers_of(light: FloatArray, transfer: int) -> FloatArray:
    """Return the numbers in [0, 1] of linear light, the inverse of `light_of`."""
    if transfer in LIKE_709:
        x = np.asarray(light, np.float32).clip(0, 1)
        power = np.float32(1.099) * x ** np.float32(0.45) - np.float32(0.099)
        return np.where(x < np.float32(0.018), x * np.float32(4.5), power).astype(np.float32)
    if transfer in (GAMMA_22, GAMMA_28):
        return np.asarray(light, np.float32).clip(0, 1) ** np.float32(1 / (2.2 if transfer == GAMMA_22 else 2.8))
    if transfer == LINEAR:
        return np.asarray(light, np.float32).clip(0, 1)
    if transfer == PQ:
        return _pq_of_light(np.asarray(light, np.float64))
    if transfer == HLG:
        return _hlg_of_light(np.asarray(light, np.float64) * _light_of_hlg(HLG_WHITE)).astype(np.float32)
    return to_numbers(light)


PQ_M1, PQ_M2, PQ_C1, PQ_C2, PQ_C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073


def _light_of_pq(numbers: npt.NDArray[np.float64]) -> FloatArray:
    """Return light by SMPTE ST 2084, whose number 1 stands for 10,000 candela a square metre."""
    x = numbers.clip(0, 1) ** (1 / PQ_M2)
    light = (np.maximum(x - PQ_C1, 0) / (PQ_C2 - PQ_C3 * x)) ** (1 / PQ_M1)
    return (light * (10_000 / PQ_WHITE)).astype(np.float32)


def _pq_of_light(light: npt.NDArray[np.float64]) -> FloatArray:
    y = (light * (PQ_WHITE / 10_000)).clip(0, 1) ** PQ_M1
    return (((PQ_C1 + PQ_C2 * y) / (1 + PQ_C3 * y)) ** PQ_M2).astype(np.float32)


def _light_of_hlg(numbers: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the light of the scene by ARIB STD-B67."""
    x = np.asarray(numbers, np.float64)
    return np.where(x <= 0.5, x**2 / 3, (np.exp((x - HLG_C) / HLG_A) + HLG_B) / 12)


def _hlg_of_light(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    y = light.clip(0, 1)
    return np.where(y <= 1 / 12, np.sqrt(3 * y), HLG_A * np.log(np.maximum(12 * y - HLG_B, 1e-9)) + HLG_C)
