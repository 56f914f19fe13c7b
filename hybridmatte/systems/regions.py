"""Parts of the unknown region that no window joins: independent systems, each with its own pace."""

import numpy as np

__all__ = ["independent_regions"]

MIN_UNKNOWNS = 20_000  # regions below are joined with the next ones, as each solve has a fixed cost


def independent_regions(is_unknown, reach):
    """List the parts of the unknown region between which a Laplacian has no entry, in small crops of the image.

    Conjugate gradients on the whole takes the iterations of its hardest part, and the memory of all; part by part,
    easy parts stop early, and a part's arrays stay in the processor's cache. Small parts share a crop.

    Parameters
    ----------
    is_unknown : (H, W) bool array
        Unknown pixels.
    reach : int
        Largest distance in x or y between two pixels with an entry: side of the windows less 1.

    Returns
    -------
    regions : list of ((slice, slice), (h, w) bool array)
        Rows and columns of a crop, which holds every window of the part that lies in the image, and the part's pixels
        in it. The parts are disjoint and cover the unknown region; adjoining rows of crops may overlap.

    Examples
    --------
    >>> is_unknown = np.zeros((9, 9), bool)
    >>> is_unknown[0, 0] = is_unknown[8, 4] = True
    >>> [(crop[0], part.sum()) for crop, part in independent_regions(is_unknown, 2)]
    [(slice(0, 9, None), np.int64(2))]
    """
    import cv2

    side = 2 * (reach // 2) + 1
    joined = cv2.dilate(is_unknown.view(np.uint8), np.ones((side, side), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8, ltype=cv2.CV_32S)
    sizes = np.bincount(labels[is_unknown], minlength=count)[1:]
    if len(sizes) == 0:
        return []
    if sizes.sum() < MIN_UNKNOWNS:
        groups = [np.arange(1, count)]
    else:
        groups = _join_small(sizes)
    boxes = np.stack([stats[1:, 1], stats[1:, 1] + stats[1:, 3], stats[1:, 0], stats[1:, 0] + stats[1:, 2]])
    member = np.zeros(count, bool)
    regions = []
    for group in groups:
        member[group] = True
        crop = _crop(boxes[:, group - 1], reach, is_unknown.shape)
        regions.append((crop, member[labels[crop]] & is_unknown[crop]))
        member[group] = False
    return regions


def _join_small(sizes):
    """Group the numbers 1.. of the parts: each large part alone, small ones in order until they are large together."""
    groups, waiting = [], []
    for number in range(1, len(sizes) + 1):
        if sizes[number - 1] >= MIN_UNKNOWNS:
            groups.append(np.array([number]))
            continue
        waiting.append(number)
        if sizes[np.array(waiting) - 1].sum() >= MIN_UNKNOWNS:
            groups.append(np.array(waiting))
            waiting = []
    return [*groups, np.array(waiting)] if waiting else groups


def _crop(boxes, margin, shape):
    """Return the rows and columns around boxes (4, n) of first and last rows and columns, `margin` wider."""
    top, left = np.maximum(boxes[[0, 2]].min(axis=1) - margin, 0)
    bottom, right = np.minimum(boxes[[1, 3]].max(axis=1) + margin, shape)
    return slice(int(top), int(bottom)), slice(int(left), int(right))
