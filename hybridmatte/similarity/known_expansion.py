"""Known regions grown into the unknown one, where colours nearly repeat: the first step of several methods."""

import numpy as np

from hybridmatte._validation import check_image, check_number, check_plane
from hybridmatte.trimap import split_trimap

__all__ = ["expand_known"]


def expand_known(image, trimap, *, radius=12.0, color_distance=12 / 255):
    """Return a trimap whose unknown pixels near known pixels of almost the same colour have become known.

    An unknown pixel takes the label of the nearest known pixel that lies within `radius` and whose colour is close
    enough; the allowed colour distance falls linearly from `color_distance` at 0 pixels to 0 at `radius`. Wide
    unknown regions shrink to where the colours are in doubt, which helps both accuracy and speed of methods that
    compare colours. Time is at most `pi radius**2` comparisons an unknown pixel, about 0.3 microseconds by default
    on two cores.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    radius : float, default 12
        Reach in pixels; 0 changes nothing, at most 100.
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
    At equal distance in the image the nearer colour decides; a pixel that is as close to both regions stays unknown.
    The rule is Shahrian's [2]_; shared sampling [1]_ keeps the colour distance constant.

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
    import cv2

    from hybridmatte.similarity._known_expansion_numba import expand

    image = check_image(image)
    trimap = check_plane(trimap, "trimap", image.shape)
    radius = check_number(radius, "radius", low=0, high=100)
    color_distance = check_number(color_distance, "color_distance", low=0)
    regions = split_trimap(trimap)
    labels = np.where(regions.is_foreground, 1, np.where(regions.is_background, 0, -1)).astype(np.int8)
    if radius > 0:
        known = cv2.distanceTransform(np.uint8(labels < 0), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        labels = expand(image, labels, known, *_rings(radius, color_distance))
    return np.where(labels < 0, np.float32(0.5), labels.astype(np.float32))


def _rings(radius, color_distance):
    """Return the rings of a disk: their squared distances, offsets in one list, its ends, squared colour distances."""
    reach = int(radius)
    offsets = np.stack(np.mgrid[-reach:reach + 1, -reach:reach + 1], axis=2).reshape(-1, 2)
    squared = (offsets**2).sum(axis=1)
    order = np.lexsort((offsets[:, 1], offsets[:, 0], squared))
    order = order[(squared[order] > 0) & (squared[order] <= radius**2)]
    distances, ends = np.unique(squared[order], return_index=True)
    limits = (color_distance * (1.0 - np.sqrt(distances) / radius)) ** 2
    ends = np.concatenate([ends[1:], [len(order)]])
    return distances.astype(np.int64), offsets[order].astype(np.int32), ends.astype(np.int32), limits.astype(np.float32)

