"""Half the size of a picture: what a picture loses there, and how its trimap and its alpha get there and back."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.correction.estimates import Guess
from hybridmatte.systems.problem import Problem, finish_alpha
from hybridmatte.trimap import lacks

__all__ = [
    "at_full_size",
    "at_half_size",
    "doubled",
    "halved",
    "halved_guess",
    "halved_problem",
    "halved_trimap",
    "is_soft",
]

LEAST_PIXELS = 1_500_000  # of a picture that is solved at half its size; what is left has 700 x 530
SIDE, RIM, BLOCK = 256, 4, 16  # pixels of the tiles that detail is measured in, of their rim, of the blocks for noise
NOISE_QUANTILE = 0.05  # of the blocks' detail: in the smoothest blocks there is noise alone
NOISE_MARGIN = 1.3  # the smoothest of many blocks have less noise than the mean one
SOFT_SHARE = 0.1  # largest detail without noise of a soft picture, relative to that of its half size

Plane = npt.NDArray[np.float32]


def halved_problem(problem: Problem) -> Problem | None:
    """Return a problem at half its size, or None if it is to be solved at its own.

    Large pictures are halved if they are soft, see `is_soft`, and every known region has a pixel of half the size.
    """
    if problem.is_unknown.size < LEAST_PIXELS or not is_soft(problem.image, problem.is_unknown):
        return None
    half = at_half_size(problem)
    kept = [[(part.trimap == value).any() for value in (0, 1)] for part in (problem, half)]
    return half if kept[0] == kept[1] else None


def at_half_size(problem: Problem) -> Problem:
    """Return a problem at half its size."""
    half = halved_trimap(problem.trimap)
    planes = (None if plane is None else halved(plane) for plane in (problem.prior, problem.confidence))
    return Problem(halved(problem.image), half == 0.5, np.float32(half == 1), *planes)


def halved_guess(guess: Guess) -> Guess:
    """Return a guess of alpha at half the size; its start is NaN where one of the four pixels is."""
    prior, confidence, start = (None if plane is None else halved(plane) for plane in guess[:3])
    return guess._replace(prior=prior, confidence=confidence, start=start)


def at_full_size(problem: Problem, alpha: Plane, confidence: Plane | None) -> tuple[Plane, Plane | None]:
    """Return alpha and confidence of half the size at the size of a problem, whose known pixels stay."""
    alpha = finish_alpha(problem, doubled(alpha, problem.is_unknown.shape))
    if confidence is not None:
        confidence = doubled(confidence, problem.is_unknown.shape).clip(0, 1)
        confidence[~problem.is_unknown] = 1
    return alpha, confidence


def is_soft(image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_]) -> bool:
    """Return whether a picture (H, W, 3) shows almost nothing in its unknown region (H, W) that half its size does not.

    Detail is the mean square of what is lost when a picture is halved and enlarged again. In a sharp picture it is 0.3
    to 1 times the detail of the halved picture; in one that was enlarged twice, or that lens, demosaicking or
    compression blurred as much, it is less than 0.1. Noise is subtracted from both: it is the detail of the smoothest
    blocks of the picture, and a quarter of that at half the size.
    """
    sums, counts, smooth = np.zeros(2), np.zeros(2), [np.zeros(0)]
    for rows, columns in _unknown_tiles(is_unknown):
        tile, unknown = image[rows, columns], is_unknown[rows, columns]
        details = _detail(tile), _detail(halved(tile))
        smooth.append(_blocks(details[0]).ravel())
        for level, (detail, region) in enumerate(zip(details, (unknown, halved(np.float32(unknown)) > 0), strict=True)):
            rim = slice(RIM >> level, -(RIM >> level))  # where the enlarged picture lacks neighbours
            sums[level] += detail[rim, rim][region[rim, rim]].sum()
            counts[level] += np.count_nonzero(region[rim, rim])
    if not counts.all():
        return False
    noise = NOISE_MARGIN * np.quantile(np.concatenate(smooth), NOISE_QUANTILE)
    fine, coarse = sums / counts - (noise, noise / 4)
    return bool(fine <= SOFT_SHARE * max(coarse, 0.0))


def _unknown_tiles(is_unknown: npt.NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles with unknown pixels, with sides that can be halved twice."""
    height, width = (side // 4 * 4 for side in is_unknown.shape)
    for top in range(0, height, SIDE):
        for left in range(0, width, SIDE):
            rows, columns = slice(top, min(top + SIDE, height)), slice(left, min(left + SIDE, width))
            is_large = min(rows.stop - top, columns.stop - left) >= BLOCK
            if is_large and is_unknown[rows, columns].any():
                yield rows, columns


def _detail(tile: npt.NDArray[np.float32]) -> Plane:
    """Return the square of what a tile (h, w, 3) of even sides loses when it is halved and enlarged, (h, w)."""
    lost = tile - doubled(halved(tile), tile.shape)
    return np.square(lost, out=lost).mean(axis=2)


def _blocks(detail: Plane) -> Plane:
    """Return the means of a plane in about square blocks of about `BLOCK` pixels."""
    height, width = (-(-side // BLOCK) for side in detail.shape)
    return cv2.resize(detail, (width, height), interpolation=cv2.INTER_AREA)


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


def halved_trimap(trimap: Plane) -> Plane:
    """Return a trimap of 0, 0.5 and 1 at half the height and width.

    A pixel of half the size is known if its four pixels are known; in thin known parts, half of them suffice.
    """
    shares = [halved((trimap == value).astype(np.float32)) for value in (0.0, 1.0)]
    half = np.full(shares[0].shape, 0.5, np.float32)
    for value, share, other in ((0.0, *shares), (1.0, *shares[::-1])):
        is_known, is_partly = share > 1 - 1e-4, (share >= 0.5) & (other == 0)
        half[is_known | is_partly & lacks(is_known, is_partly, connectivity=8)] = value
    return half
