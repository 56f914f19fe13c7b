"""Products, restriction and prolongation on the planes of a grid by tensor operations, on any device."""

from __future__ import annotations

import torch

__all__ = ["LATER", "LATER_BLOCKS", "TensorGrid", "block_steps", "shifted"]

LATER = tuple((dy, dx) for dy in range(3) for dx in range(-2, 3) if (dy, dx) > (0, 0))  # of a 5 x 5 stencil
LATER_BLOCKS = ((0, 1), (1, -1), (1, 0), (1, 1))  # of a 3 x 3 stencil


def shifted(plane: torch.Tensor, step: tuple[int, int]) -> torch.Tensor:
    """Return the values of planes (..., H, W) `step` = (dy, dx) away, cyclically; weights across the border are 0."""
    return torch.roll(plane, (-step[0], -step[1]), dims=(-2, -1))


def block_steps(shape: tuple[int, int], step: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the places that have one `step` away inside the grid, and the places `step` away."""
    here = tuple(slice(max(-d, 0), max(size - max(d, 0), 0)) for d, size in zip(step, shape, strict=True))
    there = tuple(slice(max(d, 0), max(size - max(-d, 0), 0)) for d, size in zip(step, shape, strict=True))
    return here, there


class TensorGrid:
    """A grid (H, W) of pixels or blocks; all vectors and matrices on it are 0 outside `mask`."""

    def __init__(self, mask: torch.Tensor) -> None:
        self.mask, self.shape = mask, (mask.shape[0], mask.shape[1])

    def coarser(self, side: int) -> TensorGrid:
        """Return the grid of the blocks of side x side places; those with a place in the mask are in its mask."""
        pooled = torch.nn.functional.max_pool2d(self.mask[None, None].float(), side, ceil_mode=True)
        return type(self)(pooled[0, 0] > 0.0)

    def product(
        self,
        weights: torch.Tensor,
        diagonal: torch.Tensor,
        x: torch.Tensor,
        *,
        rhs: torch.Tensor | None = None,
        step: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return A x (H, W), of a 5 x 5 stencil by its weights (12, H, W) to later pixels and its diagonal (H, W).

        With rhs, ``rhs - A x``; with step, ``x + step (rhs - A x)``, where rhs is 0 by default.
        """
        product = diagonal * x
        for index, away in enumerate(LATER):
            product += weights[index] * shifted(x, away)
            product += shifted(weights[index] * x, (-away[0], -away[1]))
        if rhs is None and step is None:
            return product
        residual = -product if rhs is None else rhs - product
        return residual if step is None else x + step * residual

    def block_product(
        self,
        matrix: torch.Tensor,
        x: torch.Tensor,
        *,
        rhs: torch.Tensor | None = None,
        step: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return A x (4, H, W) as `product` does, for a matrix (5, 4, 4, H, W) of blocks and a step (4, 4, H, W)."""
        product = self.scaled(matrix[0], x)
        for block, away in zip(matrix[1:], LATER_BLOCKS, strict=True):
            product += self.scaled(block, shifted(x, away))
            product += shifted(self.scaled(block.transpose(0, 1), x), (-away[0], -away[1]))
        if rhs is None and step is None:
            return product
        residual = -product if rhs is None else rhs - product
        return residual if step is None else x + self.scaled(step, residual)

    def scaled(self, matrices: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the product of a matrix at each place, (4, 4, H, W), with x (4, H, W)."""
        return (matrices * x).sum(dim=1)

    def restricted(self, basis: torch.Tensor, x: torch.Tensor, side: int) -> torch.Tensor:
        """Return P' x, (4, h, w), for the basis (n, 4, H, W) of blocks of side x side places and x (n, H, W)."""
        height, width = self.shape
        h, w = -(-height // side), -(-width // side)
        product = torch.zeros((4, h * side, w * side), dtype=x.dtype, device=x.device)
        product[:, :height, :width] = (basis * x[:, None]).sum(dim=0)
        return product.reshape(4, h, side, w, side).sum(dim=(2, 4))

    def prolonged(
        self, basis: torch.Tensor, coarse: torch.Tensor, side: int, *, to: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return P coarse, (n, H, W), for coarse (4, h, w), added to `to` (n, H, W) where given."""
        spread = coarse.repeat_interleave(side, 1).repeat_interleave(side, 2)[:, : self.shape[0], : self.shape[1]]
        fine = (basis * spread).sum(dim=1)
        return fine if to is None else to + fine
