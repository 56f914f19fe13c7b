"""Assembly of the Laplacians of 3 x 3 windows: as a linear system over the unknown pixels, or as a CSR matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from hybridmatte.linalg.layout import UnknownLayout, make_layout
from hybridmatte.linalg.threads import run_pieces
from hybridmatte.methods._window_numba import row_buffers, rows_to_csr
from hybridmatte.systems.stencil import StencilSystem

__all__ = ["REACH", "WINDOW_SIDE", "stencil_csr", "stencil_system"]

Assemble = Callable[..., None]  # a kernel that fills the rows of the pixels in bands first to last of a layout
WINDOW_SIDE = 3  # pixels
N_WINDOWS = WINDOW_SIDE**2  # that hold a pixel
REACH = WINDOW_SIDE - 1  # pixels: the largest distance in x or y between two pixels of one window


def stencil_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    assemble: Assemble,
    parameter: float,
) -> StencilSystem:
    """Return the system of a Laplacian of 3 x 3 windows with the known pixels eliminated.

    `assemble` is the Laplacian's kernel, `parameter` its own parameter: epsilon or sigma. The energy of a window is at
    most the sum of its squared alphas, which bounds the Laplacian by the 9 windows that hold a pixel.
    """
    layout = make_layout(is_unknown)
    weights, (diagonal, rhs) = np.zeros((12, layout.n_cells)), np.zeros((2, layout.n_cells))
    system = StencilSystem(layout, weights, diagonal, rhs, np.full(layout.n_cells, N_WINDOWS, np.float32), image)
    _assemble(image, is_unknown, known_alpha, assemble, parameter, layout, weights, diagonal, rhs, np.zeros((0, 25)))
    return system


def stencil_csr(
    image: npt.NDArray[np.float32], is_unknown: npt.NDArray[np.bool_], assemble: Assemble, parameter: float
) -> csr_matrix:
    """Return the rows of the unknown pixels of a Laplacian of 3 x 3 windows, (H * W, H * W) float64."""
    height, width = is_unknown.shape
    layout = make_layout(is_unknown)
    rows, none = np.zeros((layout.n_cells, 25)), np.zeros(0)
    known_alpha = np.zeros((height, width), np.float32)
    _assemble(image, is_unknown, known_alpha, assemble, parameter, layout, np.zeros((12, 0)), none, none, rows)
    reach_y, reach_x = (
        np.minimum(np.arange(n) + REACH, n - 1) - np.maximum(np.arange(n) - REACH, 0) + 1 for n in (height, width)
    )
    per_row = np.where(is_unknown, np.outer(reach_y, reach_x), 0).ravel()
    indptr = np.concatenate([[0], np.cumsum(per_row)])
    index_type = np.int32 if indptr[-1] < 2**31 else np.int64
    indptr = indptr.astype(index_type)
    indices, data = np.empty(indptr[-1], index_type), np.empty(indptr[-1])
    cells = np.flatnonzero(layout.pixels >= 0)
    rows_to_csr(rows, cells, layout.pixels, height, width, indptr, indices, data)
    laplacian = csr_matrix((data, indices, indptr), shape=(height * width, height * width))
    laplacian.eliminate_zeros()
    return laplacian


def _assemble(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.floating],
    assemble: Assemble,
    parameter: float,
    layout: UnknownLayout,
    *out: npt.NDArray[np.float64],
) -> None:
    """Run the assembly kernel over the bands of a layout; `out` are weights, diagonal, rhs and dense rows.

    A call uses the entry of its first band of the row buffers; the memory of the other entries is never touched.
    """
    n_bands = len(layout.bands) - 1
    run_pieces(
        assemble,
        n_bands,
        image,
        is_unknown,
        known_alpha,
        layout.segments,
        layout.row_start,
        layout.bands,
        float(parameter),
        *out,
        row_buffers(n_bands, image.shape[1]),
    )
