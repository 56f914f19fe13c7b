"""File formats that hybridmatte reads and writes, and the limit on a picture's size. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

__all__ = ["EXPECTED", "EXTENSIONS", "MAX_PIXELS", "Format", "extensions"]

Format = Literal["PNG", "JPEG", "TIFF", "WEBP"]
EXTENSIONS: dict[str, Format] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
EXPECTED = "a PNG, JPEG, TIFF or WebP file"  # the end of an error message
MAX_PIXELS = 200_000_000


def extensions() -> str:
    """Return the file name extensions as a list for an error message."""
    return ", ".join(EXTENSIONS)
