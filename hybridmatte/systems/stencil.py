"""A local Laplacian over the unknown pixels, stored as a 5 x 5 stencil, with the known pixels eliminated."""

from dataclasses import dataclass

import numpy as np

from hybridmatte.linalg.layout import UnknownLayout

__all__ = ["StencilSystem"]


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
        from hybridmatte.linalg._stencil_numba import multiply

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
