"""Solve a local Laplacian's system: stencil products, colour-line multigrid, conjugate gradients."""

import numpy as np

from hybridmatte.solver.conjugate_gradient import conjugate_gradient
from hybridmatte.solver.multigrid import ColorLineMultigrid
from hybridmatte.solver.system import finish_alpha, warn_unconverged

__all__ = ["solve_local", "stencil_product"]


def stencil_product(system):
    """Return the function that multiplies a vector over the cells by the system's matrix, into one buffer."""
    from hybridmatte.solver._stencil_numba import multiply

    layout = system.layout
    product = np.zeros(layout.n_cells)

    def matvec(x):
        multiply(layout.spans, layout.chunks, system.weights, system.diagonal, x, product)
        return product

    return matvec


def solve_local(problem, system, *, rtol, maxiter, method):
    """Solve a `StencilSystem` for the unknown pixels of a problem; return alpha (H, W) float32.

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
        raise ValueError(f"trimap has {lonely} unknown pixels that no 3 x 3 window inside the image of shape "
                         f"{problem.image.shape} reaches, expected none; solve_random_walk and solve_knn can answer")
    multigrid = ColorLineMultigrid(system, problem.image, problem.is_unknown)
    result = conjugate_gradient(stencil_product(system), system.rhs, multigrid, rtol=rtol, maxiter=maxiter)
    warn_unconverged(result, rtol, method)
    alpha = np.zeros(problem.is_unknown.shape)
    system.layout.scatter(result.x, alpha)
    return finish_alpha(problem, alpha)
