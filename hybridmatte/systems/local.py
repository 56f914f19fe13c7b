"""Solve a local Laplacian's system by preconditioned conjugate gradients."""

from typing import NamedTuple

import numpy as np

from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.jacobi import jacobi
from hybridmatte.linalg.multigrid import ColorLineMultigrid
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems.problem import warn_unconverged
from hybridmatte.systems.regions import independent_regions

__all__ = ["LocalSolver", "solve_local"]


class _Part(NamedTuple):
    """One independent part: crop, its unknown pixels in it, their system, and a preconditioner."""

    crop: tuple
    is_part: np.ndarray
    system: object
    precondition: object

    def solve(self, rhs, stopping):
        """Return the `CGResult` for a right-hand side over the cells, its x reduced to the part's pixels."""
        with threads_for(self.is_part.sum()):
            result = conjugate_gradient(self.system.multiply, rhs, self.precondition, **stopping)
        return result._replace(x=result.x[self.system.layout.pixels >= 0])


def solve_local(problem, build, *, reach, rtol, maxiter, method):
    """Solve a Laplacian of windows for the unknown pixels of a problem; return alpha (H, W) float32.

    Parts of the unknown region that no window joins are solved one after the other, and forgotten. Stencils are
    preconditioned by `ColorLineMultigrid`, large kernels, which are far better conditioned, by their diagonal.

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
    worst = None
    for crop, is_part in independent_regions(problem.is_unknown, reach):
        part = _build_part(problem, build, crop, is_part, method)
        result = part.solve(part.system.rhs, {"rtol": rtol, "maxiter": maxiter})
        alpha[crop][is_part] = np.clip(result.x, 0.0, 1.0)
        worst = _worse(worst, result)
    warn_unconverged(worst, rtol, method)
    return alpha


class LocalSolver:
    """The systems of a problem's parts with their preconditioners, kept to solve for several right-hand sides.

    Parameters are those of `solve_local`.
    """

    def __init__(self, problem, build, *, reach, rtol, maxiter, method):
        self._known = problem.known_alpha
        self._stopping, self._method = {"rtol": rtol, "maxiter": maxiter}, method
        self._parts = [_build_part(problem, build, crop, is_part, method)
                       for crop, is_part in independent_regions(problem.is_unknown, reach)]

    def solve(self, rhs=None, rtol=None):
        """Solve for the known alphas and the prior, or for the unknown pixels of a plane (H, W); return (H, W) float64.

        Known pixels are the known alphas, or 0. Another rtol than the solver's own may be given.

        Warns
        -----
        ConvergenceWarning
            If conjugate gradients stop early.
        """
        plane = self._known.astype(np.float64) if rhs is None else np.zeros(self._known.shape)
        worst, stopping = None, self._stopping | ({} if rtol is None else {"rtol": rtol})
        for part in self._parts:
            given = part.system.rhs if rhs is None else part.system.layout.gather(rhs[part.crop])
            result = part.solve(given, stopping)
            plane[part.crop][part.is_part] = result.x
            worst = _worse(worst, result)
        warn_unconverged(worst, stopping["rtol"], self._method)
        return plane


def _build_part(problem, build, crop, is_part, method):
    """Return the `_Part` of a crop of a problem."""
    image = np.ascontiguousarray(problem.image[crop])
    with threads_for(is_part.sum()):
        system = build(image, is_part, np.ascontiguousarray(problem.known_alpha[crop]))
        if problem.prior is not None:
            system.add_prior(problem.prior[crop], problem.confidence[crop])
        if ((system.layout.pixels >= 0) & (system.diagonal <= 0.0)).any():
            raise ValueError(f"trimap has unknown pixels that no window of {method} inside the image reaches, "
                             "expected none; the methods random_walk and knn can answer")
        precondition = ColorLineMultigrid(system, image) if hasattr(system, "weights") else jacobi(system.diagonal)
    return _Part(crop, is_part, system, precondition)


def _worse(one, other):
    """Return the result of the larger residual, without its x."""
    return other._replace(x=None) if one is None or other.residual > one.residual else one
