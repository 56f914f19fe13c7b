"""Which pixels of a large image are searched for the neighbours of its unknown pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte.trimap import grown

__all__ = ["candidate_pixels", "flat_indices"]

SPACING = 5  # pixels of a row or column from one candidate to the next, where not all are candidates


def candidate_pixels(is_unknown: npt.NDArray[np.bool_], dense: float, reach: float = np.inf) -> npt.NDArray[np.int32]:
    """Return pixels within reach of the unknown ones (H, W): all of them near by, and farther away every fifth.

    Adjacent pixels are similar, so one stands for those beside it. Pixels next to the unknown region are kept: they are
    often the nearest known ones, and without them more neighbours would be unknown. A mirrored or transposed image has
    the mirrored or transposed candidates.

    Parameters
    ----------
    is_unknown : (H, W) bool array
        At least one pixel.
    dense : float
        Distance from the unknown pixels, in pixels by the larger of x and y, up to which every pixel is a candidate.
    reach : float, optional
        Distance up to which every fifth pixel of a row and column is one; by default no pixel is too far away.

    Returns
    -------
    candidates : (n,) int32 array
        Flat indices, ascending, of all unknown pixels and others.
    """
    from_middle = (np.abs(2 * np.arange(side) + 1 - side) // 2 for side in is_unknown.shape)
    is_candidate = np.add.outer(*(np.uint8(distance % SPACING) for distance in from_middle)) % SPACING == 0
    if reach < np.inf:
        is_candidate &= grown(is_unknown, reach)
    is_candidate |= grown(is_unknown, dense)
    return flat_indices(is_candidate)


def flat_indices(is_in: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Return the flat indices (n,) of the pixels of a mask (H, W), in the type that the kernels are compiled for."""
    return np.flatnonzero(is_in).astype(np.int32)
