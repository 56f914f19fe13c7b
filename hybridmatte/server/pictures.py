"""The pictures of a request: checked by their headers, then decoded; and results as files in memory."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.errors import MissingExtraError
from hybridmatte.io._codec import encode, to_uint8, to_uint16
from hybridmatte.io.formats import Format, expected_file, kind_of, name_of_other_kind
from hybridmatte.io.masks import is_array_file, read_mask_size
from hybridmatte.io.metadata import Metadata
from hybridmatte.io.pictures import check_pixels, open_header
from hybridmatte.server.failures import Refusal
from hybridmatte.server.work import Style, Upload

__all__ = ["File", "as_file", "checked_files"]

FORMATS: dict[str, Format] = {"png": "PNG", "tiff": "TIFF"}


class File(io.BytesIO):
    """A file of a request, with the name that error messages give it."""

    def __init__(self, upload: Upload) -> None:
        super().__init__(upload.data)
        self.name = upload.name


def checked_files(uploads: dict[str, Upload], max_pixels: int) -> dict[str, File]:
    """Return the files of a request; refuse, by their headers, what cannot be read or has too many pixels."""
    files = {name: File(upload) for name, upload in uploads.items()}
    for name, file in files.items():
        _check(file, name, max_pixels)
    return files


def _check(file: File, name: str, max_pixels: int) -> None:
    label, head = f"{name} {file.name}", file.getvalue()[:1024]
    if name == "mask" and is_array_file(file):
        width_height = read_mask_size(file, max_pixels=1 << 62)[::-1]
    elif kind_of(head) is None:
        raise Refusal(415, f"{label} is {name_of_other_kind(head)}, expected {expected_file(label)}", name)
    else:
        try:
            width_height = open_header(file, name, 1 << 40)[1].size
        except MissingExtraError as error:
            raise Refusal(415, str(error), name) from error
    try:
        check_pixels(*width_height, label, max_pixels)
    except ValueError as error:
        raise Refusal(413, str(error), name) from error


def as_file(pixels: npt.NDArray[Any], metadata: Metadata | None, style: Style) -> bytes:
    """Encode a plane (H, W) or colours (H, W, 3 or 4) in [0, 1], or as uint8, with the metadata of the photograph."""
    profile, exif, resolution = (None, None, None) if metadata is None else metadata[:3]
    if pixels.dtype == np.uint8:
        scaled = pixels if style.bits == 8 else pixels.astype(np.uint16) * np.uint16(257)
    else:
        scaled = (to_uint16 if style.bits == 16 else to_uint8)(pixels)
    return encode(
        scaled,
        FORMATS[style.format],
        bits=style.bits,
        profile=profile if scaled.ndim == 3 else None,
        exif=exif,
        resolution=resolution,
        is_fast=True,
    )
