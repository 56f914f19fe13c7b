"""Solve a local Laplacian's system by preconditioned conjugate gradients."""

import numpy as np

from hybridmatte.solver.conjugate_gradient import conjugate_gradient
from hybridmatte.solver.multigrid import ColorLineMultigrid
from hybridmatte.solver.preconditioner import jacobi
from hybridmatte.solver.system import finish_alpha, warn_unconverged

__all__ = ["solve_local"]


def solve_local(problem, system, *, rtol, maxiter, method):
    """Solve a `StencilSystem` or `LargeKernelSystem` for the unknown pixels; return alpha (H, W) float32.

    Stencils are preconditioned by `ColorLineMultigrid`, large kernels, which are far better conditioned, by their
    diagonal.

    Raises
    ------
    ValueError
        If the Laplacian does not reach some unknown pixel.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    if problem.prior is not None:
        system.add_prior(problem.prior, problem.confidence)
    lonely = np.count_nonzero((system.layout.pixels >= 0) & (system.diagonal <= 0.0))
    if lonely:
        raise ValueError(f"trimap has {lonely} unknown pixels that no window of {method} inside the image of shape "
                         f"{problem.image.shape} reaches, expected none; solve_random_walk and solve_knn can answer")
    if hasattr(system, "weights"):
        precondition = ColorLineMultigrid(system, problem.image)
    else:
        precondition = jacobi(system.diagonal)
    result = conjugate_gradient(system.multiply, system.rhs, precondition, rtol=rtol, maxiter=maxiter)
    warn_unconverged(result, rtol, method)
    alpha = np.zeros(problem.is_unknown.shape)
    system.layout.scatter(result.x, alpha)
    return finish_alpha(problem, alpha)
