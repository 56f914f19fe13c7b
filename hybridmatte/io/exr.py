"""Read and write the linear light of OpenEXR files, with light above 1, for results that must keep it."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_number, check_plane
from hybridmatte.io._codec import decode, require_writer
from hybridmatte.io._exr import encode_exr
from hybridmatte.io._exr_header import ExrHeader
from hybridmatte.io.files import write_bytes
from hybridmatte.io.formats import MAX_PIXELS, kind_of
from hybridmatte.io.pictures import open_source
from hybridmatte.io.streams import Source, name_of, write_all

__all__ = ["LinearPicture", "is_exr", "read_exr", "write_exr"]

FloatArray = npt.NDArray[np.float32]
HEAD_BYTES = 16


class LinearPicture(NamedTuple):
    """What an OpenEXR file holds.

    Attributes
    ----------
    colour : (H, W, 3) float32 array
        Linear light, straight: not multiplied by alpha. 1 is white; brighter light is above 1.
    alpha : (H, W) float32 array or None
        In [0, 1]; None if the file has none.
    chromaticities : tuple of 8 float, or None
        x and y of the primaries red, green and blue, and of white; None stands for those of sRGB.
    rate : Fraction or None
        Frames a second, of a frame of a sequence.
    pixel_aspect : float
        Width of a pixel by its height.
    """

    colour: FloatArray
    alpha: FloatArray | None
    chromaticities: tuple[float, ...] | None = None
    rate: Fraction | None = None
    pixel_aspect: float = 1.0


def read_exr(path: Source, *, premultiplied: bool = True, max_pixels: int = MAX_PIXELS) -> LinearPicture:
    """Read the linear light of an OpenEXR file, also above 1, with straight colours.

    `read_image` reads the same file as numbers of a screen, which the solvers take. Needs the extra ``video``.

    Parameters
    ----------
    path : str, path or binary file
        Half-float, float or integer channels R, G, B and A, or one channel. Of several parts the first is read.
    premultiplied : bool, default True
        Whether the colours are stored multiplied by alpha, as OpenEXR has it. False for the files of programs that
        store straight colours; a file does not tell.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header.

    Returns
    -------
    picture : LinearPicture
        Where alpha is 0, the colours are as stored.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, has no colours, NaN values, or an alpha outside [0, 1].
    MissingExtraError
        If the extra is not installed.
    """
    data, opened, label = open_source(path, "image", max_pixels)
    header = opened.reader
    if not isinstance(header, ExrHeader):
        raise ValueError(f"{label} is a {kind_of(data)} file, expected an OpenEXR file")
    picture = decode(data, opened, label, max_pixels)
    colour = picture.straight_colour if premultiplied else picture.colour
    if np.isnan(colour).any():
        raise ValueError(f"{label} has {np.count_nonzero(np.isnan(colour))} NaN values, expected none")
    alpha = picture.transparency
    return LinearPicture(
        np.repeat(colour[:, :, None], 3, axis=2) if colour.ndim == 2 else colour,
        None if alpha is None else check_plane(alpha, f"alpha of {label}"),
        header.chromaticities,
        header.rate,
        header.pixel_aspect,
    )


def write_exr(
    path: Source,
    colour: npt.ArrayLike,
    alpha: npt.ArrayLike | None = None,
    *,
    bits: int = 16,
    chromaticities: tuple[float, ...] | None = None,
    rate: Fraction | float | None = None,
    pixel_aspect: float = 1.0,
) -> None:
    """Write linear light as an OpenEXR file, multiplied by alpha; the file appears whole or not at all.

    Parameters
    ----------
    path : str, path or binary file
    colour : (H, W, 3) array
        Linear light of any size, straight: not multiplied by alpha. Or (H, W), one channel Y.
    alpha : (H, W) array, optional
        In [0, 1].
    bits : {16, 32}, default 16
        16 for half-float numbers, whose largest is 65504, and 32 for float.
    chromaticities : tuple of 8 float, optional
        See `LinearPicture`.
    rate : number, optional
        Frames a second, of a frame of a sequence.
    pixel_aspect : float, default 1.0
        Width of a pixel by its height.

    Raises
    ------
    ValueError
        If colour and alpha differ in height or width, a colour is NaN, or bits is neither 16 nor 32.
    OSError
        If the folder is missing or cannot be written.
    MissingExtraError
        If the extra ``video`` is not installed.
    """
    check_choice(bits, "bits", (16, 32))
    require_writer("EXR", f"output {name_of(path)}")
    colour = np.asarray(colour, np.float32)
    if colour.ndim not in (2, 3) or colour.ndim == 3 and colour.shape[2] != 3 or not colour.size:
        raise ValueError(f"colour has shape {colour.shape}, expected (H, W, 3) or (H, W)")
    if np.isnan(colour).any():
        raise ValueError(f"colour has {np.count_nonzero(np.isnan(colour))} NaN values, expected none")
    alpha = None if alpha is None else check_plane(alpha, "alpha", colour.shape[:2], "colour")
    if rate is not None:
        rate = Fraction(check_number(float(rate), "rate", above=0)).limit_denominator(1001)
    aspect = check_number(float(pixel_aspect), "pixel_aspect", above=0)
    data = encode_exr(colour, alpha, bits=bits, chromaticities=chromaticities, rate=rate, pixel_aspect=aspect)
    if isinstance(path, str | os.PathLike):
        write_bytes(path, data)
    else:
        write_all(path, data)


def is_exr(path: object) -> bool:
    """Return whether a path is that of an OpenEXR file, by its first bytes."""
    if not isinstance(path, str | os.PathLike) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return kind_of(file.read(HEAD_BYTES)) == "EXR"
