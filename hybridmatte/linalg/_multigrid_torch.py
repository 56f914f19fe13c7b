"""Colour-line multigrid by tensor operations, on any device: dense grids instead of lists of unknown pixels.

The near-null space is {1, R, G, B} on blocks of 4 x 4 pixels, as in `hybridmatte.linalg.multigrid`. The pixel level
uses plain aggregation. The later levels aggregate 3 x 3 blocks with prolongations smoothed once: with groups of that
size, the coarse matrices keep a 3 x 3 pattern of 4 x 4 matrices. The smoothed prolongation is never formed: it is
applied as ``(I - S A) P``, with the smoother S of the level.

Tensors are planes: vectors of a block level (4, h, w), matrices (5, 4, 4, h, w), the blocks' own matrices first and
then those to the 4 later blocks of the 3 x 3 pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from hybridmatte.linalg._grid_torch import LATER_BLOCKS, TensorGrid, block_steps

__all__ = ["TensorMultigrid", "TensorStencil"]

BLOCK = 4  # side in pixels of the first level's blocks
GROUP = 3  # side in blocks of the groups of the later levels
COARSEST = 64  # blocks that are few enough for a dense inverse
DAMPING = 1.6  # of the smoother, over the estimate of its largest eigenvalue
DEPENDENT = 1e-6  # relative squared norm at which a colour counts as constant over a block


class TensorStencil(Protocol):
    """A symmetric 5 x 5 stencil on a grid (H, W) with its entries to later pixels; 0 on known pixels."""

    grid: TensorGrid
    mask: torch.Tensor  # (H, W), 1 on unknown pixels and 0 elsewhere
    diagonal: torch.Tensor  # (H, W)
    single_weights: torch.Tensor  # (12, H, W) float32


def orthonormal(functions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Q and R with functions (..., n, 4) = Q R; columns of Q are orthonormal, or 0 where dependent."""
    basis = functions.clone()
    triangle = torch.zeros((*functions.shape[:-2], 4, 4), dtype=functions.dtype, device=functions.device)
    start = functions.square().sum(dim=-2)
    for c in range(4):
        square = basis[..., c].square().sum(dim=-1)
        kept = square > DEPENDENT * start[..., c]
        length = torch.where(kept, square.sqrt(), 1.0)
        basis[..., c] = torch.where(kept[..., None], basis[..., c] / length[..., None], 0.0)
        triangle[..., c, c] = torch.where(kept, length, 0.0)
        for later in range(c + 1, 4):
            product = (basis[..., c] * basis[..., later]).sum(dim=-1)
            triangle[..., c, later] = product
            basis[..., later] -= product[..., None] * basis[..., c]
    return basis, triangle


def block_basis(functions: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the orthonormal basis of each block and its triangle: (n, 4, H, W) and (4, 4, h, w), for n functions each.

    functions are (n, 4, H, W): 4 functions with n values at each place.
    """
    n, _, height, width = functions.shape
    h, w = -(-height // side), -(-width // side)
    padded = torch.zeros((n, 4, h * side, w * side), dtype=functions.dtype, device=functions.device)
    padded[:, :, :height, :width] = functions
    blocks = padded.reshape(n, 4, h, side, w, side).permute(2, 4, 3, 5, 0, 1).reshape(h, w, side * side * n, 4)
    basis, triangle = orthonormal(blocks)
    basis = basis.reshape(h, w, side, side, n, 4).permute(4, 5, 0, 2, 1, 3).reshape(n, 4, h * side, w * side)
    return basis[:, :, :height, :width].contiguous(), triangle.permute(2, 3, 0, 1).contiguous()


def largest_eigenvalue(multiply: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    """Estimate the largest eigenvalue of a function by 12 power iterations, times a safety factor of 1.1.

    The result is a tensor () on the device: nothing waits for it.
    """
    x, value = start, torch.ones((), device=start.device)
    for _ in range(12):
        x = multiply(x)
        value = torch.linalg.vector_norm(x)
        x = x / value.clamp(min=1e-30)
    return 1.1 * value


def inverse_planes(matrices: torch.Tensor) -> torch.Tensor:
    """Return the inverses of positive definite matrices (4, 4, h, w), by Gauss-Jordan elimination in float64."""
    rows = [list(row) for row in matrices.double()]
    for c in range(4):
        pivot = 1.0 / rows[c][c]
        rows[c] = [pivot if q == c else rows[c][q] * pivot for q in range(4)]
        for p in range(4):
            if p != c:
                factor = rows[p][c]
                rows[p] = [-factor * pivot if q == c else rows[p][q] - factor * rows[c][q] for q in range(4)]
    return torch.stack([torch.stack(row) for row in rows]).to(matrices.dtype)


def galerkin(
    apply: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, int], device: torch.device
) -> torch.Tensor:
    """Return the matrix (5, 4, 4, h, w) of a coarse operator on vectors (4, h, w), float32.

    The operator reaches the 8 adjacent blocks, so that blocks 3 apart are seen apart: 36 products give all columns.
    """
    h, w = shape
    matrix = torch.zeros((1 + len(LATER_BLOCKS), 4, 4, h, w), device=device)
    for place in range(9 * 4):
        y, x, c = place // 12, place // 4 % 3, place % 4
        unit = torch.zeros((4, h, w), device=device)
        unit[c, y::3, x::3] = 1.0
        column = apply(unit)
        for k, (dy, dx) in enumerate(((0, 0), *LATER_BLOCKS)):
            at = (slice(None), slice((y - dy) % 3, None, 3), slice((x - dx) % 3, None, 3))
            matrix[k, :, c][at] = column[at]
    return matrix


class _Blocks:
    """A level of blocks: its matrix, its smoother, and the basis of the aggregation by 3 x 3 blocks."""

    def __init__(self, grid: TensorGrid, matrix: torch.Tensor, triangle: torch.Tensor) -> None:
        self._grid, self._matrix = grid, matrix
        own = torch.diagonal(matrix[0], dim1=0, dim2=1)
        own += (own <= 0.0).to(own.dtype)
        if grid.shape[0] * grid.shape[1] <= COARSEST:
            self._below = None
            self._solve = torch.linalg.inv(_dense(matrix).double()).float()
            return
        self._step = inverse_planes(matrix[0])
        start = random_like(matrix[0, 0])
        largest = largest_eigenvalue(lambda x: grid.scaled(self._step, grid.block_product(matrix, x)), start)
        self._step *= DAMPING / largest
        self._basis, parent_triangle = block_basis(triangle, GROUP)
        coarser = grid.coarser(GROUP)
        below = galerkin(self._coarse_product, coarser.shape, matrix.device)
        self._below = _Blocks(coarser, below, parent_triangle)

    def cycle(self, rhs: torch.Tensor) -> torch.Tensor:
        """Return an approximate solution by one V-cycle."""
        if self._below is None:
            return (self._solve @ rhs.reshape(-1)).reshape(rhs.shape)
        x = self._grid.scaled(self._step, rhs)
        residual = self._grid.block_product(self._matrix, x, rhs=rhs)
        ahead = self._prolonged(self._below.cycle(self._restricted(residual)))
        return x + self._grid.block_product(self._matrix, ahead, rhs=residual, step=self._step)

    def _prolonged(self, coarse: torch.Tensor) -> torch.Tensor:
        """Return ``(I - S A) P coarse``."""
        fine = self._grid.prolonged(self._basis, coarse, GROUP)
        return self._grid.block_product(self._matrix, fine, step=self._step)

    def _restricted(self, fine: torch.Tensor) -> torch.Tensor:
        """Return ``P' (I - A S) fine``."""
        smooth = self._grid.scaled(self._step, fine)
        smooth = self._grid.block_product(self._matrix, smooth, rhs=fine)
        return self._grid.restricted(self._basis, smooth, GROUP)

    def _coarse_product(self, x: torch.Tensor) -> torch.Tensor:
        return self._restricted(self._grid.block_product(self._matrix, self._prolonged(x)))


def random_like(tensor: torch.Tensor) -> torch.Tensor:
    """Return normally distributed values, the same at each call."""
    generator = torch.Generator(device=tensor.device).manual_seed(0)
    return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype, device=tensor.device)


def _dense(matrix: torch.Tensor) -> torch.Tensor:
    """Return the matrix (5, 4, 4, h, w) of a level as a dense one, for its vectors (4, h, w) in their order."""
    h, w = matrix.shape[3:]
    dense = torch.zeros((4, h * w, 4, h * w), dtype=matrix.dtype, device=matrix.device)
    places = torch.arange(h * w, device=matrix.device).reshape(h, w)
    for k, step in enumerate(((0, 0), *LATER_BLOCKS)):
        here, there = block_steps((h, w), step)
        rows, columns = places[here].flatten(), places[there].flatten()
        entries = matrix[k][:, :, here[0], here[1]].flatten(2).permute(2, 0, 1)
        dense[:, columns, :, rows] = entries.transpose(1, 2)
        dense[:, rows, :, columns] = entries
    return dense.reshape(4 * h * w, 4 * h * w)


class TensorMultigrid:
    """The V-cycle of a stencil system: one damped Jacobi step before and after on every level, in float32."""

    def __init__(self, system: TensorStencil, image: torch.Tensor) -> None:
        self._grid, self._weights = system.grid, system.single_weights
        self._diagonal = (system.diagonal * system.mask).float()
        inverse = (system.mask / system.diagonal).float()
        largest = largest_eigenvalue(lambda x: inverse * self._product(x), random_like(inverse) * inverse)
        self._step = inverse * (DAMPING / largest)
        functions = torch.cat([torch.ones_like(image[:1]), image]).float() * system.mask.float()
        self._basis, triangle = block_basis(functions[None], BLOCK)
        coarser = self._grid.coarser(BLOCK)
        self._blocks = _Blocks(coarser, galerkin(self._coarse_product, coarser.shape, image.device), triangle)

    def __call__(self, residual: torch.Tensor) -> torch.Tensor:
        """Return an approximation of A^-1 residual, float32."""
        rhs = residual.float()
        x = self._step * rhs
        below = self._grid.restricted(self._basis, self._product(x, rhs=rhs)[None], BLOCK)
        x = self._grid.prolonged(self._basis, self._blocks.cycle(below), BLOCK, to=x[None])[0]
        return self._product(x, rhs=rhs, step=self._step)

    def _product(
        self, x: torch.Tensor, *, rhs: torch.Tensor | None = None, step: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self._grid.product(self._weights, self._diagonal, x, rhs=rhs, step=step)

    def _coarse_product(self, x: torch.Tensor) -> torch.Tensor:
        fine = self._product(self._grid.prolonged(self._basis, x, BLOCK)[0])
        return self._grid.restricted(self._basis, fine[None], BLOCK)
