"""Aggregation preconditioner of a neighbour graph: consecutive rows are aggregated."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg import _graph_numba as kernels
from hybridmatte.linalg._dense_numba import invert_dense, multiply_dense
from hybridmatte.linalg.conjugate_gradient import Vector
from hybridmatte.linalg.threads import run_alone

__all__ = ["GraphAggregation"]

FINE_BLOCK = 16  # rows aggregated on the first coarse level
COARSE_BLOCK = 8  # rows aggregated on the later levels
DENSE_ROWS = 500  # rows that are few enough for a dense inverse
OVERCORRECTION = 1.4  # factor of a coarse correction, which plain aggregation makes too small


class GraphAggregation:
    """Preconditioner of ``diagonal * x - W x`` for a graph whose consecutive rows are similar.

    The rows of a graph in the order of a kd-tree are. The preconditioner is the sum of two parts: division by the
    diagonal, and one V-cycle on the graph of blocks of 16 rows (symmetric Gauss-Seidel smoothing, blocks of 8 rows on
    the later levels, a dense inverse on the coarsest one). Memory is about a tenth of the graph's.

    Parameters
    ----------
    indptr, indices, data : arrays
        W in CSR form, without a diagonal, non-negative. If it is not symmetric, as in nonlocal matting, nor is the
        preconditioner, which then suits BiCGSTAB.
    diagonal : (n,) float64 array
        At least the row sums of W, and larger than that somewhere in every component of the graph.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the coarsest matrix is singular: a component of the graph has no link to a known pixel and no prior.
    """

    def __init__(
        self,
        indptr: npt.NDArray[Any],
        indices: npt.NDArray[np.int32],
        data: npt.NDArray[np.float32],
        diagonal: npt.NDArray[np.float64],
    ) -> None:
        self._diagonal = diagonal
        self._result = np.empty(diagonal.size)
        *level, middles = kernels.coarsen(indptr, indices, data, diagonal, FINE_BLOCK)
        self._levels: list[Any] = []
        while level[3].size > DENSE_ROWS:
            self._levels.append((level, middles, np.empty(level[3].size), np.empty(level[3].size)))
            *level, middles = kernels.coarsen(*level, COARSE_BLOCK)
        self._inverse = _inverse(*level)
        self._coarsest, self._coarse_solution = np.empty((2, len(self._inverse)))

    def __call__(self, residual: Vector) -> npt.NDArray[np.float64]:
        """Return the approximate solution for a residual (n,) float64, always in the same buffer."""
        first = self._levels[0][2] if self._levels else self._coarsest
        kernels.sum_blocks(residual, FINE_BLOCK, first)
        kernels.add_coarse(residual, self._diagonal, self._cycle(0), FINE_BLOCK, self._result)
        return self._result

    def _cycle(self, depth: int) -> npt.NDArray[np.float64]:
        """Return an approximate solution on one level, whose right-hand side is in its buffer already."""
        if depth == len(self._levels):
            run_alone(multiply_dense, self._inverse, self._coarsest, self._coarse_solution)
            return self._coarse_solution
        graph, middles, rhs, x = self._levels[depth]
        run_alone(kernels.sweep_forward, *graph, middles, rhs, x)
        below = self._levels[depth + 1][2] if depth + 1 < len(self._levels) else self._coarsest
        kernels.restrict_residual(*graph[:3], middles, x, COARSE_BLOCK, below)
        run_alone(kernels.add_blocks, self._cycle(depth + 1), COARSE_BLOCK, OVERCORRECTION, x)
        run_alone(kernels.sweep_backward, *graph, rhs, x)
        return x


def _inverse(indptr: Any, indices: Any, data: Any, diagonal: Any) -> npt.NDArray[np.float64]:
    """Return the dense inverse of a small graph's matrix."""
    dense = np.diag(diagonal)
    rows = np.repeat(np.arange(diagonal.size), np.diff(indptr))
    dense[rows, indices] -= data
    inverse = invert_dense(dense)
    if not np.isfinite(inverse).all():
        raise np.linalg.LinAlgError(
            "the coarsest matrix of the graph is singular, expected links to a known pixel or a larger confidence"
        )
    return inverse
