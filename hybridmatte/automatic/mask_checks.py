"""Check a mask that a user gave, and bring it to the size of its image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.errors import warn_caller
from hybridmatte.io.masks import check_mask_aspect, mask_of_array
from hybridmatte.trimap import LABELS_COUNT, LABELS_MAX, refuse_labels

__all__ = ["check_outline", "fit_mask", "is_border_inside", "warn_if_inverted"]

BORDER_MAX = 0.65  # a mask that contains this share of the image's border is probably inverted
WHOLE = 0.01  # largest distance of a scaled label from a whole number
INVERT = "if it is white where the object is not, invert it"
INVERT_OPTION = f"{INVERT}: --invert (in Python 1 - mask)"


def fit_mask(
    mask: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    label: int | None = None,
    square: bool = False,
    is_inverted: bool = False,
    advice: str = INVERT_OPTION,
) -> npt.NDArray[np.float32]:
    """Check a mask and bring it to an image's size.

    Parameters
    ----------
    mask : (h, w) array
        In [0, 1], or bool, uint8, uint16, or labels.
    shape : (int, int)
        H and W of the image.
    label, square
        As for `matte_from_mask`.
    is_inverted : bool, default False
        Whether ``--invert`` inverted the mask: if it seems inverted, that was one time too often.
    advice : str
        What the warning of a mask that seems inverted says otherwise.

    Returns
    -------
    mask : (H, W) float32 array
        Interpolated if the size differs.

    Raises
    ------
    ValueError
        As `matte_from_mask`.
    """
    plane = mask_of_array(mask, label)
    check_mask_aspect(plane.shape, shape, square=square)
    plane = enlarged(plane, shape)
    check_outline(plane)
    if is_inverted:
        warn_if_inverted(plane, "if it is white where the object is not, leave out --invert")
    else:
        warn_if_inverted(plane, advice)
    return plane


def check_outline(mask: npt.NDArray[np.float32]) -> None:
    """Refuse a mask (H, W) that is empty, holds small labels or has no outline."""
    largest = float(mask.max())
    if largest < LABELS_MAX and not _may_be_labels(mask):
        raise ValueError(
            f"mask is empty, with no value above {largest:.4f} of 1, expected the outline of an object, white near 1"
        )
    refuse_labels(mask, "mask")
    is_inside = mask >= INSIDE_MIN
    if not is_inside.any() or is_inside.all():
        raise ValueError(
            f"mask has {'every' if is_inside.any() else 'no'} pixel inside, expected the outline of an "
            f"object; {_reason_outside(largest)}"
        )


def _may_be_labels(mask: npt.NDArray[np.float32]) -> bool:
    """Return whether a mask (H, W) holds a few whole numbers, scaled as those of 8 or 16 bits are."""
    values = np.unique(mask)
    scaled = values * np.float32(65535)
    return values.size <= LABELS_COUNT and bool(np.abs(scaled - np.rint(scaled)).max() < WHOLE)


def _reason_outside(largest: float) -> str:
    """Say, for an error, why no pixel of a mask is inside, or every one."""
    rule = "pixels at least half as bright as white are inside"
    if not largest:
        return f"it is empty: {rule}"
    return rule if largest >= INSIDE_MIN else f"{rule}, and its largest value is {largest:.4f} of 1"


def warn_if_inverted(mask: npt.NDArray[np.float32], advice: str = INVERT_OPTION) -> None:
    """Warn if a mask (H, W) that a user gave is probably inverted; a segmenter's mask never is."""
    share = _border_inside(mask)
    if share >= BORDER_MAX:
        warn_caller(
            f"mask contains {share:.0%} of the image's border, as where an object fills the picture; {advice}",
            UserWarning,
        )


def is_border_inside(mask: npt.NDArray[np.float32]) -> bool:
    """Return whether a mask (H, W) contains so much of the image's border that it is probably inverted."""
    return _border_inside(mask) >= BORDER_MAX


def _border_inside(mask: npt.NDArray[np.float32]) -> float:
    """Return the share of the image's border that is inside a mask."""
    is_inside = mask >= INSIDE_MIN
    return float(np.concatenate([is_inside[0], is_inside[-1], is_inside[:, 0], is_inside[:, -1]]).mean())
