"""Independent parts of the unknown region: parts that no window of a local Laplacian connects."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["independent_regions"]

MIN_UNKNOWNS = 20_000  # smaller parts are solved together, because each solve has a fixed cost


def independent_regions(
    is_unknown: npt.NDArray[np.bool_], reach: int
) -> list[tuple[tuple[slice, slice], npt.NDArray[np.bool_]]]:
    """Return the parts of the unknown region between which a Laplacian has no entry, each in a crop of the image.

    Pixels within reach of each other lie in the same or in adjacent squares of that side. So the parts are connected
    components of squares, a fourth as many as pixels for windows of 3 x 3.

    Conjugate gradients on the whole region take as many iterations as the hardest part, and the memory of all parts.
    Part by part, easy parts stop early, and a part's arrays stay in the processor's cache. Small parts share a crop.

    Parameters
    ----------
    is_unknown : (H, W) bool array
        Unknown pixels.
    reach : int
        Largest distance in x or y between two pixels with an entry: the side of the windows minus 1.

    Returns
    -------
    regions : list of ((slice, slice), (h, w) bool array)
        Rows and columns of a crop, and the part's pixels in it. The crop contains every window of the part that lies in
        the image. The parts are disjoint and cover the unknown region; crops may overlap.

    Examples
    --------
    >>> is_unknown = np.zeros((9, 9), bool)
    >>> is_unknown[0, 0] = is_unknown[8, 4] = True
    >>> [(crop[0], part.sum()) for crop, part in independent_regions(is_unknown, 2)]
    [(slice(0, 9, None), np.int64(2))]
    """
    counts = _count_in_squares(is_unknown, reach)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((counts > 0).view(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel(), weights=counts.ravel(), minlength=count)[1:].astype(np.int64)
    if len(sizes) == 0:
        return []
    if sizes.sum() < MIN_UNKNOWNS:
        groups = [np.arange(1, count)]
    else:
        groups = _join_small(sizes)
    boxes = reach * np.stack([stats[1:, 1], stats[1:, 1] + stats[1:, 3], stats[1:, 0], stats[1:, 0] + stats[1:, 2]])
    member = np.zeros(count, bool)
    regions = []
    for group in groups:
        crop = _crop(boxes[:, group - 1], reach, is_unknown.shape)
        member[group] = True
        inside = _enlarged(member, labels, reach, crop)
        member[group] = False
        regions.append((crop, inside & is_unknown[crop]))
    return regions


def _count_in_squares(mask: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.uint32]:
    """Count the True pixels in each square of `side` pixels, (ceil(H / side), ceil(W / side))."""
    height, width = mask.shape
    whole = np.pad(mask, ((0, -height % side), (0, -width % side))).astype(np.uint16)
    rows = sum(whole[k::side] for k in range(1, side)) + whole[::side]
    rows = rows.astype(np.uint32)  # a square may have more than 65,535 pixels
    return sum(rows[:, k::side] for k in range(1, side)) + rows[:, ::side]


def _enlarged(
    member: npt.NDArray[np.bool_], labels: npt.NDArray[np.int32], side: int, crop: tuple[slice, slice]
) -> npt.NDArray[np.bool_]:
    """Return a crop of the mask that is True in the squares of `side` pixels whose label is a member."""
    of_labels = tuple(slice(part.start // side, -(-part.stop // side)) for part in crop)
    inside = member[labels[of_labels]].repeat(side, axis=0).repeat(side, axis=1)
    top, left = (part.start % side for part in crop)
    return inside[top : top + crop[0].stop - crop[0].start, left : left + crop[1].stop - crop[1].start]


def _join_small(sizes: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Group the parts, numbered from 1: large parts alone, small ones in order until a group is large."""
    groups, waiting, n_waiting = [], [], 0
    for number, size in enumerate(sizes.tolist(), start=1):
        if size >= MIN_UNKNOWNS:
            groups.append(np.array([number]))
            continue
        waiting.append(number)
        n_waiting += size
        if n_waiting >= MIN_UNKNOWNS:
            groups.append(np.array(waiting))
            waiting, n_waiting = [], 0
    return [*groups, np.array(waiting)] if waiting else groups


def _crop(boxes: npt.NDArray[Any], margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of the bounding box of boxes (4, n), extended by a margin within the image."""
    top, left = np.maximum(boxes[[0, 2]].min(axis=1) - margin, 0)
    bottom, right = np.minimum(boxes[[1, 3]].max(axis=1) + margin, shape)
    return slice(int(top), int(bottom)), slice(int(left), int(right))
