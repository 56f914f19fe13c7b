"""File formats that hybridmatte reads and writes, and the limit on a picture's size. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

__all__ = [
    "EXPECTED",
    "EXTENSIONS",
    "INPUT_EXTENSIONS",
    "MAX_PIXELS",
    "Format",
    "InputFormat",
    "expected_file",
    "extensions",
    "input_extensions",
    "kind_of",
    "name_of_other_kind",
]

Format = Literal["PNG", "JPEG", "TIFF", "WEBP", "EXR"]
InputFormat = Literal["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "HEIC", "EXR", "BMP", "GIF"]
EXTENSIONS: dict[str, Format] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".exr": "EXR",
}  # of files to write
INPUT_EXTENSIONS = frozenset({*EXTENSIONS, ".jpe", ".avif", ".heic", ".heif", ".hif", ".bmp", ".dib", ".gif"})
EXPECTED = "a PNG, JPEG, TIFF, WebP, AVIF, HEIC, OpenEXR, BMP or GIF file"  # the end of an error message
MAX_PIXELS = 200_000_000

SIGNATURES: tuple[tuple[int, bytes, InputFormat], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"\x76\x2f\x31\x01", "EXR"),
)  # place, bytes, format
AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
OTHER_KINDS = (
    (0, b"8BPS", "a Photoshop document (PSD)"),
    (0, b"gimp xcf", "a GIMP document (XCF)"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL file"),
    (0, b"\xff\x0a", "a JPEG XL file"),
    (0, b"#?RADIANCE", "a Radiance HDR file"),
    (0, b"\0\0\1\0", "an icon (ICO)"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file (RAF)"),
    (0, b"IIU\0", "a camera's raw file (RW2)"),
    (0, b"IIRO", "a camera's raw file (ORF)"),
    (0, b"FOVb", "a camera's raw file (X3F)"),
    (4, b"ftypcrx", "a camera's raw file (CR3)"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (128, b"DICM", "a DICOM file"),
)  # place, bytes, name
MARKUP = ((b"<svg", "an SVG drawing"), (b"<html", "an HTML page"), (b"<!doctype html", "an HTML page"))


def expected_file(label: str) -> str:
    """Return the kinds of file for an error message; label begins with what the file is, such as "mask"."""
    return EXPECTED.replace(" or GIF file", ", GIF or NumPy (.npy) file") if label.startswith("mask ") else EXPECTED


def extensions() -> str:
    """Return the file name extensions of files to write as a list for an error message."""
    return ", ".join(EXTENSIONS)


def input_extensions() -> str:
    """Return the file name extensions of pictures to read as a list for an error message."""
    return ", ".join([*EXTENSIONS, *sorted(INPUT_EXTENSIONS - set(EXTENSIONS))])


def kind_of(data: bytes) -> InputFormat | None:
    """Return the format that the first bytes of a file tell, or None."""
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        return "AVIF" if brands & AVIF_BRANDS else "HEIC" if brands & HEIC_BRANDS else None
    return next((kind for place, sign, kind in SIGNATURES if data.startswith(sign, place)), None)


def name_of_other_kind(data: bytes) -> str:
    """Return what a file is that cannot be read, such as "a Photoshop document (PSD)"; "of another kind" if unknown."""
    for place, sign, name in OTHER_KINDS:
        if data.startswith(sign, place):
            return name
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<"):
        return next((name for sign, name in MARKUP if sign in start), "an XML document")
    return "of another kind"


def _brands(data: bytes) -> set[bytes]:
    """Return the brands of an ISO media file: the main one, and those of the list behind it."""
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return {data[8:12], *(data[place : place + 4] for place in range(16, end - 3, 4))}
