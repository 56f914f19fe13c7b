"""KNN matting (Chen et al. 2013): pixels similar in colour and position have similar alpha, wherever they are.

Minimised is ``a' L a`` with the known pixels fixed, ``L = D - W`` with ``W = A + A' + 0.01 B``; see `knn_laplacian`.
The search for neighbours is in ``hybridmatte.similarity``; ``_links_numba`` turns lists of neighbours into the rows of
a graph; `GraphSystem` is the linear system; `solve_problem` solves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from hybridmatte._validation import (
    check_choice,
    check_image,
    check_integer,
    check_number,
    check_unknown,
    is_torch,
)
from hybridmatte.methods import _links_numba as kernels
from hybridmatte.similarity._neighbors_numba import build_tree, gather
from hybridmatte.similarity._tree_search_numba import LEAF, search_untied
from hybridmatte.similarity.candidates import candidate_pixels, flat_indices
from hybridmatte.similarity.features import centered_features_at
from hybridmatte.similarity.neighbors import EXACT_PIXELS
from hybridmatte.systems.graph import GraphSystem
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import solve_problem

if TYPE_CHECKING:
    import torch

__all__ = ["KnnOptions", "check_options", "knn_laplacian", "knn_system", "solve_knn"]

ADJACENT_WEIGHT = 0.01  # of the 4 adjacent pixels, against 1 of a neighbour
KNOWN_FACTOR = 2.0  # every link from an unknown to a known pixel is assumed to be mutual
SEARCH_EPSILON = 1.5  # above EXACT_PIXELS pixels, the k-th neighbour may be 1 + this times as far as the true one
REACH = 0.1  # distance in feature space from the unknown pixels within which candidates are searched
DENSE_SIDE = 0.025  # of the longer side: distance from the unknown pixels within which no candidate is left out


class KnnOptions(NamedTuple):
    """The options of the graph: neighbours and spatial weight of each set, kernel of the weights, colour space."""

    n_neighbors: tuple[int, ...] = (20, 10)
    spatial_weights: tuple[float, ...] = (2.0, 0.1)
    kernel: str = "binary"
    color_space: str = "rgb"


@overload
def solve_knn(
    image: torch.Tensor,
    trimap: torch.Tensor,
    *,
    n_neighbors: Sequence[int] = ...,
    spatial_weights: Sequence[float] = ...,
    kernel: Literal["binary", "soft"] = ...,
    prior: torch.Tensor | None = ...,
    confidence: torch.Tensor | float | None = ...,
    rtol: float = ...,
    maxiter: int = ...,
) -> torch.Tensor: ...
@overload
def solve_knn(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    n_neighbors: Sequence[int] = ...,
    spatial_weights: Sequence[float] = ...,
    kernel: Literal["binary", "soft"] = ...,
    prior: npt.ArrayLike | None = ...,
    confidence: npt.ArrayLike | None = ...,
    rtol: float = ...,
    maxiter: int = ...,
) -> npt.NDArray[np.float32]: ...
def solve_knn(
    image,
    trimap,
    *,
    n_neighbors=(20, 10),
    spatial_weights=(2.0, 0.1),
    kernel="binary",
    prior=None,
    confidence=None,
    rtol=2e-6,
    maxiter=1000,
):
    """Estimate alpha by KNN matting.

    Every pixel is linked to the pixels most similar to it in colour and position, and linked pixels get similar alpha.
    So alpha crosses gaps that stop `solve_cf`: holes, foliage, spotted backgrounds. Where foreground and background
    share colours, it can be wrong far from any edge. In images of more than 65,536 pixels the graph is approximate, see
    `knn_laplacian`. Tensors on another device than the CPU get the exact graph of their unknown pixels.

    Parameters
    ----------
    image, trimap, prior, confidence, maxiter
        As in `solve_cf`; each pixel has about 60 links of weight 1, so give the confidence on that scale.
    n_neighbors : sequence of int, default (20, 10)
        Neighbours in each set, including the pixel itself; more is smoother and slower.
    spatial_weights : sequence of float, default (2.0, 0.1)
        For each set, the length of the image's sides in units of colour (weight of the position).
    kernel : {"binary", "soft"}, default "binary"
        Weight of a link: 1, or decreasing with the distance in feature space.
    rtol : float, default 2e-6
        As in `solve_cf`; at the default within 2e-4 of the converged alpha on the photographs tried.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that the image may have any size.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] Q. Chen, D. Li, C.-K. Tang. KNN matting. TPAMI 2013.
    """
    options = check_options(n_neighbors, spatial_weights, kernel)
    if is_torch(image):
        from hybridmatte.methods._knn_torch import solve_knn_batch

        return solve_knn_batch(image, trimap, prior, confidence, options, rtol=rtol, maxiter=maxiter)
    problem = check_problem(image, trimap, prior, confidence)
    return solve_problem(problem, partial(knn_system, options=options), method="knn", rtol=rtol, maxiter=maxiter)


def knn_laplacian(
    image: npt.ArrayLike,
    *,
    n_neighbors: Sequence[int] = (20, 10),
    spatial_weights: Sequence[float] = (2.0, 0.1),
    kernel: Literal["binary", "soft"] = "binary",
    color_space: Literal["rgb", "hsv"] = "rgb",
    is_unknown: npt.NDArray[np.bool_] | None = None,
) -> csr_matrix:
    """Return the KNN matting Laplacian of an image as a sparse matrix.

    Every pixel is linked to its nearest neighbours in a space of colour and position: one set of neighbours near in the
    image, and one set at any distance. The matrix of the whole image is exact. With `is_unknown`, only the rows of
    unknown pixels are computed, at a few microseconds a row plus 0.2 for each pixel of the image, with two
    approximations:

    * No search starts at a known pixel. Its links to unknown pixels would appear as the transpose of A. Instead, every
      link from an unknown to a known pixel is assumed to be mutual, and counts twice.
    * In images of more than 65,536 pixels the k-th neighbour may be up to 2.5 times as far as the true one among the
      candidates. With spatial weights of at least 0.4, these are the pixels within 0.1 in feature space of an unknown
      one. With smaller ones, they are every fifth pixel, and all within 0.025 of the longer side of an unknown one.

    Over twelve photographs with two trimaps each, alpha in the unknown region differs from the exact graph's by 0.006
    on average (0.003 to 0.012 by image, up to 0.6 at single pixels). It is closer to the true alpha: mean SAD / 1000 is
    5.32 and 8.86 (narrow and wide trimaps) against 5.40 and 9.02, mean MSE x 1000 is 15.4 and 18.6 against 15.8 and
    19.3.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels; the fourth channel of RGBA is
        dropped. Never modified.
    n_neighbors : sequence of int, default (20, 10)
        Neighbours in each set, including the pixel itself; at least 1, limited to the number of pixels. More neighbours
        give smoother alpha and take longer.
    spatial_weights : sequence of float, default (2.0, 0.1)
        For each set, the length of the image's sides in units of colour (weight of the position); at least 0.
    kernel : {"binary", "soft"}, default "binary"
        Weight of a link: 1, or ``1 - |f_i - f_j|_1 / D`` (at least 0) with D features f.
    color_space : {"rgb", "hsv"}, default "rgb"
        Colour features; see `hybridmatte.similarity.features.pixel_features`.
    is_unknown : (H, W) bool array, optional
        Pixels whose rows are wanted; the other rows stay empty. All by default.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are wanted; rows sum to zero.

    Raises
    ------
    ValueError
        If a value is not finite or outside its range, the shape of is_unknown is not the image's, or the two sequences
        differ in length.

    Notes
    -----
    ``L = D - W`` with ``W = A + A' + 0.01 B``. A_ij is the sum over the sets of the weight of j among the neighbours of
    i; B_ij is 1 for horizontally and vertically adjacent pixels; D is the diagonal matrix of the row sums of W. B is
    not in the paper. Its weight is small against the 60 links of a pixel, and it connects every unknown pixel to a
    known one. Without B, a group of similar pixels that are each other's only neighbours would make the system
    singular; none of the photographs has such a group, but synthetic images do.

    References
    ----------
    .. [1] Q. Chen, D. Li, C.-K. Tang. KNN matting. TPAMI 2013.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = knn_laplacian(np.random.default_rng(0).random((5, 6, 3)), n_neighbors=(4, 3))
    >>> laplacian.shape, bool(abs(laplacian.sum(axis=1)).max() < 1e-5)
    ((30, 30), True)
    """
    pixels = check_image(image)
    is_whole = is_unknown is None
    wanted = check_unknown(is_unknown, pixels)
    options = check_options(n_neighbors, spatial_weights, kernel, color_space)
    shape = (wanted.size, wanted.size)
    if not wanted.any():
        return csr_matrix(shape)
    rows, links, weights = _link(pixels, wanted, is_whole or wanted.size <= EXACT_PIXELS, options)
    counts = kernels.compress_rows(links, weights)
    graph = kernels.merge(links, weights, counts, *kernels.transpose(links, weights, counts))
    expanded = kernels.laplacian_rows(rows, links, weights, counts, *graph, KNOWN_FACTOR, wanted.size)
    laplacian = csr_matrix(expanded[::-1], shape=shape)
    laplacian.sort_indices()
    return laplacian


def knn_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    *,
    options: KnnOptions = KnnOptions(),  # noqa: B008 - immutable
) -> GraphSystem:
    """Return the `GraphSystem` of the KNN Laplacian with the known pixels eliminated.

    At least one pixel is unknown. The approximations are those of `knn_laplacian`.
    """
    pixels, links, weights = _link(image, is_unknown, is_unknown.size <= EXACT_PIXELS, options)
    counts = kernels.compress_rows(links, weights)
    graph = kernels.merge(links, weights, counts, *kernels.transpose(links, weights, counts))
    diagonal, rhs = kernels.eliminate_known(
        links, weights, counts, graph[0], graph[2], known_alpha.ravel(), KNOWN_FACTOR
    )
    return GraphSystem(pixels, *graph, diagonal, rhs)


def check_options(
    n_neighbors: Sequence[int], spatial_weights: Sequence[float], kernel: str, color_space: str = "rgb"
) -> KnnOptions:
    """Return the options of the graph, checked."""
    for value, name in ((n_neighbors, "n_neighbors"), (spatial_weights, "spatial_weights")):
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) == 0:
            raise TypeError(f"{name} is {value!r}, expected a sequence of one number for each set of neighbours")
    if len(n_neighbors) != len(spatial_weights):
        raise ValueError(
            f"n_neighbors has {len(n_neighbors)} entries but spatial_weights has {len(spatial_weights)}, "
            "expected the same number"
        )
    numbers = tuple(check_integer(n, "n_neighbors", low=1) for n in n_neighbors)
    weights = tuple(check_number(weight, "spatial_weights", low=0) for weight in spatial_weights)
    check_choice(kernel, "kernel", ("binary", "soft"))
    return KnnOptions(numbers, weights, kernel, check_choice(color_space, "color_space", ("rgb", "hsv")))


def _link(
    image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_], is_exact: bool, options: KnnOptions
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return (pixels, links, weights): the unknown pixels in the order of the search, and the links of each, a row."""
    n_rows, size = np.count_nonzero(is_unknown), is_unknown.size
    pixels, code = np.empty(0, np.int32), None
    widths = [min(n, size) for n in options.n_neighbors]
    links = np.empty((n_rows, sum(widths) + 4), np.int32)
    weights = np.ones(links.shape, np.float32)
    for n, end, spatial_weight in zip(widths, np.cumsum(widths), options.spatial_weights, strict=True):
        candidates = _candidates(is_unknown, spatial_weight, n, is_exact)
        points = centered_features_at(image, candidates, spatial_weight=spatial_weight, color_space=options.color_space)
        order, own, slots, n_untied = _search(points, is_unknown.ravel()[candidates], n, is_exact)
        pixel_of_slot = candidates[order]
        queried = pixel_of_slot[own]
        if code is None:
            pixels = queried
            code = np.arange(n_rows, n_rows + size, dtype=np.int32)
            code[pixels] = np.arange(n_rows, dtype=np.int32)
        columns = slice(end - n, end)
        kernels.enter_neighbors(slots, n_untied, pixel_of_slot, code[queried], code, links[:, columns])
        if options.kernel == "soft":
            kernels.enter_soft_weights(slots, order, order[own], code[queried], points, weights[:, columns])
    kernels.enter_adjacent(pixels, *is_unknown.shape, code, links[:, -4:])
    weights[:, -4:] = ADJACENT_WEIGHT / 2
    return pixels, links, weights


def _search(
    points: npt.NDArray[np.float32], is_query: npt.NDArray[np.bool_], n_neighbors: int, is_exact: bool
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return (order, own, slots, n_untied): a tree of the points (D, n), and the neighbours of those in a mask (n,).

    A slot is a place in the tree, and order (n,) is the point in each slot. own (m,) are the slots of the queries, and
    slots (m, n_neighbors) those of their neighbours. n_untied (m,) is how many of a query's neighbours no tie decides.
    """
    order, *tree = build_tree(points)
    own = np.flatnonzero(is_query[order])
    queries = gather(points, order[own])
    _, slots, n_untied = search_untied(*tree, own // LEAF, queries, n_neighbors, 0.0 if is_exact else SEARCH_EPSILON)
    return order, own, slots, n_untied


def _candidates(
    is_unknown: npt.NDArray[np.bool_], spatial_weight: float, n_neighbors: int, is_exact: bool
) -> npt.NDArray[np.int32]:
    """Return the flat indices of the pixels that are searched for neighbours of the unknown ones.

    These are all pixels for an exact search. Otherwise, they are the pixels within REACH in feature space. For a
    spatial weight below 4 REACH, this is most of the image: then they are the `candidate_pixels` of the whole image.
    """
    if is_exact:
        near = np.empty(0, np.int32)
    elif spatial_weight < 4 * REACH:
        near = candidate_pixels(is_unknown, DENSE_SIDE * max(is_unknown.shape))
    else:
        sides = [2 * int(np.ceil(REACH / spatial_weight * side)) + 1 for side in is_unknown.shape]
        near = flat_indices(cv2.dilate(is_unknown.view(np.uint8), np.ones(sides, np.uint8)).view(bool))
    return near if len(near) >= n_neighbors else np.arange(is_unknown.size, dtype=np.int32)
