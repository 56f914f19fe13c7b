"""The learning-based matting Laplacian, window by window."""

import numpy as np
import numpy.typing as npt
import scipy.sparse

from baselines._assemble import sum_blocks, windows_inside


def learning_based_laplacian(
    image: npt.ArrayLike, window_size: int = 3, epsilon: float = 1e-7, is_unknown: npt.NDArray[np.bool_] | None = None
) -> scipy.sparse.csr_matrix:
    """Return the local-learning Laplacian of an (H, W, 3) image in [0, 1] as an (H * W, H * W) CSR matrix, float64.

    In each window alpha is predicted by ridge regression on X = (R, G, B, 1), n x 4:

        F = X X' (X X' + epsilon Id)^-1,    L = sum over windows of (Id - F)' (Id - F).

    The paper predicts only the centre of each window. Here, as in its released implementations, all pixels of the
    window are predicted. F is computed from the singular values s and the left singular vectors U of X as
    F = U diag(s^2 / (s^2 + epsilon)) U', since the condition number of the explicit inverse is 1e8.

    With `is_unknown` (H, W), windows without an unknown pixel are skipped.

    References
    ----------
    .. [1] Y. Zheng, C. Kambhamettu. Learning based digital matting. ICCV 2009. Eq. 9 to 13.
    """
    colors = np.asarray(image, dtype=np.float64).reshape(-1, 3)
    windows = windows_inside(np.shape(image)[:2], window_size, is_unknown)
    blocks = ((pixels, _window_block(colors[pixels], epsilon)) for pixels in windows)
    return sum_blocks(blocks, len(colors))


def _window_block(colors: npt.NDArray[np.float64], epsilon: float) -> npt.NDArray[np.float64]:
    """Return the dense (n, n) contribution of a window of n colours (n, 3)."""
    n = len(colors)
    features = np.column_stack([colors, np.ones(n)])
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    prediction = left @ np.diag(singular**2 / (singular**2 + epsilon)) @ left.T
    residual = np.eye(n) - prediction
    return residual.T @ residual
