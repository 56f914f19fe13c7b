"""The random walk Laplacian, pixel by pixel."""

import numpy as np
import numpy.typing as npt
import scipy.sparse

from baselines._assemble import graph_laplacian


def random_walk_laplacian(
    image: npt.ArrayLike, window_size: int = 3, sigma: float = 0.025, floor: float = 1e-5
) -> scipy.sparse.csr_matrix:
    """Return D - W of an (H, W, 3) image in [0, 1] as an (H * W, H * W) CSR matrix, float64.

    W_ij = max(exp(-|I_i - I_j|^2 / sigma^2), floor) for the pixels j != i of the image that lie in the window centred
    at i; D is the diagonal matrix of the row sums. The paper uses 4 neighbours, no floor, and a learned metric for the
    colours. With sigma = 0.025 the exponent is -1600 |I_i - I_j|^2.

    References
    ----------
    .. [1] L. Grady, T. Schiwietz, S. Aharon, R. Westermann. Random walks for interactive alpha-matting. VIIP 2005.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape[:2]
    radius = window_size // 2
    weights = scipy.sparse.lil_matrix((height * width, height * width))
    for y in range(height):
        for x in range(width):
            for row in range(max(y - radius, 0), min(y + radius + 1, height)):
                for column in range(max(x - radius, 0), min(x + radius + 1, width)):
                    if (row, column) != (y, x):
                        squared = np.sum((image[y, x] - image[row, column]) ** 2)
                        weights[y * width + x, row * width + column] = max(np.exp(-squared / sigma**2), floor)
    return graph_laplacian(weights.tocsr())
