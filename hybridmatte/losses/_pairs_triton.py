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

    FORM is the code of the penalty in ``_pairs_numba.py``: 0 dc, 1 ddc, 2 symmetric ddc, 3 hinge.
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
def _load_pair(alpha, distances, offsets, entry, here, is_pixel, n_places):
    """Return alpha and place of the other pixel of each pair, whether that is in the plane, and the distance.

    Alpha is NaN outside the plane.
    """
    there = here + tl.load(offsets + entry, mask=is_pixel, other=0)
    is_inside = is_pixel & (there >= 0) & (there < n_places)
    other = tl.load(alpha + there, mask=is_inside, other=float("nan"))
    return other, there, is_inside, tl.load(distances + entry, mask=is_pixel, other=0.0)


@triton.jit
def _pair_sums(alpha, distances, offsets, slopes, first, here, is_pixel, n_places, FORM: tl.constexpr, K: tl.constexpr):
    """Return the sum of the penalties of each pixel; add their slopes to the plane of the gradient."""
    own = tl.load(alpha + here, mask=is_pixel, other=0.0)
    own_slope = tl.zeros_like(own)
    total = tl.zeros_like(own)
    for k in range(K):
        other, there, is_inside, d = _load_pair(alpha, distances, offsets, first + k, here, is_pixel, n_places)
        x = own - other
        penalty, slope = _penalty(x, d, FORM)
        total += tl.where(x == x, penalty, x)
        own_slope += slope
        tl.atomic_add(slopes + there, -slope, mask=is_inside & (slope != 0.0), sem="relaxed")
    tl.atomic_add(slopes + here, own_slope, mask=is_pixel & (own_slope != 0.0), sem="relaxed")
    return total


@triton.jit
def _affinity_sums(
    alpha, distances, offsets, slopes, first, here, is_pixel, n_places, MAX_DISTANCE: tl.constexpr, K: tl.constexpr
):
    """Return |sum_j A_ij alpha_j - alpha_i| of each pixel; add its slopes to the plane of the gradient."""
    own = tl.load(alpha + here, mask=is_pixel, other=0.0)
    mass = tl.zeros_like(own)
    moment = tl.zeros_like(own)
    for k in range(K):
        other, _, _, d = _load_pair(alpha, distances, offsets, first + k, here, is_pixel, n_places)
        weight = tl.maximum(MAX_DISTANCE - d, 0.0)
        mass += weight
        moment += weight * (other - own)
    residual = moment / mass
    sign = _sign(residual)
    for k in range(K):
        _, there, is_inside, d = _load_pair(alpha, distances, offsets, first + k, here, is_pixel, n_places)
        slope = sign * tl.maximum(MAX_DISTANCE - d, 0.0) / mass
        tl.atomic_add(slopes + there, slope, mask=is_inside & (sign != 0.0), sem="relaxed")
    tl.atomic_add(slopes + here, -sign, mask=is_pixel & (sign != 0.0), sem="relaxed")
    return tl.abs(residual)


@triton.jit
def _sum_kernel(
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
    n_blocks,
    IS_AFFINITY: tl.constexpr,
    OPTION: tl.constexpr,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the sum over BLOCK pixels of an image; add its slopes to the gradient (B, n_places)."""
    program = tl.program_id(0)
    index = (program // n_blocks).to(tl.int64)
    pixel = (program % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    is_pixel = pixel < n_pixels
    here = (pixel // width + margin) * stride + pixel % width + margin
    alpha, slopes = planes + index * n_places, gradient + index * n_places
    first = (index * n_pixels + pixel) * K
    if IS_AFFINITY:
        total = _affinity_sums(alpha, distances, offsets, slopes, first, here, is_pixel, n_places, OPTION, K)
    else:
        total = _pair_sums(alpha, distances, offsets, slopes, first, here, is_pixel, n_places, OPTION, K)
    tl.store(sums + program, tl.sum(tl.where(is_pixel, total, 0.0)))


def pair_loss(
    planes: torch.Tensor, similarity: WindowTopK[torch.Tensor], form: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of the penalties of all pairs, and its gradient. `form` is the penalty's code."""
    return _run(planes, similarity, False, form)


def affinity_loss(
    planes: torch.Tensor, similarity: WindowTopK[torch.Tensor], max_distance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum over pixels of |sum_j A_ij alpha_j - alpha_i|, and its gradient.

    A_ij is proportional to 1 - d_ij / max_distance, and each row of A sums to 1.
    """
    return _run(planes, similarity, True, max_distance)


def _run(planes, similarity, is_affinity, option):
    """Return the kernel's sum over the padded planes of alpha (B, H, W) float32, and its gradient, in float32."""
    planes = planes.contiguous()
    distances, offsets = similarity.distances.contiguous(), similarity.offsets.contiguous()
    batch, height, width, n_neighbors = offsets.shape
    gradient = torch.zeros_like(planes)
    n_blocks = triton.cdiv(height * width, BLOCK)
    sums = torch.empty(batch * n_blocks, device=planes.device)
    with torch.cuda.device_of(planes):
        _sum_kernel[(len(sums),)](
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
            n_blocks,
            is_affinity,
            option,
            n_neighbors,
            BLOCK,
            num_warps=BLOCK // 32,
        )
    return sums.sum(dtype=torch.float64).float(), gradient
