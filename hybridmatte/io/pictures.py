"""Read and write images, trimaps and alphas: PNG, JPEG, TIFF and WebP, 8 and 16 bits a channel.

Every reader checks the number of pixels in the header before it decodes, applies the EXIF orientation, and
names the file in every error. Every writer encodes in memory, writes a temporary name in the target's folder
and renames it, so that no half-written file is ever seen.
"""

import os
from pathlib import Path

import numpy as np

from hybridmatte._validation import check_choice, check_image, check_integer, check_plane
from hybridmatte.io._codec import EXPECTED, decode, encode, open_picture, to_uint8, to_uint16
from hybridmatte.io.files import check_writable, write_bytes

__all__ = [
    "MAX_PIXELS", "check_output", "read_alpha", "read_image", "read_plane", "read_profile", "read_trimap",
    "write_alpha", "write_image",
]

MAX_PIXELS = 200_000_000
GREY_TOLERANCE = 2 / 255  # JPEG and WebP shift the channels of a grey picture by a step or two
EXTENSIONS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}


def read_image(path, *, max_pixels=MAX_PIXELS):
    """Read a picture as (H, W, 3) RGB, upright.

    Grey is repeated over three channels, palette and CMYK colours are converted to RGB, and transparency is
    dropped (the stored colours are kept as they are). The first page of a TIFF or an animation is read.
    Numbers are taken as stored: no colour profile is applied, see `read_profile`.

    Parameters
    ----------
    path : str, path or binary file
        A PNG, JPEG, TIFF or WebP file, 8 or 16 bits a channel; the contents decide, not the name.
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
    return check_image(_read(path, "image", max_pixels).colour, f"image {_name_of(path)}")


def read_plane(path, name="plane", *, max_pixels=MAX_PIXELS):
    """Read a grey picture as (H, W), upright.

    A colour file is accepted if its channels agree to 2/255, and is averaged; true colour and transparency are
    refused, because there is no one right way to make grey of them.

    Parameters
    ----------
    path : str, path or binary file
        A PNG, JPEG, TIFF or WebP file, 8 or 16 bits a channel.
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
    """
    picture = _read(path, name, max_pixels)
    label = f"{name} {_name_of(path)}"
    if picture.transparency is not None and check_plane(picture.transparency, label).min() < 1.0:
        raise ValueError(f"{label} has transparent pixels, expected an opaque grey picture")
    return _grey(picture.colour, label)


def read_trimap(path, *, max_pixels=MAX_PIXELS):
    """Read a trimap as (H, W) float32 in [0, 1], upright; see `read_plane` for what is accepted and refused.

    Parameters
    ----------
    path : str, path or binary file
        A grey picture: background at most 0.1, foreground at least 0.9 of full scale, the rest unknown.
        Lossless formats are wise: JPEG may move a pixel over a threshold.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding.

    Returns
    -------
    trimap : (H, W) float32 array
        In [0, 1].
    """
    return read_plane(path, "trimap", max_pixels=max_pixels)


def read_alpha(path, *, max_pixels=MAX_PIXELS):
    """Read an alpha as (H, W), upright, from a grey picture or from the transparency of a cut-out.

    Parameters
    ----------
    path : str, path or binary file
        A grey picture, or any picture with transparency (RGBA), whose transparency is then the alpha.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding.

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
    """
    picture = _read(path, "alpha", max_pixels)
    label = f"alpha {_name_of(path)}"
    if picture.transparency is not None:
        alpha = check_plane(picture.transparency, label)
        if alpha.min() < 1.0:
            return alpha
    return _grey(picture.colour, label)


def read_profile(path):
    """Return the ICC profile of a picture's RGB colours as bytes, or None if it has none.

    Hand it to `write_image`, so that results look like the picture they came from. Profiles of CMYK and grey
    files do not describe the RGB that `read_image` returns, and count as none.
    """
    profile = open_picture(_bytes_of(path, "image"), f"image {_name_of(path)}").info.get("icc_profile")
    return profile if profile is not None and profile[16:20] == b"RGB " else None


def write_image(path, image, *, bits=8, profile=None):
    """Write an RGB or RGBA picture; the file appears whole or not at all.

    Parameters
    ----------
    path : str, path or binary file
        The extension chooses the format: .png, .jpg, .tif or .webp; a file object gets PNG. JPEG is written at
        quality 95 without chroma subsampling, the others without loss.
    image : (H, W, 3), (H, W, 4) or (H, W) array
        RGB, RGBA with straight (not premultiplied) colours, or grey; in [0, 1], or uint8 or uint16.
    bits : {8, 16}, default 8
        Bits a channel; 16 for .png and .tif only.
    profile : bytes or None
        ICC colour profile to store, from `read_profile`.

    Raises
    ------
    ValueError
        If the extension is unknown or cannot hold what is asked.
    OSError
        If the folder is missing or cannot be written.
    """
    if np.ndim(image) == 3 and np.shape(image)[2] == 4:
        transparency = check_plane(np.asarray(image)[:, :, 3], "image")
        pixels = np.dstack([check_image(image), transparency])
    elif np.ndim(image) == 2:
        pixels = check_plane(image, "image")
    else:
        pixels = check_image(image)
    _write(path, pixels, bits, profile)


def write_alpha(path, alpha, *, bits=8):
    """Write an alpha, trimap or mask as a grey picture; the file appears whole or not at all.

    Parameters
    ----------
    path : str, path or binary file
        As for `write_image`. JPEG loses exact zeros and ones; PNG, TIFF and WebP keep them.
    alpha : (H, W) array
        In [0, 1], or bool, uint8 or uint16.
    bits : {8, 16}, default 8
        Bits a pixel; 16 for .png and .tif only.

    Raises
    ------
    ValueError
        If the extension is unknown or cannot hold what is asked.
    OSError
        If the folder is missing or cannot be written.
    """
    _write(path, check_plane(alpha, "alpha"), bits, None)


def check_output(path, *, inputs=(), bits=8, transparent=False):
    """Refuse, before any work, an output that could not be written or would overwrite an input.

    Parameters
    ----------
    path : str or path
        The file to be written later. Its folder is tested by writing and removing an empty file.
    inputs : sequence of str or path
        Files that must survive; links are followed.
    bits : {8, 16}, default 8
        Bits a channel to be written.
    transparent : bool, default False
        Whether transparency is to be written.

    Raises
    ------
    ValueError
        If path is one of inputs, or its extension cannot hold what is asked.
    OSError
        If the folder is missing or cannot be written.
    """
    _format_of(path, bits, transparent)
    for other in inputs:
        if Path(path).exists() and Path(other).exists() and os.path.samefile(path, other):
            raise ValueError(f"output {path} is also an input, expected another file")
    check_writable(path)


def _read(path, name, max_pixels):
    """Decode a file upright; every way it can be wrong becomes one sentence."""
    max_pixels = check_integer(max_pixels, "max_pixels", low=1)
    label = f"{name} {_name_of(path)}"
    data = _bytes_of(path, name)
    picture = open_picture(data, label)
    width, height = picture.size
    if width * height > max_pixels:
        raise ValueError(f"{label} has {width} x {height} = {width * height} pixels, expected at most {max_pixels} "
                         "(max_pixels)")
    return decode(data, picture, label, max_pixels)


def _bytes_of(path, name):
    """Return the contents of a path or of a binary file (from its start, where it can be rewound)."""
    if hasattr(path, "read"):
        if path.seekable():
            path.seek(0)
        data = path.read()
    elif not os.path.exists(path):
        raise FileNotFoundError(f"{name} {path} does not exist, expected {EXPECTED}")
    elif os.path.isdir(path):
        raise IsADirectoryError(f"{name} {path} is a folder, expected {EXPECTED}")
    else:
        data = Path(path).read_bytes()
    if not data:
        raise ValueError(f"{name} {_name_of(path)} is empty, expected {EXPECTED}")
    return data


def _name_of(path):
    return getattr(path, "name", "<stream>") if hasattr(path, "read") else os.fspath(path)


def _grey(colour, label):
    """Return one channel of a picture whose channels agree; refuse true colour."""
    if colour.ndim == 2:
        return check_plane(colour, label)
    plane = check_image(colour, label)
    spread = float(np.ptp(plane, axis=2).max())
    if spread > GREY_TOLERANCE + 1e-6:
        raise ValueError(f"{label} has colour (its channels differ by up to {spread:.2g}), expected grey")
    return plane[:, :, 0].copy() if spread == 0 else plane.mean(axis=2, dtype=np.float32)


def _format_of(path, bits, transparent):
    """Return the format a path or file object asks for; refuse what that format cannot hold."""
    check_choice(bits, "bits", (8, 16))
    if hasattr(path, "write"):
        return "PNG"
    extension = Path(path).suffix.lower()
    if extension not in EXTENSIONS:
        raise ValueError(f"output {path} ends in {extension!r}, expected one of {', '.join(EXTENSIONS)}")
    if bits == 16 and EXTENSIONS[extension] not in ("PNG", "TIFF"):
        raise ValueError(f"output {path} holds 8 bits a channel, expected .png or .tif for 16")
    if transparent and EXTENSIONS[extension] == "JPEG":
        raise ValueError(f"output {path} cannot hold transparency, expected .png, .tif or .webp")
    return EXTENSIONS[extension]


def _write(path, pixels, bits, profile):
    """Encode in memory, then write the whole file."""
    kind = _format_of(path, bits, pixels.ndim == 3 and pixels.shape[2] == 4)
    data = encode((to_uint16 if bits == 16 else to_uint8)(pixels), kind, bits=bits, profile=profile)
    if hasattr(path, "write"):
        path.write(data)
    else:
        write_bytes(path, data)
