"""Preconditioned conjugate gradients on a CUDA device: scalars stay on the device, vector updates take one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl

from hybridmatte.linalg.conjugate_gradient import KrylovResult

__all__ = ["conjugate_gradient_kernels"]

CHECK = 4  # iterations between two looks at the residual, at which the host waits for the device
CHUNK = 2048  # elements a program


@triton.jit
def chunk_places(size, CHUNK: tl.constexpr):
    """Return the places of this program's chunk of a vector, and what lies inside."""
    at = tl.cast(tl.program_id(0), tl.int64) * CHUNK + tl.arange(0, CHUNK)
    return at, at < size


@triton.jit
def dots_kernel(ahead, residual, product, parts, size, CHUNK: tl.constexpr):
    """Write the parts of ``ahead . residual`` and ``ahead . product``."""
    at, inside = chunk_places(size, CHUNK)
    own = tl.load(ahead + at, mask=inside, other=0.0).to(tl.float64)
    first = tl.sum(own * tl.load(residual + at, mask=inside, other=0.0), axis=0)
    second = tl.sum(own * tl.load(product + at, mask=inside, other=0.0), axis=0)
    tl.store(parts + tl.program_id(0), first)
    tl.store(parts + tl.num_programs(0) + tl.program_id(0), second)


@triton.jit
def direction_kernel(ahead, direction, beta, size, CHUNK: tl.constexpr):
    """Set direction to ``ahead + beta direction``."""
    at, inside = chunk_places(size, CHUNK)
    value = tl.load(beta) * tl.load(direction + at, mask=inside, other=0.0)
    value += tl.load(ahead + at, mask=inside, other=0.0).to(tl.float64)
    tl.store(direction + at, value, mask=inside)


@triton.jit
def dot_kernel(left, right, parts, size, CHUNK: tl.constexpr):
    """Write the parts of ``left . right``."""
    at, inside = chunk_places(size, CHUNK)
    product = tl.load(left + at, mask=inside, other=0.0) * tl.load(right + at, mask=inside, other=0.0)
    tl.store(parts + tl.program_id(0), tl.sum(product, axis=0))


@triton.jit
def step_kernel(x, residual, direction, product, step, parts, size, CHUNK: tl.constexpr):
    """Move x along the direction, the residual along the product, and write the parts of the residual's square."""
    at, inside = chunk_places(size, CHUNK)
    length = tl.load(step)
    moved = tl.load(x + at, mask=inside, other=0.0) + length * tl.load(direction + at, mask=inside, other=0.0)
    tl.store(x + at, moved, mask=inside)
    left = tl.load(residual + at, mask=inside, other=0.0) - length * tl.load(product + at, mask=inside, other=0.0)
    tl.store(residual + at, left, mask=inside)
    tl.store(parts + tl.program_id(0), tl.sum(left * left, axis=0))


def conjugate_gradient_kernels(
    matvec: Callable[[torch.Tensor], torch.Tensor],
    rhs: torch.Tensor,
    precondition: Callable[[torch.Tensor], torch.Tensor],
    *,
    rtol: float,
    maxiter: int,
) -> KrylovResult:
    """Solve ``A x = rhs`` for float64 tensors of one shape; see `conjugate_gradient`.

    The residual is looked at every 4 iterations, so that up to 3 more than needed are made.
    """
    norm = torch.linalg.vector_norm(rhs).item()
    residual = rhs.clone(memory_format=torch.contiguous_format)
    x, direction, product = (torch.zeros_like(residual) for _ in range(3))
    parts = torch.zeros((2, triton.cdiv(rhs.numel(), CHUNK)), dtype=torch.float64, device=rhs.device)
    step, descent, reached, iteration = (
        torch.zeros_like(parts[0, 0]),
        torch.ones_like(parts[0, 0]),
        float(norm > 0.0),
        0,
    )
    while reached > rtol and iteration < maxiter:
        iteration += 1
        ahead = precondition(residual).contiguous()
        _launch(dots_kernel, ahead, residual, product, parts)
        sums = parts.sum(dim=1)
        beta, descent = _ratio(-step * sums[1], descent), sums[0]
        _launch(direction_kernel, ahead, direction, beta)
        product = matvec(direction).contiguous()
        _launch(dot_kernel, direction, product, parts)
        step = _ratio(descent, parts[0].sum())
        _launch(step_kernel, x, residual, direction, product, step, parts)
        if iteration % CHECK == 0 or iteration == maxiter:
            reached = parts[0].sum().sqrt().item() / norm
    return KrylovResult(x, iteration, reached, reached <= rtol)


def _ratio(value: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Return a quotient of scalars, 0 where the divisor is 0: then the solution is exact."""
    return torch.where(by == 0.0, 0.0, value / by)


def _launch(kernel: Any, first: torch.Tensor, *others: torch.Tensor) -> None:
    """Run a kernel over all elements of vectors."""
    with torch.cuda.device_of(first):
        kernel[(triton.cdiv(first.numel(), CHUNK),)](first, *others, first.numel(), CHUNK=CHUNK, num_warps=8)
