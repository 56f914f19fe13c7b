"""Aggregation multigrid on the colour line, the preconditioner of the local Laplacians."""

from dataclasses import dataclass

import numpy as np

__all__ = ["ColorLineMultigrid"]

PIXEL_BLOCK = 4  # side in pixels of the blocks of the first coarse level; 3 takes fewer, dearer iterations
GROUP = 2  # side in blocks of the groups of the later levels
COARSEST = 60  # blocks that are few enough for a dense inverse
DAMPING = 1.8  # of the smoother, over the largest eigenvalue; below 2 it cannot diverge
SAFETY = 1.1  # Lanczos steps find the largest eigenvalue from below
DEPENDENT = 1e-9  # squared norm, relative, at which a colour counts as constant over a block


class ColorLineMultigrid:
    """One V-cycle of aggregation multigrid with the coarse functions {1, R, G, B}.

    Matting Laplacians of small windows hardly charge an alpha that is affine in colour; so the coarse functions on
    each 4 x 4 block of pixels are the constant and the three colours, orthonormalised. The pixel level is plain
    aggregation (its two-level method needs 11 to 22 iterations); from the block level on, groups of 2 x 2 blocks
    carry prolongations smoothed once. One step of damped Jacobi before and after, on the pixels with the diagonal, on
    the blocks with their 4 x 4 diagonal blocks (Chebyshev steps of degree 2 save 10% of the iterations and cost more,
    as the cycle is bound by the bytes of the matrices). In float32, but for the coarsest inverse.

    Memory is about 450 bytes per unknown pixel, twice that during set-up; no factorisation but a dense inverse of at
    most 240 unknowns at the coarsest level.

    Parameters
    ----------
    system : StencilSystem
        The system to precondition; its diagonal may hold a prior's confidence.
    image : (H, W, 3) float32 array
        The colours that span the coarse functions.

    Notes
    -----
    Calling it with a residual (n_cells,) returns a float32 buffer (n_cells,) that the next call overwrites. The same
    call gives the same bits for any number of threads.

    References
    ----------
    .. [1] P. Vanek, J. Mandel, M. Brezina. Algebraic multigrid by smoothed aggregation. Computing 1996.
    """

    def __init__(self, system, image):
        self._pixels, block_matrix, index_shape, positions, triangles = _pixel_level(system, image)
        self._levels = _block_levels(block_matrix, index_shape, positions, triangles)

    def __call__(self, residual):
        """Apply the cycle to a residual; the returned buffer is overwritten by the next call."""
        self._pixels.smooth_and_restrict(residual, self._levels[0].rhs)
        return self._pixels.correct_and_smooth(_cycle(self._levels, 0))

    @property
    def level_sizes(self):
        """Number of blocks on each level above the pixels."""
        return [level.rhs.shape[0] for level in self._levels]


def _largest_eigenvalue(apply, start, iterations=10):
    """Estimate the largest eigenvalue of S A from above by Lanczos steps, S and A symmetric and S > 0.

    `apply` takes x and returns (A x, S A x); inner products are those of A, in which S A is symmetric. The estimate
    is the largest Ritz value times a safety factor.
    """
    from hybridmatte.linalg._vector_numba import dot

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
    """The finest level: a float32 copy of the stencil, its smoother, and the block functions."""

    def __init__(self, system, cells, basis):
        layout = system.layout
        diagonal = system.diagonal
        self._stencil = (layout.spans, layout.chunks, system.weights.astype(np.float32), diagonal.astype(np.float32))
        self._step = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0).astype(np.float32)
        self._cells, self._basis = cells, basis
        self._rhs, self._x, self._spare = (np.zeros(layout.n_cells, np.float32) for _ in range(3))
        self._step *= np.float32(DAMPING / self._estimate_largest())

    def _estimate_largest(self):
        from hybridmatte.linalg._stencil_numba import multiply

        start = np.random.default_rng(0).standard_normal(len(self._step), np.float32) * (self._step > 0)

        def apply(x):
            multiply(*self._stencil, x, self._spare)
            return self._spare.copy(), self._step * self._spare

        return _largest_eigenvalue(apply, start)

    def smooth_and_restrict(self, residual, coarse_rhs):
        from hybridmatte.linalg._aggregate_numba import restrict
        from hybridmatte.linalg._stencil_numba import scale_residual, subtract_product

        scale_residual(self._step, residual, self._rhs, self._x)
        subtract_product(*self._stencil, self._rhs, self._x, self._spare)
        restrict(self._cells, self._basis, self._spare, coarse_rhs)

    def correct_and_smooth(self, coarse):
        from hybridmatte.linalg._aggregate_numba import prolong
        from hybridmatte.linalg._stencil_numba import smooth

        prolong(self._cells, self._basis, coarse, self._x)
        smooth(*self._stencil, self._step, self._rhs, self._x, self._spare)
        return self._spare


@dataclass
class _BlockMatrix:
    """A sparse matrix of 4 x 4 blocks, stored column by column."""

    indptr: np.ndarray
    indices: np.ndarray
    blocks: np.ndarray
    n_columns: int

    def __matmul__(self, other):
        from hybridmatte.linalg._block_numba import count_product, fill_product

        counts = np.empty(len(self.indptr) - 1, np.int32)
        left, right = (self.indptr, self.indices), (other.indptr, other.indices)
        count_product(*left, *right, other.n_columns, counts)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        result = _BlockMatrix(indptr, np.empty(indptr[-1], np.int32), np.empty((indptr[-1], 4, 4), np.float32),
                              other.n_columns)
        fill_product(*left, self.blocks, *right, other.blocks, other.n_columns, *result.arrays())
        return result

    @property
    def transposed(self):
        from hybridmatte.linalg._block_numba import transpose

        return _BlockMatrix(*transpose(*self.arrays(), self.n_columns), len(self.indptr) - 1)

    def arrays(self):
        return self.indptr, self.indices, self.blocks

    def toarray(self):
        n, m = len(self.indptr) - 1, self.n_columns
        dense = np.zeros((n, m, 4, 4))
        dense[np.repeat(np.arange(n), np.diff(self.indptr)), self.indices] = self.blocks.transpose(0, 2, 1)
        return dense.transpose(0, 2, 1, 3).reshape(4 * n, 4 * m)


class _BlockLevel:
    """One coarse level in float32: matrix, smoother, transfer to the next level."""

    def __init__(self, matrix, inverse, largest, prolongation):
        self.matrix = matrix.arrays()
        self.step = inverse * np.float32(DAMPING / largest)
        self.prolongation, self.restriction = prolongation.arrays(), prolongation.transposed.arrays()
        self.rhs, self.x, self.spare = (np.zeros((len(inverse), 4), np.float32) for _ in range(3))


class _CoarsestLevel:
    """The last level, solved by a dense inverse."""

    def __init__(self, matrix):
        from hybridmatte.linalg._dense_numba import invert_dense

        dense = matrix.toarray()
        self._inverse = invert_dense((dense + dense.T) / 2.0).astype(np.float32)
        if not np.isfinite(self._inverse).all():
            raise np.linalg.LinAlgError("the coarsest system is not positive definite, expected it as the finest is")
        self.rhs, self._x = (np.zeros((len(matrix.indptr) - 1, 4), np.float32) for _ in range(2))

    def solve(self):
        from hybridmatte.linalg._dense_numba import multiply_dense

        multiply_dense(self._inverse, self.rhs.reshape(-1), self._x.reshape(-1))
        return self._x


def _cycle(levels, k):
    """Solve level k approximately for its right-hand side."""
    from hybridmatte.linalg import _block_numba as kernels

    level = levels[k]
    if isinstance(level, _CoarsestLevel):
        return level.solve()
    kernels.scale_residual(level.step, level.rhs, level.x)
    kernels.subtract_product(*level.matrix, level.rhs, level.x, level.spare)
    kernels.multiply(*level.restriction, level.spare, levels[k + 1].rhs)
    kernels.add_product(*level.prolongation, _cycle(levels, k + 1), level.x)
    kernels.smooth(*level.matrix, level.step, level.rhs, level.x, level.spare)
    return level.spare


def _pixel_level(system, image):
    """Build the finest level and the block matrix under it."""
    from hybridmatte.linalg import _aggregate_numba as kernels

    layout = system.layout
    index, positions = kernels.mark_blocks(layout.segments, *layout.shape, PIXEL_BLOCK)
    n = len(positions)
    cells = np.zeros((n, PIXEL_BLOCK**2), np.int32)
    basis = np.zeros((layout.n_cells, 4), np.float32)
    triangles = np.zeros((n, 4, 4))
    cell_map = layout.cell_map()
    kernels.pixel_basis(image, cell_map, PIXEL_BLOCK, positions, DEPENDENT, cells, basis, triangles)
    indptr, indices = kernels.block_pattern(index, positions)
    blocks = np.empty((len(indices), 4, 4), np.float32)
    kernels.stencil_galerkin(cell_map, layout.pixels, basis, positions, PIXEL_BLOCK, system.weights, system.diagonal,
                             cells, indptr, indices, blocks)
    matrix = _BlockMatrix(indptr, indices, blocks, n)
    return _PixelLevel(system, cells, basis), matrix, index.shape, positions, triangles


def _block_levels(matrix, shape, positions, triangles):
    """Coarsen a block matrix until it is small."""
    from hybridmatte.linalg import _aggregate_numba, _block_numba

    levels = []
    while True:
        n = len(positions)
        inverse = np.zeros((n, 4, 4), np.float32)
        _block_numba.fix_diagonal(*matrix.arrays(), inverse)
        if n <= COARSEST:
            return [*levels, _CoarsestLevel(matrix)]
        largest = _largest_block_eigenvalue(matrix, inverse)
        parents, parent_positions, first, members = _aggregate_numba.coarsen_blocks(positions, shape, GROUP)
        basis = np.zeros((n, 4, 4), np.float32)
        coarse_triangles = np.zeros((len(parent_positions), 4, 4))
        _aggregate_numba.block_basis(first, members, triangles, DEPENDENT**2, basis, coarse_triangles)
        prolongation = _smooth_prolongation(matrix, inverse, parents, basis, 4.0 / (3.0 * largest), len(first) - 1)
        levels.append(_BlockLevel(matrix, inverse, largest, prolongation))
        matrix = prolongation.transposed @ (matrix @ prolongation)
        shape = tuple(-(-side // GROUP) for side in shape)
        positions, triangles = parent_positions, coarse_triangles


def _largest_block_eigenvalue(matrix, inverse):
    """Estimate the largest eigenvalue of the matrix scaled by its diagonal blocks."""
    from hybridmatte.linalg import _block_numba as kernels

    product, scaled = (np.empty((len(inverse), 4), np.float32) for _ in range(2))

    def apply(x):
        kernels.multiply(*matrix.arrays(), x, product)
        kernels.scale_residual(inverse, product, scaled)
        return product.copy(), scaled.copy()

    return _largest_eigenvalue(apply, np.random.default_rng(0).standard_normal(product.shape, np.float32))


def _smooth_prolongation(matrix, inverse, parents, basis, omega, n_columns):
    """Return (Id - omega D^-1 A) P for the block functions P."""
    from hybridmatte.linalg._block_numba import smoothed_prolongation

    room = np.diff(matrix.indptr)
    starts = np.concatenate([[0], np.cumsum(room)]).astype(np.int32)
    indices = np.empty(starts[-1], np.int32)
    blocks = np.empty((starts[-1], 4, 4), np.float32)
    counts = np.empty(len(room), np.int32)
    smoothed_prolongation(*matrix.arrays(), inverse, parents, basis, omega, starts, indices, blocks, counts)
    used = np.arange(starts[-1]) - np.repeat(starts[:-1], room) < np.repeat(counts, room)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return _BlockMatrix(indptr, indices[used], blocks[used], n_columns)
