"""Split trimaps into regions, and make trimaps from masks and alphas."""

from typing import NamedTuple

import numpy as np

from hybridmatte._check import check_plane

__all__ = ["Regions", "split_trimap"]

BACKGROUND_MAX = 0.1
FOREGROUND_MIN = 0.9


class Regions(NamedTuple):
    """The regions of a trimap as (H, W) boolean masks."""

    is_foreground: np.ndarray
    is_background: np.ndarray
    is_known: np.ndarray
    is_unknown: np.ndarray


def split_trimap(trimap):
    """Split a trimap into its foreground, background, known and unknown regions.

    Parameters
    ----------
    trimap : (H, W) array
        Values in [0, 1] (uint8 and uint16 are scaled): background at most 0.1, foreground at least 0.9,
        the rest unknown.

    Returns
    -------
    regions : Regions
        Four (H, W) boolean arrays: is_foreground, is_background, is_known, is_unknown.

    Raises
    ------
    ValueError
        If trimap has more than one channel, is empty, or a value is not finite or outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> split_trimap(np.array([[0, 128, 255]], dtype=np.uint8)).is_unknown
    array([[False,  True, False]])
    """
    trimap = check_plane(trimap, "trimap")
    is_foreground = trimap >= np.float32(FOREGROUND_MIN)
    is_background = trimap <= np.float32(BACKGROUND_MAX)
    is_known = is_foreground | is_background
    return Regions(is_foreground, is_background, is_known, ~is_known)
