"""Read and write images, trimaps and alphas: PNG, JPEG, TIFF and WebP, 8 and 16 bits a channel, and OpenEXR.

AVIF, HEIC, BMP and GIF are read, and not written.

Every reader checks the number of pixels in the header before it decodes, applies the EXIF orientation, and names the
file in every error. Every writer encodes in memory, writes a temporary file in the target's folder and renames it, so
that no half-written file is ever seen.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_integer, check_plane, from_pillow, is_pillow
from hybridmatte.errors import warn_caller
from hybridmatte.io._codec import OpenedPicture, Picture, check_kind, decode, open_picture
from hybridmatte.io.formats import EXPECTED, EXTENSIONS, MAX_PIXELS
from hybridmatte.io.outputs import check_output, is_light_file, write
from hybridmatte.io.streams import Source, name_of, read_all

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "check_output",
    "picture_bytes",
    "read_alpha",
    "read_image",
    "read_opacity",
    "read_plane",
    "read_profile",
    "read_size",
    "read_trimap",
    "write_alpha",
    "write_image",
]

GREY_TOLERANCE = 2 / 255  # JPEG and WebP shift the channels of a grey picture by a step or two
BYTES_PER_PIXEL = 16  # the most that a file may hold for each of `max_pixels`, beside EXTRA_BYTES
EXTRA_BYTES = 1 << 26  # profile, EXIF, thumbnails
FloatArray = npt.NDArray[np.float32]


def read_image(path: Source, *, max_pixels: int = MAX_PIXELS) -> FloatArray:
    """Read a picture as (H, W, 3) RGB, upright.

    Grey is repeated over three channels. Palette and CMYK colours are converted to RGB. Transparency is dropped, and
    the colours under it are kept as stored; colours that are stored multiplied by alpha are divided by it. Numbers are
    taken as stored: no colour profile is applied, see `read_profile`.

    Parameters
    ----------
    path : str, path or binary file
        A PNG, JPEG, TIFF, WebP, AVIF, HEIC, OpenEXR, BMP or GIF file. PNG and TIFF have 8 or 16 bits a channel; a TIFF
        may also hold floating-point numbers in [0, 1]. AVIF and HEIC of more than 8 bits are read with 8. HEIC needs
        the extra ``heic``, and OpenEXR the extra ``video``. The linear light of OpenEXR becomes numbers of sRGB, and
        light above 1 becomes 1; `read_exr` keeps it. The contents tell the format, not the name.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding. At 12 bytes a pixel, an image of
        this default takes 2.4 GB.

    Returns
    -------
    image : (H, W, 3) float32 array
        In [0, 1].

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, truncated, of another kind, or has more than max_pixels pixels.
    MissingExtraError
        If the file is HEIC and the extra is not installed.

    Warns
    -----
    UserWarning
        If the file has several pages or frames, of which only the first is read.

    See Also
    --------
    read_trimap, read_alpha : One channel.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> file = io.BytesIO()
    >>> write_image(file, np.zeros((2, 3, 3), dtype=np.uint8))
    >>> read_image(file).shape
    (2, 3, 3)
    """
    return check_image(_read(path, "image", max_pixels).numbers, f"image {name_of(path)}")


def read_plane(path: Source, name: str = "plane", *, max_pixels: int = MAX_PIXELS) -> FloatArray:
    """Read a grey picture as (H, W), upright.

    A file with three channels is accepted if they agree to 2/255; their mean is returned. Colour and transparency are
    refused, because there is no single right way to convert them to grey. The numbers of OpenEXR are taken as stored.

    Parameters
    ----------
    path : str, path or binary file
        As for `read_image`.
    name : str, default "plane"
        What the file is to the caller ("trimap", "mask"), for error messages.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding.

    Returns
    -------
    plane : (H, W) float32 array
        In [0, 1].

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        As for `read_image`; or if the file has colour, or transparency other than fully opaque.

    Warns
    -----
    UserWarning
        As for `read_image`.
    """
    picture = _read(path, name, max_pixels)
    label = f"{name} {name_of(path)}"
    if picture.transparency is not None and check_plane(picture.transparency, label).min() < 1.0:
        raise ValueError(f"{label} has transparent pixels, expected an opaque grey picture")
    return grey_plane(picture.colour, label)


def read_trimap(path: Source, *, max_pixels: int = MAX_PIXELS) -> FloatArray:
    """Read a trimap as (H, W) float32 in [0, 1], upright; see `read_plane` for what is accepted and refused.

    Parameters
    ----------
    path : str, path or binary file
        A grey picture: background at most 0.1, foreground at least 0.9 of full scale, the rest unknown.
        Prefer a lossless format: JPEG may move a pixel over a threshold.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding.

    Returns
    -------
    trimap : (H, W) float32 array
        In [0, 1].
    """
    return read_plane(path, "trimap", max_pixels=max_pixels)


def read_alpha(path: Source, *, max_pixels: int = MAX_PIXELS, name: str = "alpha") -> FloatArray:
    """Read an alpha as (H, W), upright, from a grey picture or from the transparency of a cut-out.

    Parameters
    ----------
    path : str, path or binary file
        A grey picture, or a picture with transparency (RGBA), which is then the alpha.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding.
    name : str, default "alpha"
        What the file is to the caller, such as a mask, for error messages.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1].

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        As for `read_image`; or if the file has colour and is fully opaque.

    Warns
    -----
    UserWarning
        As for `read_image`.
    """
    picture = _read(path, name, max_pixels)
    label = f"{name} {name_of(path)}"
    if picture.transparency is not None:
        alpha = check_plane(picture.transparency, label)
        if alpha.min() < 1.0:
            return alpha
    return grey_plane(picture.colour, label)


def read_opacity(path: Source, *, max_pixels: int = MAX_PIXELS) -> FloatArray:
    """Read the transparency of a cut-out as alpha (H, W) in [0, 1], upright; refuse a picture that has none."""
    picture, label = _read(path, "image", max_pixels), f"image {name_of(path)}"
    if picture.transparency is None:
        kind = "has colour" if picture.colour.ndim == 3 else "has grey"
        raise ValueError(
            f"{label} {kind} and no transparency, expected a cut-out (RGBA), or a photograph and its alpha"
        )
    return check_plane(picture.transparency, label)


def read_profile(path: Source) -> bytes | None:
    """Return the ICC profile of a picture's RGB colours, or None if it has none.

    Pass it to `write_image`, so that the result shows the same colours as the picture. Profiles of CMYK and grey
    files do not describe the RGB that `read_image` returns, and count as none.

    Parameters
    ----------
    path : str, path or binary file
        As for `read_image`.

    Returns
    -------
    profile : bytes or None
        The profile as stored.
    """
    return rgb_profile(open_header(path, "image")[1])


def write_image(
    path: Source,
    image: npt.ArrayLike,
    *,
    bits: int = 8,
    profile: bytes | None = None,
    exif: bytes | None = None,
    resolution: tuple[float, float] | None = None,
) -> None:
    """Write an RGB or RGBA picture; the file appears whole or not at all.

    Parameters
    ----------
    path : str, path or binary file
        The extension chooses the format: .png, .jpg, .tif, .webp or .exr; a file object gets PNG. JPEG is written at
        quality 95 without chroma subsampling, the others without loss. OpenEXR gets the linear light of the colours,
        multiplied by alpha; see `write_exr` for light above 1.
    image : (H, W, 3), (H, W, 4) or (H, W) array
        RGB, RGBA with straight (not premultiplied) colours, or grey; in [0, 1], or uint8 or uint16.
    bits : {8, 16, 32}, default 8
        Bits a channel: 16 for .png and .tif; .exr has half-float numbers, or float with 32.
    profile : bytes or None
        ICC colour profile to store, from `read_profile` or `read_metadata`.
    exif : bytes or None
        EXIF block to store, from `read_metadata`.
    resolution : (float, float) or None
        Dots per inch along the width and the height, from `read_metadata`.

    Raises
    ------
    ValueError
        If the extension is unknown or cannot hold what is asked.
    OSError
        If the folder is missing or cannot be written.
    """
    if is_pillow(image):
        image = from_pillow(image, "image")
    if np.ndim(image) == 3 and np.shape(image)[2] == 4:
        transparency = check_plane(np.asarray(image)[:, :, 3], "image")
        pixels = np.dstack([check_image(image), transparency])
    elif np.ndim(image) == 2 and not is_light_file(path):
        pixels = check_plane(image, "image")
    else:
        pixels = check_image(image)
    write(path, pixels, bits, profile, exif, resolution)


def write_alpha(
    path: Source,
    alpha: npt.ArrayLike,
    *,
    bits: int = 8,
    exif: bytes | None = None,
    resolution: tuple[float, float] | None = None,
) -> None:
    """Write an alpha, trimap or mask as a grey picture; the file appears whole or not at all.

    Parameters
    ----------
    path : str, path or binary file
        As for `write_image`. JPEG loses exact zeros and ones; PNG, TIFF, WebP and OpenEXR, whose only channel is then
        alpha itself, keep them.
    alpha : (H, W) array
        In [0, 1], or bool, uint8 or uint16.
    bits : {8, 16, 32}, default 8
        Bits a pixel; see `write_image`.
    exif, resolution : optional
        As for `write_image`.

    Raises
    ------
    ValueError
        If the extension is unknown or cannot hold what is asked.
    OSError
        If the folder is missing or cannot be written.
    """
    write(path, check_plane(alpha, "alpha"), bits, None, exif, resolution)


def open_header(path: Source, name: str, max_pixels: int = MAX_PIXELS) -> tuple[bytes, OpenedPicture, str]:
    """Return a file's contents, its header and its name for messages, also of a picture that is too large to decode."""
    label = f"{name} {name_of(path)}"
    data = picture_bytes(path, name, max_pixels)
    return data, open_picture(data, label), label


def open_source(path: Source, name: str, max_pixels: int) -> tuple[bytes, OpenedPicture, str]:
    """Return what `open_header` does for a picture to be decoded: refused if too large, a warning if it has pages."""
    data, opened, label = open_header(path, name, check_integer(max_pixels, "max_pixels", low=1))
    check_pixels(*opened.size, label, max_pixels)
    _warn_of_pages(opened, label)
    return data, opened, label


def read_size(path: Source, name: str = "image", *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Read the height and width of a picture from its header, as stored: before its EXIF orientation is applied.

    Parameters
    ----------
    path, max_pixels
        As for `read_image`.
    name : str, default "image"
        What the file is to the caller, for error messages.

    Returns
    -------
    height, width : int

    Raises
    ------
    FileNotFoundError, ValueError
        As for `read_image`.
    """
    _, opened, label = open_header(path, name, max_pixels)
    width, height = opened.size
    check_pixels(width, height, label, max_pixels)
    return height, width


def check_pixels(width: int, height: int, label: str, max_pixels: int) -> None:
    """Refuse a picture of more than `max_pixels` pixels."""
    if width * height > max_pixels:
        raise ValueError(
            f"{label} has {width} x {height} = {width * height} pixels, expected at most {max_pixels} (max_pixels)"
        )


def rgb_profile(opened: OpenedPicture) -> bytes | None:
    """Return the profile of a header if it is one of RGB."""
    profile = opened.profile
    return profile if profile is not None and profile[16:20] == b"RGB " else None


def _read(path: Source, name: str, max_pixels: int) -> Picture:
    """Decode a file upright; every fault of it becomes one sentence."""
    data, opened, label = open_source(path, name, max_pixels)
    return decode(data, opened, label, max_pixels)


def _warn_of_pages(opened: OpenedPicture, label: str) -> None:
    if opened.n_pages > 1:
        warn_caller(f"{label} has {opened.n_pages} pages or frames, of which only the first is read", UserWarning)


def picture_bytes(path: Source, name: str = "input", max_pixels: int = MAX_PIXELS) -> bytes:
    """Return the contents of a path or of a binary file; refuse what is no picture before it is read."""
    label = f"{name} {name_of(path)}"
    if isinstance(path, str | os.PathLike):
        if not os.path.exists(path):
            raise FileNotFoundError(f"{label} does not exist, expected {EXPECTED}")
        if os.path.isdir(path):
            raise IsADirectoryError(f"{label} is a folder, expected {EXPECTED}")
    data = read_all(path, label, lambda head: check_kind(head, label), BYTES_PER_PIXEL * max_pixels + EXTRA_BYTES)
    if not data:
        raise ValueError(f"{label} is empty, expected {EXPECTED}")
    return data


def grey_plane(colour: npt.NDArray[Any], label: str) -> FloatArray:
    """Return one channel of a picture whose channels agree; refuse colour."""
    if colour.ndim == 2:
        return check_plane(colour, label)
    plane = check_image(colour, label)
    spread = float(np.ptp(plane, axis=2).max())
    if spread > GREY_TOLERANCE + 1e-6:
        raise ValueError(f"{label} has colour (its channels differ by up to {spread:.2g}), expected grey")
    return plane[:, :, 0].copy() if spread == 0 else plane.mean(axis=2, dtype=np.float32)
