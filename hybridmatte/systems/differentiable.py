"""The differentiable solve: tensors in and out, gradients by implicit differentiation.

With A = L_uu + C, the solve is ``A x = C p - L_uk a_k``. For the gradient g of some loss in x, one more solve gives
y = A^-1 g. With y extended by zeros, and x by the known alphas, to the known pixels,

    dloss/dp = C y        dloss/dC = y (p - x)        dloss/dI = -d(y' L(I) x)/dI
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from hybridmatte._validation_torch import (
    check_image_batch,
    check_no_gradient,
    check_together,
    promote,
    split_planes,
    torch_threads,
)
from hybridmatte.linalg._conjugate_gradient_torch import conjugate_gradient_tensors
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems._problem_torch import check_prior_batch
from hybridmatte.systems.problem import Problem, check_problem
from hybridmatte.systems.solve import ProblemSolver, warn_unconverged

__all__ = ["ArraySolver", "ImageSolver", "SolveLayer", "TensorSolver", "TensorSystem", "solve_batch"]

STRIP = 64  # rows of windows differentiated at a time


class ImageSolver(Protocol):
    """A solver of one image; planes are (H, W) tensors on the image's device."""

    is_unknown: torch.Tensor

    def solve(self, rhs: torch.Tensor | None = None) -> torch.Tensor:
        """Return the solution for the known alphas and the prior, or for another right-hand side, float64."""
        ...


class SolveLayer(NamedTuple):
    """A solve that can be differentiated.

    make takes an image (3, H, W), and trimap, prior and confidence (H, W), the latter two or None, and returns an
    `ImageSolver`. form returns ``y' L x``, (B,), for two batches of alphas and a batch of images; without it, no
    gradient flows to the image.
    """

    make: Callable[..., ImageSolver]
    form: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor] | None


class TensorSystem(Protocol):
    """A linear system by tensor operations, on any device, with its preconditioner."""

    known_rhs: torch.Tensor

    def matvec(self, x: torch.Tensor) -> torch.Tensor:
        """Return A x."""
        ...

    def precondition(self, residual: torch.Tensor) -> torch.Tensor:
        """Return an approximation of A^-1 residual."""
        ...

    def gather(self, plane: torch.Tensor) -> torch.Tensor:
        """Return the vector of a plane (H, W)."""
        ...

    def scatter(self, x: torch.Tensor, plane: torch.Tensor) -> torch.Tensor:
        """Return a plane (H, W) with x on the unknown pixels."""
        ...


class ArraySolver:
    """A solver on the CPU by the NumPy side; `make` turns a `Problem` into a `ProblemSolver`."""

    is_unknown: torch.Tensor

    def __init__(
        self,
        make: Callable[[Problem], ProblemSolver],
        image: torch.Tensor,
        trimap: torch.Tensor,
        prior: torch.Tensor | None,
        confidence: torch.Tensor | None,
    ) -> None:
        pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        given = [plane if plane is None else plane.contiguous().numpy() for plane in (prior, confidence)]
        problem = check_problem(pixels, trimap.contiguous().numpy(), *given)
        problem = problem._replace(image=pixels, prior=given[0], confidence=given[1])  # float64 where the tensors are
        self.is_unknown, self._known = (torch.from_numpy(plane) for plane in (problem.is_unknown, problem.known_alpha))
        with torch_threads(), threads_for(int(problem.is_unknown.sum())):
            self._solver = make(problem) if problem.is_unknown.any() else None

    def solve(self, rhs: torch.Tensor | None = None) -> torch.Tensor:
        """Return the solution for the known alphas and the prior, or for another right-hand side, float64."""
        if self._solver is None:
            return self._known.double() if rhs is None else torch.zeros_like(rhs)
        with torch_threads():
            return torch.from_numpy(self._solver.solve(None if rhs is None else rhs.numpy()))


class TensorSolver:
    """A solver on the tensors' own device.

    build takes an image (3, H, W), is_unknown, known_alpha and confidence (H, W), and returns a `TensorSystem`.
    """

    is_unknown: torch.Tensor

    def __init__(
        self,
        build: Callable[..., TensorSystem],
        image: torch.Tensor,
        trimap: torch.Tensor,
        prior: torch.Tensor | None,
        confidence: torch.Tensor | None,
        *,
        rtol: float,
        maxiter: int,
        method: str,
    ) -> None:
        is_foreground, _, self.is_unknown = split_planes(trimap.contiguous())  # kernels read planes row by row
        self._known, self._system = is_foreground.double(), None
        self._rtol, self._maxiter, self._method = rtol, maxiter, method
        if self.is_unknown.any():
            weight = None if confidence is None else confidence.double()
            self._system = build(image, self.is_unknown, self._known, weight)
            self._rhs = self._system.known_rhs
            if weight is not None and prior is not None:
                self._rhs = self._rhs + self._system.gather(weight * prior.double())

    def solve(self, rhs: torch.Tensor | None = None) -> torch.Tensor:
        """Return the solution for the known alphas and the prior, or for another right-hand side, float64."""
        known = self._known if rhs is None else torch.zeros_like(rhs)
        if self._system is None:
            return known
        given = self._rhs if rhs is None else self._system.gather(rhs)
        result = conjugate_gradient_tensors(
            self._system.matvec, given, self._system.precondition, rtol=self._rtol, maxiter=self._maxiter
        )
        warn_unconverged(result, self._rtol, self._method)
        return self._system.scatter(result.x, known)


def solve_batch(
    layer: SolveLayer,
    image: torch.Tensor,
    trimap: torch.Tensor,
    prior: torch.Tensor | None,
    confidence: torch.Tensor | float | None,
) -> torch.Tensor:
    """Check a batch of tensors and solve it; return alpha (B, 1, H, W) in the image's dtype, differentiable."""
    check_together(trimap=trimap, image=image, prior=prior)
    check_no_gradient(trimap, "trimap")
    check_image_batch(image.detach())
    if layer.form is None:
        check_no_gradient(image, "image")
    weight = check_prior_batch(trimap, prior, confidence)
    tensors = [tensor if tensor is None else promote(tensor) for tensor in (image, trimap, prior, weight)]
    return _Solve.apply(*tensors, layer).to(image.dtype)


class _Solve(Function):
    """Forward: one solve for each image. Backward: one more solve with the same systems and preconditioners."""

    @staticmethod
    def forward(ctx: Any, image: Any, trimap: Any, prior: Any, confidence: Any, layer: SolveLayer) -> torch.Tensor:
        planes = [None if tensor is None else tensor.detach()[:, 0] for tensor in (trimap, prior, confidence)]
        solvers = [
            layer.make(image.detach()[index], *(plane if plane is None else plane[index] for plane in planes))
            for index in range(len(image))
        ]
        full = torch.stack([solver.solve() for solver in solvers])[:, None]
        is_unknown = torch.stack([solver.is_unknown for solver in solvers])[:, None]
        ctx.solvers, ctx.form = solvers, layer.form
        ctx.save_for_backward(image, prior, confidence, full, is_unknown & (full >= 0.0) & (full <= 1.0))
        return full.clamp(0.0, 1.0).to(image.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        image, prior, confidence, full, is_free = ctx.saved_tensors
        given = torch.where(is_free, grad_output.double(), 0.0)
        adjoint = torch.stack([solver.solve(given[index, 0]) for index, solver in enumerate(ctx.solvers)])[:, None]
        gradients: list[torch.Tensor | None] = [None] * 5
        if ctx.needs_input_grad[0]:
            gradients[0] = -_image_gradient(ctx.form, adjoint, full, image).to(image.dtype)
        if ctx.needs_input_grad[2]:
            gradients[2] = (confidence.double() * adjoint).to(image.dtype)
        if ctx.needs_input_grad[3]:
            gradients[3] = (adjoint * (prior.double() - full)).to(image.dtype)
        return tuple(gradients)


def _image_gradient(
    form: Callable[..., torch.Tensor], adjoint: torch.Tensor, full: torch.Tensor, image: torch.Tensor
) -> torch.Tensor:
    """Return the gradient of the form y' L(I) x with respect to the image, strip by strip to bound the memory."""
    result = torch.zeros_like(image, dtype=torch.float64)
    for start in range(0, max(image.shape[2] - 2, 1), STRIP):
        rows = slice(start, start + STRIP + 2)
        with torch.enable_grad():
            strip = image[:, :, rows].double().requires_grad_()
            value = form(adjoint[:, :, rows], full[:, :, rows], strip).sum()
            result[:, :, rows] += torch.autograd.grad(value, strip)[0]
    return result
