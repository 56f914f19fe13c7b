"""The entries of the closed-form system by Triton kernels, on a CUDA device: `closed_form_weights`, masked."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from hybridmatte.linalg._grid_torch import LATER
from hybridmatte.linalg._grid_triton import TritonGrid, tile_places
from hybridmatte.systems._stencil_torch import StencilEntries

__all__ = ["closed_form_entries"]

STATISTICS = 9  # of a window: 3 means, and L and 1 / D of the covariance L D L'


@triton.jit
def load_color(image, at, plane, inside):
    """Return the three colours at some places, float64."""
    red = tl.load(image + at, mask=inside, other=0.0)
    green = tl.load(image + plane + at, mask=inside, other=0.0)
    blue = tl.load(image + 2 * plane + at, mask=inside, other=0.0)
    return red.to(tl.float64), green.to(tl.float64), blue.to(tl.float64)


@triton.jit(do_not_specialize=["height", "width"])
def windows_kernel(tiles, image, ridge, windows, height, width, TILE_Y: tl.constexpr, TILE_X: tl.constexpr):
    """Write the statistics of the 3 x 3 windows around the pixels of a tile, (9, H, W) float64."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    inside = inside & (y > 0) & (x > 0) & (y < height - 1) & (x < width - 1)
    plane = tl.cast(height, tl.int64) * width
    at = tl.cast(y, tl.int64) * width + x
    mean0 = tl.zeros((TILE_Y, TILE_X), tl.float64)
    mean1, mean2 = mean0, mean0
    for p in tl.static_range(9):
        c0, c1, c2 = load_color(image, at + (p // 3 - 1) * width + p % 3 - 1, plane, inside)
        mean0, mean1, mean2 = mean0 + c0, mean1 + c1, mean2 + c2
    mean0, mean1, mean2 = mean0 / 9.0, mean1 / 9.0, mean2 / 9.0
    s00 = tl.zeros((TILE_Y, TILE_X), tl.float64)
    s01, s02, s11, s12, s22 = s00, s00, s00, s00, s00
    for p in tl.static_range(9):
        c0, c1, c2 = load_color(image, at + (p // 3 - 1) * width + p % 3 - 1, plane, inside)
        c0, c1, c2 = c0 - mean0, c1 - mean1, c2 - mean2
        s00, s01, s02 = s00 + c0 * c0, s01 + c0 * c1, s02 + c0 * c2
        s11, s12, s22 = s11 + c1 * c1, s12 + c1 * c2, s22 + c2 * c2
    added = tl.load(ridge)
    inverse0 = 1.0 / (s00 / 9.0 + added)
    l10, l20 = s01 / 9.0 * inverse0, s02 / 9.0 * inverse0
    inverse1 = 1.0 / (s11 / 9.0 + added - l10 * s01 / 9.0)
    l21 = (s12 / 9.0 - l20 * s01 / 9.0) * inverse1
    inverse2 = 1.0 / (s22 / 9.0 + added - l20 * s02 / 9.0 - l21 * (s12 / 9.0 - l20 * s01 / 9.0))
    tl.store(windows + at, mean0, mask=inside)
    tl.store(windows + plane + at, mean1, mask=inside)
    tl.store(windows + 2 * plane + at, mean2, mask=inside)
    tl.store(windows + 3 * plane + at, inverse0, mask=inside)
    tl.store(windows + 4 * plane + at, l10, mask=inside)
    tl.store(windows + 5 * plane + at, l20, mask=inside)
    tl.store(windows + 6 * plane + at, inverse1, mask=inside)
    tl.store(windows + 7 * plane + at, l21, mask=inside)
    tl.store(windows + 8 * plane + at, inverse2, mask=inside)


@triton.jit
def line_of(windows, at, plane, inside, c0, c1, c2):
    """Return slopes and offset of the function c -> 1 + (c - mean)' inverse(covariance) (own - mean) of a window."""
    mean0 = tl.load(windows + at, mask=inside, other=0.0)
    mean1 = tl.load(windows + plane + at, mask=inside, other=0.0)
    mean2 = tl.load(windows + 2 * plane + at, mask=inside, other=0.0)
    l10 = tl.load(windows + 4 * plane + at, mask=inside, other=0.0)
    l20 = tl.load(windows + 5 * plane + at, mask=inside, other=0.0)
    l21 = tl.load(windows + 7 * plane + at, mask=inside, other=0.0)
    u0, u1, u2 = c0 - mean0, c1 - mean1, c2 - mean2
    u1 = u1 - l10 * u0
    u2 = u2 - l20 * u0 - l21 * u1
    u2 = u2 * tl.load(windows + 8 * plane + at, mask=inside, other=0.0)
    u1 = u1 * tl.load(windows + 6 * plane + at, mask=inside, other=0.0) - l21 * u2
    u0 = u0 * tl.load(windows + 3 * plane + at, mask=inside, other=0.0) - l10 * u1 - l20 * u2
    return u0, u1, u2, mean0, mean1, mean2


@triton.jit(do_not_specialize=["height", "width"])
def diagonal_kernel(
    tiles,
    image,
    windows,
    mask,
    known,
    confidence,
    diagonal,
    rhs,
    height,
    width,
    HAS_CONFIDENCE: tl.constexpr,
    TILE_Y: tl.constexpr,
    TILE_X: tl.constexpr,
):
    """Write the diagonal, 1 on known pixels, and the right-hand side of the known alphas."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    at = tl.cast(y, tl.int64) * width + x
    unknown = tl.load(mask + at, mask=inside, other=0) != 0
    own0, own1, own2 = load_color(image, at, plane, inside)
    total = tl.zeros((TILE_Y, TILE_X), tl.float64)
    right = tl.zeros((TILE_Y, TILE_X), tl.float64)
    for w in range(9):  # not unrolled: that would take a minute to compile
        wy, wx = y + (w // 3 - 1), x + (w % 3 - 1)
        center = at + (w // 3 - 1) * width + (w % 3 - 1)
        exists = inside & (wy > 0) & (wx > 0) & (wy < height - 1) & (wx < width - 1)
        u0, u1, u2, mean0, mean1, mean2 = line_of(windows, center, plane, exists, own0, own1, own2)
        entry = (1.0 + u0 * (own0 - mean0) + u1 * (own1 - mean1) + u2 * (own2 - mean2)) / 9.0
        total += tl.where(exists, 1.0 - entry, 0.0)
        for q in range(9):
            other = center + (q // 3 - 1) * width + (q % 3 - 1)
            c0, c1, c2 = load_color(image, other, plane, exists)
            entry = (1.0 + u0 * (c0 - mean0) + u1 * (c1 - mean1) + u2 * (c2 - mean2)) / 9.0
            right += entry * tl.load(known + other, mask=exists, other=0.0)
    if HAS_CONFIDENCE:
        total += tl.load(confidence + at, mask=inside, other=0.0)
    tl.store(diagonal + at, tl.where(unknown, total, 1.0), mask=inside)
    tl.store(rhs + at, tl.where(unknown, right, 0.0), mask=inside)


@triton.jit(do_not_specialize=["height", "width"])
def weights_kernel(
    tiles, image, windows, mask, weights, single, height, width, TILE_Y: tl.constexpr, TILE_X: tl.constexpr
):
    """Write the entries between unknown pixels and their k-th later neighbours, in float64 and in float32."""
    y, x, inside = tile_places(tiles, height, width, TILE_Y, TILE_X)
    plane = tl.cast(height, tl.int64) * width
    at = tl.cast(y, tl.int64) * width + x
    unknown = tl.load(mask + at, mask=inside, other=0) != 0
    k = tl.program_id(1)
    dy, dx = (k + 13) // 5 - 2, (k + 13) % 5 - 2  # the k-th step of LATER
    away = dy * width + dx
    ahead = unknown & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
    both = ahead & (tl.load(mask + at + away, mask=ahead, other=0) != 0)
    own0, own1, own2 = load_color(image, at, plane, both)
    c0, c1, c2 = load_color(image, at + away, plane, both)
    total = tl.zeros((TILE_Y, TILE_X), tl.float64)
    for w in range(9):
        wy, wx = w // 3 - 1, w % 3 - 1
        holds = (dy - wy <= 1) & (dx - wx <= 1) & (wx - dx <= 1)  # the window around (wy, wx) holds both pixels
        exists = both & holds & (y + wy > 0) & (x + wx > 0) & (y + wy < height - 1) & (x + wx < width - 1)
        center = at + wy * width + wx
        u0, u1, u2, mean0, mean1, mean2 = line_of(windows, center, plane, exists, own0, own1, own2)
        entry = 1.0 + u0 * (c0 - mean0) + u1 * (c1 - mean1) + u2 * (c2 - mean2)
        total -= tl.where(exists, entry / 9.0, 0.0)
    place = tl.cast(k, tl.int64) * plane + at
    tl.store(weights + place, total, mask=inside)
    tl.store(single + place, total.to(tl.float32), mask=inside)


def closed_form_entries(
    image: torch.Tensor,
    epsilon: float,
    is_unknown: torch.Tensor,
    known_alpha: torch.Tensor,
    confidence: torch.Tensor | None,
) -> StencilEntries:
    """Return the entries of the closed-form system of an image (3, H, W); the other planes are (H, W)."""
    image, grid = image.contiguous(), TritonGrid(is_unknown)
    mask = is_unknown.contiguous().to(torch.uint8)
    near = torch.nn.functional.max_pool2d(mask[None, None].float(), 3, stride=1, padding=1)[0, 0]
    options = {"dtype": torch.float64, "device": image.device}
    windows = torch.empty((STATISTICS, *grid.shape), **options)
    ridge = torch.full((1,), epsilon / 9, **options)
    TritonGrid(near).launch(windows_kernel, 1, image, ridge, windows, *grid.shape)
    diagonal, rhs = torch.ones(grid.shape, **options), torch.zeros(grid.shape, **options)
    given = (mask, known_alpha.double().contiguous(), diagonal if confidence is None else confidence.contiguous())
    flags = {"HAS_CONFIDENCE": confidence is not None}
    grid.launch(diagonal_kernel, 1, image, windows, *given, diagonal, rhs, *grid.shape, **flags)
    weights = torch.zeros((len(LATER), *grid.shape), **options)
    single = torch.zeros_like(weights, dtype=torch.float32)
    grid.launch(weights_kernel, 1, image, windows, mask, weights, single, *grid.shape, planes=len(LATER))
    return StencilEntries(grid, weights, single, diagonal, rhs)
