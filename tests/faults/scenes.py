"""Sampled small matting scenes on which ties and rank deficiencies are the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["IMAGE_KINDS", "TRIMAP_KINDS", "TURNS", "scenes", "turned"]

Array = npt.NDArray[np.float64]
Turn = Callable[[Array], Array]
TURNS: dict[str, Turn] = {
    "up-down": np.flipud,
    "left-right": np.fliplr,
    "transposed": lambda plane: np.swapaxes(plane, 0, 1),
}


def turned(turn: Turn, *planes: Array) -> list[Array]:
    """Return the planes of a scene, turned."""
    return [np.ascontiguousarray(turn(plane)) for plane in planes]


def scenes(n: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Yield n scenes: an image (H, W, 3) in [0, 1] and a trimap (H, W) in {0, 0.5, 1} with all three regions.

    Scene k depends only on (seed, k). Kinds of image and trimap are drawn independently. A quarter of the scenes have
    one to three rows or columns, the rest have sides of 4 to 30 pixels. Half of the images are rounded to 8 bits, and a
    third is exactly grey.
    """
    for k in range(n):
        rng = np.random.default_rng([seed, k])
        shape = _shape(rng)
        image = _IMAGES[rng.integers(len(_IMAGES))](rng, *shape)
        if rng.random() < 0.3:
            image = np.repeat(image[..., :1], 3, axis=2)
        if rng.random() < 0.5:
            image = np.rint(image * 255) / 255
        trimap = _TRIMAPS[rng.integers(len(_TRIMAPS))](rng, *shape)
        yield np.ascontiguousarray(image.clip(0, 1)), _with_all_regions(rng, trimap)


def _shape(rng: np.random.Generator) -> tuple[int, int]:
    sides = rng.integers(4, 31, 2)
    if rng.random() < 0.25:
        sides[rng.integers(2)] = rng.integers(1, 4)
    return int(sides[0]), int(sides[1])


def _constant(rng: np.random.Generator, height: int, width: int) -> Array:
    return np.broadcast_to(rng.random(3), (height, width, 3)).copy()


def _two_colors(rng: np.random.Generator, height: int, width: int) -> Array:
    first, second = rng.random((2, 3))
    return np.where(_blob(rng, height, width)[..., None] > 0.5, first, second)


def _soft_edge(rng: np.random.Generator, height: int, width: int) -> Array:
    first, second = rng.random((2, 3))
    share = cv2.GaussianBlur(_blob(rng, height, width), (0, 0), rng.uniform(0.5, 2))[..., None]
    return share * first + (1 - share) * second


def _binary(rng: np.random.Generator, height: int, width: int) -> Array:
    return (rng.random((height, width, 3)) < rng.uniform(0.05, 0.95)).astype(np.float64)


def _gradient(rng: np.random.Generator, height: int, width: int) -> Array:
    y, x = _coordinates(height, width)
    slopes = rng.uniform(-1, 1, (2, 3)) * (rng.random((2, 1)) < 0.8)
    return (0.5 + 0.5 * (y[..., None] * slopes[0] + x[..., None] * slopes[1])).clip(0, 1)


def _saturated(rng: np.random.Generator, height: int, width: int) -> Array:
    return (rng.normal(0.5, 1.0, (height, width, 3)) + _blob(rng, height, width)[..., None]).clip(0, 1)


def _stripes(rng: np.random.Generator, height: int, width: int) -> Array:
    y, x = np.mgrid[:height, :width]
    period = int(rng.integers(1, 4))
    is_first = ((y * rng.integers(0, 2) + x * rng.integers(0, 2)) // period) % 2 == 0
    first, second = rng.random((2, 3))
    return np.where(is_first[..., None], first, second)


def _palette(rng: np.random.Generator, height: int, width: int) -> Array:
    n_colors = int(rng.integers(3, 6))
    return rng.random((n_colors, 3))[rng.integers(0, n_colors, (height, width))]


def _noise(rng: np.random.Generator, height: int, width: int) -> Array:
    return rng.random((height, width, 3))


def _band(rng: np.random.Generator, height: int, width: int) -> Array:
    distance = _distance(rng, height, width)
    half = rng.uniform(0.05, 0.6)
    return np.where(distance < -half, 1.0, np.where(distance > half, 0.0, 0.5))


def _thin(rng: np.random.Generator, height: int, width: int) -> Array:
    trimap = np.where(_distance(rng, height, width) < 0, 1.0, 0.0)
    if rng.random() < 0.5:
        trimap[rng.integers(height)] = 0.5
    else:
        trimap[:, rng.integers(width)] = 0.5
    return trimap


def _scattered(rng: np.random.Generator, height: int, width: int) -> Array:
    share = rng.uniform(0.02, 0.9)
    known = (_distance(rng, height, width) < 0) if rng.random() < 0.5 else rng.random((height, width)) < 0.5
    return np.where(rng.random((height, width)) < share, 0.5, known.astype(np.float64))


def _checkerboard(rng: np.random.Generator, height: int, width: int) -> Array:
    y, x = np.mgrid[:height, :width]
    step = int(rng.integers(1, 4))
    is_unknown = (y // step + x // step) % 2 == 0
    return np.where(is_unknown, 0.5, (_distance(rng, height, width) < 0).astype(np.float64))


def _two_known(rng: np.random.Generator, height: int, width: int) -> Array:  # noqa: ARG001 - the regions are set later
    return np.full((height, width), 0.5)


def _with_all_regions(rng: np.random.Generator, trimap: Array) -> Array:
    """Return the trimap with the missing regions set at single pixels of regions that have more than one."""
    spots = rng.permutation(trimap.size)
    for value in (1.0, 0.0, 0.5):
        if not (trimap == value).any():
            spare = [spot for spot in spots if (trimap == trimap.ravel()[spot]).sum() > 1]
            trimap.ravel()[spare[0]] = value
    return trimap


def _coordinates(height: int, width: int) -> tuple[Array, Array]:
    """Return y and x of each pixel centre in (-1, 1)."""
    y, x = np.mgrid[:height, :width]
    return (2 * y + 1) / height - 1, (2 * x + 1) / width - 1


def _distance(rng: np.random.Generator, height: int, width: int) -> Array:
    """Return a signed function whose zero line is a circle or a straight line."""
    y, x = _coordinates(height, width)
    if rng.random() < 0.5:
        return np.hypot(y - rng.uniform(-0.5, 0.5), x - rng.uniform(-0.5, 0.5)) - rng.uniform(0.3, 0.9)
    angle = rng.uniform(0, 2 * np.pi)
    return np.cos(angle) * y + np.sin(angle) * x - rng.uniform(-0.4, 0.4)


def _blob(rng: np.random.Generator, height: int, width: int) -> Array:
    return (_distance(rng, height, width) < 0).astype(np.float64)


_IMAGES = (_constant, _two_colors, _soft_edge, _binary, _gradient, _saturated, _stripes, _palette, _noise)
_TRIMAPS = (_band, _thin, _scattered, _checkerboard, _two_known)
IMAGE_KINDS = tuple(kind.__name__.lstrip("_") for kind in _IMAGES)
TRIMAP_KINDS = tuple(kind.__name__.lstrip("_") for kind in _TRIMAPS)
