"""The KNN matting Laplacian by brute force."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse

from baselines._assemble import graph_laplacian
from baselines.similarity import nearest_neighbors


def knn_features(image: npt.ArrayLike, spatial_weight: float) -> npt.NDArray[np.float64]:
    """Return (H * W, 5) features: R, G, B, and x / (W - 1), y / (H - 1) times the spatial weight."""
    image = np.asarray(image)
    height, width = image.shape[:2]
    features = np.empty((height, width, 5))
    for y in range(height):
        for x in range(width):
            features[y, x, :3] = image[y, x]
            features[y, x, 3] = spatial_weight * x / max(width - 1, 1)
            features[y, x, 4] = spatial_weight * y / max(height - 1, 1)
    return features.reshape(-1, 5)


def knn_laplacian(
    image: npt.ArrayLike,
    n_neighbors: Sequence[int] = (20, 10),
    spatial_weight: Sequence[float] = (2.0, 0.1),
    kernel: Literal["binary", "soft"] = "binary",
    adjacent_weight: float = 0.0,
) -> scipy.sparse.csr_matrix:
    """Return D - W of an (H, W, 3) image in [0, 1] as an (H * W, H * W) CSR matrix, float64.

    For each number of neighbours with its spatial weight, A_ij is raised by 1 (kernel "binary") or by
    1 - |f_i - f_j|_1 / 5 (kernel "soft") for the nearest j of each i in feature space; i counts among its own
    neighbours. Then W = A + A', and D is the diagonal matrix of the row sums of W. adjacent_weight, which is in no
    paper, is added to W_ij for the 4 pixels j next to i. Time is quadratic in the number of pixels.

    The paper uses HSV with hue as cosine and sine, one set of neighbours, and the soft kernel. Two sets in RGB with
    the binary kernel are the later default of the field.

    References
    ----------
    .. [1] Q. Chen, D. Li, C.-K. Tang. KNN matting. TPAMI 2013. Eq. 3 to 6.
    """
    n_pixels = np.shape(image)[0] * np.shape(image)[1]
    affinity = scipy.sparse.csr_matrix((n_pixels, n_pixels))
    for n, weight in zip(n_neighbors, spatial_weight, strict=True):
        features = knn_features(image, weight)
        _, indices = nearest_neighbors(features, n)
        rows, columns = np.repeat(np.arange(n_pixels), n), indices.ravel()
        values = np.ones(len(rows))
        if kernel == "soft":
            values = 1.0 - np.abs(features[rows] - features[columns]).sum(axis=1) / 5.0
        affinity = affinity + scipy.sparse.coo_matrix((values, (rows, columns)), shape=affinity.shape).tocsr()
    weights = affinity + affinity.T
    if adjacent_weight:
        weights = weights + adjacent_weight * _adjacent(*np.shape(image)[:2])
    return graph_laplacian(weights)


def _adjacent(height: int, width: int) -> scipy.sparse.csr_matrix:
    """Return the 0/1 matrix of horizontally and vertically adjacent pixels."""
    adjacent = scipy.sparse.lil_matrix((height * width, height * width))
    for y in range(height):
        for x in range(width):
            for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= row < height and 0 <= column < width:
                    adjacent[y * width + x, row * width + column] = 1.0
    return adjacent.tocsr()
