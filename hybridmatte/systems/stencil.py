"""The linear system of a local Laplacian, stored as a 5 x 5 stencil over the unknown pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg._stencil_numba import multiply
from hybridmatte.linalg.conjugate_gradient import Vector
from hybridmatte.linalg.layout import UnknownLayout
from hybridmatte.linalg.multigrid import ColorLineMultigrid
from hybridmatte.systems.solve import LinearSystem

__all__ = ["StencilSystem"]


class StencilSystem(LinearSystem):
    """``A x = rhs`` for a Laplacian of 3 x 3 windows; vectors have one entry for each cell of a layout.

    Attributes
    ----------
    layout : UnknownLayout
        The cell of each unknown pixel.
    weights : (12, n_cells) array
        Entries of A from a pixel to the 12 later ones of its 5 x 5 neighbourhood, in row-major order; A is symmetric.
    diagonal, rhs : (n_cells,) arrays
        Diagonal and right-hand side; 0 for cells without a pixel.
    bound : (n_cells,) array
        Diagonal of an upper bound of A: the diagonal matrix less A is positive semidefinite.
    image : (H, W, 3) float32 array
        The colours, which span the near-null space of A together with the constant.
    """

    layout: UnknownLayout
    weights: npt.NDArray[Any]
    bound: npt.NDArray[Any]
    image: npt.NDArray[np.float32]

    def __init__(
        self,
        layout: UnknownLayout,
        weights: npt.NDArray[Any],
        diagonal: npt.NDArray[Any],
        rhs: npt.NDArray[Any],
        bound: npt.NDArray[Any],
        image: npt.NDArray[np.float32],
    ) -> None:
        self.layout, self.weights, self.diagonal, self.rhs = layout, weights, diagonal, rhs
        self.bound, self.image = bound, image
        self.pixels = layout.pixels
        self._product = np.zeros(layout.n_cells, weights.dtype)

    def matvec(self, x: Vector) -> Vector:
        """Return A x in a buffer that the next call overwrites."""
        multiply(self.layout.spans, self.layout.chunks, self.weights, self.diagonal, x, self._product)
        return self._product

    def add_prior(self, prior: npt.NDArray[Any], confidence: npt.NDArray[Any]) -> None:
        """Add ``(a - prior)' diag(confidence) (a - prior)`` to what is minimised; both are planes (H, W)."""
        super().add_prior(prior, confidence)
        self.bound = self.bound + self.gather(confidence)

    def preconditioner(self) -> ColorLineMultigrid:
        """Return one V-cycle of multigrid with the near-null space {1, R, G, B}."""
        multigrid = ColorLineMultigrid(self, self.image)
        self.single_matvec = multigrid.matvec
        return multigrid

    def astype(self, dtype: npt.DTypeLike) -> StencilSystem:
        """Return the system in another precision."""
        arrays = (array.astype(dtype, copy=False) for array in (self.weights, self.diagonal, self.rhs))
        return StencilSystem(self.layout, *arrays, self.bound, self.image)
