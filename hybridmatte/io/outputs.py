"""Where results go: what a file name allows, the check before the work, and the writing of a whole file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_number
from hybridmatte.io._codec import encode, require_writer, to_uint8, to_uint16
from hybridmatte.io._exr import encode_exr
from hybridmatte.io.files import check_writable, write_bytes
from hybridmatte.io.formats import EXTENSIONS, Format, extensions
from hybridmatte.io.light import to_light
from hybridmatte.io.profiles import convert_colours
from hybridmatte.io.streams import Source, write_all

__all__ = ["MAX_RESOLUTION", "check_output", "is_light_file", "write"]

EXAMPLE = "photo.png"
MAX_RESOLUTION = 65535  # dots per inch, the most that a JPEG can hold
FloatArray = npt.NDArray[np.float32]


def check_output(
    path: str | os.PathLike[str],
    *,
    inputs: Iterable[str | os.PathLike[str]] = (),
    bits: int = 8,
    transparent: bool = False,
) -> None:
    """Refuse, before any work, an output that could not be written or would overwrite an input.

    Parameters
    ----------
    path : str or path
        The file to be written later. Its folder is tested by writing and removing an empty file.
    inputs : sequence of str or path
        Files that must survive; links are followed.
    bits : {8, 16, 32}, default 8
        Bits a channel to be written; see `write_image`.
    transparent : bool, default False
        Whether transparency is to be written.

    Raises
    ------
    ValueError
        If path is one of inputs, a pipe or a device, or its extension cannot hold what is asked.
    OSError
        If the folder is missing or cannot be written.
    """
    _format_for(path, bits, transparent)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise ValueError(f"output {path} is a pipe or a device, expected a file, or - for standard output")
    for other in inputs:
        if Path(path).exists() and Path(other).exists() and os.path.samefile(path, other):
            raise ValueError(f"output {path} is also an input, expected another file")
    check_writable(path)


def write(
    path: Source,
    pixels: FloatArray,
    bits: int,
    profile: bytes | None,
    exif: bytes | None,
    resolution: tuple[float, float] | None,
) -> None:
    """Encode in memory, then write the whole file."""
    if resolution is not None:
        for value in resolution:
            check_number(value, "resolution", above=0, high=MAX_RESOLUTION)
    kind = _format_for(path, bits, pixels.ndim == 3 and pixels.shape[2] == 4)
    if kind == "EXR":
        data = _encode_light(pixels, bits, profile)
    else:
        scaled = (to_uint16 if bits == 16 else to_uint8)(pixels)
        data = encode(scaled, kind, bits=bits, profile=profile, exif=exif, resolution=resolution)
    if isinstance(path, str | os.PathLike):
        write_bytes(path, data)
    else:
        write_all(path, data)


def _encode_light(pixels: FloatArray, bits: int, profile: bytes | None) -> bytes:
    """Encode the colours of a profile, sRGB without one, as linear light, and one plane as it is."""
    if pixels.ndim == 2:
        return encode_exr(pixels, None, bits=bits)
    light = to_light(convert_colours(pixels[:, :, :3], profile, None, "image"))
    return encode_exr(light, pixels[:, :, 3] if pixels.shape[2] == 4 else None, bits=bits)


def _format_for(path: Source, bits: int, transparent: bool) -> Format:
    """Return the format a path or file object asks for; refuse what that format cannot hold."""
    check_choice(bits, "bits", (8, 16, 32) if is_light_file(path) else (8, 16))
    if not isinstance(path, str | os.PathLike):
        return "PNG"
    if Path(path).is_dir():
        raise IsADirectoryError(
            f"output {path} is a folder, expected the name of a file, such as {Path(path, EXAMPLE)}"
        )
    extension = Path(path).suffix.lower()
    if extension not in EXTENSIONS:
        example = "" if extension else f", such as {Path(path, EXAMPLE)} in an existing folder"
        raise ValueError(f"output {path} ends in {extension!r}, expected one of {extensions()}{example}")
    if bits == 16 and EXTENSIONS[extension] not in ("PNG", "TIFF", "EXR"):
        raise ValueError(f"output {path} holds 8 bits a channel, expected .png or .tif for 16")
    if transparent and EXTENSIONS[extension] == "JPEG":
        raise ValueError(f"output {path} cannot hold transparency, expected .png, .tif or .webp")
    require_writer(EXTENSIONS[extension], f"output {path}")
    return EXTENSIONS[extension]


def is_light_file(path: Source) -> bool:
    """Return whether the name of a file is that of an OpenEXR file, which holds linear light."""
    return isinstance(path, str | os.PathLike) and Path(path).suffix.lower() == ".exr"
