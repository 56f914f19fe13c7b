"""Solve the system of a neighbour graph: aggregation of consecutive rows, conjugate gradients."""

import numpy as np

from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems.problem import finish_alpha, warn_unconverged

__all__ = ["GraphAggregation", "GraphSolver", "solve_graph"]

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
        from hybridmatte.linalg import _graph_numba as kernels

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
        from hybridmatte.linalg import _graph_numba as kernels

        first = self._levels[0][1] if self._levels else self._coarsest
        kernels.sum_blocks(residual, FINE_BLOCK, first)
        kernels.join(residual, self._diagonal, self._cycle(0), FINE_BLOCK, self._result)
        return self._result

    def _cycle(self, depth):
        """Solve approximately on one level and those below; its right-hand side is in its buffer already."""
        from hybridmatte.linalg import _graph_numba as kernels
        from hybridmatte.linalg._dense_numba import multiply_dense

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


class GraphSolver:
    """The system of a problem with its preconditioner, kept to solve for several right-hand sides.

    Parameters
    ----------
    problem : Problem
    system : GraphSystem
    rtol, maxiter
        Stopping rule of conjugate gradients.
    method : str
        Name for messages.
    """

    def __init__(self, problem, system, *, rtol, maxiter, method):
        self._system, self._shape, self._known = system, problem.is_unknown.shape, problem.known_alpha
        self._stopping, self._method = {"rtol": rtol, "maxiter": maxiter}, method
        self._diagonal, self._rhs = system.diagonal, system.rhs
        if problem.prior is not None:
            confidence = self._gather(problem.confidence)
            self._diagonal = self._diagonal + confidence
            self._rhs = self._rhs + confidence * self._gather(problem.prior)
        self._graph = system.indptr, system.indices, system.data
        self._precondition = GraphAggregation(*self._graph, self._diagonal)
        self._product = np.empty(self._rhs.size)

    def solve(self, rhs=None):
        """Solve for the known alphas and the prior, or for the unknown pixels of a plane (H, W); return (H, W) float64.

        Known pixels are the known alphas, or 0.

        Warns
        -----
        ConvergenceWarning
            If conjugate gradients stop early.
        """
        plane = self._known.astype(np.float64) if rhs is None else np.zeros(self._shape)
        given = self._rhs if rhs is None else self._gather(rhs)
        with threads_for(given.size):
            result = conjugate_gradient(self._multiply, given, self._precondition, **self._stopping)
        warn_unconverged(result, self._stopping["rtol"], self._method)
        plane.ravel()[self._system.pixels] = result.x
        return plane

    def _gather(self, plane):
        return plane.ravel()[self._system.pixels].astype(np.float64)

    def _multiply(self, x):
        from hybridmatte.linalg._graph_numba import multiply

        multiply(*self._graph, self._diagonal, x, self._product)
        return self._product


def solve_graph(problem, system, *, rtol, maxiter, method):
    """Solve a `GraphSystem` for the unknown pixels of a problem; return alpha (H, W) float32.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    solver = GraphSolver(problem, system, rtol=rtol, maxiter=maxiter, method=method)
    return finish_alpha(problem, solver.solve())


def _invert(indptr, indices, data, diagonal):
    """Return the dense inverse of a small system."""
    from hybridmatte.linalg._dense_numba import invert_dense

    dense = np.diag(diagonal)
    rows = np.repeat(np.arange(diagonal.size), np.diff(indptr))
    dense[rows, indices] -= data
    inverse = invert_dense(dense)
    if not np.isfinite(inverse).all():
        raise np.linalg.LinAlgError("the coarsest graph's system is singular, expected links to a known pixel")
    return inverse
