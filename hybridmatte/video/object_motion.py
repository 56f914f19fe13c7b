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
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.linalg.threads import run_pieces
from hybridmatte.video import _object_numba as kernels
from hybridmatte.video.flow import Frame, Motion, Plane, motion_between

__all__ = ["cell_size", "cutout_cells", "fitted_cells", "flow_of_cells", "object_flow"]

CELLS = 100  # along the diagonal: the motion is fitted on cells of this size
WIDE, NARROW = 0.13, 0.02  # of the diagonal: standard deviations of the windows of the affine fit and of the deviation
ROUNDS = 4  # of reweighting
TOLERANCE = 0.5  # pixels: flow vectors that differ by more from the fit lose weight; smaller deviations are noise
OPAQUE, MIXED_WEIGHT = 0.95, 0.1  # pixels of a smaller alpha have less weight
WEIGH_COST, CUT_COST = 8.0, 2.0  # nanoseconds that the kernels take for a pixel, roughly
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
    cutouts = _cutouts(one, one_alpha, other, other_alpha)
    pair = motion_between(*cutouts)
    return _object_cells(pair.to_previous, one_alpha), _object_cells(pair.to_next, other_alpha)


def _cutouts(one: Frame, one_alpha: Plane, other: Frame, other_alpha: Plane) -> list[Frame]:
    """Return both frames, cut out by their alphas, over black or white, whichever is far from the object's colours."""
    rows, cost = len(one), CUT_COST * one.shape[1]
    sums = np.empty((rows, 2))
    run_pieces(kernels.brightness_rows, rows, one, one_alpha, LUMA, sums, cost=cost)
    weight, bright = sums.sum(axis=0)
    flat = np.float32(0 if bright > max(weight, 1e-6) / 2 else 1)
    cutouts = []
    for image, alpha in ((one, one_alpha), (other, other_alpha)):
        cutouts.append(np.empty_like(image))
        run_pieces(kernels.cut_rows, rows, image, alpha, flat, cutouts[-1], cost=cost)
    return cutouts


def flow_of_cells(cells: Plane, shape: tuple[int, ...]) -> Plane:
    """Return the flow (H, W, 2) of frames of a shape (H, W) from that of cells (h, w, 2)."""
    return cv2.resize(cells, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def _object_cells(motion: Motion, previous_alpha: Plane) -> Plane:
    """Return the flow (h, w, 2) of the object at cells; the rest is as `object_flow`."""
    weight = np.empty_like(motion.reliability)
    inputs = *motion, previous_alpha, np.float32(OPAQUE), np.float32(MIXED_WEIGHT)
    run_pieces(kernels.weigh_object_rows, len(weight), *inputs, weight, cost=WEIGH_COST * weight.shape[1])
    return fitted_cells(motion.flow, weight, WIDE)


def fitted_cells(flow: Plane, weight: Plane, wide: float) -> Plane:
    """Return a flow (H, W, 2) of weighted pixels as affine fits at cells, with local deviations that are clear.

    `wide` is the standard deviation of the fits' windows, as a share of the diagonal.
    """
    products = np.empty((*weight.shape, 3), np.float32)
    least = np.float32(LEAST_WEIGHT)
    run_pieces(kernels.weighted_rows, len(weight), flow, weight, least, products, cost=CUT_COST * weight.shape[1])
    sums = cv2.resize(products, cell_size(weight.shape), interpolation=cv2.INTER_AREA).astype(np.float64)
    weights = np.ascontiguousarray(sums[..., 0])
    means = sums[..., 1:] / sums[..., :1]
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
    """Return the weighted affine fits to the flow, each evaluated at its own cell.

    The fits change slowly, so they are computed at nodes, a third of the window apart, and interpolated linearly.
    """
    axes = [_nodes(size, window) for size in weights.shape]
    y, x = np.arange(weights.shape[0])[:, None], np.arange(weights.shape[1])
    u, v = flow[..., 0], flow[..., 1]
    planes = np.stack([np.ones_like(u), x + 0 * u, y + 0 * u, x * x + 0 * u, y * y + 0 * u, x * y + 0 * u])
    planes = np.concatenate([planes, [u, u * x, u * y, v, v * x, v * y]]) * weights
    sums = axes[0].sums @ planes @ axes[1].sums.T
    mean_x, mean_y, xx, yy, xy = sums[1:6] / sums[0]
    ridge = FLATTEST * window**2
    xx, yy, xy = xx - mean_x**2 + ridge, yy - mean_y**2 + ridge, xy - mean_x * mean_y
    determinant = xx * yy - xy**2
    fitted = np.empty_like(flow)
    for channel in range(2):
        centre, along_x, along_y = sums[6 + 3 * channel : 9 + 3 * channel] / sums[0]
        along_x, along_y = along_x - centre * mean_x, along_y - centre * mean_y
        slope_x, slope_y = (along_x * yy - along_y * xy) / determinant, (along_y * xx - along_x * xy) / determinant
        at_nodes = centre + slope_x * (axes[1].places - mean_x) + slope_y * (axes[0].places[:, None] - mean_y)
        fitted[..., channel] = axes[0].spread @ at_nodes @ axes[1].spread.T
    return fitted


class _Nodes(NamedTuple):
    """Nodes along an axis of cells: their places (m,), their Gaussian sums (m, n), and the interpolation (n, m)."""

    places: Cells
    sums: Cells
    spread: Cells


@lru_cache(maxsize=16)
def _nodes(size: int, window: float) -> _Nodes:
    """Return nodes a third of a window apart, at most."""
    cells = np.arange(size)
    count = int(np.ceil((size - 1) / max(window / 3, 1))) + 1
    places = np.linspace(0, size - 1, count)
    step = places[1] if count > 1 else 1.0
    spread = np.maximum(1 - np.abs(cells[:, None] - places) / step, 0)
    return _Nodes(places, _gaussian(places[:, None] - cells, window), spread)


def _clear_deviation(gap: Cells, weights: Cells) -> Cells:
    """Return the local mean of the flow's deviation from its fit, shrunk to 0 where it may be noise."""
    window = CELLS * NARROW
    local = _blurred(gap * weights[..., None], window) / (_blurred(weights, window) + FAINT)[..., None]
    length = np.maximum(np.linalg.norm(local, axis=2), 1e-9)
    return local * np.maximum(0, 1 - np.square(TOLERANCE / length))[..., None]


def _blurred(values: Cells, window: float) -> Cells:
    """Return sums of cells (h, w) or (h, w, 2) in Gaussian windows; beyond the border there is nothing."""
    rows, columns = (_windows(size, window) for size in values.shape[:2])
    if values.ndim == 2:
        return rows @ values @ columns
    return np.dstack([rows @ values[..., k] @ columns for k in range(values.shape[2])])


@lru_cache(maxsize=16)
def _windows(size: int, window: float) -> Cells:
    """Return the matrix (size, size) that sums along one axis; a filter as wide as the axis would be slower."""
    return _gaussian(np.arange(size) - np.arange(size)[:, None], window)


def _gaussian(distance: Cells, window: float) -> Cells:
    """Return the normal density of distances, in cells, with a window's standard deviation."""
    return np.exp(-0.5 * np.square(distance / window)) / (window * np.sqrt(2 * np.pi))
