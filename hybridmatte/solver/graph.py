"""Solve the system of a neighbour graph: aggregation of consecutive rows, conjugate gradients."""

import numpy as np

from hybridmatte.solver.conjugate_gradient import conjugate_gradient
from hybridmatte.solver.system import finish_alpha, warn_unconverged

__all__ = ["GraphAggregation", "solve_graph"]

FINE_BLOCK = 16
COARSE_BLOCK = 8
DENSE_ROWS = 500
OVERCORRECTION = 1.4


class GraphAggregation:
    """Preconditioner of a graph whose consecutive rows are alike, as those in the order of a kd-tree are.

    The sum of two parts: division by the diagonal, and one V-cycle on the graph of blocks of 16 rows (symmetric
    Gauss-Seidel, blocks of 8 and 8 again, dense at the end). Nothing to break down; memory about a tenth of the graph.

    Parameters
    ----------
    indptr, indices, data : arrays
        W in CSR form without a diagonal, symmetric and non-negative.
    diagonal : (n,) float64 array
        At least the row sums of W, and more in every component of the graph.
    """

    def __init__(self, indptr, indices, data, diagonal):
        from hybridmatte.solver import _graph_numba as kernels

        self._diagonal = diagonal
        self._result = np.empty(diagonal.size)
        level = kernels.coarsen(indptr, indices, data, diagonal, FINE_BLOCK)
        self._levels = []
        while level[3].size > DENSE_ROWS:
            self._levels.append((level, np.empty(level[3].size), np.empty(level[3].size)))
            level = kernels.coarsen(*level, COARSE_BLOCK)
        self._inverse = _invert(*level)
        self._coarsest, self._coarse_solution = np.empty((2, len(self._inverse)))

    def __call__(self, residual):
        """Return the approximate solution for a residual (n,) float64, always in the same buffer."""
        from hybridmatte.solver import _graph_numba as kernels

        first = self._levels[0][1] if self._levels else self._coarsest
        kernels.sum_blocks(residual, FINE_BLOCK, first)
        kernels.join(residual, self._diagonal, self._cycle(0), FINE_BLOCK, self._result)
        return self._result

    def _cycle(self, depth):
        """Solve approximately on one level and those below; its right-hand side is in its buffer already."""
        from hybridmatte.solver import _graph_numba as kernels
        from hybridmatte.solver._dense_numba import multiply_dense

        if depth == len(self._levels):
            multiply_dense(self._inverse, self._coarsest, self._coarse_solution)
            return self._coarse_solution
        graph, rhs, x = self._levels[depth]
        kernels.sweep_forward(*graph, rhs, x)
        below = self._levels[depth + 1][1] if depth + 1 < len(self._levels) else self._coarsest
        kernels.restrict_residual(*graph, rhs, x, COARSE_BLOCK, below)
        kernels.add_blocks(self._cycle(depth + 1), COARSE_BLOCK, OVERCORRECTION, x)
        kernels.sweep_backward(*graph, rhs, x)
        return x


def solve_graph(problem, system, *, rtol, maxiter, method):
    """Solve a `GraphSystem` for the unknown pixels of a problem; return alpha (H, W) float32.

    Raises
    ------
    ValueError
        If some unknown pixels have no path of links to a known pixel or to one with a prior.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    from hybridmatte.solver import _graph_numba as kernels

    diagonal, rhs = system.diagonal, system.rhs
    if problem.prior is not None:
        confidence = problem.confidence.ravel()[system.pixels].astype(np.float64)
        diagonal = diagonal + confidence
        rhs = rhs + confidence * problem.prior.ravel()[system.pixels]
    graph = system.indptr, system.indices, system.data
    product = np.empty(rhs.size)

    def matvec(x):
        kernels.multiply(*graph, diagonal, x, product)
        return product

    result = conjugate_gradient(matvec, rhs, GraphAggregation(*graph, diagonal), rtol=rtol, maxiter=maxiter)
    warn_unconverged(result, rtol, method)
    alpha = np.zeros(problem.is_unknown.shape)
    alpha.ravel()[system.pixels] = result.x
    return finish_alpha(problem, alpha)


def _invert(indptr, indices, data, diagonal):
    """Return the dense inverse of a small system."""
    from hybridmatte.solver._dense_numba import invert_dense

    dense = np.diag(diagonal)
    rows = np.repeat(np.arange(diagonal.size), np.diff(indptr))
    dense[rows, indices] -= data
    return invert_dense(dense)
