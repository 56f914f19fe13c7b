"""The large-kernel matting Laplacian: the closed form over large windows, as an explicit matrix."""

import numpy as np
import numpy.typing as npt
import scipy.sparse

from baselines._assemble import windows_inside
from baselines.closed_form import window_block


def large_kernel_laplacian(
    image: npt.ArrayLike, window_size: int = 21, epsilon: float = 1e-7
) -> scipy.sparse.csr_matrix:
    """Return the closed-form Laplacian of large windows as an (H * W, H * W) CSR matrix, float64.

    For images of a few thousand pixels: a row has up to (2 * window_size - 1)^2 entries (1681 for 21 pixels), and a
    window adds a dense block of window_size^4 numbers (194,481). The paper does not build the matrix. It multiplies by
    it with box filters, in time that does not depend on the window size, and it uses smaller windows in small segments
    of the trimap. Here all windows have one size and lie fully inside the image.

    References
    ----------
    .. [1] K. He, J. Sun, X. Tang. Fast matting using large kernel matting Laplacian matrices. CVPR 2010. Eq. 4.
    """
    colors = np.asarray(image, dtype=np.float64).reshape(-1, 3)
    laplacian = np.zeros((len(colors), len(colors)))
    for pixels in windows_inside(np.shape(image)[:2], window_size):
        laplacian[np.ix_(pixels, pixels)] += window_block(colors[pixels], epsilon)
    return scipy.sparse.csr_matrix(laplacian)
