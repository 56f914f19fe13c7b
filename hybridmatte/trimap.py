"""Split trimaps into regions, and make trimaps from masks and alphas."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._trimap_numba import euclidean_depth
from hybridmatte._validation import check_number, check_plane

__all__ = ["Regions", "split_trimap", "trimap_from_alpha", "trimap_from_mask"]

BACKGROUND_MAX = 0.1
FOREGROUND_MIN = 0.9
LABELS_MAX = 0.1  # a plane whose largest value is above 0 and below this holds small labels such as 0, 1, 2
LABELS_COUNT = 16  # a mask of at most this many values without white holds labels too
MASK_BAND = 0.01  # default widths of the unknown band on each side of the outline, as shares of the image's diagonal
ALPHA_BAND = 0.005


class Regions(NamedTuple):
    """The regions of a trimap as (H, W) boolean masks."""

    is_foreground: npt.NDArray[np.bool_]
    is_background: npt.NDArray[np.bool_]
    is_known: npt.NDArray[np.bool_]
    is_unknown: npt.NDArray[np.bool_]

    @property
    def missing(self) -> list[str]:
        """The names, "foreground" and "background", of the known regions that have no pixel."""
        named = {"foreground": self.is_foreground, "background": self.is_background}
        return [name for name, region in named.items() if not region.any()]


def split_trimap(trimap: npt.ArrayLike) -> Regions:
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
        If trimap has more than one channel, is empty, has a value that is not finite or outside [0, 1], or has only
        values so small that they must be labels.

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


def refuse_labels(plane: npt.NDArray[np.float32], name: str) -> None:
    """Refuse a plane of small labels, such as 0, 1 and 2 of 255: after scaling, every pixel would be background."""
    largest = float(plane.max())
    if 0.0 < largest < LABELS_MAX:
        raise ValueError(
            f"{name} has no value above {largest:.4f} of 1, expected white near 1; labels such as 0, 1, 2 "
            "must be scaled first"
        )


def trimap_from_mask(
    mask: npt.ArrayLike, *, erode: float | None = None, dilate: float | None = None, threshold: float = 0.5
) -> npt.NDArray[np.float32]:
    """Make a trimap from a mask: a band of unknown pixels along the mask's outline.

    Use it for the masks of segmentation networks and for hand-drawn selections. The band should contain every pixel
    that mixes foreground and background, including hair and motion blur, because pixels outside the band keep the
    mask's value. It should contain little else, because a solver's time grows with the number of unknown pixels. Time
    and memory are linear in the number of pixels (exact Euclidean distance transform).

    Parameters
    ----------
    mask : (H, W) array
        In [0, 1], or bool, uint8 or uint16. Soft masks are thresholded.
    erode : float, optional
        Erosion of the foreground in pixels: foreground pixels whose distance to the nearest pixel outside the mask is
        at most this become unknown (the outermost foreground pixels have distance 1). By default 1% of the image's
        diagonal, but at most half of each object's largest distance, so that small objects keep a core. Specks, whose
        largest distance is below 0.5% of the diagonal, become unknown as a whole, unless nothing else is foreground.
    dilate : float, optional
        Width in pixels of the unknown band outside the outline. By default 1% of the diagonal.
    threshold : float, default 0.5
        Pixels of at least this value are foreground.

    Returns
    -------
    trimap : (H, W) float32 array
        0 background, 0.5 unknown, 1 foreground. A mask without an outline, all foreground or all background, gives a
        trimap of all 1 or all 0.

    Raises
    ------
    ValueError
        If a width is negative, or so large that no foreground or no background remains.

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
    if 0.0 < mask.max() < min(threshold, 0.5) and np.unique(mask).size <= LABELS_COUNT:
        raise ValueError(
            f"mask has {np.unique(mask).size} different values up to {mask.max():.4f} of 1, expected white near 1; "
            "of a label mask, take one label: labels == label"
        )
    return trimap_along(mask >= np.float32(threshold), erode, dilate, MASK_BAND)


def trimap_along(
    is_inside: npt.NDArray[np.bool_], erode: float | None, dilate: float | None, share: float
) -> npt.NDArray[np.float32]:
    """Return the trimap of a boolean mask (H, W); widths of None are `share` of the image's diagonal."""
    return _trimap_of_regions(is_inside, ~is_inside, erode, dilate, share)


def trimap_from_alpha(
    alpha: npt.ArrayLike,
    *,
    low: float = 0.05,
    high: float = 0.95,
    erode: float | None = None,
    dilate: float | None = None,
) -> npt.NDArray[np.float32]:
    """Make a trimap from an alpha: mixed pixels and a margin around them become unknown.

    Use it to refine a network's alpha, or to make training trimaps from true alphas. Time and memory are linear in
    the number of pixels (exact Euclidean distance transforms).

    Parameters
    ----------
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16.
    low, high : float, default 0.05 and 0.95
        Pixels of at most `low` are background, pixels of at least `high` are foreground, and pixels between are
        always unknown. 0 <= low < high <= 1.
    erode : float, optional
        Erosion of the foreground in pixels: foreground pixels within this distance of a pixel that is not foreground
        become unknown. By default 0.5% of the image's diagonal; small objects and specks as in `trimap_from_mask`.
    dilate : float, optional
        Erosion of the background in pixels. By default 0.5% of the diagonal.

    Returns
    -------
    trimap : (H, W) float32 array
        0 background, 0.5 unknown, 1 foreground.

    Raises
    ------
    ValueError
        If low is not below high, or a width is negative, or so large that no foreground or no background remains.

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
    return _trimap_of_regions(alpha >= np.float32(high), alpha <= np.float32(low), erode, dilate, ALPHA_BAND)


def _trimap_of_regions(
    is_foreground: npt.NDArray[np.bool_],
    is_background: npt.NDArray[np.bool_],
    erode: float | None,
    dilate: float | None,
    share: float,
) -> npt.NDArray[np.float32]:
    """Return the trimap of two regions after their erosion; widths of None are `share` of the image's diagonal."""
    trimap = np.full(is_foreground.shape, 0.5, dtype=np.float32)
    default = share * float(np.hypot(*is_foreground.shape))
    trimap[_eroded_background(is_background, dilate, default)] = 0.0
    trimap[_eroded_foreground(is_foreground, erode, default)] = 1.0
    return trimap


def _eroded_background(region: npt.NDArray[np.bool_], width: float | None, default: float) -> npt.NDArray[np.bool_]:
    """Return the background eroded by one width."""
    width = default if width is None else check_number(width, "dilate", low=0.0)
    if not region.any() or region.all():
        return region
    return _eroded(depth_inside(region), width, "dilate", "background")


def _eroded_foreground(region: npt.NDArray[np.bool_], width: float | None, default: float) -> npt.NDArray[np.bool_]:
    """Return the foreground eroded by one width, or for None by a width for each object."""
    if width is not None:
        width = check_number(width, "erode", low=0.0)
    if not region.any() or region.all():
        return region
    distance = depth_inside(region)
    if width is None:
        return distance > _erosion_widths(region, distance, default)
    return _eroded(distance, width, "erode", "foreground")


def _eroded(distance: npt.NDArray[np.float32], width: float, option: str, region_name: str) -> npt.NDArray[np.bool_]:
    """Return the pixels whose distance to the region's outside exceeds a width; refuse a width that leaves none."""
    largest = float(distance.max())
    if width >= largest:
        raise ValueError(
            f"{option} is {width:.4g} pixels and leaves no {region_name}, expected less than {largest:.4g}"
        )
    return distance > width


def _erosion_widths(
    region: npt.NDArray[np.bool_], distance: npt.NDArray[np.float32], default: float
) -> npt.NDArray[np.float32]:
    """Return each pixel's erosion width: that of its object, which is a connected component of the region.

    The width is the smaller of the default and half of the object's largest distance. Specks, whose largest distance
    is below half of the default, get the default, which erases them; the object with the largest distance of all
    is never erased.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    widths = np.full(count, default, np.float32)
    shorter_sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    deepest = int(labels.flat[np.argmax(distance)])
    # Within the image, an object's largest distance is at most (shorter side + 1) / 2: smaller boxes hold only specks.
    large_enough = np.flatnonzero(shorter_sides[1:] >= default - 1) + 1
    for label in {deepest, *large_enough.tolist()}:
        left, top, width, height = boxes[label, :4]
        box = slice(top, top + height), slice(left, left + width)
        largest = float(distance[box].max(where=labels[box] == label, initial=0.0))
        if label == deepest or largest >= default / 2:
            widths[label] = min(default, largest / 2)
    return widths[np.asarray(labels, np.int32)]


def depth_inside(region: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the exact Euclidean distance transform (H, W) of a boolean region.

    Inside the region this is the distance to the nearest pixel outside; outside it is 0. The image's border does not
    count as outside: of a region that fills the image, all distances are infinite. The result is the root of a whole
    number, rounded once; OpenCV's varies in the last bits between equal calls.
    """
    if region.all():
        return np.full(region.shape, np.inf, np.float32)
    return euclidean_depth(np.ascontiguousarray(region))


def grown(region: npt.NDArray[np.bool_], reach: float) -> npt.NDArray[np.bool_]:
    """Return the pixels (H, W) within reach, in pixels by the larger of x and y, of a pixel of a boolean region."""
    side = 2 * min(int(reach), max(region.shape)) + 1
    counted = region.view(np.uint8)
    return cv2.boxFilter(counted, cv2.CV_32S, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT) > 0


def box_around(region: npt.NDArray[np.bool_], margin: float) -> tuple[slice, slice]:
    """Return rows and columns of the smallest box that holds a region, which is not empty, and a margin in pixels."""
    width = int(np.ceil(margin)) + 1
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    return tuple(slice(max(int(found[0]) - width, 0), int(found[-1]) + width + 1) for found in (rows, columns))
