"""Halve images, planes and trimaps, and enlarge them back."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["doubled", "halved", "halved_trimap", "strokes"]

ThinParts = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.float32]], npt.NDArray[np.bool_]]


def halved(part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the means of the blocks of 2 x 2 pixels of an image or plane; an odd side gets its last pixels twice."""
    rows, columns = (side % 2 for side in part.shape[:2])
    if rows or columns:
        part = cv2.copyMakeBorder(part, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
    return cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)


def doubled(
    half: npt.NDArray[np.float32], shape: tuple[int, ...], interpolation: int = cv2.INTER_CUBIC
) -> npt.NDArray[np.float32]:
    """Return an image or plane of half the size, by `halved`, interpolated at the full size (H, W)."""
    height, width = half.shape[:2]
    return cv2.resize(half, (2 * width, 2 * height), interpolation=interpolation)[: shape[0], : shape[1]]


def strokes(is_known: npt.NDArray[np.bool_], share: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return the pixels with a known share that have no known pixel beside them: thin strokes and dots."""
    return (share > 0) & (cv2.dilate(np.uint8(is_known), np.ones((3, 3), np.uint8)) == 0)


def halved_trimap(trimap: npt.NDArray[np.float32], thin: ThinParts = strokes) -> npt.NDArray[np.float32]:
    """Return a trimap (H, W) of 0, 0.5 and 1 at half the height and width, (ceil(H / 2), ceil(W / 2)).

    A pixel of half the size is known if its four pixels are. Of parts that are too thin for that, `thin` chooses pixels
    that are known, too, from the known pixels and from the known share of each pixel, which is 0 if another of its four
    pixels is known to be the opposite.
    """
    shares = [halved((trimap == value).astype(np.float32)) for value in (0.0, 1.0)]
    half = np.full(shares[0].shape, 0.5, np.float32)
    for value, share, other in ((0.0, *shares), (1.0, *shares[::-1])):
        is_known = share > 1 - 1e-4
        half[is_known | thin(is_known, np.where(other == 0, share, np.float32(0)))] = value
    return half
