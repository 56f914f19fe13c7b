"""The nonlocal matting Laplacian by brute force."""

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse


def nonlocal_affinity(
    image: npt.ArrayLike,
    window_size: int = 9,
    patch_size: int = 3,
    h1: float = 0.1,
    h2: float = 10.0,
    n_neighbors: int | None = None,
) -> scipy.sparse.csr_matrix:
    """Return the row-normalised nonlocal affinity A as an (H * W, H * W) CSR matrix, float64.

    A_ij is proportional to exp(-|P_i - P_j|_g^2 / h1^2 - |x_i - x_j|^2 / h2^2) for the pixels j of the search window
    centred at i, i included; the window is cut to the image. With `n_neighbors`, only the pixels with the largest
    weights count. P_i is the patch of colours centred at i; outside the image the nearest pixel is repeated. |.|_g^2
    is the sum over the patch and the three channels of squared differences, weighted by a Gaussian of standard
    deviation patch_size / 4 pixels whose values sum to 1 over the patch. |x_i - x_j| is in pixels.

    References
    ----------
    .. [1] P. Lee, Y. Wu. Nonlocal matting. CVPR 2011. Eq. 3 and 4.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape[:2]
    patches, radius = _patches(image, patch_size), window_size // 2
    affinity = scipy.sparse.lil_matrix((height * width, height * width))
    for y in range(height):
        for x in range(width):
            found = []
            for row in range(max(y - radius, 0), min(y + radius + 1, height)):
                for column in range(max(x - radius, 0), min(x + radius + 1, width)):
                    colors = np.sum((patches[y, x] - patches[row, column]) ** 2)
                    exponent = colors / h1**2 + ((row - y) ** 2 + (column - x) ** 2) / h2**2
                    found.append((exponent, row * width + column))
            found.sort(key=lambda entry: entry[0])
            found = found[:n_neighbors]
            weights = np.exp([-exponent for exponent, _ in found])
            for weight, (_, j) in zip(weights / weights.sum(), found, strict=True):
                affinity[y * width + x, j] = weight
    return affinity.tocsr()


def nonlocal_laplacian(image: npt.ArrayLike, **settings: Any) -> scipy.sparse.csr_matrix:
    """Return (Id - A)' (Id - A) for the affinity A above; the paper's D is Id, since the rows of A sum to 1."""
    residual = scipy.sparse.identity(np.shape(image)[0] * np.shape(image)[1]) - nonlocal_affinity(image, **settings)
    return (residual.T @ residual).tocsr()


def _patches(image: npt.NDArray[np.float64], patch_size: int) -> npt.NDArray[np.float64]:
    """Return (H, W, 3 * patch_size^2) patches, scaled by the square roots of their Gaussian weights."""
    height, width = image.shape[:2]
    radius = patch_size // 2
    offsets = [(dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
    weights = np.array([np.exp(-(dy**2 + dx**2) / (2 * (patch_size / 4) ** 2)) for dy, dx in offsets])
    weights /= weights.sum()
    patches = np.empty((height, width, len(offsets), 3))
    for y in range(height):
        for x in range(width):
            for k, (dy, dx) in enumerate(offsets):
                color = image[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
                patches[y, x, k] = np.sqrt(weights[k]) * color
    return patches.reshape(height, width, -1)
