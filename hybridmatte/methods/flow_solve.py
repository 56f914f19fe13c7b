"""Solve a problem by information flow."""

import numpy as np

from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.two_level import affine_basis, run_ends, two_level
from hybridmatte.methods.information_flow import information_flow_system
from hybridmatte.similarity.features import pixel_features
from hybridmatte.systems.expansion import expand_problem
from hybridmatte.systems.problem import finish_alpha, warn_unconverged

__all__ = ["solve_flow"]

N_RUNS = 128
SHORTEST_RUN = 512  # pixels
SINGLE_RTOL = 3e-5  # down to which single precision suffices: the residual that is carried along is true to 1e-6


def solve_flow(problem, *, expansion, known_weight, rtol, maxiter):
    """Return alpha (H, W) float32 of a checked problem; see `hybridmatte.alpha.solve_information_flow`.

    Conjugate gradients preconditioned by the diagonal and by a dense system for alphas that are affine in colour and
    place over each run of like pixels: 35 to 70 iterations for a residual of 2e-4. The diagonal alone takes 60 to 120
    and leaves three times the error; constants over twice the runs take 60 to 105 for the same error. Half the runs
    cost as much; the colour-line multigrid of the local part saves iterations too, each dearer.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    problem = expand_problem(problem, expansion)
    alpha = np.zeros(problem.is_unknown.shape)
    if problem.is_unknown.any():
        system = information_flow_system(problem.image, problem.is_unknown, problem.known_alpha,
                                         known_weight=known_weight)
        if problem.prior is not None:
            system.add_prior(problem.prior, problem.confidence)
        ends = run_ends(len(system.rhs), min(N_RUNS, -(-len(system.rhs) // SHORTEST_RUN)))
        basis = affine_basis(pixel_features(problem.image)[:, system.pixels], ends)
        between = system.between_runs(ends, basis)
        if rtol >= SINGLE_RTOL and problem.prior is None:  # a prior alone may hold alpha by less than rounding
            system = system.astype(np.float32)
        precondition = two_level(system.diagonal, ends, basis, between)
        result = conjugate_gradient(system.multiply, system.rhs, precondition, x0=system.start, rtol=rtol,
                                    maxiter=maxiter)
        warn_unconverged(result, rtol, "information flow")
        alpha.ravel()[system.pixels] = result.x
    return finish_alpha(problem, alpha)
