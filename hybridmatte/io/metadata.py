"""What a picture's file says beyond its pixels: colour profile, EXIF, resolution."""

from __future__ import annotations

import io
import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from hybridmatte._validation import ASPECT, check_image
from hybridmatte.errors import warn_caller
from hybridmatte.io._codec import DAMAGE, OpenedPicture, decode, stored_exif
from hybridmatte.io._exif import ORIENTATION, exif_of_result, resolution_of
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.outputs import MAX_RESOLUTION
from hybridmatte.io.pictures import check_pixels, open_header, open_source, rgb_profile
from hybridmatte.io.streams import Source, name_of

__all__ = ["Metadata", "check_turning", "read_metadata", "read_orientation", "read_photograph"]


class Metadata(NamedTuple):
    """What holds for a picture and for every result of the same size.

    Attributes
    ----------
    profile : bytes or None
        ICC profile of its RGB colours.
    exif : bytes or None
        EXIF block of the upright picture: orientation 1, no thumbnail.
    resolution : (float, float) or None
        Dots per inch along the width and the height of the upright picture.
    orientation : int
        The EXIF orientation, 1 to 8, that the file has; every function that reads pictures applies it.
    """

    profile: bytes | None
    exif: bytes | None
    resolution: tuple[float, float] | None
    orientation: int


def read_metadata(path: Source, *, gps: bool = True) -> Metadata:
    """Return the colour profile, EXIF block and resolution of a picture, for results of it.

    Pass them to `write_image` or `write_alpha`. XMP and IPTC blocks are not read.

    Parameters
    ----------
    path : str, path or binary file
        As for `read_image`.
    gps : bool, default True
        Whether the EXIF block contains the place where the picture was taken.

    Returns
    -------
    metadata : Metadata
        profile, exif, resolution, and the orientation that the file has.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, truncated or of another kind.

    Warns
    -----
    UserWarning
        If the EXIF block is damaged; it is then left out.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from hybridmatte import write_image
    >>> file = io.BytesIO()
    >>> write_image(file, np.zeros((2, 3, 3), dtype=np.uint8), resolution=(300, 300))
    >>> [round(dots) for dots in read_metadata(file).resolution]
    [300, 300]
    """
    data, opened, label = open_header(path, "image")
    check_pixels(*opened.size, label, MAX_PIXELS)  # the EXIF block of a PNG may lie behind its pixels
    return _metadata_of(data, opened, label, gps=gps)


def read_photograph(
    path: Source, *, max_pixels: int = MAX_PIXELS, gps: bool = True
) -> tuple[npt.NDArray[np.float32], Metadata]:
    """Read a picture as `read_image` does, and its metadata, from one reading of the file."""
    data, opened, label = open_source(path, "image", max_pixels)
    picture = decode(data, opened, label, max_pixels)
    return check_image(picture.numbers, label), _metadata_of(data, opened, label, gps=gps)


def read_orientation(path: Source, name: str) -> int:
    """Return the EXIF orientation that a file has, 1 to 8."""
    data, opened, label = open_header(path, name)
    return _orientation(stored_exif(data, opened, label))


def check_turning(
    image: Source, image_shape: tuple[int, ...], orientation: int, plane: Source, shape: tuple[int, ...], name: str
) -> None:
    """Refuse a trimap, mask or alpha that was made before the image was turned by its EXIF orientation.

    Both arrays are as the readers return them, upright by their own orientation. A plane that differs from the image by
    a quarter turn is refused. Where the shapes cannot tell, because the turn keeps them, a warning says what is taken.
    """
    can_be_read_again = isinstance(plane, io.BytesIO) or (
        isinstance(plane, str | os.PathLike) and os.path.isfile(plane)
    )
    if not can_be_read_again:
        return
    plane_orientation = read_orientation(plane, name)
    if plane_orientation == orientation:
        return
    (height, width), (h, w) = image_shape[:2], shape[:2]
    turn = (
        f"the EXIF orientation of image {name_of(image)} is {orientation} and that of {name} {name_of(plane)} is "
        f"{plane_orientation}"
    )
    if _same_aspect(h, w, width, height) and not _same_aspect(h, w, height, width):
        raise ValueError(
            f"{name} {name_of(plane)} is {w} x {h} but the upright image is {width} x {height} ({turn}), "
            f"expected a {name} of the upright image"
        )
    is_quarter_turn = (orientation >= 5) != (plane_orientation >= 5)
    if not is_quarter_turn or _same_aspect(height, width, width, height):
        warn_caller(f"{turn}; both are applied, and the {name} must fit the upright image", UserWarning)


def _same_aspect(h: int, w: int, height: int, width: int) -> bool:
    return abs(w * height / (h * width) - 1) <= ASPECT


def _metadata_of(data: bytes, opened: OpenedPicture, label: str, *, gps: bool) -> Metadata:
    exif = stored_exif(data, opened, label)
    orientation = _orientation(exif)
    width, height = opened.size
    size = (height, width) if orientation >= 5 else (width, height)
    reader = opened.reader
    of_tiff = not isinstance(reader, ImageFile.ImageFile)
    dots = reader.info.get("dpi") if isinstance(reader, ImageFile.ImageFile) else None
    resolution = resolution_of(exif) if dots is None else (float(dots[0]), float(dots[1]))
    if resolution is not None and not all(0 < value <= MAX_RESOLUTION for value in resolution):
        resolution = None
    if resolution is not None and orientation >= 5:
        resolution = (resolution[1], resolution[0])
    try:
        block = exif_of_result(exif, size, of_tiff=of_tiff, gps=gps)
    except DAMAGE as error:
        warn_caller(f"{label} has a damaged EXIF block ({error}), which is left out of results", UserWarning)
        block = None
    return Metadata(rgb_profile(opened), block, resolution, orientation)


def _orientation(exif: Image.Exif) -> int:
    """Return a valid orientation; other values count as 1, as for the readers."""
    value = exif.get(ORIENTATION, 1)
    return int(value) if value in range(1, 9) else 1
