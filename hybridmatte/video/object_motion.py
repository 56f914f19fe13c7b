"""The motion of an object, continued over its soft edge, where flow is unreliable.

In hair and along soft edges two motions overlap, that of the object and that of what lies behind it. Optical flow
follows one or the other, but alpha moves with the object. So the flow of its opaque pixels is continued outwards: by
an affine motion that is fitted in a large window around each pixel, by iteratively reweighted least squares, and a
local deviation from it where the flow shows one clearly.

Where the alphas of both frames are known, the flow is that of the two cut-outs over one flat colour (`cutout_cells`):
nothing else moves in them, and hair is seen as clearly as opaque parts.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.video.flow import Frame, Motion, Plane, motion_between, warp

__all__ = ["cell_size", "cutout_cells", "fitted_cells", "flow_of_cells", "object_flow"]

CELLS = 100  # along the diagonal: the motion is fitted on cells of this size
WIDE, NARROW = 0.13, 0.02  # of the diagonal: standard deviations of the windows of the affine fit and of the deviation
ROUNDS = 4  # of reweighting
TOLERANCE = 0.5  # pixels: flow vectors that differ by more from the fit lose weight; smaller deviations are noise
OPAQUE, MIXED_WEIGHT = 0.95, 0.1  # pixels of a smaller alpha have less weight
LEAST_WEIGHT = 1e-5  # of a pixel, so that the fit exists everywhere
FAINT = 1e-3  # mean weight in a window at which its deviation counts half: pixels of the least weight show none
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # brightness of R, G and B
FLATTEST = 0.02  # of the window's variance, added to that of the positions: few pixels alone determine no slope

Cells = npt.NDArray[np.float64]


def object_flow(motion: Motion, previous_alpha: Plane) -> Plane:
    """Return the flow (H, W, 2) of the object from a frame to the previous one, whose alpha is given."""
    return flow_of_cells(_object_cells(motion, previous_alpha), previous_alpha.shape)


def cutout_cells(one: Frame, one_alpha: Plane, other: Frame, other_alpha: Plane) -> tuple[Plane, Plane]:
    """Return the object's flow from another frame to the first one, and from that to the other, given their alphas.

    Both are in pixels, at cells (h, w, 2) that `flow_of_cells` enlarges to the frames.
    """
    weight = max(float(one_alpha.sum()), 1e-6)
    flat = np.float32(0 if float(((one @ LUMA) * one_alpha).sum()) > weight / 2 else 1)  # far from the object's colours
    cutouts = [flat + alpha[..., None] * (image - flat) for image, alpha in ((one, one_alpha), (other, other_alpha))]
    pair = motion_between(*cutouts)
    return _object_cells(pair.to_previous, one_alpha), _object_cells(pair.to_next, other_alpha)


def flow_of_cells(cells: Plane, shape: tuple[int, ...]) -> Plane:
    """Return the flow (H, W, 2) of frames of a shape (H, W) from that of cells (h, w, 2)."""
    return cv2.resize(cells, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def _object_cells(motion: Motion, previous_alpha: Plane) -> Plane:
    """Return the flow (h, w, 2) of the object at cells; the rest is as `object_flow`."""
    alpha = warp(previous_alpha, motion.flow)
    weight = motion.reliability * alpha**4
    weight[alpha < OPAQUE] *= MIXED_WEIGHT
    return fitted_cells(motion.flow, weight, WIDE)


def fitted_cells(flow: Plane, weight: Plane, wide: float) -> Plane:
    """Return a flow (H, W, 2) of weighted pixels as affine fits at cells, with local deviations that are clear.

    `wide` is the standard deviation of the fits' windows, as a share of the diagonal.
    """
    weight = weight + np.float32(LEAST_WEIGHT)
    size = cell_size(weight.shape)
    weights = cv2.resize(weight, size, interpolation=cv2.INTER_AREA).astype(np.float64)
    sums = cv2.resize(flow * weight[..., None], size, interpolation=cv2.INTER_AREA).astype(np.float64)
    means = sums / weights[..., None]
    fitted = _fit(means, weights, CELLS * wide)
    fitted += _clear_deviation(means - fitted, weights)
    return fitted.astype(np.float32)


def cell_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many cells a frame of a shape (H, W) has along x and along y."""
    side = float(np.hypot(shape[0], shape[1])) / CELLS
    return max(round(shape[1] / side), 1), max(round(shape[0] / side), 1)


def _fit(flow: Cells, weights: Cells, window: float) -> Cells:
    """Return the affine fits (h, w, 2) to the flow of cells, in Gaussian windows, with outliers weighed down."""
    fitted = _affine(flow, weights, window)
    for _ in range(ROUNDS - 1):
        gap = np.linalg.norm(flow - fitted, axis=2)
        fitted = _affine(flow, weights / (1 + np.square(gap / TOLERANCE)), window)
    return fitted


def _affine(flow: Cells, weights: Cells, window: float) -> Cells:
    """Return the weighted affine fits to the flow, each evaluated at its own cell."""
    places = np.indices(weights.shape, np.float64)
    y, x = places[0], places[1]
    total = _blurred(weights, window)

    def mean(values: Cells) -> Cells:
        return _blurred(weights * values, window) / total

    mean_x, mean_y, ridge = mean(x), mean(y), FLATTEST * window**2
    xx, yy = mean(x * x) - mean_x**2 + ridge, mean(y * y) - mean_y**2 + ridge
    xy = mean(x * y) - mean_x * mean_y
    determinant = xx * yy - xy**2
    fitted = np.empty_like(flow)
    for channel in range(2):
        values = flow[..., channel]
        centre = mean(values)
        along_x, along_y = mean(values * x) - centre * mean_x, mean(values * y) - centre * mean_y
        slope_x, slope_y = (along_x * yy - along_y * xy) / determinant, (along_y * xx - along_x * xy) / determinant
        fitted[..., channel] = centre + slope_x * (x - mean_x) + slope_y * (y - mean_y)
    return fitted


def _clear_deviation(gap: Cells, weights: Cells) -> Cells:
    """Return the local mean of the flow's deviation from its fit, shrunk to 0 where it may be noise."""
    window = CELLS * NARROW
    local = _blurred(gap * weights[..., None], window) / (_blurred(weights, window) + FAINT)[..., None]
    length = np.maximum(np.linalg.norm(local, axis=2), 1e-9)
    return local * np.maximum(0, 1 - np.square(TOLERANCE / length))[..., None]


def _blurred(values: Cells, window: float) -> Cells:
    """Return sums of cells (h, w) or (h, w, 2) in Gaussian windows; beyond the border there is nothing."""
    rows, columns = (_gaussian(size, window) for size in values.shape[:2])
    if values.ndim == 2:
        return rows @ values @ columns
    return np.dstack([rows @ values[..., k] @ columns for k in range(values.shape[2])])


@lru_cache(maxsize=16)
def _gaussian(size: int, window: float) -> Cells:
    """Return the matrix (size, size) that sums along one axis; a filter as wide as the axis would be slower."""
    distance = np.arange(size) - np.arange(size)[:, None]
    return np.exp(-0.5 * np.square(distance / window)) / (window * np.sqrt(2 * np.pi))
