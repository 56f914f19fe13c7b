"""Solve a local Laplacian's system by preconditioned conjugate gradients."""

import numpy as np

from hybridmatte.solver._threads import threads_for
from hybridmatte.solver.conjugate_gradient import conjugate_gradient
from hybridmatte.solver.multigrid import ColorLineMultigrid
from hybridmatte.solver.preconditioner import jacobi
from hybridmatte.solver.regions import independent_regions
from hybridmatte.solver.system import warn_unconverged

__all__ = ["solve_local"]


def solve_local(problem, build, *, reach, rtol, maxiter, method):
    """Solve a Laplacian of windows for the unknown pixels of a problem; return alpha (H, W) float32.

    Parts of the unknown region that no window joins are solved one after the other. Stencils are preconditioned by
    `ColorLineMultigrid`, large kernels, which are far better conditioned, by their diagonal.

    Parameters
    ----------
    problem : Problem
    build : callable
        Takes image, is_unknown and known_alpha, returns a `StencilSystem` or `LargeKernelSystem`.
    reach : int
        Largest distance in x or y between two pixels with an entry in the Laplacian.
    rtol, maxiter
        Stopping rule, for each part.
    method : str
        Name for messages.

    Raises
    ------
    ValueError
        If the Laplacian does not reach some unknown pixel.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    alpha = problem.known_alpha.copy()
    results = []
    for crop, is_part in independent_regions(problem.is_unknown, reach):
        part = problem._replace(image=np.ascontiguousarray(problem.image[crop]), is_unknown=is_part,
                                known_alpha=np.ascontiguousarray(problem.known_alpha[crop]))
        if problem.prior is not None:
            part = part._replace(prior=problem.prior[crop], confidence=problem.confidence[crop])
        with threads_for(is_part.sum()):
            system = build(part.image, part.is_unknown, part.known_alpha)
            results.append(_solve_part(part, system, rtol, maxiter, method))
        alpha[crop][is_part] = np.clip(results[-1].x[system.layout.pixels >= 0], 0.0, 1.0)
        results[-1] = results[-1]._replace(x=None)
    warn_unconverged(max(results, key=lambda result: result.residual), rtol, method)
    return alpha


def _solve_part(part, system, rtol, maxiter, method):
    """Solve the system of one part."""
    if part.prior is not None:
        system.add_prior(part.prior, part.confidence)
    if ((system.layout.pixels >= 0) & (system.diagonal <= 0.0)).any():
        raise ValueError(f"trimap has unknown pixels that no window of {method} inside the image reaches, expected "
                         "none; solve_random_walk and solve_knn can answer")
    if hasattr(system, "weights"):
        precondition = ColorLineMultigrid(system, part.image)
    else:
        precondition = jacobi(system.diagonal)
    return conjugate_gradient(system.multiply, system.rhs, precondition, rtol=rtol, maxiter=maxiter)
