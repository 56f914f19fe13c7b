"""Split trimaps into regions, and make trimaps from masks and alphas."""

from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_number, check_plane

__all__ = ["Regions", "split_trimap", "trimap_from_alpha", "trimap_from_mask"]

BACKGROUND_MAX = 0.1
FOREGROUND_MIN = 0.9
LABELS_MAX = 0.1  # a largest value below, but above 0, is that of labels such as 0, 1, 2, or 15, stored in a picture


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
        If trimap has more than one channel, is empty, a value is not finite or outside [0, 1], or all are so small
        that they must be labels.

    Examples
    --------
    >>> import numpy as np
    >>> split_trimap(np.array([[0, 128, 255]], dtype=np.uint8)).is_unknown
    array([[False,  True, False]])
    """
    trimap = check_plane(trimap, "trimap")
    refuse_labels(trimap, "trimap")
    is_foreground = trimap >= np.float32(FOREGROUND_MIN)
    is_background = trimap <= np.float32(BACKGROUND_MAX)
    is_known = is_foreground | is_background
    return Regions(is_foreground, is_background, is_known, ~is_known)


def refuse_labels(plane, name):
    """Refuse a plane whose largest value is that of a small label, which would count as black throughout."""
    largest = float(plane.max())
    if 0.0 < largest < LABELS_MAX:
        raise ValueError(f"{name} has no value above {largest:.4f} of 1, expected white near 1; labels such as 0, 1, 2 "
                         "must be scaled first")


def trimap_from_mask(mask, *, erode=None, dilate=None, threshold=0.5):
    """Make a trimap from a mask: a band of unknown pixels along its outline.

    For masks of segmentation networks and hand-drawn selections. The band should hold every pixel that is a
    mixture, with hair and motion blur, and no more: solvers are exact nowhere else, and pay by the unknown pixel.
    Time and memory are linear in the number of pixels (exact Euclidean distance transform).

    Parameters
    ----------
    mask : (H, W) array
        In [0, 1], or bool, uint8 or uint16; soft masks are cut at `threshold`.
    erode : float, optional
        Width in pixels of the band inside the outline: foreground pixels whose distance to the nearest
        background pixel is at most this become unknown (the outermost foreground pixels are at distance 1).
        Default: 1% of the image's diagonal, but of each object no more than half the distance of its innermost pixel,
        so that small objects keep a core. Specks, narrower than that 1%, become unknown altogether, unless they are
        all there is.
    dilate : float, optional
        Width in pixels of the band outside the outline. Default: 1% of the diagonal.
    threshold : float, default 0.5
        Pixels of at least this are inside.

    Returns
    -------
    trimap : (H, W) float32 array
        0 background, 0.5 unknown, 1 foreground. A mask all inside or all outside has no outline and is
        returned as all 1 or all 0.

    Raises
    ------
    ValueError
        If a width is negative, or leaves no foreground or no background at all.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((1, 9), dtype=bool)
    >>> mask[:, 5:] = True
    >>> trimap_from_mask(mask, erode=1, dilate=2)
    array([[0. , 0. , 0. , 0.5, 0.5, 0.5, 1. , 1. , 1. ]], dtype=float32)
    """
    mask = check_plane(mask, "mask")
    refuse_labels(mask, "mask")
    threshold = check_number(threshold, "threshold", above=0.0, high=1.0)
    return trimap_along(mask >= np.float32(threshold), erode, dilate, 0.01)


def trimap_along(is_inside, erode, dilate, share):
    """Return the trimap of a mask (H, W) bool, whose band is by default `share` of the diagonal wide on each side."""
    return _banded(is_inside, ~is_inside, erode, dilate, share)


def trimap_from_alpha(alpha, *, low=0.05, high=0.95, erode=None, dilate=None):
    """Make a trimap from an alpha: its mixed pixels and a margin around them are unknown.

    For refining the alpha of a network, or making training trimaps from true alphas. Time and memory are linear
    in the number of pixels (exact Euclidean distance transforms).

    Parameters
    ----------
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16.
    low, high : float, default 0.05 and 0.95
        Pixels above `low` are not background, pixels below `high` are not foreground; those between are always
        unknown. 0 <= low < high <= 1.
    erode : float, optional
        Margin in pixels inside: foreground pixels within this distance of a pixel that is not foreground become
        unknown. Default: 0.5% of the image's diagonal; small objects and specks as in `trimap_from_mask`.
    dilate : float, optional
        Margin in pixels outside, likewise. Default: 0.5% of the diagonal.

    Returns
    -------
    trimap : (H, W) float32 array
        0 background, 0.5 unknown, 1 foreground.

    Raises
    ------
    ValueError
        If low is not below high, or a width is negative, or leaves no foreground or no background at all.

    Examples
    --------
    >>> import numpy as np
    >>> trimap_from_alpha(np.array([[0, 0, 0, 0.4, 1, 1, 1]]), erode=1, dilate=1)
    array([[0. , 0. , 0.5, 0.5, 0.5, 1. , 1. ]], dtype=float32)
    """
    alpha = check_plane(alpha, "alpha")
    low = check_number(low, "low", low=0.0, high=1.0)
    high = check_number(high, "high", low=0.0, high=1.0)
    if low >= high:
        raise ValueError(f"low is {low:g} and high is {high:g}, expected low below high")
    return _banded(alpha >= np.float32(high), alpha <= np.float32(low), erode, dilate, 0.005)


def _banded(is_foreground, is_background, erode, dilate, share):
    """Return the trimap whose known regions are eaten from their edges, by `share` of the diagonal if not given."""
    trimap = np.full(is_foreground.shape, 0.5, dtype=np.float32)
    width = share * float(np.hypot(*is_foreground.shape))
    trimap[_eaten(is_background, dilate, "dilate", width, "background")] = 0.0
    trimap[_eaten(is_foreground, erode, "erode", width, "foreground")] = 1.0
    return trimap


def _eaten(region, width, name, default, what):
    """Return the pixels of a region further than `width` from every pixel outside it; refuse if there are none."""
    if width is not None:
        width = check_number(width, name, low=0.0)
    if not region.any() or region.all():
        return region
    distance = depth_inside(region)
    innermost = float(distance.max())
    if width is None and name == "erode":
        return distance > _width_by_object(region, distance, default)
    width = default if width is None else width
    if width >= innermost:
        raise ValueError(f"{name} is {width:.4g} pixels and leaves no {what}, expected less than {innermost:.4g}")
    return distance > width


def _width_by_object(region, distance, default):
    """Return each pixel's width to be eaten: the default, but half of what its object has, for all but specks."""
    import cv2

    count, labels, boxes, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    widths = np.full(count, default, np.float32)
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    deepest = labels.flat[np.argmax(distance)]
    for label in {int(deepest), *(np.flatnonzero(sides[1:] >= default - 1) + 1).tolist()}:
        left, top, width, height = boxes[label, :4]
        box = slice(top, top + height), slice(left, left + width)
        depth = float(distance[box].max(where=labels[box] == label, initial=0.0))
        if label == deepest or depth >= default / 2:
            widths[label] = min(default, depth / 2)
    return widths[labels]


def depth_inside(region):
    """Return each pixel's distance to the nearest pixel outside a boolean region, (H, W) float32; infinite if none is.

    What lies beyond the image's border is neither inside nor outside.
    """
    import cv2

    if region.all():
        return np.full(region.shape, np.inf, np.float32)
    return cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
