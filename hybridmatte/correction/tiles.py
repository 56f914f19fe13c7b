"""Features of the unknown pixels of an image, evaluated tile by tile in parallel."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hybridmatte._locks import ProcessLock
from hybridmatte.correction.estimates import PixelEstimates, SolverEstimates
from hybridmatte.correction.features import MARGIN, correction_features
from hybridmatte.linalg.threads import thread_count

__all__ = ["evaluate_tiles"]

TILE_SIDE = 256  # pixels; features also see MARGIN pixels around a tile; a thread needs up to 125 MB
BLAS_LOCK = ProcessLock()  # overlapping limits of BLAS threads would leave the limit in place when the last one ends

Tile = tuple[slice, slice]  # rows and columns
T = TypeVar("T")


def evaluate_tiles(
    estimates: PixelEstimates | SolverEstimates,
    is_unknown: npt.NDArray[np.bool_],
    evaluate: Callable[[npt.NDArray[np.float32]], T],
) -> list[tuple[Tile, T]]:
    """Evaluate a function of features (n, F) on the unknown pixels, in parallel; return tiles with their results."""
    of_tile = partial(_of_tile, estimates, is_unknown, evaluate)
    with BLAS_LOCK, threadpool_limits(1, "blas"), ThreadPoolExecutor(thread_count()) as pool:
        tiles = _tiles(is_unknown)
        return list(zip(tiles, pool.map(of_tile, tiles), strict=True))


def _of_tile(
    estimates: PixelEstimates | SolverEstimates,
    is_unknown: npt.NDArray[np.bool_],
    evaluate: Callable[[npt.NDArray[np.float32]], T],
    tile: Tile,
) -> T:
    """Return the result of a function of features (n, F) for a tile's unknown pixels."""
    rows, columns = (
        slice(max(part.start - MARGIN, 0), min(part.stop + MARGIN, side))
        for part, side in zip(tile, is_unknown.shape, strict=True)
    )
    inner = tuple(
        slice(part.start - crop.start, part.stop - crop.start) for part, crop in zip(tile, (rows, columns), strict=True)
    )
    is_chosen = np.zeros_like(is_unknown[rows, columns])
    is_chosen[inner] = is_unknown[tile]
    return evaluate(correction_features(estimates.crop(rows, columns), is_chosen))


def _tiles(is_unknown: npt.NDArray[np.bool_]) -> list[Tile]:
    """Return tiles cropped to their unknown pixels, largest first, for load balance."""
    tiles = []
    for rows in _spans(is_unknown.any(axis=1)):
        for columns in _spans(is_unknown[rows].any(axis=0)):
            height, width = (_extent(is_unknown[rows, columns].any(axis=axis)) for axis in (1, 0))
            if height.stop:
                tiles.append(
                    (
                        slice(rows.start + height.start, rows.start + height.stop),
                        slice(columns.start + width.start, columns.start + width.stop),
                    )
                )
    return sorted(tiles, key=lambda tile: -np.count_nonzero(is_unknown[tile]))


def _extent(is_true: npt.ArrayLike) -> slice:
    """Return the slice from the first to the last true value (n,); an empty slice if there is none."""
    indices = np.flatnonzero(is_true)
    return slice(int(indices[0]), int(indices[-1]) + 1) if len(indices) else slice(0, 0)


def _spans(is_true: npt.ArrayLike) -> list[slice]:
    """Return slices of about equal length, at most TILE_SIDE, from the first to the last true value (n,)."""
    extent = _extent(is_true)
    start, end = extent.start, extent.stop
    if start == end:
        return []
    edges = np.linspace(start, end, -(-(end - start) // TILE_SIDE) + 1).round().astype(int).tolist()
    return [slice(*edge) for edge in zip(edges[:-1], edges[1:], strict=True)]
