"""Assemble the Laplacians of 3 x 3 windows: as a linear system over the unknown pixels, and as CSR."""

import numpy as np

from hybridmatte.linalg.layout import make_layout
from hybridmatte.linalg.threads import run
from hybridmatte.systems.stencil import StencilSystem

__all__ = ["stencil_csr", "stencil_system"]


def stencil_system(image, is_unknown, known_alpha, assemble, parameter):
    """Assemble the system of a 3 x 3 Laplacian, given the kernel that assembles it."""
    layout = make_layout(is_unknown)
    system = StencilSystem(layout, np.zeros((12, layout.n_cells)), np.zeros(layout.n_cells), np.zeros(layout.n_cells))
    _assemble(image, is_unknown, known_alpha, assemble, parameter, system, np.zeros((0, 25)))
    return system


def stencil_csr(image, is_unknown, assemble, parameter):
    """Return the rows of the unknown pixels of a 3 x 3 Laplacian as CSR of shape (H * W, H * W)."""
    from scipy.sparse import csr_matrix

    from hybridmatte.methods._window_numba import rows_to_csr

    height, width = is_unknown.shape
    layout = make_layout(is_unknown)
    rows = np.zeros((layout.n_cells, 25))
    empty = StencilSystem(layout, np.zeros((12, 0)), np.zeros(0), np.zeros(0))
    _assemble(image, is_unknown, np.zeros((height, width), np.float32), assemble, parameter, empty, rows)
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


def _assemble(image, is_unknown, known_alpha, assemble, parameter, system, rows):
    layout = system.layout
    run(assemble, len(layout.bands) - 1, image, is_unknown, known_alpha, layout.segments, layout.row_start,
        layout.bands, float(parameter), system.weights, system.diagonal, system.rhs, rows)
