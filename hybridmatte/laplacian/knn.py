"""The KNN matting Laplacian: pixels alike in colour, and near, have like alpha."""

from typing import NamedTuple

import numpy as np

from hybridmatte._check import check_choice, check_image, check_integer, check_number
from hybridmatte.similarity.features import pixel_features

__all__ = ["GraphSystem", "knn_laplacian", "knn_system"]

ADJACENT_WEIGHT = 0.01
KNOWN_FACTOR = 2.0


class GraphSystem(NamedTuple):
    """The equations of a graph's unknown pixels: ``diagonal * a - W a = rhs``, W symmetric, non-negative.

    pixels (n,) int32 are the flat indices of the unknown pixels in the order of the rows; indptr (n + 1,) int64,
    indices (nnz,) int32, data (nnz,) float32 hold W between unknown pixels without a diagonal; diagonal and rhs (n,)
    float64 include the links to known pixels.
    """

    pixels: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray
    diagonal: np.ndarray
    rhs: np.ndarray


def knn_system(image, is_unknown, known_alpha, *, n_neighbors=(20, 10), spatial_weights=(2.0, 0.1), kernel="binary",
               color_space="rgb"):
    """Return the `GraphSystem` of the KNN Laplacian with the known pixels eliminated.

    image is (H, W, 3) float32, is_unknown (H, W) bool with at least one unknown pixel, known_alpha (H, W) float32; the
    options are those of `knn_laplacian`.
    """
    from hybridmatte.laplacian import _graph_numba as kernels

    pixels, links, weights = _link(image, is_unknown, n_neighbors, spatial_weights, kernel, color_space)
    counts = kernels.compress_rows(links, weights)
    graph = kernels.merge(links, weights, counts, *kernels.transpose(links, weights, counts))
    diagonal, rhs = kernels.ground(links, weights, counts, graph[0], graph[2], known_alpha.ravel(), KNOWN_FACTOR)
    return GraphSystem(pixels, *graph, diagonal, rhs)


def _link(image, is_unknown, n_neighbors, spatial_weights, kernel, color_space):
    """Return (pixels, links, weights): the unknown pixels in search order and their links, one row each."""
    from hybridmatte.laplacian import _graph_numba as graph_kernels
    from hybridmatte.similarity import _neighbors_numba as search_kernels

    height, width = is_unknown.shape
    n_rows, n_links = np.count_nonzero(is_unknown), sum(n_neighbors) + 4
    links, weights = np.empty((n_rows, n_links), np.int32), np.ones((n_rows, n_links), np.float32)
    code, pixels, first = None, None, 0
    for n, spatial_weight in zip(n_neighbors, spatial_weights, strict=True):
        columns = pixel_features(image, spatial_weight=spatial_weight, color_space=color_space)
        perm, *tree = search_kernels.build_tree(columns)
        own = np.flatnonzero(is_unknown.ravel()[perm])
        queried = perm[own]
        if code is None:
            pixels = queried
            code = np.arange(n_rows, n_rows + perm.size, dtype=np.int32)
            code[pixels] = np.arange(n_rows, dtype=np.int32)
        leaves = own // search_kernels.LEAF
        _, slots = search_kernels.search(*tree, leaves, search_kernels.gather(columns, queried), n)
        graph_kernels.enter_neighbors(slots, perm, code[queried], code, links, first)
        if kernel == "soft":
            graph_kernels.enter_soft_weights(slots, perm, queried, code[queried], columns, weights, first)
        first += n
    graph_kernels.enter_adjacent(pixels, height, width, code, ADJACENT_WEIGHT / 2, links, weights, first)
    return pixels, links, weights
