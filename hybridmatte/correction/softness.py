"""Whether a picture is soft: it shows hardly anything in its unknown region that half its size does not show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.correction.resizing import halved

__all__ = ["Blocks", "FineDetail", "fine_detail", "is_soft", "sharp_share"]

TILE, BLOCK, QUARTER = 256, 16, 4  # pixels: sides of a tile and of a block, divisor of the size of coarse detail
LEAST_UNKNOWN = 0.25  # of a block that counts
FEWEST_BLOCKS = 100  # that tell anything of a picture
FINE = np.float64([1, -6, 15, -20, 15, -6, 1]) / 64  # response sin(pi f)^6: 1 at the highest frequency
COARSE = np.float64([1, -2, 1]) / 4  # response sin(pi f)^2, of a quarter of the size
LARGEST_SLOPE = 0.0015  # of a soft picture, up or down
ERRORS = 2.0  # standard errors by which a slope is certain
LARGEST_NOISE = 0.03  # standard deviation of the noise of a picture whose detail can be told
SHARP_SLOPE = 3 * LARGEST_SLOPE  # times coarse detail: a sharp tile has more fine detail than noise by this
SHARP_NOISE = 1.3  # times noise: a sharp tile has more fine detail
SHARP_SHARE = 0.05  # of the unknown pixels of a soft picture that may lie in sharp tiles
ONE = np.ones(1)

Plane = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


class Blocks(NamedTuple):
    """Blocks (n,) of 16 x 16 pixels: unknown share, and means over their unknown pixels."""

    share: Numbers
    brightness: Numbers
    fine: Numbers
    coarse: Numbers


class FineDetail(NamedTuple):
    """What the fine detail of blocks is made of: noise, constant and by brightness, and a slope times coarse detail."""

    constant: float
    by_brightness: float
    slope: float
    slope_error: float

    def noise(self, blocks: Blocks) -> float:
        """Return the mean noise of blocks, as fine detail."""
        return max(self.constant + self.by_brightness * np.average(blocks.brightness, weights=blocks.share), 0.0)


def is_soft(image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_]) -> bool:
    """Return whether an image (H, W, 3) shows hardly anything in its unknown region (H, W) that half its size does not.

    Over the blocks of a picture, fine detail is noise plus a slope times coarse detail, see `fine_detail`. The slope of
    most sharp photographs is above 0.01; after a blur of a pixel, or enlarged three times, it is about 0.001 or less. A
    clearly negative slope is refused as well: there, parts of low contrast are sharper than the others. If the slope
    cannot be told from the limit and its error is small, half the size decides. Besides, few of the tiles may be sharp
    by themselves, and the noise must be weak enough to tell.
    """
    tiles = list(_tiles(image, is_unknown))
    if sum(len(tile.share) for tile in tiles) < FEWEST_BLOCKS:
        return False
    blocks = Blocks(*map(np.concatenate, zip(*tiles, strict=True)))
    detail = fine_detail(blocks)
    if detail is None or detail.slope_error > LARGEST_SLOPE:
        return False
    if detail.noise(blocks) > LARGEST_NOISE**2 * 2 * np.square(FINE).sum() or sharp_share(tiles, detail) > SHARP_SHARE:
        return False
    slope, error = abs(detail.slope), ERRORS * detail.slope_error
    if slope - error > LARGEST_SLOPE:
        return False
    return slope + error <= LARGEST_SLOPE or is_soft(halved(image), halved(np.float32(is_unknown)) > 0)


def fine_detail(blocks: Blocks) -> FineDetail | None:
    """Return what the fine detail of blocks is made of; None if their coarse detail does not vary.

    Fine detail is the power of the 6th differences along rows and columns, coarse detail that of the 2nd differences at
    a quarter of the size. White noise adds nearly nothing to the second. Blocks above and below the median of coarse
    detail are the instrumental variable, so that a few strong edges do not decide alone. The standard error allows for
    unequal variances, and takes blocks as independent.
    """
    weights, ones = blocks.share[:, None], np.ones_like(blocks.share)
    causes = np.stack([ones, blocks.brightness, blocks.coarse], axis=1)
    instruments = np.stack([ones, blocks.brightness, np.sign(blocks.coarse - np.median(blocks.coarse))], axis=1)
    moments = (weights * instruments).T @ causes
    if np.linalg.matrix_rank(moments) < len(moments):
        return None
    found = np.linalg.solve(moments, (weights * instruments).T @ blocks.fine)
    errors = (weights * instruments) * (blocks.fine - causes @ found)[:, None]
    inverse = np.linalg.inv(moments)
    return FineDetail(*found, np.sqrt((inverse @ (errors.T @ errors) @ inverse.T)[2, 2]))


def sharp_share(tiles: list[Blocks], detail: FineDetail) -> float:
    """Return the share of the unknown pixels that lie in sharp tiles."""
    weights = np.array([tile.share.sum() for tile in tiles])
    _, _, fine, coarse = np.transpose([np.average(tile, axis=1, weights=tile.share) for tile in tiles])
    noise = np.array([detail.noise(tile) for tile in tiles])
    is_sharp = (fine > SHARP_NOISE * noise) & (fine - noise > SHARP_SLOPE * coarse)
    return float(weights[is_sharp].sum() / weights.sum())


def _tiles(image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_]) -> Iterator[Blocks]:
    """Yield the blocks of each tile; rows and columns beyond the last whole block are ignored."""
    height, width = (side // BLOCK * BLOCK for side in is_unknown.shape)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            rows, columns = slice(top, min(top + TILE, height)), slice(left, min(left + TILE, width))
            if is_unknown[rows, columns].any():
                blocks = _blocks(image, is_unknown, rows, columns)
                if blocks.share.size:
                    yield blocks


def _blocks(image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_], rows: slice, columns: slice) -> Blocks:
    """Return the blocks of a tile, whose differences also see the pixels around it."""
    outer = tuple(slice(max(part.start - BLOCK, 0), part.stop + BLOCK) for part in (rows, columns))
    inner = tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip((rows, columns), outer, strict=True)
    )
    pixels, unknown = image[outer], np.float32(is_unknown[rows, columns])
    quarter = tuple(slice(part.start // QUARTER, part.stop // QUARTER) for part in inner)
    coarse = _power(_quartered(pixels), COARSE)[quarter]
    share = _means(unknown, BLOCK)
    counts = share >= LEAST_UNKNOWN
    brightness, fine = pixels[inner].mean(axis=2), _power(pixels, FINE)[inner]
    sums = [_means(plane * unknown, BLOCK) for plane in (brightness, fine)]
    sums.append(_means(coarse * _quartered(unknown), BLOCK // QUARTER))
    return Blocks(share[counts], *(total[counts] / share[counts] for total in sums))


def _power(image: npt.NDArray[np.float32], differences: Numbers) -> Plane:
    """Return the squared differences along columns and rows, their sum in the mean over the channels, (h, w)."""
    parts = [cv2.sepFilter2D(image, -1, *kernels) for kernels in ((differences, ONE), (ONE, differences))]
    return sum(np.square(part, out=part).mean(axis=2) for part in parts)


def _quartered(part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the means of blocks of 4 x 4 pixels."""
    return halved(halved(part))


def _means(plane: Plane, side: int) -> Numbers:
    """Return the means of blocks of a plane whose sides are multiples of theirs."""
    height, width = plane.shape
    return cv2.resize(plane, (width // side, height // side), interpolation=cv2.INTER_AREA).astype(np.float64)
