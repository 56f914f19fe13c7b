"""Unknown pixels numbered in straight runs, so that cost and memory follow the unknown region."""

from dataclasses import dataclass

import numpy as np

__all__ = ["UnknownLayout", "make_layout"]

RADIUS = 2  # reach in pixels of the local Laplacians: two pixels of one 3 x 3 window are at most 2 apart
N_CHUNKS = 64  # pieces of work of about equal size; fixed, so that results do not depend on the thread count


@dataclass(frozen=True)
class UnknownLayout:
    """Where the unknown pixels of an image lie in one flat array of cells.

    Runs of unknown pixels in a row are contiguous, with empty cells between runs, so a stencil reads straight
    runs of memory. Runs at most one stencil width apart are joined; cells between them hold no pixel.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the image in pixels.
    n_cells : int
        Length of a vector over the layout.
    pixels : (n_cells,) int32 array
        Flat pixel index of a cell, -1 for a cell without an unknown pixel.
    segments, row_start, spans, chunks : int32 arrays
        The runs, the first run of each row, the spans between which stencil offsets change, and the first span of
        each piece of work; see ``_layout_numba``.
    bands : (n + 1,) int64 array
        First image row of each piece of work of about equal numbers of unknown pixels.
    """

    shape: tuple
    n_cells: int
    pixels: np.ndarray
    segments: np.ndarray
    row_start: np.ndarray
    spans: np.ndarray
    chunks: np.ndarray
    bands: np.ndarray

    def gather(self, plane):
        """Return the values of an (H, W) plane on the cells as float64, 0 on cells without a pixel."""
        is_pixel = self.pixels >= 0
        values = np.zeros(self.n_cells)
        values[is_pixel] = plane.ravel()[self.pixels[is_pixel]]
        return values

    def scatter(self, values, plane):
        """Write the cells' values into the unknown pixels of a C-contiguous (H, W) plane."""
        is_pixel = self.pixels >= 0
        plane.reshape(-1)[self.pixels[is_pixel]] = values[is_pixel]

    def cell_map(self):
        """Return the (H, W) int32 plane of the pixels' cells, 0 where there is none."""
        cells = np.zeros(self.shape, np.int32)
        is_pixel = self.pixels >= 0
        cells.reshape(-1)[self.pixels[is_pixel]] = np.flatnonzero(is_pixel)
        return cells


def make_layout(is_unknown, rows=(-2, -1, 1, 2), radius=RADIUS):
    """Number the unknown pixels of an (H, W) boolean mask; time and memory are linear in the image.

    `rows` are the offsets in y, `radius` the reach in x of the stencil that will read the cells.
    """
    from hybridmatte.linalg import _layout_numba as kernels

    pad = 2 * max(radius, 1)
    segments, row_start, end, pixels, cells = kernels.find_segments(is_unknown, pad + 1, pad)
    spans = kernels.find_spans(segments, row_start, np.array(rows), radius, end + pad)
    n_cells = int(end + 2 * pad + spans[:, 1].max(initial=0) + 1)
    pixel_of_cell = np.full(n_cells, -1, np.int32)
    pixel_of_cell[cells] = pixels
    lengths = np.cumsum(spans[:, 1])
    chunks = _cuts(lengths, min(N_CHUNKS, len(spans)))
    bands = _cuts(np.cumsum(is_unknown.sum(axis=1)), N_CHUNKS)
    return UnknownLayout(is_unknown.shape, n_cells, pixel_of_cell, segments, row_start, spans, chunks, bands)


def _cuts(cumulative, n_parts):
    """Cut an increasing sequence into at most `n_parts` stretches of about equal increase."""
    if len(cumulative) == 0:
        return np.zeros(1, np.int64)
    targets = cumulative[-1] * np.arange(1, n_parts) / max(n_parts, 1)
    inner = np.searchsorted(cumulative, targets)
    return np.unique(np.concatenate([[0], inner, [len(cumulative)]])).astype(np.int64)
