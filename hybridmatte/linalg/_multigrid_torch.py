"""Colour-line multigrid by tensor operations, on any device: dense grids instead of lists of unknown pixels.

The near-null space is {1, R, G, B} on blocks of 4 x 4 pixels, as in `hybridmatte.linalg.multigrid`. Every level uses
plain aggregation, so that each keeps a 3 x 3 pattern of 4 x 4 matrices. Tensors of blocks are (h, w, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch.nn.functional import pad

__all__ = ["LATER", "TensorMultigrid", "TensorStencil", "shifted"]

LATER = tuple((dy, dx) for dy in range(3) for dx in range(-2, 3) if (dy, dx) > (0, 0))  # of a 5 x 5 stencil
NEAR = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
BLOCK = 4  # side in pixels of the first level's blocks
COARSEST = 64  # blocks that are few enough for a dense inverse
DAMPING = 1.6  # of the smoother, over the estimate of its largest eigenvalue
DEPENDENT = 1e-6  # relative squared norm at which a colour counts as constant over a block


class TensorStencil(Protocol):
    """A symmetric 5 x 5 stencil on a grid (H, W); `mask` is 1 on unknown pixels and 0 elsewhere."""

    mask: torch.Tensor
    diagonal: torch.Tensor

    def single(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function that multiplies in float32."""
        ...

    def weights_to(self, step: tuple[int, int]) -> torch.Tensor:
        """Return the entries from each pixel to the one `step` away, float32."""
        ...


def shifted(plane: torch.Tensor, step: tuple[int, int]) -> torch.Tensor:
    """Return the values of a plane `step` = (dy, dx) away, cyclically; the weights across the border are 0."""
    return torch.roll(plane, (-step[0], -step[1]), dims=(0, 1))


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


def in_blocks(plane: torch.Tensor, side: int) -> torch.Tensor:
    """Return a tensor (H, W, ...) as blocks (h, w, side * side, ...); the last blocks are padded with zeros."""
    rows, columns = (-plane.shape[k] % side for k in (0, 1))
    plane = pad(plane, (0, 0) * (plane.ndim - 2) + (0, columns, 0, rows))
    shape = plane.shape[0] // side, side, plane.shape[1] // side, side, *plane.shape[2:]
    plane = plane.reshape(shape).transpose(1, 2)
    return plane.reshape(shape[0], shape[2], side * side, *shape[4:])


def from_blocks(blocks: torch.Tensor, side: int, shape: tuple[int, int]) -> torch.Tensor:
    """Return the tensor (H, W, ...) of a given shape from its blocks: the inverse of `in_blocks`."""
    h, w = blocks.shape[:2]
    plane = blocks.reshape(h, w, side, side, *blocks.shape[3:]).transpose(1, 2)
    return plane.reshape(h * side, w * side, *blocks.shape[3:])[: shape[0], : shape[1]]


def largest_eigenvalue(
    multiply: Callable[[torch.Tensor], torch.Tensor],
    scale: Callable[[torch.Tensor], torch.Tensor],
    like: torch.Tensor,
    iterations: int = 12,
) -> float:
    """Estimate the largest eigenvalue of ``scale(multiply(x))`` by power iterations, times a safety factor of 1.1."""
    generator = torch.Generator(device=like.device).manual_seed(0)
    x = torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    value = 1.0
    for _ in range(iterations):
        x = scale(multiply(x))
        value = torch.linalg.vector_norm(x).item()
        x = x / max(value, 1e-30)
    return 1.1 * value


class _Blocks:
    """A level of blocks: matrix (9, h, w, 4, 4), smoother, and the basis of the aggregation by 2 x 2 blocks."""

    def __init__(self, matrix: torch.Tensor, triangle: torch.Tensor) -> None:
        self.matrix, self.shape = matrix, matrix.shape[1:3]
        own = matrix[NEAR.index((0, 0))]
        empty = torch.diagonal(own, dim1=-2, dim2=-1) <= 0
        own += torch.diag_embed(empty.to(own.dtype))
        self._inverse = torch.linalg.inv(own.double()).float()
        if self.shape[0] * self.shape[1] <= COARSEST:
            self.below = None
            self._solve = torch.linalg.inv(self._dense().double()).float()
            return
        scale = largest_eigenvalue(self.multiply, self._scaled, own[..., 0])
        self._step = self._inverse * (DAMPING / scale)
        functions = in_blocks(triangle, 2)
        h, w = functions.shape[:2]
        basis, parent_triangle = orthonormal(functions.reshape(h, w, 16, 4))
        self._basis = basis.reshape(h, w, 4, 4, 4)
        self.below = _Blocks(self._coarse_matrix(), parent_triangle)

    def multiply(self, x: torch.Tensor) -> torch.Tensor:
        """Return the product with x (h, w, 4)."""
        return sum(_times(self.matrix[k], shifted(x, step)) for k, step in enumerate(NEAR))

    def cycle(self, rhs: torch.Tensor) -> torch.Tensor:
        """Return an approximate solution by one V-cycle."""
        if self.below is None:
            return (self._solve @ rhs.reshape(-1)).reshape(rhs.shape)
        x = _times(self._step, rhs)
        residual = in_blocks(rhs - self.multiply(x), 2)
        coarse = self.below.cycle(torch.einsum("hwmpq,hwmp->hwq", self._basis, residual))
        x = x + from_blocks(torch.einsum("hwmpq,hwq->hwmp", self._basis, coarse), 2, self.shape)
        return x + _times(self._step, rhs - self.multiply(x))

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        return _times(self._inverse, x)

    def _coarse_matrix(self) -> torch.Tensor:
        """Return P' A P for the basis of 2 x 2 blocks."""
        h, w = self._basis.shape[:2]
        coarse = torch.zeros((9, h, w, 4, 4), dtype=self.matrix.dtype, device=self.matrix.device)
        for k, (dy, dx) in enumerate(NEAR):
            members = in_blocks(self.matrix[k], 2)
            for m in range(4):
                y, x = m // 2 + dy, m % 2 + dx
                parent, other = (y // 2, x // 2), (y % 2) * 2 + x % 2
                right = shifted(self._basis[:, :, other], parent)
                left = self._basis[:, :, m].transpose(-1, -2)
                coarse[NEAR.index(parent)] += left @ members[:, :, m] @ right
        return coarse

    def _dense(self) -> torch.Tensor:
        """Return the level's matrix as a dense one."""
        h, w = self.shape
        dense = torch.zeros((h * w, 4, h * w, 4), dtype=self.matrix.dtype, device=self.matrix.device)
        for k, (dy, dx) in enumerate(NEAR):
            for i in range(h * w):
                y, x = i // w + dy, i % w + dx
                if 0 <= y < h and 0 <= x < w:
                    dense[i, :, y * w + x, :] = self.matrix[k, i // w, i % w]
        return dense.reshape(4 * h * w, 4 * h * w)


def _times(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    return (matrices @ vectors[..., None])[..., 0]


class TensorMultigrid:
    """The V-cycle of a stencil system: one damped Jacobi step before and after on every level, in float32."""

    def __init__(self, system: TensorStencil, image: torch.Tensor) -> None:
        self._shape, self._multiply = system.mask.shape, system.single()
        inverse = (system.mask / system.diagonal).float()
        scale = largest_eigenvalue(self._multiply, lambda x: inverse * x, inverse)
        self._step = inverse * (DAMPING / scale)
        functions = torch.cat([torch.ones_like(image[:1]), image]).float() * system.mask.float()
        self._basis, triangle = orthonormal(in_blocks(functions.permute(1, 2, 0), BLOCK))
        self._blocks = _Blocks(self._block_matrix(system), triangle)

    def __call__(self, residual: torch.Tensor) -> torch.Tensor:
        """Return an approximation of A^-1 residual, float32."""
        rhs = residual.float()
        x = self._step * rhs
        below = in_blocks(rhs - self._multiply(x), BLOCK)
        coarse = self._blocks.cycle(torch.einsum("hwpq,hwp->hwq", self._basis, below))
        x = x + from_blocks(torch.einsum("hwpq,hwq->hwp", self._basis, coarse), BLOCK, self._shape)
        return x + self._step * (rhs - self._multiply(x))

    def _block_matrix(self, system: TensorStencil) -> torch.Tensor:
        """Return P' A P for the basis of pixel blocks."""
        h, w = self._basis.shape[:2]
        matrix = torch.zeros((9, h, w, 4, 4), device=self._basis.device)
        steps = [(0, 0), *LATER, *((-dy, -dx) for dy, dx in LATER)]
        for step in steps:
            plane = (system.diagonal * system.mask).float() if step == (0, 0) else system.weights_to(step)
            entries = in_blocks(plane, BLOCK)
            for p in range(BLOCK**2):
                y, x = p // BLOCK + step[0], p % BLOCK + step[1]
                block, other = (y // BLOCK, x // BLOCK), (y % BLOCK) * BLOCK + x % BLOCK
                right = shifted(self._basis[:, :, other], block)
                left = self._basis[:, :, p] * entries[:, :, p, None]
                matrix[NEAR.index(block)] += left[..., :, None] * right[..., None, :]
        return matrix
