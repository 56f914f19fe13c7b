"""Triton kernels of the losses over similar pixels on a CUDA device: value and gradient in one pass over the pairs.

The twin of ``_pairs_numba.py``, in float32. Each lane takes one pixel and its K pairs. It adds the slopes of its pairs
to the padded plane of the gradient by atomic additions. The penalties are summed in a fixed order: in float32 over the
pixels of a program, then in float64 over the programs. The slopes of the pair losses are -1, 0 and 1, so their sums are
exact in any order, and equal inputs give equal bits. The slopes of the affinity loss are not whole, so the last bits of
its gradient depend on the order of the additions; `affinity_loss` leaves the kernel where torch is to be deterministic.

A pair that leads out of the padded plane is not read; it makes the loss NaN. To raise an error, the host would have to
wait for the device.
"""

import torch
import triton
import triton.language as tl

from hybridmatte.similarity.window import WindowTopK

BLOCK = 128  # pixels of one program


@triton.jit
def _sign(value):
    """Return the sign of each value as -1.0, 0.0 or 1.0."""
    return tl.where(value > 0.0, 1.0, 0.0) - tl.where(value < 0.0, 1.0, 0.0)


@triton.jit
def _penalty(x, d, FORM: tl.constexpr):
    """Return the penalties of pairs with alpha difference x and colour distance d, and their derivatives in x.

    FORM is the code of the penalty in ``_pairs_numba.py``.
    """
    size = tl.abs(x)
    if FORM == 0:
        penalty, slope = tl.abs(size - d), _sign(size - d) * _sign(x)
    elif FORM == 1:
        penalty, slope = tl.abs(x - d), _sign(x - d)
    elif FORM == 2:
        penalty, slope = tl.maximum(size, d), tl.where(size > d, _sign(x), 0.0)
    else:
        penalty, slope = tl.maximum(size - d, 0.0), tl.where(size > d, _sign(x), 0.0)
    return penalty, slope


@triton.jit
def _locate(width, n_pixels, stride, margin, n_blocks, BLOCK: tl.constexpr):
    """Return the image of a program, its pixels, which of them exist, and their places in the padded plane."""
    program = tl.program_id(0)
    pixel = (program % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    place = (pixel // width + margin) * stride + pixel % width + margin
    return (program // n_blocks).to(tl.int64), pixel, pixel < n_pixels, place


@triton.jit
def _pair_kernel(
    planes,
    distances,
    offsets,
    gradient,
    sums,
    width,
    n_pixels,
    stride,
    n_places,
    margin,
    n_neighbors,
    n_blocks,
    FORM: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the sum of the penalties of BLOCK pixels; add their slopes to the gradient (B, n_places)."""
    index, pixel, is_pixel, here = _locate(width, n_pixels, stride, margin, n_blocks, BLOCK)
    alpha, slopes = planes + index * n_places, gradient + index * n_places
    first = (index * n_pixels + pixel) * n_neighbors
    own = tl.load(alpha + here, mask=is_pixel, other=0.0)
    own_slope = tl.zeros((BLOCK,), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for k in range(n_neighbors):
        there = here + tl.load(offsets + first + k, mask=is_pixel, other=0)
        is_inside = is_pixel & (there >= 0) & (there < n_places)
        x = own - tl.load(alpha + there, mask=is_inside, other=float("nan"))
        penalty, slope = _penalty(x, tl.load(distances + first + k, mask=is_pixel, other=0.0), FORM)
        total += tl.where(x == x, penalty, float("nan"))
        own_slope += slope
        tl.atomic_add(slopes + there, -slope, mask=is_inside & (slope != 0.0), sem="relaxed")
    tl.atomic_add(slopes + here, own_slope, mask=is_pixel & (own_slope != 0.0), sem="relaxed")
    tl.store(sums + tl.program_id(0), tl.sum(tl.where(is_pixel, total, 0.0)))


@triton.jit
def _affinity_kernel(
    planes,
    distances,
    offsets,
    gradient,
    sums,
    width,
    n_pixels,
    stride,
    n_places,
    margin,
    n_neighbors,
    n_blocks,
    MAX_DISTANCE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the sum of |sum_j A_ij alpha_j - alpha_i| of BLOCK pixels; add their slopes to the gradient."""
    index, pixel, is_pixel, here = _locate(width, n_pixels, stride, margin, n_blocks, BLOCK)
    alpha, slopes = planes + index * n_places, gradient + index * n_places
    first = (index * n_pixels + pixel) * n_neighbors
    own = tl.load(alpha + here, mask=is_pixel, other=0.0)
    mass = tl.zeros((BLOCK,), tl.float32)
    moment = tl.zeros((BLOCK,), tl.float32)
    for k in range(n_neighbors):
        there = here + tl.load(offsets + first + k, mask=is_pixel, other=0)
        is_inside = is_pixel & (there >= 0) & (there < n_places)
        weight = tl.maximum(MAX_DISTANCE - tl.load(distances + first + k, mask=is_pixel, other=0.0), 0.0)
        mass += weight
        moment += weight * (tl.load(alpha + there, mask=is_inside, other=float("nan")) - own)
    residual = moment / mass
    sign = _sign(residual)
    for k in range(n_neighbors):
        there = here + tl.load(offsets + first + k, mask=is_pixel, other=0)
        is_inside = is_pixel & (there >= 0) & (there < n_places)
        weight = tl.maximum(MAX_DISTANCE - tl.load(distances + first + k, mask=is_pixel, other=0.0), 0.0)
        tl.atomic_add(slopes + there, sign * weight / mass, mask=is_inside & (sign != 0.0), sem="relaxed")
    tl.atomic_add(slopes + here, -sign, mask=is_pixel & (sign != 0.0), sem="relaxed")
    tl.store(sums + tl.program_id(0), tl.sum(tl.where(is_pixel, tl.abs(residual), 0.0)))


def pair_loss(
    planes: torch.Tensor, similarity: WindowTopK[torch.Tensor], form: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of the penalties of all pairs, and its gradient. `form` is the penalty's code."""
    return _run(_pair_kernel, planes, similarity, form)


def affinity_loss(
    planes: torch.Tensor, similarity: WindowTopK[torch.Tensor], max_distance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum over pixels of |sum_j A_ij alpha_j - alpha_i|, and its gradient.

    A_ij is proportional to 1 - d_ij / max_distance, and each row of A sums to 1.
    """
    return _run(_affinity_kernel, planes, similarity, max_distance)


def _run(kernel, planes, similarity, parameter):
    """Return the sum of a kernel over the padded planes of alpha (B, H, W) float32, and its gradient, both float32."""
    planes = planes.contiguous()
    distances, offsets = similarity.distances.contiguous(), similarity.offsets.contiguous()
    batch, height, width, n_neighbors = offsets.shape
    gradient = torch.zeros_like(planes)
    n_blocks = triton.cdiv(height * width, BLOCK)
    sums = torch.empty(batch * n_blocks, device=planes.device)
    with torch.cuda.device_of(planes):
        kernel[(len(sums),)](
            planes,
            distances,
            offsets,
            gradient,
            sums,
            width,
            height * width,
            planes.shape[2],
            planes.shape[1] * planes.shape[2],
            similarity.margin,
            n_neighbors,
            n_blocks,
            parameter,
            BLOCK,
            num_warps=BLOCK // 32,
        )
    return sums.sum(dtype=torch.float64).float(), gradient
