"""Sum dense blocks and weights into sparse matrices."""

import numpy as np
import scipy.sparse


def windows_inside(shape, window_size, is_unknown=None):
    """Yield the flat pixel indices of every square window that lies fully inside the image.

    With `is_unknown`, an (H, W) bool array, only of windows that hold an unknown pixel: the rows of unknown pixels
    are then still complete.
    """
    height, width = shape
    index = np.arange(height * width).reshape(height, width)
    for top in range(height - window_size + 1):
        for left in range(width - window_size + 1):
            rows, columns = slice(top, top + window_size), slice(left, left + window_size)
            if is_unknown is None or is_unknown[rows, columns].any():
                yield index[rows, columns].ravel()


def sum_blocks(blocks, n_pixels):
    """Return the CSR sum of (pixels, dense block) pairs; `blocks` yields (n,) int and (n, n) float arrays."""
    rows, columns, values = [], [], []
    for pixels, block in blocks:
        rows.append(np.repeat(pixels, len(pixels)))
        columns.append(np.tile(pixels, len(pixels)))
        values.append(block.ravel())
    if not rows:
        return scipy.sparse.csr_matrix((n_pixels, n_pixels))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.coo_matrix(entries, shape=(n_pixels, n_pixels)).tocsr()


def graph_laplacian(weights):
    """Return D - W as CSR, D the diagonal of the row sums of the symmetric sparse W."""
    return (scipy.sparse.diags(np.asarray(weights.sum(axis=1)).ravel()) - weights).tocsr()
