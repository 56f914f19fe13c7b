"""Solve at half the size of an image, and enlarge alpha along its colours: four times fewer unknown pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.band import lacks
from hybridmatte.correction.features import COLOURS, colour_regression
from hybridmatte.correction.matting import Quality, matte_by
from hybridmatte.correction.resizing import doubled, halved, halved_trimap
from hybridmatte.correction.weights import RESEARCH, WeightsKind
from hybridmatte.correction.window_statistics import WindowStatistics
from hybridmatte.trimap import box_around

__all__ = ["halved_band", "matte_band"]

LEAST_SIDE = 512  # pixels: shorter side of an image from which on "fast" solves at half the size
RADIUS = 1  # pixels of half the size: of the windows in which alpha is linear in the colours

Plane = npt.NDArray[np.float32]


def halved_band(trimap: Plane, quality: str | None) -> Plane | None:
    """Return the trimap of half the size that `matte_band` is to solve; None where it is to solve at full size.

    Quality "fast" halves an image of 512 x 512 pixels or more, if both known regions have a pixel of half the size.
    """
    if quality != "fast" or min(trimap.shape) < LEAST_SIDE or not (trimap == 0.5).any():
        return None
    half = halved_trimap(trimap, _thin_parts)
    return half if (half == 0).any() and (half == 1).any() else None


def matte_band(
    image: npt.NDArray[np.float32],
    trimap: Plane,
    half: Plane | None,
    method: str | None,
    quality: Quality | None,
    weights: WeightsKind = RESEARCH,
) -> Plane:
    """Estimate alpha by `matte_by`, at half the size if `half`, by `halved_band`, is given.

    A band along a mask is wide, because the mask is inexact; there an alpha of half the size is as good, and one pass
    of the quality "best", see the notes on the network that corrects masks. In each window of 3 x 3 pixels of half the
    size, alpha is fitted as a linear function of R, G and B, and these functions, interpolated, give alpha at the full
    size.

    References
    ----------
    .. [1] K. He, J. Sun. Fast guided filter. arXiv 2015.
    """
    if half is None:
        return matte_by(image, trimap, method, quality, weights, passes=1)
    small, unknown = halved(image), trimap == 0.5
    alpha = trimap.copy()
    box = box_around(unknown, 0)
    enlarged = _along_colours(small, matte_by(small, half, method, quality, weights), image, box)
    alpha[box][unknown[box]] = enlarged[unknown[box]]
    return alpha


def _thin_parts(is_known: npt.NDArray[np.bool_], share: Plane) -> npt.NDArray[np.bool_]:
    """Return pixels of which at least half is known, if no pixel of their part is wholly known.

    Smaller known specks of a band are often wrong, and are left unknown.
    """
    return lacks(is_known, share >= 0.5, connectivity=8)


def _along_colours(
    small: npt.NDArray[np.float32], alpha: Plane, image: npt.NDArray[np.float32], box: tuple[slice, slice]
) -> Plane:
    """Return alpha of half the size at the size of the image, in a box: linear in R, G and B from window to window."""
    lines = doubled(_colour_lines(small, alpha), image.shape, cv2.INTER_LINEAR)[box]
    return ((lines[:, :, :3] * image[box]).sum(axis=2) + lines[:, :, 3]).clip(0, 1)


def _colour_lines(image: npt.NDArray[np.float32], alpha: Plane) -> npt.NDArray[np.float32]:
    """Return slopes and offset (H, W, 4) of alpha's regression on R, G and B in windows; alpha where it is flat."""
    is_mixed = cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    planes = dict(zip(COLOURS, np.moveaxis(image, 2, 0).copy(), strict=True)) | {"alpha": alpha}
    statistics = WindowStatistics(planes, is_mixed)
    slopes, _ = colour_regression(statistics, "alpha", RADIUS)
    means = [statistics.mean(colour, RADIUS) for colour in COLOURS]
    lines = np.zeros((*alpha.shape, 4), np.float32)
    lines[:, :, 3] = alpha
    lines[is_mixed, :3] = np.stack(slopes, axis=1)
    lines[is_mixed, 3] = statistics.mean("alpha", RADIUS) - sum(
        slope * mean for slope, mean in zip(slopes, means, strict=True)
    )
    return lines
