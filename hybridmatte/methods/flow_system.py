"""The linear system of information flow: a stencil, and flows between pixels anywhere in the image."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags, identity

from hybridmatte.linalg.conjugate_gradient import Vector
from hybridmatte.linalg.two_level import run_ends, two_level
from hybridmatte.methods import _between_runs_numba as run_kernels
from hybridmatte.methods import _information_flow_numba as kernels
from hybridmatte.systems.solve import LinearSystem
from hybridmatte.systems.stencil import StencilSystem

__all__ = ["Flow", "FlowSystem", "flow_runs"]

N_RUNS = 64  # runs of consecutive pixels, at most
SHORTEST_RUN = 512  # pixels
LONGEST_RUN = 4096  # pixels of a run for which there may be more runs, up to twice as many
N_PARTS = 4  # pieces of a product, so at most 4 threads work; fixed, so that no bit depends on the number of threads


class Flow(NamedTuple):
    """A sparse matrix with rows of equal length: columns (n, K) int32 and values (n, K) float32, 0 for no entry."""

    neighbors: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]

    def to_csr(self) -> csr_matrix:
        """Return the matrix as (n, n) csr_matrix, float64."""
        n, length = self.neighbors.shape
        values = self.weights.ravel().astype(np.float64)
        return csr_matrix((values, self.neighbors.ravel(), np.arange(n + 1) * length), shape=(n, n))


def flow_runs(n: int) -> npt.NDArray[np.int64]:
    """Return the ends of the runs of n pixels over which the coarse functions of the preconditioner are defined."""
    most = min(max(N_RUNS, n // LONGEST_RUN), 2 * N_RUNS)
    return run_ends(n, min(most, -(-n // SHORTEST_RUN)))


class FlowSystem(LinearSystem):
    """``A x = rhs`` with ``A = diag + L + (Id - W)' (Id - W) - V - V'`` over the unknown pixels.

    Consecutive pixels are similar. The mixture term is never multiplied out, and a product reads each entry of W and V
    once.

    Attributes
    ----------
    local : StencilSystem
        L, the Laplacian of 3 x 3 windows, with the diagonal of all other terms except the mixture flow.
    cells : (n,) int32 array
        The cell of each pixel in the layout of `local`.
    mixture, intra : Flow
        W, the mixture flow, and V, the flow between unknown pixels.
    rhs, start : (n,) arrays
        Right-hand side, and first guess for alpha.
    ends : (m,) int64 array
        Ends of the runs of consecutive pixels.
    basis : (K, n) int8 array
        Coarse functions, at most 8; see `hybridmatte.linalg.two_level.affine_basis`.
    """

    local: StencilSystem
    cells: npt.NDArray[np.int32]
    mixture: Flow
    intra: Flow
    ends: npt.NDArray[np.int64]
    basis: npt.NDArray[np.int8]

    def __init__(
        self,
        local: StencilSystem,
        cells: npt.NDArray[np.int32],
        mixture: Flow,
        intra: Flow,
        rhs: npt.NDArray[Any],
        start: npt.NDArray[Any],
        basis: npt.NDArray[np.int8],
    ) -> None:
        self.local, self.cells, self.mixture, self.intra, self.basis = local, cells, mixture, intra, basis
        self.rhs, self.start, self.pixels, self.ends = rhs, start, local.pixels[cells], flow_runs(len(rhs))
        self._squares = kernels.sum_squares(*mixture)
        self._coarse: npt.NDArray[np.float64] | None = None
        self._prepare()

    def _prepare(self) -> None:
        """Compute the diagonal in the precision of the right-hand side; the first product allocates its buffers."""
        self.diagonal = (self.local.diagonal[self.cells] + 1 + self._squares).astype(self.rhs.dtype)
        self._buffers: tuple[Vector, Vector, Vector] | None = None

    def matvec(self, x: Vector) -> Vector:
        """Return A x in a buffer that the next call overwrites."""
        if self._buffers is None:
            dtype, n = self.rhs.dtype, len(self.cells)
            self._buffers = (
                np.zeros(self.local.layout.n_cells, dtype),
                np.empty((N_PARTS, n), dtype),
                np.empty(n, dtype),
            )
        on_cells, parts, product = self._buffers
        kernels.scatter(x, self.cells, on_cells)
        kernels.multiply_flow(*self.mixture, *self.intra, x, parts)
        kernels.add_parts(parts, self.cells, self.local.matvec(on_cells), product)
        return product

    def preconditioner(self) -> Callable[[Vector], Vector]:
        """Return the two-level preconditioner whose coarse functions are affine in colour and position on the runs.

        It needs 35 to 70 iterations for a residual of 2e-4. The diagonal alone needs 60 to 120, and leaves three times
        the error. Constants over four times as many runs need 60 to 105 for the same error. Twice the runs save up to
        a fifth of the iterations, and cost as much: the coarse matrix has four times as many entries. The colour-line
        multigrid of the local term saves iterations too, but each is costlier.
        """
        coarse = self.coarse_matrix() if self._coarse is None else self._coarse
        return two_level(self.diagonal, self.ends, self.basis, coarse)

    def add_prior(self, prior: npt.NDArray[Any], confidence: npt.NDArray[Any]) -> None:
        """Add ``(a - prior)' diag(confidence) (a - prior)`` to what is minimised; both are planes (H, W)."""
        weight = confidence.ravel()[self.pixels]
        self.local.diagonal[self.cells] += weight
        self.rhs = self.rhs + weight * prior.ravel()[self.pixels]
        self._coarse = None
        self._prepare()

    def coarse_matrix(self) -> npt.NDArray[np.float64]:
        """Return P' A P, (m K, m K), for the restrictions P of the basis functions to the runs."""
        ends, basis, layout = self.ends, self.basis, self.local.layout
        run_of = np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))
        functions = np.zeros((len(self.cells), run_kernels.WIDTH), np.int8)
        functions[:, : len(basis)] = basis.T
        run_of_cell = np.full(layout.n_cells, -1, np.int32)
        functions_of_cell = np.zeros((layout.n_cells, run_kernels.WIDTH), np.int8)
        run_of_cell[self.cells], functions_of_cell[self.cells] = run_of, functions
        n_runs, n_functions = len(ends), len(basis)
        halves = np.zeros((N_PARTS, n_runs, n_runs, run_kernels.WIDTH, run_kernels.WIDTH))
        run_kernels.add_local(
            layout.spans, self.local.weights, self.local.diagonal, functions_of_cell, run_of_cell, halves
        )
        run_kernels.add_flow(*self.mixture, *self.intra, functions, run_of, halves)
        coarse = np.empty((n_runs, n_functions, n_runs, n_functions))
        run_kernels.join_halves(halves, coarse)
        return coarse.reshape(n_runs * n_functions, n_runs * n_functions)

    def single(self) -> FlowSystem:
        """Return the system in single precision; its coarse matrix is computed in double precision."""
        single = copy(self)
        single._coarse = self.coarse_matrix()  # before the copy, so that both do not need memory at once
        single.local = self.local.astype(np.float32)
        single.rhs = self.rhs.astype(np.float32)
        single.start = None if self.start is None else self.start.astype(np.float32)
        single._prepare()
        return single

    def to_csr(self) -> tuple[csr_matrix, npt.NDArray[Any]]:
        """Return A and rhs over the unknown pixels in row-major order: (n, n) csr_matrix float64, and (n,) array."""
        order = np.argsort(self.cells)
        mixture, intra = (flow.to_csr()[order][:, order] for flow in (self.mixture, self.intra))
        difference = identity(len(order)) - mixture
        local = _off_diagonal(self.local, self.cells[order]) + diags(self.local.diagonal[self.cells[order]])
        return (difference.T @ difference + local - intra - intra.T).tocsr(), self.rhs[order]


def _off_diagonal(local: StencilSystem, cells: npt.NDArray[np.int32]) -> csr_matrix:
    """Return the off-diagonal entries of a stencil over the cells, (n, n)."""
    layout, width = local.layout, local.layout.shape[1]
    pixels = layout.pixels[cells].astype(np.int64)
    number = np.full(layout.shape[0] * width, -1)
    number[pixels] = np.arange(len(cells))
    shape = (len(cells), len(cells))
    total = csr_matrix(shape)
    for k in range(12):
        dy, dx = divmod(k + 13, 5)
        y, x = pixels // width + dy - 2, pixels % width + dx - 2
        inside = (y < layout.shape[0]) & (x >= 0) & (x < width)
        other = np.where(inside, number[np.where(inside, y * width + x, 0)], -1)
        rows = np.flatnonzero(other >= 0)
        half = csr_matrix((local.weights[k, cells[rows]], (rows, other[rows])), shape)
        total = total + half + half.T
    return total
