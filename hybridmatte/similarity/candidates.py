"""Which pixels of a large image are searched for the neighbours of its unknown pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte.trimap import grown

__all__ = ["candidate_pixels"]

SPACING = 5


def candidate_pixels(is_unknown: npt.NDArray[np.bool_], dense: float, reach: float = np.inf) -> npt.NDArray[np.int32]:
    """Return pixels within reach of the unknown ones (H, W): all of them near by, and farther away every fifth.

    Adjacent pixels are similar, so that one of them stands for the others. Pixels next to the unknown ones are the
    likeliest neighbours: without a known one of these, more neighbours would be unknown. The pixels of an image that is
    mirrored or turned are the mirrored or turned ones.

    Parameters
    ----------
    is_unknown : (H, W) bool array
        At least one pixel.
    dense, reach : float
        Distances in pixels, as the larger of x and y, up to which every pixel, and every fifth of each row and column,
        is a candidate; all farther ones by default.

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
    return np.flatnonzero(is_candidate).astype(np.int32)
