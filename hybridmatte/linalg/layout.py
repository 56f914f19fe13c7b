"""Numbering of the marked points of a grid, such that a stencil reads contiguous memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg import _layout_numba as kernels

__all__ = ["UnknownLayout", "make_layout"]

RADIUS = 2  # pixels, reach of a 5 x 5 stencil: two pixels of one 3 x 3 window are at most 2 apart
N_CHUNKS = 64  # pieces of work of about equal size; fixed, so that results do not depend on the number of threads


@dataclass(frozen=True)
class UnknownLayout:
    """Positions of the unknown pixels of an image in one flat array of cells.

    The unknown pixels of a row that stand next to each other have consecutive cells, with empty cells between such
    runs, so that a stencil reads contiguous memory. Runs that are at most one stencil width apart are joined; the cells
    between them hold no pixel. Time and memory of a product follow the unknown region, not the image.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the image in pixels.
    n_cells : int
        Length of a vector over the layout.
    pixels : (n_cells,) int32 array
        Flat pixel index of each cell, -1 for a cell without an unknown pixel.
    segments, row_start, spans, chunks : int32 arrays
        The runs, the first run of each row, the spans between which the stencil's offsets change, and the first span
        of each piece of work; see ``_layout_numba``.
    bands : (n + 1,) int64 array
        First image row of each piece of work; the pieces hold about equal numbers of unknown pixels.
    """

    shape: tuple[int, int]
    n_cells: int
    pixels: npt.NDArray[np.int32]
    segments: npt.NDArray[np.int32]
    row_start: npt.NDArray[np.int32]
    spans: npt.NDArray[np.int32]
    chunks: npt.NDArray[np.int64]
    bands: npt.NDArray[np.int64]

    def cell_map(self, border: int = 0) -> npt.NDArray[np.int32]:
        """Return the cell of each pixel, (H, W); 0 for pixels that are not unknown, and in a border of that width."""
        height, width = self.shape
        cells = np.zeros((height + 2 * border, width + 2 * border), np.int32)
        of_pixels = np.flatnonzero(self.pixels >= 0)
        places = self.pixels[of_pixels]
        if border:
            places = places + border * (width + 2 * border + 1) + 2 * border * (places // width)
        cells.ravel()[places] = of_pixels
        return cells


def make_layout(
    is_unknown: npt.NDArray[np.bool_], rows: tuple[int, ...] = (-2, -1, 1, 2), radius: int = RADIUS
) -> UnknownLayout:
    """Return the layout of the unknown pixels of a mask (H, W).

    `rows` are the offsets in y, and `radius` the reach in x, of the stencil that will read the cells. Time and memory
    are linear in the pixels of the image.
    """
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


def _cuts(cumulative: npt.NDArray[Any], n_parts: int) -> npt.NDArray[np.int64]:
    """Return the first indices of at most `n_parts` stretches of about equal increase of an increasing sequence."""
    if len(cumulative) == 0:
        return np.zeros(1, np.int64)
    targets = cumulative[-1] * np.arange(1, n_parts) / max(n_parts, 1)
    inner = np.searchsorted(cumulative, targets)
    return np.unique(np.concatenate([[0], inner, [len(cumulative)]])).astype(np.int64)
