"""Sums of dense blocks, and graph weights, as sparse matrices."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse


def windows_inside(
    shape: tuple[int, int], window_size: int, is_unknown: npt.NDArray[np.bool_] | None = None
) -> Iterator[npt.NDArray[np.intp]]:
    """Yield the flat pixel indices of every square window that lies fully inside an image of shape (H, W).

    With `is_unknown`, an (H, W) boolean array, windows without an unknown pixel are skipped. The rows of the unknown
    pixels are complete without them.
    """
    height, width = shape
    index = np.arange(height * width).reshape(height, width)
    for top in range(height - window_size + 1):
        for left in range(width - window_size + 1):
            rows, columns = slice(top, top + window_size), slice(left, left + window_size)
            if is_unknown is None or is_unknown[rows, columns].any():
                yield index[rows, columns].ravel()


def sum_blocks(
    blocks: Iterable[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]], n_pixels: int
) -> scipy.sparse.csr_matrix:
    """Return the sum of dense blocks as CSR; `blocks` yields the pixels (n,) and the values (n, n) of each block."""
    rows, columns, values = [], [], []
    for pixels, block in blocks:
        rows.append(np.repeat(pixels, len(pixels)))
        columns.append(np.tile(pixels, len(pixels)))
        values.append(block.ravel())
    if not rows:
        return scipy.sparse.csr_matrix((n_pixels, n_pixels))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.coo_matrix(entries, shape=(n_pixels, n_pixels)).tocsr()


def graph_laplacian(weights: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Return D - W as CSR; W is symmetric and D is the diagonal matrix of its row sums."""
    return (scipy.sparse.diags(np.asarray(weights.sum(axis=1)).ravel()) - weights).tocsr()
