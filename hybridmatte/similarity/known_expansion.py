"""Expansion of the known regions: unknown pixels near known pixels of almost the same colour become known.

Several methods start with this step.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_number, check_plane
from hybridmatte.similarity._known_expansion_numba import expand
from hybridmatte.trimap import depth_inside, split_trimap

__all__ = ["expand_known"]


def expand_known(
    image: npt.ArrayLike, trimap: npt.ArrayLike, *, radius: float = 12.0, color_distance: float = 12 / 255
) -> npt.NDArray[np.float32]:
    """Return a trimap in which unknown pixels near known pixels of almost the same colour have become known.

    An unknown pixel takes the label of the nearest known pixel within `radius` whose colour is close enough. The
    allowed colour distance falls linearly from `color_distance` at 0 pixels to 0 at `radius`. Wide unknown regions
    shrink to the pixels whose colour is ambiguous, which makes methods that compare colours more accurate and faster.
    Each unknown pixel needs at most `pi radius**2` comparisons: with the defaults about 0.3 microseconds a pixel on
    two cores.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    radius : float, default 12
        Largest distance in pixels, from 0 to 100; 0 changes nothing.
    color_distance : float, default 12 / 255
        Largest RGB distance, in [0, sqrt 3].

    Returns
    -------
    trimap : (H, W) float32 array
        0, 0.5 and 1; known pixels keep their label.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, or a value is not finite or out of range.

    Notes
    -----
    Among known pixels at the same distance in the image, the one with the nearest colour decides. If a background
    pixel and a foreground pixel have that same colour distance, known pixels at the next larger distance decide. The
    rule is that of Shahrian et al. [2]_; shared sampling [1]_ keeps the allowed colour distance constant.

    References
    ----------
    .. [1] E. Gastal, M. Oliveira. Shared sampling for real-time alpha matting. Eurographics 2010. Section 3.1.
    .. [2] E. Shahrian, D. Rajan, B. Price, S. Cohen. Improving image matting using comprehensive sampling sets.
       CVPR 2013. Section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 6, 3))
    >>> image[:, 3:] = 1.0
    >>> expand_known(image, np.array([[0.0, 0.5, 0.5, 0.5, 0.5, 1.0]])).tolist()
    [[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]
    """
    image = check_image(image)
    trimap = check_plane(trimap, "trimap", image.shape)
    radius = check_number(radius, "radius", low=0, high=100)
    color_distance = check_number(color_distance, "color_distance", low=0)
    regions = split_trimap(trimap)
    labels = regions.is_foreground.astype(np.int8) - regions.is_unknown  # 1 foreground, 0 background, -1 unknown
    if radius >= 1:  # the nearest other pixel is 1 pixel away
        labels = expand(image, labels, depth_inside(regions.is_unknown), *_rings(radius, color_distance))
    return np.where(labels < 0, np.float32(0.5), labels.astype(np.float32))


def _rings(
    radius: float, color_distance: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the rings of a disk, each the set of offsets at one distance, in ascending order.

    The four arrays are: squared distance of each ring; offsets of all rings, (N, 2) rows and columns; end of each ring
    in the offsets; largest squared colour distance allowed in each ring.
    """
    reach = int(radius)
    offsets = np.moveaxis(np.mgrid[-reach : reach + 1, -reach : reach + 1], 0, 2).reshape(-1, 2)
    squared = (offsets**2).sum(axis=1)
    order = np.lexsort((offsets[:, 1], offsets[:, 0], squared))
    order = order[(squared[order] > 0) & (squared[order] <= radius**2)]
    ring_squares, starts = np.unique(squared[order], return_index=True)
    ring_ends = np.append(starts[1:], len(order))
    limits = (color_distance * (1.0 - np.sqrt(ring_squares) / radius)) ** 2
    return (
        ring_squares.astype(np.int64),
        offsets[order].astype(np.int32),
        ring_ends.astype(np.int32),
        limits.astype(np.float32),
    )
