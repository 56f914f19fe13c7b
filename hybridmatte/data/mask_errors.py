"""Masks with the errors of segmenters: the training input of a network that corrects masks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_plane, check_same_shape
from hybridmatte.data.folders import Sample
from hybridmatte.trimap import depth_inside

__all__ = ["AsRefinementTask", "random_mask_errors"]

Plane = npt.NDArray[np.float32]

RIGHT_SHARE = 0.12  # of the masks that stay as they are
WARP_SHARE, WARP_MAX = 0.5, 0.012  # of the diagonal: largest shift of an outline
BLUR_SHARE, BLUR_MAX = 0.75, 0.015  # of the diagonal: largest width of a soft outline
REGION_SHARE, BLOB_SHARE = 0.2, 0.15  # of the masks that lose or gain regions of a colour, or shapeless parts
COARSE_SHARE, COARSE_SIDES = 0.6, (32, 400)  # pixels: longer sides of masks made at a small size
CUT_SHARE = 0.3  # of the masks that are thresholded
REACHES = 0.02, 0.12  # of the diagonal: how far from the object parts are added
CLUSTER_SIDE, REGION_SIDE = 48, 160  # pixels: sizes at which regions of a colour are found and drawn
CLUSTERS = 6, 20
CLUSTER_ROUNDS = 3
NEAR_SHARE, NEAR_WEIGHT = 0.02, 3.0  # pixels this close to an outline, as a share of the diagonal, weigh more


def random_mask_errors(mask: npt.ArrayLike, image: npt.ArrayLike, generator: np.random.Generator) -> Plane:
    """Return a mask with errors such as segmenters make.

    In this order, each at random: the outline is shifted, blurred and moved in or out, differently from place to place;
    regions of the image's colours or shapeless parts are lost, or are added beside the object, wholly or as doubt; the
    mask is made at a small size; it is thresholded. One mask in eight stays as it is.

    Parameters
    ----------
    mask : (H, W) array
        In [0, 1]: a true mask or alpha.
    image : (H, W, 3) array
        RGB in [0, 1], whose colours bound the regions that are lost or added.
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    mask : (H, W) float32 array
        In [0, 1].
    """
    mask, image = check_plane(mask, "mask"), check_image(image)
    check_same_shape(mask.shape, "mask", image.shape[:2], "image")
    draw = generator.uniform
    if draw() < RIGHT_SHARE:
        return mask.copy()
    diagonal = float(np.hypot(*mask.shape))
    if draw() < WARP_SHARE:
        mask = _warped(mask, draw(0, WARP_MAX) * diagonal, draw(4, 24), generator)
    if draw() < BLUR_SHARE:
        mask = _blurred(mask, max(0.6, draw() ** 2 * BLUR_MAX * diagonal), generator)
    for is_lost in (True, False):
        part = _random_part(image, generator)
        if part is None:
            continue
        if is_lost:
            mask = mask * (1 - part)
        else:
            reach = 2 - depth_inside(mask < 0.5) / (draw(*REACHES) * diagonal)
            mask = np.maximum(mask, part * reach.clip(0, 1))
    if draw() < COARSE_SHARE:
        mask = _coarse(mask, generator)
    if draw() < CUT_SHARE:
        mask = (mask >= 0.5).astype(np.float32)
    return mask.clip(0, 1).astype(np.float32)


class AsRefinementTask:
    """Turns a crop into the training input of a network that corrects masks.

    This is the image, a mask with random errors, the true alpha, and a weight for each pixel. A crop with a mask in
    place of an alpha is compared only outside a band along the mask's outline.

    Parameters
    ----------
    band : float
        Half of the band's width, as a share of the crop's diagonal.
    """

    def __init__(self, band: float) -> None:
        self._band = band

    def __call__(self, sample: Sample, generator: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """Return image, trimap, alpha and weight by name."""
        image, has_alpha = sample.require("image"), sample.alpha is not None
        target = sample.require("alpha" if has_alpha else "mask")
        rough = random_mask_errors(target, image, generator)
        distance = _distance_to_outline(target) / np.hypot(*target.shape)
        weight = np.where(distance <= NEAR_SHARE, NEAR_WEIGHT, 1.0).astype(np.float32)
        if not has_alpha:
            weight[distance <= self._band] = 0
            target = (target >= 0.5).astype(np.float32)
        return {"image": image, "mask": rough, "alpha": target, "weight": weight}


def _distance_to_outline(mask: Plane) -> npt.NDArray[np.float32]:
    """Return each pixel's distance from the pixels on the other side of a mask's outline; inf without an outline."""
    is_inside = mask >= 0.5
    return np.maximum(depth_inside(is_inside), depth_inside(~is_inside))


def _noise(shape: tuple[int, int], cells: float, generator: np.random.Generator) -> Plane:
    """Return smooth normal noise (H, W), with so many cells along the longer side."""
    coarse = [max(2, int(cells * side / max(shape)) + 2) for side in shape]
    grid = generator.normal(size=coarse).astype(np.float32)
    return cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _warped(mask: Plane, amount: float, cells: float, generator: np.random.Generator) -> Plane:
    """Return a mask whose points are shifted by smooth noise of an amount in pixels, and by a little all together."""
    maps = [
        np.float32(grid + amount * (_noise(mask.shape, cells, generator) + generator.uniform(-0.3, 0.3)))
        for grid in np.indices(mask.shape)
    ]
    return cv2.remap(mask, maps[1], maps[0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _blurred(mask: Plane, sigma: float, generator: np.random.Generator) -> Plane:
    """Return a mask with a soft outline, moved in and out from place to place, more or less steep."""
    draw = generator.uniform
    level = draw(0.3, 0.7) + draw(0, 0.3) * _noise(mask.shape, draw(3, 16), generator)
    steepness = np.exp(draw(np.log(4), np.log(30)))
    return _sigmoid((cv2.GaussianBlur(mask, (0, 0), sigma) - level.clip(0.08, 0.92)) * steepness)


def _random_part(image: npt.NDArray[np.float32], generator: np.random.Generator) -> Plane | None:
    """Return how much of each pixel is lost or added, in [0, 1]: regions of a colour, shapeless parts, or None."""
    draw, shape = generator.uniform, image.shape[:2]
    kind = draw()
    if kind < REGION_SHARE:
        regions = _colour_regions(image, generator)
        count = int(regions.max()) + 1
        some = generator.permutation(count)[: int(generator.integers(1, 4))]
        part = cv2.GaussianBlur(np.isin(regions, some).astype(np.float32), (0, 0), draw(0.5, 2))
        return cv2.resize(part, shape[::-1]) * np.float32(draw(0.2, 1))
    if kind < REGION_SHARE + BLOB_SHARE:
        noise = _noise(shape, draw(2, 6), generator)
        return _sigmoid((noise - draw(0.6, 1.6)) * draw(2, 20)) * np.float32(draw(0.3, 1))
    return None


def _colour_regions(image: npt.NDArray[np.float32], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return the number of each pixel's region, at a small size: k-means of colours and places."""
    nearness = generator.uniform(0.5, 2)
    few = _colours_and_places(image, CLUSTER_SIDE, nearness)
    points = few.reshape(-1, 5)
    centres = points[generator.choice(len(points), min(int(generator.integers(*CLUSTERS)), len(points)), replace=False)]
    for _ in range(CLUSTER_ROUNDS):
        labels = _nearest(points, centres)
        centres = np.array(
            [points[labels == k].mean(axis=0) if (labels == k).any() else centre for k, centre in enumerate(centres)]
        )
    many = _colours_and_places(image, REGION_SIDE, nearness)
    return _nearest(many.reshape(-1, 5), centres).reshape(many.shape[:2])


def _colours_and_places(image: npt.NDArray[np.float32], side: int, nearness: float) -> npt.NDArray[np.float32]:
    """Return colours and weighted places (h, w, 5) of an image shrunk to a longer side."""
    factor = min(side / max(image.shape[:2]), 1.0)
    size = [max(round(length * factor), 1) for length in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    places = np.moveaxis(np.indices(small.shape[:2]), 0, 2) / max(small.shape[:2])
    return np.dstack([small, nearness * places]).astype(np.float32)


def _nearest(points: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Return the number of the centre that is nearest to each point (n, d)."""
    return (np.sum(centres**2, axis=1) - 2 * points @ centres.T).argmin(axis=1)


def _coarse(mask: Plane, generator: np.random.Generator) -> Plane:
    """Return a mask as it was at a small size, some of them thresholded there, enlarged in squares or smoothly."""
    draw, (height, width) = generator.uniform, mask.shape
    factor = min(1.0, np.exp(draw(*np.log(COARSE_SIDES))) / max(height, width))
    size = max(2, round(width * factor)), max(2, round(height * factor))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    if draw() < 0.3:
        small = (small >= 0.5).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST if draw() < 0.2 else cv2.INTER_LINEAR)


def _sigmoid(values: npt.NDArray[Any]) -> Plane:
    """Return the logistic function of values."""
    return (1 / (1 + np.exp(-values.clip(-30, 30)))).astype(np.float32)
