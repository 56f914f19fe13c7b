"""Masks as tools write them: soft and hard, labels, palettes, NumPy arrays."""

from __future__ import annotations

import io
import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import (
    FULL_SCALE,
    check_aspect,
    check_integer,
    check_plane,
    from_pillow,
    is_pillow,
    is_torch,
)
from hybridmatte.io._codec import decode, palette_indices
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.pictures import check_pixels, grey_plane, open_source, read_size
from hybridmatte.io.streams import Source, name_of, read_all

__all__ = ["check_mask_aspect", "check_mask_size", "is_array_file", "mask_of_array", "read_mask", "read_mask_size"]

FloatArray = npt.NDArray[np.float32]
ARRAY_MARK = b"\x93NUMPY"
BYTES_PER_PIXEL = 16  # the most that an array file may hold for each of `max_pixels`, beside EXTRA_BYTES
EXTRA_BYTES = 1 << 20
MANY_VALUES = 32  # labels in one picture; more of them, up to white, look like grey
FEW_VALUES = 16  # a grey mask without white and of at most this many values holds labels
WHITE_MIN, INSIDE_MIN, SMALL_MAX = 250 / 255, 0.5, 0.1  # shares of full scale
VOID = 255  # palette index of pixels that belong to no label, as PASCAL VOC has it
MAX_LISTED = 20  # labels in a message
MANY_LABELS = 20  # of PASCAL VOC; more values that form ramps are those of a soft mask
SMALL_STEP, MOST = 2, 0.9  # steps between pixels of a flat ramp, and their share of all steps


def read_mask(path: Source, *, label: int | None = None, max_pixels: int = MAX_PIXELS) -> FloatArray:
    """Read a mask as (H, W) in [0, 1], upright, from a picture or a ``.npy`` file: soft, hard, or of labels.

    Labels are whole numbers above 0; 0 is the background. A mask with one label, such as one of 0 and 1, needs no
    choice. Whole numbers of 8 and 16 bits are labels unless they look like a grey picture. 255 beside smaller labels
    belongs to none, as in PASCAL VOC; it can be chosen, but is not listed.

    Parameters
    ----------
    path : str, path or binary file
        A grey picture; a cut-out, whose opacity is the mask; a palette picture as of PASCAL VOC, whose indices are
        labels unless the palette is grey; or a NumPy array of a mask or of labels.
    label : int, optional
        The label whose pixels are the object: above 0, or 0 of a palette whose black is another index.
    max_pixels : int, default 200,000,000
        Files with more pixels are refused by their header, before decoding.

    Returns
    -------
    mask : (H, W) float32 array
        1 where the object is.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, has colour, holds several labels and none is given (the message lists
        them), has no pixel of the given label, or label is the background.

    See Also
    --------
    matte_from_mask : From a mask to alpha.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.array([[0, 1, 2]]))
    >>> read_mask(file, label=2)
    array([[0., 0., 1.]], dtype=float32)
    """
    name = f"mask {name_of(path)}"
    if is_array_file(path):
        return mask_of_array(_read_array(path, name, max_pixels), label, name)
    data, opened, _ = open_source(path, "mask", max_pixels)
    picture = decode(data, opened, name, max_pixels)
    indices = palette_indices(data, opened, max_pixels)
    opacity = picture.transparency
    if indices is not None and label is not None:
        return _mask_of_index(indices, picture.colour, label, name)
    if label is None and opacity is not None and opacity.min() < FULL_SCALE[opacity.dtype]:
        return check_plane(opacity, name)
    if indices is not None and not _is_grey(picture.colour):
        return _mask_of_palette(indices, picture.colour, name)
    colour = picture.colour
    if _is_grey(colour):
        return mask_of_array(colour if colour.ndim == 2 else colour[:, :, 0], label, name)
    return mask_of_array(grey_plane(colour, name), label, name)  # the nearly grey of a JPEG; colour is refused


def check_mask_size(image: Source, mask: Source, *, square: bool = False, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse a mask whose aspect ratio is not that of its image, upright or turned; only their headers are read."""
    size, expected = read_mask_size(mask, max_pixels=max_pixels), read_size(image, max_pixels=max_pixels)
    try:
        check_mask_aspect(size[::-1], expected, square=square)
    except ValueError:
        check_mask_aspect(size, expected, square=square)


def check_mask_aspect(shape: tuple[int, int], image_shape: tuple[int, int], *, square: bool = False) -> None:
    """Refuse a mask (h, w) of another aspect ratio than the image's; with `square`, one that is not square.

    Networks see a picture stretched to a square, and their output is one; `square` says that the mask is such an
    output.
    """
    h, w = shape
    if square:
        if h != w:
            raise ValueError(f"mask is {w} x {h}, expected a square with --mask-square (in Python square=True)")
        return
    try:
        check_aspect((h, w), "mask", image_shape)
    except ValueError as error:
        if h != w:
            raise
        raise ValueError(
            f"{error}; a network's square output for the stretched image needs --mask-square (in Python square=True)"
        ) from None


def read_mask_size(path: Source, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return the height and width of a mask from its header, as stored."""
    if not is_array_file(path):
        return read_size(path, "mask", max_pixels=max_pixels)
    return _array_size(_array_bytes(path, max_pixels), f"mask {name_of(path)}", max_pixels)


def is_array_file(path: Source) -> bool:
    """Return whether the first bytes of a file are those of a NumPy array."""
    if isinstance(path, str | os.PathLike):
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(len(ARRAY_MARK)) == ARRAY_MARK
    if not path.seekable():
        return False
    path.seek(0)
    head = path.read(len(ARRAY_MARK))
    path.seek(0)
    return head == ARRAY_MARK


def mask_of_array(values: npt.ArrayLike, label: int | None = None, name: str = "mask") -> FloatArray:
    """Return an array or a Pillow image, of a mask or of labels, as a mask (H, W) float32; see `read_mask`."""
    if isinstance(values, str | os.PathLike) or is_torch(values) or np.ma.is_masked(values):
        return check_plane(values, name)  # refuses them
    if is_pillow(values):
        if values.mode == "P":
            colours, indices = np.asarray(values.convert("RGB")), np.asarray(values)
            if label is not None:
                return _mask_of_index(indices, colours, label, name)
            if "transparency" in values.info:
                return check_plane(values, name)  # refuses it
            if not _is_grey(colours):
                return _mask_of_palette(indices, colours, name)
            values = colours[:, :, 0]
        else:
            values = from_pillow(values, name)
    array = _one_channel(np.asarray(values), name)
    if array.dtype.kind == "f" and array.size and array.max() > 1 and _is_whole(array):
        array = array.astype(np.int64)
    if label is not None:
        return _mask_of_labels(array, label, name)
    if array.dtype.kind in "iu" and array.size and _holds_labels(array):
        return _mask_of_labels(array, None, name)
    return check_plane(array, name)


def _is_whole(array: npt.NDArray[Any]) -> bool:
    """Return whether floating-point values are finite whole numbers that fit labels."""
    return bool(np.isfinite(array).all() and np.abs(array).max() < 1 << 31 and (array == np.rint(array)).all())


def _is_grey(colour: npt.NDArray[Any]) -> bool:
    return colour.ndim == 2 or bool((colour == colour[:, :, :1]).all())


def _one_channel(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Return an array (H, W), also from (1, H, W), (H, W, 1) and (1, 1, H, W), as networks write them."""
    shape = array.shape
    array = array[0] if array.ndim == 4 and shape[0] == 1 else array
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    elif array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {shape}, expected one channel (H, W)")
    return array


def _holds_labels(array: npt.NDArray[Any]) -> bool:
    """Return whether whole numbers are labels and no grey picture.

    They are labels if there are at most two values with 0 or 1 as the smaller, if nothing is at least half of white, if
    a few values lack white, or if all values but white are small.
    """
    scale = FULL_SCALE.get(array.dtype.newbyteorder("="))
    values = np.unique(array)
    if scale is None or values[-1] <= 1:
        return True
    if values[0] == 0 and values.size == 2:
        return values[1] < WHITE_MIN * scale  # of a hard mask in white, the grey picture is the same
    if values.size == 1 or values[-1] < INSIDE_MIN * scale:
        return values.size > 1
    if values[-1] < WHITE_MIN * scale:
        return values.size <= FEW_VALUES
    return values.size > 2 and values.size <= FEW_VALUES and bool(values[-2] < SMALL_MAX * scale)


def _mask_of_palette(indices: npt.NDArray[np.uint8], colours: npt.NDArray[Any], name: str) -> FloatArray:
    """Return the mask of the one label among palette indices; refuse a palette whose background is not index 0."""
    used = np.unique(indices)
    if _has_other_black(indices, colours):
        raise ValueError(
            f"{name} has a palette whose black is not index 0, so that the background is not known, {_expected(used)}"
        )
    labels = _objects(used)
    return _mask_of_labels(indices, int(labels[0]) if labels.size == 1 else None, name)


def _mask_of_index(indices: npt.NDArray[np.uint8], colours: npt.NDArray[Any], label: int, name: str) -> FloatArray:
    """Return the mask of one palette index; index 0 may be chosen if black is another one."""
    return _mask_of_labels(indices, label, name, has_zero=_has_other_black(indices, colours))


def _has_other_black(indices: npt.NDArray[np.uint8], colours: npt.NDArray[Any]) -> bool:
    """Return whether black is used, and index 0 is another colour."""
    is_black = (colours if colours.ndim == 2 else colours.max(axis=2)) == 0
    return bool(is_black.any() and (indices == 0).any() and not is_black[indices == 0].all())


def _mask_of_labels(array: npt.NDArray[Any], label: int | None, name: str, *, has_zero: bool = False) -> FloatArray:
    """Return the mask of one label, of the only one if None; list the labels where the choice is missing or wrong.

    has_zero tells that 0 is a label like others, and not the background.
    """
    if label is not None:
        label = check_integer(label, "label")
    if array.dtype.kind not in "iub" and not _is_whole(array):
        raise ValueError(f"{name} is soft, with values between whole numbers, expected labels for label {label}")
    values = np.unique(array)
    objects = values[values > 0]
    if label is None:
        if objects.size > 1:
            _refuse_grey(values, name)
            _refuse_faint(array, values, name)
            raise ValueError(f"{name} has the {_described(objects)}, {_expected(objects)}{_reason_to_ask(objects)}")
        if values[0] < 0 and not objects.size:
            raise ValueError(f"{name} has the values {_listed(values)}, expected labels above 0")
        return (array == objects[0]).astype(np.float32) if objects.size else np.zeros(array.shape, np.float32)
    if label not in (values[values >= 0] if has_zero else objects):
        came = "0, the background" if label == 0 and not has_zero else str(label)
        if _looks_grey(values):
            raise ValueError(f"label is {came}, expected none: {name} has {values.size} values and looks grey")
        raise ValueError(f"label is {came}, expected one of {_listed(_objects(values))}, which {name} has")
    return (array == label).astype(np.float32)


def _looks_grey(values: npt.NDArray[Any]) -> bool:
    """Return whether sorted whole numbers look like those of a grey mask of 8 bits."""
    return values.size > MANY_VALUES and bool(values[0] >= 0 and WHITE_MIN * 255 <= values[-1] <= 255)


def _refuse_grey(values: npt.NDArray[Any], name: str) -> None:
    """Refuse whole numbers, sorted, that are those of a grey mask of 8 bits in a larger type."""
    if _looks_grey(values) and values.dtype != np.uint8:
        raise ValueError(
            f"{name} has {values.size} values from {values[0]} to {values[-1]} and looks like a grey mask, expected it "
            "saved as uint8 (array.astype('uint8')); if these are labels, choose one: --label N (in Python label=N)"
        )


def _refuse_faint(array: npt.NDArray[Any], values: npt.NDArray[Any], name: str) -> None:
    """Refuse whole numbers that are those of a soft mask whose object is not white; values are theirs, sorted."""
    scale = 65535 if array.dtype == np.uint16 and values[-1] > 255 else 255
    if values.size > MANY_LABELS + 1 and 0 <= values[0] and values[-1] < WHITE_MIN * scale and _has_ramps(array):
        raise ValueError(
            f"{name} is grey with {values.size} levels up to {values[-1]} of {scale}, a faint soft mask? expected it "
            "scaled so that the object is white, or, if these are labels, one of them: --label N (in Python label=N)"
        )


def _has_ramps(array: npt.NDArray[Any]) -> bool:
    """Return whether whole numbers (H, W) above 0 change as in a soft mask; labels fill regions of one value.

    On a steep ramp most pixels differ from a neighbour, and on a flat one the steps are small.
    """
    numbers = array.astype(np.int64)
    steps = np.concatenate([np.abs(np.diff(numbers, axis=axis)).ravel() for axis in (0, 1)])
    steps = steps[steps > 0]
    n_between = np.count_nonzero((numbers > 0) & (numbers < numbers.max()))
    return steps.size > n_between or np.count_nonzero(steps <= SMALL_STEP) > MOST * steps.size


def _objects(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return those of sorted values that are labels of an object: above 0, and not VOID beside smaller ones."""
    objects = values[values > 0]
    return objects[:-1] if objects.size > 1 and objects[-1] == VOID else objects


def _described(values: npt.NDArray[Any]) -> str:
    """Return the labels among values above 0 for a message, and whether VOID is left out."""
    objects = _objects(values)
    left_out = f" ({VOID} is left out: it belongs to no object)" if objects.size < values.size else ""
    return f"label{'s' if objects.size > 1 else ''} {_listed(objects)}{left_out}"


def _expected(values: npt.NDArray[Any]) -> str:
    objects = _objects(values)
    example = int(objects[0]) if objects.size else int(values[-1])
    which = "it" if objects.size == 1 else "one of them"
    return f"expected {which} as the object: --label {example} (in Python label={example})"


def _reason_to_ask(values: npt.NDArray[Any]) -> str:
    """Return why one label beside VOID needs a choice, for a message; "" if there are several."""
    if _objects(values).size > 1:
        return ""
    return (
        f"; without a palette, {VOID} may also be the white object of a grey mask (--label {VOID}), and only in a "
        "palette picture is it certain to belong to none"
    )


def _listed(values: npt.NDArray[Any]) -> str:
    """Return labels as a list for a message, which ends after some of them."""
    more = f" and {values.size - MAX_LISTED} more" if values.size > MAX_LISTED else ""
    return ", ".join(str(int(value)) for value in values[:MAX_LISTED]) + more


def _array_bytes(path: Source, max_pixels: int) -> bytes:
    limit = BYTES_PER_PIXEL * check_integer(max_pixels, "max_pixels", low=1) + EXTRA_BYTES
    return read_all(path, f"mask {name_of(path)}", lambda _: None, limit)


def _array_size(content: bytes, name: str, max_pixels: int) -> tuple[int, int]:
    """Return height and width by the header of an array file; refuse other than one channel of numbers."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except (ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{name} is damaged or truncated ({reason}), expected a NumPy array") from error
    if dtype.kind not in "biuf":
        raise ValueError(f"{name} is an array of {dtype}, expected numbers or bool")
    if math.prod(shape) == 0:
        raise ValueError(f"{name} is empty, with shape {shape}, expected at least one pixel")
    height, width = _one_channel(np.broadcast_to(np.zeros((), bool), shape), name).shape
    check_pixels(width, height, name, max_pixels)
    return height, width


def _read_array(path: Source, name: str, max_pixels: int) -> npt.NDArray[Any]:
    """Return the array of a file; its header is checked first."""
    content = _array_bytes(path, max_pixels)
    _array_size(content, name, max_pixels)
    try:
        return np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{name} is damaged or truncated ({reason}), expected a NumPy array") from error
