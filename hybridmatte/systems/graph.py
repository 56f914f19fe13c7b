"""The linear system of a neighbour graph over the unknown pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg._graph_numba import multiply
from hybridmatte.linalg.conjugate_gradient import Vector
from hybridmatte.linalg.graph_aggregation import GraphAggregation
from hybridmatte.systems.solve import LinearSystem

__all__ = ["GraphSystem"]


class GraphSystem(LinearSystem):
    """``diagonal * a - W a = rhs`` for a graph whose affinities W are symmetric and non-negative.

    Attributes
    ----------
    pixels : (n,) int32 array
        Flat indices of the unknown pixels, such that consecutive ones are similar.
    indptr, indices, data : (n + 1,) int64, (nnz,) int32 and (nnz,) float32 arrays
        W between unknown pixels in CSR form, without a diagonal.
    diagonal, rhs : (n,) float64 arrays
        Both include the links to known pixels.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    data: npt.NDArray[np.float32]

    def __init__(
        self,
        pixels: npt.NDArray[np.int32],
        indptr: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int32],
        data: npt.NDArray[np.float32],
        diagonal: npt.NDArray[np.float64],
        rhs: npt.NDArray[np.float64],
    ) -> None:
        self.pixels, self.indptr, self.indices, self.data = pixels, indptr, indices, data
        self.diagonal, self.rhs = diagonal, rhs
        self._product = np.empty(rhs.size)

    def matvec(self, x: Vector) -> npt.NDArray[Any]:
        """Return A x in a buffer that the next call overwrites."""
        multiply(self.indptr, self.indices, self.data, self.diagonal, x, self._product)
        return self._product

    def preconditioner(self) -> GraphAggregation:
        """Return the aggregation of consecutive rows."""
        return GraphAggregation(self.indptr, self.indices, self.data, self.diagonal)
