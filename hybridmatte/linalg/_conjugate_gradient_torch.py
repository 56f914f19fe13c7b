"""Preconditioned conjugate gradients on tensors, on any device."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hybridmatte.linalg._devices_torch import runs_triton
from hybridmatte.linalg.conjugate_gradient import KrylovResult

__all__ = ["conjugate_gradient_tensors"]


def conjugate_gradient_tensors(
    matvec: Callable[[torch.Tensor], torch.Tensor],
    rhs: torch.Tensor,
    precondition: Callable[[torch.Tensor], torch.Tensor],
    *,
    rtol: float,
    maxiter: int,
) -> KrylovResult:
    """Solve ``A x = rhs`` for float64 tensors of one shape; see `conjugate_gradient`."""
    if runs_triton(rhs.device):
        from hybridmatte.linalg._conjugate_gradient_triton import conjugate_gradient_kernels

        return conjugate_gradient_kernels(matvec, rhs, precondition, rtol=rtol, maxiter=maxiter)
    norm = torch.linalg.vector_norm(rhs).item()
    x, residual, direction = torch.zeros_like(rhs), rhs.clone(), torch.zeros_like(rhs)
    product, step, descent, reached, iteration = torch.zeros_like(rhs), 0.0, 1.0, float(norm > 0.0), 0
    while reached > rtol and iteration < maxiter:
        iteration += 1
        ahead = precondition(residual).double()
        beta = -step * (ahead * product).sum() / descent
        descent = (ahead * residual).sum()
        direction = ahead + beta * direction
        product = matvec(direction)
        step = descent / (direction * product).sum()
        x += step * direction
        residual -= step * product
        reached = torch.linalg.vector_norm(residual).item() / norm
    return KrylovResult(x, iteration, reached, reached <= rtol)
