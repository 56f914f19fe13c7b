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

import cv2
import numpy as np

from hybridmatte.foreground import estimate_layers
from hybridmatte.video.colour_fit import NOISE, alpha_of_colours, local_sums
from hybridmatte.video.flow import LIGHT_RANGE, Plane
from hybridmatte.video.links import NO_LAYERS, HalfLayers, Linked, flows_along, windows

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


def _with_layers(item: Linked) -> Linked:
    """Return a frame with the colours of its layers."""
    layers = estimate_layers(item.frame.matte.image, item.frame.matte.alpha)
    return item._replace(layers=HalfLayers(*(layer.astype(np.float16) for layer in layers)))


def _refined(held: deque[Linked], middle: int, reach: int) -> Linked:
    """Return the middle frame with the alpha that agrees with the plate."""
    one = held[middle]
    matte, is_unknown = one.frame.matte, one.frame.trimap == 0.5
    others = [(held[place], *flows) for step in (-1, 1) for place, *flows in flows_along(held, middle, reach, step)]
    if not is_unknown.any() or not others:
        return one
    y, x = (part.astype(np.float32) for part in np.nonzero(is_unknown))
    pixels = np.dstack([x, y])[0]
    own_variance = _variance(matte.alpha[is_unknown])
    weight = np.reciprocal(own_variance)
    ground = one.layers.background[is_unknown].astype(np.float32) * weight[:, None]
    for other, object_cells, ground_cells in others:
        colours, precision = _shown_by(other, one, object_cells, ground_cells, pixels)
        ground += precision[:, None] * colours
        weight += precision
    ground /= weight[:, None]
    variance = np.reciprocal(weight)
    likeliest, precision = alpha_of_colours(
        matte.image, matte.alpha, one.layers.foreground.astype(np.float32), ground, variance, is_unknown
    )
    precision *= np.maximum(1 - variance / own_variance, 0)  # what the frame alone tells is in its alpha
    own = matte.alpha[is_unknown]
    share = precision / (precision + np.float32(TRUST) / matte.variance[is_unknown])
    alpha = matte.alpha.copy()
    alpha[is_unknown] = np.clip(own + share * (likeliest - own), 0, 1)
    return one.with_alpha(alpha)


def _shown_by(
    other: Linked, one: Linked, object_cells: Plane, ground_cells: Plane, pixels: Plane
) -> tuple[Plane, Plane]:
    """Return the colours (n, 3) of the ground that another frame shows at pixels (n, 2), and their precision (n,)."""
    shape = one.frame.matte.alpha.shape
    background = other.layers.background.astype(np.float32)
    light, doubt = _compared(other, one, background, ground_cells)
    flow = _at_pixels(ground_cells, pixels, shape)
    at = pixels + flow
    colours, alpha = light * _sampled(background, at), _sampled(other.frame.matte.alpha, at)
    variance = _variance(alpha) + np.float32(RESAMPLED) + _at_pixels(doubt, pixels, shape)
    apart = np.square(_at_pixels(object_cells, pixels, shape) - flow).sum(axis=1)
    is_inside = ((at > -0.5) & (at < np.array(shape[::-1], np.float32) - 0.5)).all(axis=1)
    share = -np.expm1(-0.5 * apart / np.float32(APART**2))
    return colours, (np.where(is_inside, share, 0) / variance).astype(np.float32, copy=False)


def _compared(other: Linked, one: Linked, background: Plane, ground_cells: Plane) -> tuple[Plane, Plane]:
    """Return the change of light (3,) to a frame, and the mean square (h, w) by which its ground differs, at samples.

    They are seen where both frames surely show the ground.
    """
    shape = one.frame.matte.alpha.shape
    step = max(round(float(np.hypot(shape[0], shape[1])) / SAMPLES), 1)
    first = [min(step // 2, side // 2) for side in shape]
    y, x = np.mgrid[first[0] : shape[0] : step, first[1] : shape[1] : step].astype(np.float32)
    pixels = np.dstack([x, y]).reshape(-1, 2)
    at = pixels + _at_pixels(ground_cells, pixels, shape)
    is_inside = ((at >= 0) & (at <= np.array(shape[::-1], np.float32) - 1)).all(axis=1)
    place = y.astype(int).ravel(), x.astype(int).ravel()
    is_sure = is_inside & (one.frame.matte.alpha[place] < CLEAR) & (_sampled(other.frame.matte.alpha, at) < CLEAR)
    moved, own = _sampled(background, at), one.layers.background[place].astype(np.float32)
    sums = [(is_sure[:, None] * moved * colours).sum(axis=0) + np.float32(1e-3) for colours in (own, moved)]
    light = np.clip(sums[0] / sums[1], *LIGHT_RANGE)
    difference = np.square(light * moved - own).mean(axis=1) - np.float32(2 * NOISE + RESAMPLED)
    weights = is_sure.astype(np.float32).reshape(y.shape)
    summed = local_sums(weights * difference.reshape(y.shape)) + np.float32(UNPROVED * GUESSED**2)
    doubt = np.maximum(summed, 0) / (local_sums(weights) + np.float32(UNPROVED))
    return light, doubt.astype(np.float32, copy=False)


def _variance(alpha: Plane) -> Plane:
    """Return the variance, in each channel, of the ground's colour that is estimated at pixels of an alpha."""
    return np.float32(NOISE) + np.square(np.float32(GUESSED) * alpha) + np.float32(HIDDEN) * (alpha > OPAQUE)


def _at_pixels(cells: Plane, pixels: Plane, shape: tuple[int, ...]) -> Plane:
    """Return values at cells (h, w, ...) of a frame of a shape (H, W), interpolated at pixels (n, 2)."""
    scale = np.array([cells.shape[1] / shape[1], cells.shape[0] / shape[0]], np.float32)
    return _sampled(cells, (pixels + np.float32(0.5)) * scale - np.float32(0.5))


def _sampled(plane: Plane, at: Plane) -> Plane:
    """Return a plane (H, W, ...) at points (n, 2), interpolated linearly; outside, that of the nearest pixel."""
    points = np.ascontiguousarray(at, np.float32)
    rows = 256 + len(points) // (1 << 14)  # OpenCV takes maps of fewer than 32768 rows and columns
    padded = np.pad(points, ((0, -len(points) % rows), (0, 0)), mode="edge").reshape(rows, -1, 2)
    places = padded[..., 0], padded[..., 1]
    values = cv2.remap(plane, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1, *plane.shape[2:])[: len(points)].astype(np.float32, copy=False)
