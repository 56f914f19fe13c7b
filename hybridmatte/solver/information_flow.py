"""Solve the system of information flow."""

import numpy as np

from hybridmatte.solver.conjugate_gradient import conjugate_gradient
from hybridmatte.solver.preconditioner import jacobi
from hybridmatte.solver.system import finish_alpha, warn_unconverged

__all__ = ["solve_flow"]


def solve_flow(problem, system, *, rtol, maxiter, method="information_flow"):
    """Solve a `FlowSystem` for the unknown pixels of a problem; return alpha (H, W) float32.

    Conjugate gradients scaled by the diagonal: the mixture flow reaches far, so 60 to 150 iterations do.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    if problem.prior is not None:
        system.add_prior(problem.prior, problem.confidence)
    result = conjugate_gradient(system.multiply, system.rhs, jacobi(system.diagonal), x0=system.start, rtol=rtol,
                                maxiter=maxiter)
    warn_unconverged(result, rtol, method)
    alpha = np.zeros(problem.is_unknown.shape)
    system.layout.scatter(result.x, alpha)
    return finish_alpha(problem, alpha)
