"""Products, restriction and prolongation on the planes of a grid by Triton kernels: `TensorGrid` on a CUDA device.

Each kernel makes one pass. A program computes one tile of the grid. Only tiles with a place in the mask are visited:
everything is 0 elsewhere. The sizes are not specialised, so that the levels of a cycle share the compiled kernels.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from hybridmatte.linalg._grid_torch import TensorGrid

__all__ = ["BLOCK_TILE", "PIXEL_TILE", "TritonGrid"]

PIXEL_TILE = (8, 64)  # with one thread a pixel, shifted reads of a warp are coalesced
BLOCK_TILE = (2, 32)  # with one thread for each of a block's 4 values


@triton.jit
def tile_places(tiles, height, width, TILE_Y: tl.constexpr, TILE_X: tl.constexpr):
    """Return the rows (TILE_Y, 1) and columns (1, TILE_X) of this program's tile, and what lies inside the grid."""
    tile = tl.load(tiles + tl.program_id(0))
    across = (width + TILE_X - 1) // TILE_X
    y = (tile // across) * TILE_Y + tl.arange(0, TILE_Y)[:, None]
    x = (tile % across) * TILE_X + tl.arange(0, TILE_X)[None, :]
    return y, x, (y < height) & (x < width)


@triton.jit(do_not_specialize=["height", "width"])
def product_kernel(
    tiles,
    weights,
    diagonal,
    vector,
    rhs,
    step,
    out,
    height,
    width,
    HAS_RHS: tl.constexpr,
    HAS_STEP: tl.constexpr,
    TILE_Y: tl.constexpr,
    TILE_X: tl.constexpr,
):
    """See `TensorGrid.product`."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    at = tl.cast(y, tl.int64) * width + x
    own = tl.load(vector + at, mask=inside, other=0.0)
    total = tl.load(diagonal + at, mask=inside, other=0.0) * own
    for k in tl.static_range(12):
        dy = (k + 13) // 5 - 2  # (dy, dx) is the k-th step of LATER
        dx = (k + 13) % 5 - 2
        away = dy * width + dx
        ahead = inside & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        weight = tl.load(weights + k * plane + at, mask=ahead, other=0.0)
        total += weight * tl.load(vector + at + away, mask=ahead, other=0.0)
        behind = inside & (y - dy >= 0) & (x - dx >= 0) & (x - dx < width)
        weight = tl.load(weights + k * plane + at - away, mask=behind, other=0.0)
        total += weight * tl.load(vector + at - away, mask=behind, other=0.0)
    if HAS_RHS:
        total = tl.load(rhs + at, mask=inside, other=0.0) - total
    elif HAS_STEP:
        total = -total
    if HAS_STEP:
        total = own + tl.load(step + at, mask=inside, other=0.0) * total
    tl.store(out + at, total, mask=inside)


@triton.jit(do_not_specialize=["height", "width"])
def block_product_kernel(
    tiles,
    matrix,
    vector,
    rhs,
    step,
    out,
    height,
    width,
    HAS_RHS: tl.constexpr,
    HAS_STEP: tl.constexpr,
    TILE_Y: tl.constexpr,
    TILE_X: tl.constexpr,
):
    """See `TensorGrid.block_product`; tensors are (4, TILE_Y, TILE_X)."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    at, y, x, inside = (tl.cast(y, tl.int64) * width + x)[None], y[None], x[None], inside[None]
    row = tl.arange(0, 4)[:, None, None]
    total = tl.zeros((4, TILE_Y, TILE_X), tl.float32)
    for q in tl.static_range(4):
        entries = tl.load(matrix + (row * 4 + q) * plane + at, mask=inside, other=0.0)
        total += entries * tl.load(vector + q * plane + at, mask=inside, other=0.0)
    for k in tl.static_range(1, 5):
        dy = (k + 4) // 3 - 1  # (dy, dx) is step k - 1 of LATER_BLOCKS
        dx = (k + 4) % 3 - 1
        away = dy * width + dx
        ahead = inside & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        behind = inside & (y - dy >= 0) & (x - dx >= 0) & (x - dx < width)
        for q in tl.static_range(4):
            entries = tl.load(matrix + (k * 16 + row * 4 + q) * plane + at, mask=ahead, other=0.0)
            total += entries * tl.load(vector + q * plane + at + away, mask=ahead, other=0.0)
            entries = tl.load(matrix + (k * 16 + q * 4 + row) * plane + at - away, mask=behind, other=0.0)
            total += entries * tl.load(vector + q * plane + at - away, mask=behind, other=0.0)
    if HAS_RHS:
        total = tl.load(rhs + row * plane + at, mask=inside, other=0.0) - total
    elif HAS_STEP:
        total = -total
    if HAS_STEP:
        entry = tl.arange(0, 4)[:, None, None, None] * 4 + tl.arange(0, 4)[None, :, None, None]
        entries = tl.load(step + entry * plane + at[None], mask=inside[None], other=0.0)
        total = tl.load(vector + row * plane + at, mask=inside, other=0.0) + tl.sum(entries * total[None], axis=1)
    tl.store(out + row * plane + at, total, mask=inside)


@triton.jit(do_not_specialize=["height", "width"])
def scaled_kernel(tiles, matrices, vector, out, height, width, TILE_Y: tl.constexpr, TILE_X: tl.constexpr):
    """See `TensorGrid.scaled`; tensors are (4, TILE_Y, TILE_X)."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    at, inside = (tl.cast(y, tl.int64) * width + x)[None], inside[None]
    row = tl.arange(0, 4)[:, None, None]
    total = tl.zeros((4, TILE_Y, TILE_X), tl.float32)
    for q in tl.static_range(4):
        entries = tl.load(matrices + (row * 4 + q) * plane + at, mask=inside, other=0.0)
        total += entries * tl.load(vector + q * plane + at, mask=inside, other=0.0)
    tl.store(out + row * plane + at, total, mask=inside)


@triton.jit(do_not_specialize=["fine_height", "fine_width", "height", "width"])
def restricted_kernel(
    tiles,
    basis,
    fine,
    out,
    fine_height,
    fine_width,
    height,
    width,
    N: tl.constexpr,
    SIDE: tl.constexpr,
    TILE_Y: tl.constexpr,
    TILE_X: tl.constexpr,
):
    """See `TensorGrid.restricted`; a program computes a tile (4, TILE_Y, TILE_X) of the coarse grid."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    fine_plane = tl.cast(fine_height, tl.int64) * fine_width
    at, y, x, inside = (tl.cast(y, tl.int64) * width + x)[None], y[None], x[None], inside[None]
    row = tl.arange(0, 4)[:, None, None]
    total = tl.zeros((4, TILE_Y, TILE_X), tl.float32)
    for member in tl.static_range(SIDE * SIDE):
        fine_y, fine_x = y * SIDE + member // SIDE, x * SIDE + member % SIDE
        there = (fine_y < fine_height) & (fine_x < fine_width)
        place = tl.cast(fine_y, tl.int64) * fine_width + fine_x
        for n in tl.static_range(N):
            value = tl.load(fine + n * fine_plane + place, mask=there, other=0.0)
            total += tl.load(basis + (n * 4 + row) * fine_plane + place, mask=there, other=0.0) * value
    tl.store(out + row * plane + at, total, mask=inside)


@triton.jit(do_not_specialize=["height", "width", "coarse_height", "coarse_width"])
def prolonged_kernel(
    tiles,
    basis,
    coarse,
    to,
    out,
    height,
    width,
    coarse_height,
    coarse_width,
    HAS_TO: tl.constexpr,
    N: tl.constexpr,
    SIDE: tl.constexpr,
    TILE_Y: tl.constexpr,
    TILE_X: tl.constexpr,
):
    """See `TensorGrid.prolonged`."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    coarse_plane = tl.cast(coarse_height, tl.int64) * coarse_width
    at = tl.cast(y, tl.int64) * width + x
    place = tl.cast(y // SIDE, tl.int64) * coarse_width + x // SIDE
    for n in tl.static_range(N):
        total = tl.zeros((TILE_Y, TILE_X), tl.float32)
        if HAS_TO:
            total += tl.load(to + n * plane + at, mask=inside, other=0.0)
        for q in tl.static_range(4):
            entries = tl.load(basis + (n * 4 + q) * plane + at, mask=inside, other=0.0)
            total += entries * tl.load(coarse + q * coarse_plane + place, mask=inside, other=0.0)
        tl.store(out + n * plane + at, total, mask=inside)


def active_tiles(mask: torch.Tensor, tile: tuple[int, int]) -> torch.Tensor:
    """Return the indices of the tiles with a place in the mask, (n,) int32."""
    pooled = torch.nn.functional.max_pool2d(mask[None, None].float(), tile, ceil_mode=True)
    return torch.nonzero(pooled.flatten())[:, 0].int()


class TritonGrid(TensorGrid):
    """A grid (H, W) of pixels or blocks on a CUDA device; see `TensorGrid`."""

    def __init__(self, mask: torch.Tensor, tile: tuple[int, int] = PIXEL_TILE) -> None:
        super().__init__(mask)
        self.tile, self.tiles = tile, active_tiles(mask, tile)
        self._coarser: dict[int, TritonGrid] = {}

    def coarser(self, side: int) -> TritonGrid:
        """Return the grid of the blocks of side x side places; those with a place in the mask are in its mask."""
        if side not in self._coarser:
            self._coarser[side] = TritonGrid(super().coarser(side).mask, BLOCK_TILE)
        return self._coarser[side]

    def product(
        self,
        weights: torch.Tensor,
        diagonal: torch.Tensor,
        x: torch.Tensor,
        *,
        rhs: torch.Tensor | None = None,
        step: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return A x (H, W); see `TensorGrid.product`."""
        return self._fused(product_kernel, 1, (weights, diagonal), x, rhs, step)

    def block_product(
        self,
        matrix: torch.Tensor,
        x: torch.Tensor,
        *,
        rhs: torch.Tensor | None = None,
        step: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return A x (4, H, W); see `TensorGrid.block_product`."""
        return self._fused(block_product_kernel, 4, (matrix,), x, rhs, step)

    def scaled(self, matrices: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the product of a matrix at each place, (4, 4, H, W), with x (4, H, W)."""
        out = torch.zeros_like(x)
        self.launch(scaled_kernel, 4, matrices, x, out, *self.shape)
        return out

    def restricted(self, basis: torch.Tensor, x: torch.Tensor, side: int) -> torch.Tensor:
        """Return P' x, (4, h, w); see `TensorGrid.restricted`."""
        coarser = self.coarser(side)
        out = torch.zeros((4, *coarser.shape), device=x.device)
        shapes = (*self.shape, *coarser.shape)
        coarser.launch(restricted_kernel, 4, basis, x, out, *shapes, N=len(x), SIDE=side)
        return out

    def prolonged(
        self, basis: torch.Tensor, coarse: torch.Tensor, side: int, *, to: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return P coarse, (n, H, W); see `TensorGrid.prolonged`."""
        out = torch.zeros((len(basis), *self.shape), device=coarse.device)
        given, shapes = (coarse, out if to is None else to, out), (*self.shape, *coarse.shape[1:])
        self.launch(prolonged_kernel, 1, basis, *given, *shapes, HAS_TO=to is not None, N=len(basis), SIDE=side)
        return out

    def _fused(
        self,
        kernel: Any,
        depth: int,
        operator: tuple[torch.Tensor, ...],
        x: torch.Tensor,
        rhs: torch.Tensor | None,
        step: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the result of a product's kernel; in place of a missing rhs or step it gets x and does not read it."""
        out, given = torch.zeros_like(x), (x if rhs is None else rhs, x if step is None else step)
        flags = {"HAS_RHS": rhs is not None, "HAS_STEP": step is not None}
        self.launch(kernel, depth, *operator, x, *given, out, *self.shape, **flags)
        return out

    def launch(self, kernel: Any, depth: int, *arguments: Any, planes: int = 1, **constants: Any) -> None:
        """Run a kernel on the active tiles and each of some planes, with `depth` threads for each place."""
        size = self.tile[0] * self.tile[1]
        constants |= {"TILE_Y": self.tile[0], "TILE_X": self.tile[1], "num_warps": max(size * depth // 32, 1)}
        with torch.cuda.device_of(self.tiles):
            kernel[(len(self.tiles), planes)](self.tiles, *arguments, **constants)
