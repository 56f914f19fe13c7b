"""A local Laplacian over the unknown pixels, stored as a 5 x 5 stencil, and its CSR form."""

from dataclasses import dataclass

import numpy as np

from hybridmatte._check import check_same_shape
from hybridmatte.laplacian.layout import UnknownLayout, make_layout

__all__ = ["StencilSystem", "check_unknown", "stencil_csr", "stencil_system"]


@dataclass
class StencilSystem:
    """The linear system ``A x = rhs`` of a local Laplacian with the known pixels eliminated.

    Attributes
    ----------
    layout : UnknownLayout
        Which cell holds which unknown pixel.
    weights : (12, n_cells) array
        Entries from a pixel to the 12 later ones of its 5 x 5 neighbourhood in row-major order; A is symmetric.
    diagonal, rhs : (n_cells,) arrays
        Diagonal and right-hand side, 0 on cells without a pixel.
    """

    layout: UnknownLayout
    weights: np.ndarray
    diagonal: np.ndarray
    rhs: np.ndarray

    def __post_init__(self):
        self._product = np.zeros(self.layout.n_cells, self.weights.dtype)

    def multiply(self, x):
        """Return A x in a buffer that the next call overwrites."""
        from hybridmatte.laplacian._stencil_numba import multiply

        multiply(self.layout.spans, self.layout.chunks, self.weights, self.diagonal, x, self._product)
        return self._product

    def astype(self, dtype):
        """Return the system in another precision."""
        arrays = (self.weights, self.diagonal, self.rhs)
        return StencilSystem(self.layout, *(array.astype(dtype, copy=False) for array in arrays))

    def add_prior(self, prior, confidence):
        """Add ``(a - prior)' diag(confidence) (a - prior)``; both are (H, W) planes."""
        weight = self.layout.gather(confidence)
        self.diagonal += weight
        self.rhs += weight * self.layout.gather(prior)


def check_unknown(is_unknown, image):
    """Return an (H, W) boolean mask that fits the image; all True for None."""
    if is_unknown is None:
        return np.ones(image.shape[:2], dtype=bool)
    is_unknown = np.asarray(is_unknown)
    if is_unknown.dtype != bool:
        raise TypeError(f"is_unknown has dtype {is_unknown.dtype}, expected bool")
    check_same_shape(is_unknown.shape, "is_unknown", image.shape, "image")
    return np.ascontiguousarray(is_unknown)


def stencil_system(image, is_unknown, known_alpha, form, parameter):
    """Assemble the system of a 3 x 3 Laplacian; `form` is one of the constants of ``_window_numba``."""
    layout = make_layout(is_unknown)
    system = StencilSystem(layout, np.zeros((12, layout.n_cells)), np.zeros(layout.n_cells), np.zeros(layout.n_cells))
    _assemble(image, is_unknown, known_alpha, form, parameter, system, np.zeros((0, 25)))
    return system


def stencil_csr(image, is_unknown, form, parameter):
    """Return the rows of the unknown pixels of a 3 x 3 Laplacian as CSR of shape (H * W, H * W)."""
    from scipy.sparse import csr_matrix

    from hybridmatte.laplacian._window_numba import rows_to_csr

    height, width = is_unknown.shape
    layout = make_layout(is_unknown)
    rows = np.zeros((layout.n_cells, 25))
    empty = StencilSystem(layout, np.zeros((12, 0)), np.zeros(0), np.zeros(0))
    _assemble(image, is_unknown, np.zeros((height, width)), form, parameter, empty, rows)
    reach = [np.minimum(np.arange(n) + 2, n - 1) - np.maximum(np.arange(n) - 2, 0) + 1 for n in (height, width)]
    per_row = np.where(is_unknown, np.outer(*reach), 0).ravel()
    indptr = np.concatenate([[0], np.cumsum(per_row)])
    index_type = np.int32 if indptr[-1] < 2**31 else np.int64
    indptr = indptr.astype(index_type)
    indices = np.empty(indptr[-1], index_type)
    data = np.empty(indptr[-1])
    cells = np.flatnonzero(layout.pixels >= 0)
    rows_to_csr(rows, cells, layout.pixels, height, width, indptr, indices, data)
    laplacian = csr_matrix((data, indices, indptr), shape=(height * width, height * width))
    laplacian.eliminate_zeros()
    return laplacian


def _assemble(image, is_unknown, known_alpha, form, parameter, system, rows):
    from hybridmatte.laplacian._window_numba import assemble

    layout = system.layout
    assemble(image, is_unknown, known_alpha, layout.segments, layout.row_start, layout.bands, form, parameter,
             system.weights, system.diagonal, system.rhs, rows)
