"""The neighbours of the unknown pixels that information flow needs, found once or updated for more known pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._trimap_numba import chessboard_distances
from hybridmatte.methods import _information_flow_numba as kernels
from hybridmatte.similarity._neighbors_numba import squared_distances
from hybridmatte.similarity.candidates import candidate_pixels, flat_indices
from hybridmatte.similarity.features import centered_features_at, centered_places
from hybridmatte.similarity.neighbors import EXACT_PIXELS, NeighborTree, UntiedNeighbors

__all__ = [
    "MIXTURE_NEIGHBORS",
    "FlowMemory",
    "FlowNeighbors",
    "find_flow_neighbors",
    "known_neighbors",
    "mixture_neighbors",
    "ordered_pixels",
    "other_neighbors",
]

MIXTURE_NEIGHBORS = 12  # the paper has 20
MIXTURE_SPATIAL_WEIGHT = 1.0
KNOWN_NEIGHBORS = 7
KNOWN_SPATIAL_WEIGHT = 10.0
# In larger images than those of EXACT_PIXELS, the known pixels within reach are searched first; for the mixture, the
# `candidate_pixels` within reach alone.
MIXTURE_REACH, KNOWN_REACH = 0.1, 0.05  # of the image's longer side, for EXACT_PIXELS pixels
DENSE_SHARE = 0.1  # of the mixture's reach: distance from the unknown pixels within which no candidate is left out
DEEPER = 4  # times as far, where the pixels within reach may not be the nearest
ROUNDING = 0.9999  # of squared distances in single precision


class FlowNeighbors(NamedTuple):
    """The neighbours of n unknown pixels; all are flat pixel indices.

    Attributes
    ----------
    pixels : (n,) int32 array
        The unknown pixels, such that consecutive ones are similar.
    mixture : UntiedNeighbors
        Pixels of similar colour, known or not.
    foreground, background : UntiedNeighbors or None
        The nearest known pixels of each kind; None if there is no such pixel.
    """

    pixels: npt.NDArray[np.int32]
    mixture: UntiedNeighbors
    foreground: UntiedNeighbors | None
    background: UntiedNeighbors | None


class FlowMemory:
    """The neighbours of an image's unknown pixels, kept while more and more pixels become known.

    The first call of `find` is `find_flow_neighbors`. A later call searches the pixels that have become known since.
    Memory is 116 bytes for each unknown pixel of the last call. After `n_calls` calls, if given, nothing is kept.
    """

    def __init__(self, n_calls: int | None = None) -> None:
        self._found: FlowNeighbors | None = None
        self._calls_left = n_calls

    def find(
        self, image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_], known_alpha: npt.NDArray[np.float32]
    ) -> FlowNeighbors:
        """Return what `find_flow_neighbors` returns; where several pixels are equally near, others of these.

        Raises
        ------
        ValueError
            If a pixel is unknown that was known before.
        """
        if self._found is None:
            found = find_flow_neighbors(image, is_unknown, known_alpha)
        else:
            found = _with_more_known(self._found, image, is_unknown, known_alpha)
        if self._calls_left is not None:
            self._calls_left -= 1
        self._found = None if self._calls_left == 0 else found
        return found


def find_flow_neighbors(
    image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_], known_alpha: npt.NDArray[np.float32]
) -> FlowNeighbors:
    """Return the neighbours of the unknown pixels (H, W) of an image (H, W, 3) with known alphas (H, W).

    Known neighbours are exact, and those of the mixture in images of up to EXACT_PIXELS pixels; see `near_unknown`.
    """
    searched = near_unknown(is_unknown)
    tree, pixels, own = ordered_pixels(image, is_unknown, searched)
    mixture = mixture_neighbors(tree, own, MIXTURE_NEIGHBORS)
    mixture = mixture._replace(indices=searched[mixture.indices])
    del tree  # its memory is that of the next trees
    is_foreground = (known_alpha > 0.5) & ~is_unknown
    kinds = (is_foreground, ~(is_foreground | is_unknown))
    return FlowNeighbors(pixels, mixture, *(nearest_of_kind(image, pixels, is_kind) for is_kind in kinds))


def near_unknown(is_unknown: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Return the pixels that are searched for the mixture.

    These are all pixels, or in large images the `candidate_pixels` within reach: those farther away are hardly ever
    neighbours. The reach shrinks with the number of pixels, as the distances in feature space between neighbours do.
    """
    if is_unknown.size <= EXACT_PIXELS:
        return np.arange(is_unknown.size, dtype=np.int32)
    reach = _reach_in_pixels(MIXTURE_REACH, is_unknown)
    return candidate_pixels(is_unknown, DENSE_SHARE * reach, reach)


def nearest_of_kind(
    image: npt.NDArray[np.float32], pixels: npt.NDArray[np.int32], is_kind: npt.NDArray[np.bool_]
) -> UntiedNeighbors | None:
    """Return the nearest known pixels of one kind, a mask (H, W), of pixels (n,) that are not of the kind.

    They are nearly always near the edge of the kind's region, so that in large images the pixels within reach of the
    edge are searched. A deeper pixel is at least as far away as the edge and the reach together. If the neighbours of a
    pixel are not nearer than that, the next deeper pixels are searched for it, too: the result is exact.
    """
    if is_kind.size <= EXACT_PIXELS or not is_kind.any():
        return known_neighbors(image, pixels, flat_indices(is_kind))
    depth, away = chessboard_distances(is_kind.view(np.int8), 2)  # to the nearest pixel of another kind, of the kind
    away = away.ravel()[pixels].astype(np.float32)
    step = KNOWN_SPATIAL_WEIGHT / (max(is_kind.shape) - 1)  # the distance of adjacent pixels, at least
    places = centered_places(image.shape, KNOWN_SPATIAL_WEIGHT)
    reach = int(_reach_in_pixels(KNOWN_REACH, is_kind))  # whole, as the next deeper pixels are one pixel deeper
    found = known_neighbors(image, pixels, flat_indices(is_kind & (depth <= reach)))
    rows, deepest = np.arange(len(pixels)), depth.max()
    while found is not None and reach < deepest:
        farthest = np.ascontiguousarray(found.indices[rows, -1:])
        squared = squared_distances(image.reshape(-1, 3), *places, pixels[rows], farthest)[:, 0]
        rows = rows[squared >= ROUNDING * (step * (away[rows] + reach)) ** 2]
        if len(rows) == 0:
            break
        deeper = flat_indices(is_kind & (depth > reach) & (depth <= DEEPER * reach))
        before = UntiedNeighbors(found.indices[rows], found.counts[rows])
        found.indices[rows], found.counts[rows] = _nearer_known(image, pixels[rows], before, deeper)
        reach *= DEEPER
    return found


def _reach_in_pixels(reach: float, mask: npt.NDArray[np.bool_]) -> float:
    """Return a reach, given as a share of the longer side of an image of EXACT_PIXELS pixels, in pixels of this one."""
    return reach * max(mask.shape) * (EXACT_PIXELS / mask.size) ** 0.2


def _with_more_known(
    found: FlowNeighbors,
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
) -> FlowNeighbors:
    """Return the neighbours of the pixels that are still unknown, with the pixels that have become known."""
    is_left = is_unknown.ravel()[found.pixels]
    if np.count_nonzero(is_left) < np.count_nonzero(is_unknown):
        raise ValueError("is_unknown has pixels that were known before, expected pixels that were unknown before")
    left, now_known = found.pixels[is_left], found.pixels[~is_left]
    is_foreground = known_alpha.ravel()[now_known] > 0.5
    kinds = ((found.foreground, now_known[is_foreground]), (found.background, now_known[~is_foreground]))
    nearest = (_nearer_known(image, left, known and known.rows(is_left), added) for known, added in kinds)
    return FlowNeighbors(left, found.mixture.rows(is_left), *nearest)


def ordered_pixels(
    image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_], among: npt.NDArray[np.int32]
) -> tuple[NeighborTree, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return a tree of the pixels `among` by colour and position, and the unknown pixels (n,) in the order of the tree.

    The third result is where these are in `among`, which holds all of them.
    """
    tree = NeighborTree(centered_features_at(image, among, spatial_weight=MIXTURE_SPATIAL_WEIGHT))
    own = tree.order[is_unknown.ravel()[among[tree.order]]]
    return tree, among[own], own


def mixture_neighbors(tree: NeighborTree, points: npt.NDArray[np.int32], n_neighbors: int) -> UntiedNeighbors:
    """Return the nearest other points of some of a tree's points (n,); of a tree with one point, that point."""
    n_neighbors = min(n_neighbors, len(tree.order) - 1)
    if n_neighbors == 0:
        return UntiedNeighbors(points[:, None].astype(np.int32), np.ones(len(points), np.int32))
    return other_neighbors(points, tree.untied_among(points, n_neighbors + 1))


def other_neighbors(own: npt.NDArray[np.int32], found: UntiedNeighbors) -> UntiedNeighbors:
    """Return the neighbours (n, K) without each row's own point; of a row without an untied one, all count."""
    neighbors = kernels.drop_own(own, found.indices)
    counts = np.where(found.counts > 1, found.counts - 1, neighbors.shape[1]).astype(np.int32)
    return UntiedNeighbors(neighbors, counts)


def known_neighbors(
    image: npt.NDArray[np.float32], pixels: npt.NDArray[np.int32], known: npt.NDArray[np.int32]
) -> UntiedNeighbors | None:
    """Return the nearest known pixels of pixels (n,), mainly by position; None if there is no known pixel."""
    if len(known) == 0:
        return None
    tree = NeighborTree(centered_features_at(image, known, spatial_weight=KNOWN_SPATIAL_WEIGHT))
    near = tree.untied(_known_queries(image, pixels), min(KNOWN_NEIGHBORS, len(known)))
    return near._replace(indices=known[near.indices])


def _nearer_known(
    image: npt.NDArray[np.float32],
    pixels: npt.NDArray[np.int32],
    before: UntiedNeighbors | None,
    added: npt.NDArray[np.int32],
) -> UntiedNeighbors | None:
    """Return the nearest known pixels of pixels (n,), from those before and the pixels that were added since."""
    if before is None or len(added) == 0:
        return before or known_neighbors(image, pixels, added)
    places = centered_places(image.shape, KNOWN_SPATIAL_WEIGHT)
    squared = squared_distances(image.reshape(-1, 3), *places, pixels, before.indices)
    tree = NeighborTree(centered_features_at(image, added, spatial_weight=KNOWN_SPATIAL_WEIGHT))
    n_neighbors = min(KNOWN_NEIGHBORS, before.indices.shape[1] + len(added))
    return tree.untied_beside(_known_queries(image, pixels), n_neighbors, added, before, squared)


def _known_queries(image: npt.NDArray[np.float32], pixels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return the points (n, 5) whose nearest known pixels are searched."""
    return np.ascontiguousarray(centered_features_at(image, pixels, spatial_weight=KNOWN_SPATIAL_WEIGHT).T)
