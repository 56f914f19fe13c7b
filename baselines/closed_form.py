"""The closed-form matting Laplacian, window by window."""

import numpy as np
import numpy.typing as npt
import scipy.sparse

from baselines._assemble import sum_blocks, windows_inside


def closed_form_laplacian(
    image: npt.ArrayLike, window_size: int = 3, epsilon: float = 1e-7, is_unknown: npt.NDArray[np.bool_] | None = None
) -> scipy.sparse.csr_matrix:
    """Return the matting Laplacian of an (H, W, 3) image in [0, 1] as an (H * W, H * W) CSR matrix, float64.

    L_ij is the sum, over all windows w that contain i and j and lie fully inside the image, of

        delta_ij - (1 + (I_i - mu)' (S + epsilon / |w| Id)^-1 (I_j - mu)) / |w|,

    with the mean mu and the covariance S of the colours of the window. A 3 x 3 window takes about 50 microseconds.
    With `is_unknown` (H, W), windows without an unknown pixel are skipped.

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.
    """
    colors = np.asarray(image, dtype=np.float64).reshape(-1, 3)
    windows = windows_inside(np.shape(image)[:2], window_size, is_unknown)
    blocks = ((pixels, window_block(colors[pixels], epsilon)) for pixels in windows)
    return sum_blocks(blocks, len(colors))


def window_block(colors: npt.NDArray[np.float64], epsilon: float) -> npt.NDArray[np.float64]:
    """Return the dense (n, n) contribution of a window of n colours (n, 3)."""
    n = len(colors)
    centered = colors - colors.mean(axis=0)
    covariance = centered.T @ centered / n
    inverse = np.linalg.inv(covariance + epsilon / n * np.eye(3))
    return np.eye(n) - (1.0 + centered @ inverse @ centered.T) / n
