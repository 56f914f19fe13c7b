"""Aggregation multigrid on the colour line: the preconditioner of the stencil systems of matting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg import _aggregate_numba, _block_numba, _stencil_numba
from hybridmatte.linalg._dense_numba import invert_dense, multiply_dense
from hybridmatte.linalg._vector_numba import dot
from hybridmatte.linalg.conjugate_gradient import Vector
from hybridmatte.linalg.layout import UnknownLayout
from hybridmatte.linalg.threads import prepare_pieces, run_alone

__all__ = ["ColorLineMultigrid", "StencilMatrix"]

PIXEL_BLOCK = 4  # side in pixels of the blocks of the first coarse level, at least 4
GROUP = 2  # side in blocks of the groups of the later levels
COARSEST = 60  # blocks that are few enough for a dense inverse
DAMPING = 1.8  # of the smoother, over a bound of the largest eigenvalue; below 2 it cannot diverge
SAFETY = 1.1  # Lanczos steps find the largest eigenvalue from below
DEPENDENT = 1e-9  # relative squared norm at which a colour counts as constant over a block
LOST = 1e-6  # pivots this small against their diagonal entries are rounding errors of float32
RIDGES = (0.0, 3e-6, 3e-5, 3e-4, 3e-3, 3e-2, 0.3)  # relative to the diagonal of the first coarse matrix

Float32 = npt.NDArray[np.float32]
Step = Callable[[], Any]  # a call with fixed arguments


class StencilMatrix(Protocol):
    """A symmetric matrix stored as a 5 x 5 stencil: its layout, the entries to later neighbours, and its diagonal.

    The diagonal matrix of `bound` (n_cells,) is an upper bound: less the matrix it is positive semidefinite.
    """

    layout: UnknownLayout
    weights: npt.NDArray[Any]
    diagonal: npt.NDArray[Any]
    bound: npt.NDArray[Any]


class ColorLineMultigrid:
    """One V-cycle of aggregation multigrid with the near-null space {1, R, G, B}.

    A matting Laplacian of small windows hardly penalises an alpha that is affine in colour. So the coarse functions on
    each 4 x 4 block of pixels are the constant and the three colours, orthonormalised. The pixel level uses plain
    aggregation (as a two-level method it needs 18 to 42 iterations). From the block level on, groups of 2 x 2 blocks
    are aggregated, with prolongations smoothed once. The smoother is one step of damped Jacobi before and after the
    coarse correction: on the pixels with a diagonal bound of the matrix, on the coarse levels with the 4 x 4 diagonal
    blocks. Chebyshev steps of degree 2 save 10% of the iterations and cost more than that, because the cycle is bound
    by the bytes of the matrices. All is float32 but the coarsest inverse.

    Memory is about 450 bytes per unknown pixel, twice that during set-up. The only factorisation is a dense inverse of
    at most 240 unknowns on the coarsest level.

    Where colours and known pixels hardly determine alpha, the coarse matrices are singular to the precision of float32.
    A pivot of the coarsest one then falls to 1e-6 of its diagonal entry or less. The coarse matrices are computed again
    with a ridge on the first of them, 3e-6 of its diagonal, or the next power of 10 until all pivots are larger. The
    preconditioner stays positive definite, at the price of some iterations. No photograph tried needs that: their
    pivots are at least 1e-2.

    Parameters
    ----------
    system : StencilMatrix
        The matrix to precondition, such as a `StencilSystem`; its diagonal may hold a prior's confidence.
    image : (H, W, 3) float32 array
        The colours, which span the near-null space together with the constant.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive semidefinite.

    Notes
    -----
    Called with a residual (n_cells,), the object returns a float32 buffer (n_cells,) that the next call overwrites. The
    result has the same bits for any number of threads.

    References
    ----------
    .. [1] P. Vanek, J. Mandel, M. Brezina. Algebraic multigrid by smoothed aggregation. Computing 1996.
    """

    def __init__(self, system: StencilMatrix, image: Float32) -> None:
        self._pixels, block_matrix, index_shape, positions, triangles = _pixel_level(system, image)
        for ridge in RIDGES:
            self._levels = _block_levels(block_matrix.with_ridge(ridge), index_shape, positions, triangles)
            if self._levels[-1].is_definite:
                self._steps = [
                    *self._pixels.steps_down(self._levels[0].rhs),
                    *_steps(self._levels),
                    *self._pixels.steps_up(self._levels[0].result),
                ]
                return
        raise np.linalg.LinAlgError("the coarsest multigrid matrix is not positive definite, expected it to be")

    def __call__(self, residual: Vector) -> Float32:
        """Apply the cycle to a residual (n_cells,); the next call overwrites the returned buffer."""
        result = self._pixels.begin(residual)
        for step in self._steps:
            step()
        return result

    def matvec(self, x: Float32) -> Float32:
        """Return the product of the matrix, in float32, with x (n_cells,) in a buffer that the next call overwrites."""
        return self._pixels.multiply(x)

    @property
    def level_sizes(self) -> list[int]:
        """Number of blocks on each coarse level."""
        return [level.rhs.shape[0] for level in self._levels]


def _largest_eigenvalue(
    apply: Callable[[Float32], tuple[Float32, Float32]], start: Float32, iterations: int = 10
) -> float:
    """Estimate the largest eigenvalue of S A by Lanczos steps, for symmetric A and symmetric positive definite S.

    `apply` takes x and returns (A x, S A x). Inner products are those of A, in which S A is symmetric. The estimate is
    the largest Ritz value times a safety factor, because Ritz values are below the largest eigenvalue.
    """
    x, previous, diagonal, beside = start, None, [], []
    ax, sax = apply(x)
    for _ in range(iterations):
        norm = float(np.sqrt(max(dot(x.reshape(-1), ax.reshape(-1)), 0.0)))
        if norm <= 1e-6 * max(diagonal, default=0.0):
            break
        if diagonal:
            beside.append(norm)
        x, ax, sax = x / np.float32(norm), ax / np.float32(norm), sax / np.float32(norm)
        diagonal.append(dot(ax.reshape(-1), sax.reshape(-1)))
        following = sax - np.float32(diagonal[-1]) * x
        if previous is not None:
            following -= np.float32(norm) * previous
        previous, x = x, following
        ax, sax = apply(x)
    if not diagonal:
        return 1.0
    tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    return SAFETY * float(np.linalg.eigvalsh(tridiagonal)[-1])


class _PixelLevel:
    """The finest level: a float32 copy of the stencil, its smoother, and the coarse functions on pixel blocks."""

    def __init__(self, system: StencilMatrix, cells: npt.NDArray[np.int32], basis: Float32) -> None:
        layout = system.layout
        diagonal = system.diagonal
        self._stencil = (layout.spans, layout.chunks, system.weights.astype(np.float32), diagonal.astype(np.float32))
        self._step = np.divide(DAMPING, system.bound, out=np.zeros(layout.n_cells, np.float32), where=diagonal > 0)
        self._cells, self._basis = cells, basis
        self._rhs, self._x, self._spare, self._product = (np.zeros(layout.n_cells, np.float32) for _ in range(4))

    def multiply(self, x: Float32) -> Float32:
        """Return the product of the float32 matrix with x; the next call overwrites the returned buffer."""
        _stencil_numba.multiply(*self._stencil, x, self._product)
        return self._product

    def begin(self, residual: Vector) -> Float32:
        """Do a smoothing step from zero for a residual; return the buffer that holds the solution after all steps."""
        _stencil_numba.scale_residual(self._step, residual, self._rhs, self._x)
        return self._spare

    def steps_down(self, coarse_rhs: Float32) -> list[Step]:
        """Return the calls that write the restriction of the residual after the smoothing step into `coarse_rhs`."""
        return [
            _stencil_numba.subtract_product(*self._stencil, self._rhs, self._x, self._spare, run=prepare_pieces),
            _aggregate_numba.restrict(self._cells, self._basis, self._spare, coarse_rhs, run=prepare_pieces),
        ]

    def steps_up(self, coarse: Float32) -> list[Step]:
        """Return the calls for the coarse correction and one more smoothing step."""
        return [
            _aggregate_numba.prolong(self._cells, self._basis, coarse, self._x, run=prepare_pieces),
            _stencil_numba.smooth(*self._stencil, self._step, self._rhs, self._x, self._spare, run=prepare_pieces),
        ]


@dataclass
class _BlockMatrix:
    """A sparse matrix of 4 x 4 blocks, stored column by column."""

    indptr: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int32]
    blocks: Float32
    n_columns: int

    def __matmul__(self, other: _BlockMatrix) -> _BlockMatrix:
        counts = np.empty(len(self.indptr) - 1, np.int32)
        left, right = (self.indptr, self.indices), (other.indptr, other.indices)
        _block_numba.count_product(*left, *right, other.n_columns, counts)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        result = _BlockMatrix(
            indptr, np.empty(indptr[-1], np.int32), np.empty((indptr[-1], 4, 4), np.float32), other.n_columns
        )
        _block_numba.fill_product(*left, self.blocks, *right, other.blocks, other.n_columns, *result.arrays())
        return result

    @property
    def transposed(self) -> _BlockMatrix:
        """The transpose."""
        return _BlockMatrix(*_block_numba.transpose(*self.arrays(), self.n_columns), len(self.indptr) - 1)

    def with_ridge(self, ridge: float) -> _BlockMatrix:
        """Return the matrix with a ridge added, relative to its diagonal; itself if the ridge is 0."""
        if ridge == 0.0:
            return self
        blocks = self.blocks.copy()
        own = np.flatnonzero(self.indices == np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr)))
        for p in range(4):
            blocks[own, p, p] *= np.float32(1.0 + ridge)
        return _BlockMatrix(self.indptr, self.indices, blocks, self.n_columns)

    def arrays(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Float32]:
        """Return (indptr, indices, blocks), as the kernels take them."""
        return self.indptr, self.indices, self.blocks

    def toarray(self) -> npt.NDArray[np.float64]:
        """Return the matrix as a dense array (4 n, 4 n_columns)."""
        n, m = len(self.indptr) - 1, self.n_columns
        dense = np.zeros((n, m, 4, 4))
        dense[np.repeat(np.arange(n), np.diff(self.indptr)), self.indices] = self.blocks.transpose(0, 2, 1)
        return dense.transpose(0, 2, 1, 3).reshape(4 * n, 4 * m)


class _BlockLevel:
    """One coarse level in float32: matrix, smoother, prolongation and restriction."""

    def __init__(
        self,
        matrix: _BlockMatrix,
        inverse: Float32,
        largest: float,
        prolongation: _BlockMatrix,
        restriction: _BlockMatrix,
    ) -> None:
        self.matrix = matrix.arrays()
        self.step = inverse * np.float32(DAMPING / largest)
        self.prolongation, self.restriction = prolongation.arrays(), restriction.arrays()
        self.rhs, self._x, self.result = (np.zeros((len(inverse), 4), np.float32) for _ in range(3))

    def steps_down(self, coarse_rhs: Float32) -> list[Step]:
        """Return the calls for a smoothing step from zero and the restriction of its residual into `coarse_rhs`."""
        kernels, run = _block_numba, prepare_pieces
        return [
            kernels.scale_residual(self.step, self.rhs, self._x, run=run),
            kernels.subtract_product(*self.matrix, self.rhs, self._x, self.result, run=run),
            kernels.multiply(*self.restriction, self.result, coarse_rhs, run=run),
        ]

    def steps_up(self, coarse: Float32) -> list[Step]:
        """Return the calls for the coarse correction and one more smoothing step."""
        return [
            _block_numba.add_product(*self.prolongation, coarse, self._x, run=prepare_pieces),
            _block_numba.smooth(*self.matrix, self.step, self.rhs, self._x, self.result, run=prepare_pieces),
        ]


class _CoarsestLevel:
    """The coarsest level, solved by a dense inverse."""

    def __init__(self, matrix: _BlockMatrix) -> None:
        dense = matrix.toarray()
        self._inverse = invert_dense((dense + dense.T) / 2.0, LOST).astype(np.float32)
        self.is_definite = bool(np.isfinite(self._inverse).all())
        self.rhs, self.result = (np.zeros((len(matrix.indptr) - 1, 4), np.float32) for _ in range(2))

    def step(self) -> Step:
        """Return the call that solves for the level's right-hand side."""
        return partial(run_alone, multiply_dense, self._inverse, self.rhs.reshape(-1), self.result.reshape(-1))


def _steps(levels: list[Any]) -> list[Step]:
    """Return the calls of one V-cycle over the block levels, which solves for the right-hand side of the first."""
    down = [step for level, coarse in pairwise(levels) for step in level.steps_down(coarse.rhs)]
    up = [step for level, coarse in reversed([*pairwise(levels)]) for step in level.steps_up(coarse.result)]
    return [*down, levels[-1].step(), *up]


def _pixel_level(system: StencilMatrix, image: Float32) -> tuple[Any, ...]:
    """Return the finest level, the matrix of the next one, and the grid shape, positions and factors of its blocks."""
    kernels = _aggregate_numba
    layout = system.layout
    index, positions = kernels.mark_blocks(layout.segments, *layout.shape, PIXEL_BLOCK)
    n = len(positions)
    cells = np.zeros((n, PIXEL_BLOCK**2), np.int32)
    basis = np.zeros((layout.n_cells, 4), np.float32)
    triangles = np.zeros((n, 4, 4))
    cell_map = layout.cell_map(border=2)
    kernels.pixel_basis(image, cell_map[2:-2, 2:-2], PIXEL_BLOCK, positions, DEPENDENT, cells, basis, triangles)
    indptr, indices = kernels.block_pattern(index, positions)
    blocks = np.empty((len(indices), 4, 4), np.float32)
    kernels.stencil_galerkin(
        cell_map, basis, positions, PIXEL_BLOCK, system.weights, system.diagonal, indptr, indices, blocks
    )
    matrix = _BlockMatrix(indptr, indices, blocks, n)
    return _PixelLevel(system, cells, basis), matrix, index.shape, positions, triangles


def _block_levels(matrix: _BlockMatrix, shape: tuple[int, ...], positions: Any, triangles: Any) -> list[Any]:
    """Return the coarse levels, from the block matrix down to one that is small enough for a dense inverse."""
    levels: list[Any] = []
    while True:
        n = len(positions)
        inverse = np.zeros((n, 4, 4), np.float32)
        _block_numba.fix_diagonal(*matrix.arrays(), LOST, inverse)
        if n <= COARSEST:
            return [*levels, _CoarsestLevel(matrix)]
        largest = _largest_block_eigenvalue(matrix, inverse)
        parents, parent_positions, first, members = _aggregate_numba.coarsen_blocks(positions, shape, GROUP)
        basis = np.zeros((n, 4, 4), np.float32)
        coarse_triangles = np.zeros((len(parent_positions), 4, 4))
        _aggregate_numba.block_basis(first, members, triangles, DEPENDENT**2, basis, coarse_triangles)
        prolongation = _smooth_prolongation(matrix, inverse, parents, basis, 4.0 / (3.0 * largest), len(first) - 1)
        restriction = prolongation.transposed
        levels.append(_BlockLevel(matrix, inverse, largest, prolongation, restriction))
        matrix = restriction @ (matrix @ prolongation)
        shape = tuple(-(-side // GROUP) for side in shape)
        positions, triangles = parent_positions, coarse_triangles


def _largest_block_eigenvalue(matrix: _BlockMatrix, inverse: Float32) -> float:
    """Estimate the largest eigenvalue of the matrix scaled by the inverses of its diagonal blocks."""
    product, scaled = (np.empty((len(inverse), 4), np.float32) for _ in range(2))

    def apply(x):
        _block_numba.multiply(*matrix.arrays(), x, product)
        _block_numba.scale_residual(inverse, product, scaled)
        return product.copy(), scaled.copy()

    return _largest_eigenvalue(apply, np.random.default_rng(0).standard_normal(product.shape, np.float32))


def _smooth_prolongation(
    matrix: _BlockMatrix, inverse: Float32, parents: Any, basis: Float32, omega: float, n_columns: int
) -> _BlockMatrix:
    """Return the smoothed prolongation (Id - omega D^-1 A) P of the tentative prolongation P."""
    counts = np.empty(len(inverse), np.int32)
    tentative = np.arange(len(inverse) + 1, dtype=np.int32), parents  # one block in each row
    _block_numba.count_product(matrix.indptr, matrix.indices, *tentative, n_columns, counts)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    indices, blocks = np.empty(indptr[-1], np.int32), np.empty((indptr[-1], 4, 4), np.float32)
    _block_numba.smoothed_prolongation(*matrix.arrays(), inverse, parents, basis, omega, indptr, indices, blocks)
    return _BlockMatrix(indptr, indices, blocks, n_columns)
