"""Alpha against a clean plate: what lies behind the object, as other frames show it.

Object and ground move differently, so what is hidden or mixed in one frame is seen purer in another. Each frame's
ground is estimated from its alpha and moved along the ground's motion. The mean of several frames, weighed by inverse
variances, is the plate. With it, a pixel's colour determines its alpha (`colour_fit`), where both layers differ.

A frame's own alpha and this one are averaged by their inverse variances. Other frames count as far as they tell more
than the frame itself: not where their ground moved with the object, not where it disagrees with pixels that surely show
the ground in both frames. Without other frames, alpha stays as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.foreground import estimate_layers
from hybridmatte.linalg.threads import run_pieces
from hybridmatte.video import _plate_numba as kernels
from hybridmatte.video.colour_fit import NOISE, alpha_of_colours, local_sums
from hybridmatte.video.flow import LIGHT_RANGE, Plane
from hybridmatte.video.links import NO_LAYERS, Linked, StoredLayers, flows_along, windows

__all__ = ["against_plates"]

REACH = 8  # frames on each side that show the ground
HELD_PIXELS = 32e6  # of all frames that are held together: fewer of them if they are large
GUESSED = 0.2  # RGB deviation, in each channel, of the ground's colour where alpha is 1
OPAQUE, HIDDEN = 0.9, 1.0  # alpha from which the ground is not seen at all, and the variance of its colour there
RESAMPLED = 0.005**2  # variance that interpolation adds
APART = 1.0  # pixels that object and ground moved against each other, at which another frame tells something new
CLEAR = 0.02  # alpha of a pixel that surely shows the ground
SAMPLES = 100  # along the diagonal: pixels at which frames are compared
UNPROVED = 1e-7  # weight of `GUESSED` against the differences that are seen: all that counts where nothing is seen
LIMITS = NOISE, GUESSED, OPAQUE, HIDDEN, RESAMPLED, APART  # of the kernels
SHOW_COST, VARY_COST = 60.0, 1.0  # nanoseconds that the kernels take for a pixel, roughly
TRUST = 0.3  # precision of a frame's own alpha, as a share of what its variance says: errors of neighbours are alike


def against_plates(items: Iterable[Linked]) -> Iterator[Linked]:
    """Yield frames whose alphas agree with the ground that other frames show; known pixels stay."""
    rest = iter(items)
    first = next(rest, None)
    if first is None:
        return
    most = int(HELD_PIXELS / first.frame.matte.alpha.size)
    reach = max(min(REACH, (most - 1) // 2), 1)
    for held, middle in windows(map(_with_layers, chain([first], rest)), reach):
        yield _refined(held, middle, reach)._replace(layers=NO_LAYERS)


class _Samples(NamedTuple):
    """Pixels of a frame at which others are compared with it.

    places are their x and y (n, 2), shape is that of their grid, colours (n, 3) are of the ground, and is_clear (n,)
    tells which surely show it.
    """

    places: npt.NDArray[np.int32]
    shape: tuple[int, int]
    colours: Plane
    is_clear: npt.NDArray[np.bool_]


def _with_layers(item: Linked) -> Linked:
    """Return a frame with the colours of its layers."""
    layers = estimate_layers(item.frame.matte.image, item.frame.matte.alpha)
    stored = (np.rint(layer * np.float32(kernels.FULL)).astype(np.uint16) for layer in layers)
    return item._replace(layers=StoredLayers(*stored))


def _refined(held: deque[Linked], middle: int, reach: int) -> Linked:
    """Return the middle frame with the alpha that agrees with the plate."""
    one = held[middle]
    matte, is_unknown = one.frame.matte, one.frame.trimap == 0.5
    others = [(held[place], *flows) for step in (-1, 1) for place, *flows in flows_along(held, middle, reach, step)]
    if not is_unknown.any() or not others:
        return one
    y, x = np.nonzero(is_unknown)
    pixels = np.stack([x, y], axis=1).astype(np.int32)
    own = matte.alpha[is_unknown]
    own_variance = np.empty_like(own)
    run_pieces(kernels.vary_pieces, len(own), own, LIMITS, own_variance, cost=VARY_COST)
    weight = np.reciprocal(own_variance)
    ground = one.layers.background[is_unknown] * (weight / np.float32(kernels.FULL))[:, None]
    samples = _samples(one)
    for other, object_cells, ground_cells in others:
        _add_shown(other, samples, object_cells, ground_cells, pixels, ground, weight)
    ground /= weight[:, None]
    variance = np.reciprocal(weight)
    likeliest, precision = alpha_of_colours(
        matte.image, matte.alpha, one.layers.foreground, ground, variance, is_unknown
    )
    precision *= np.maximum(1 - variance / own_variance, 0)  # what the frame alone tells is in its alpha
    share = precision / (precision + np.float32(TRUST) / matte.variance[is_unknown])
    alpha = matte.alpha.copy()
    alpha[is_unknown] = np.clip(own + share * (likeliest - own), 0, 1)
    return one.with_alpha(alpha)


def _samples(one: Linked) -> _Samples:
    """Return the pixels of a frame at which others are compared with it."""
    alpha = one.frame.matte.alpha
    step = max(round(float(np.hypot(*alpha.shape)) / SAMPLES), 1)
    first = [min(step // 2, side // 2) for side in alpha.shape]
    y, x = np.mgrid[first[0] : alpha.shape[0] : step, first[1] : alpha.shape[1] : step].astype(np.int32)
    grid = slice(first[0], None, step), slice(first[1], None, step)
    colours = one.layers.background[grid].reshape(-1, 3) * np.float32(1 / kernels.FULL)
    return _Samples(np.stack([x.ravel(), y.ravel()], axis=1), x.shape, colours, alpha[grid].ravel() < CLEAR)


def _add_shown(
    other: Linked,
    samples: _Samples,
    object_cells: Plane,
    ground_cells: Plane,
    pixels: npt.NDArray[np.int32],
    colours: Plane,
    precisions: Plane,
) -> None:
    """Add the precisions of the ground's colours that another frame shows at pixels (n, 2), and them times colours."""
    alpha, background = other.frame.matte.alpha, other.layers.background
    light, doubt = _compared(other, samples, ground_cells)
    layers = np.concatenate([object_cells, ground_cells], axis=2)
    inputs = pixels, layers, doubt, alpha, background, light, LIMITS
    run_pieces(kernels.show_pieces, len(pixels), *inputs, colours, precisions, cost=SHOW_COST)


def _compared(other: Linked, samples: _Samples, ground_cells: Plane) -> tuple[Plane, Plane]:
    """Return the change of light (3,) to a frame, and the mean square (h, w) by which its ground differs, at samples.

    They are seen where both frames surely show the ground.
    """
    own, count = samples.colours, len(samples.places)
    is_sure, moved = np.empty(count, np.bool_), np.empty((count, 3), np.float32)
    inputs = samples.places, ground_cells, other.frame.matte.alpha, other.layers.background, CLEAR
    run_pieces(kernels.compare_pieces, count, *inputs, is_sure, moved, cost=SHOW_COST)
    weights = (is_sure & samples.is_clear).astype(np.float32)
    sums = [weights @ (moved * colours) + np.float32(1e-3) for colours in (own, moved)]
    light = np.clip(sums[0] / sums[1], *LIGHT_RANGE)
    difference = np.square(light * moved - own).mean(axis=1) - np.float32(2 * NOISE + RESAMPLED)
    summed = local_sums((weights * difference).reshape(samples.shape)) + np.float32(UNPROVED * GUESSED**2)
    doubt = np.maximum(summed, 0) / (local_sums(weights.reshape(samples.shape)) + np.float32(UNPROVED))
    return light, doubt.astype(np.float32, copy=False)
