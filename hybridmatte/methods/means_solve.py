"""Solve the system of nonlocal matting: each unknown alpha the mean of others, or, with a prior, nearly."""

import numpy as np

from hybridmatte.linalg.bicgstab import bicgstab
from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.jacobi import jacobi
from hybridmatte.systems.graph import GraphAggregation
from hybridmatte.systems.problem import finish_alpha, warn_unconverged

__all__ = ["solve_means"]


def solve_means(problem, system, *, rtol, maxiter, method):
    """Solve a `MeansSystem` for the unknown pixels of a problem; return alpha (H, W) float32.

    Without a prior ``(Id - A) a = rhs`` is solved itself, which brings ``a' (Id - A)' (Id - A) a`` to its minimum with
    the known pixels fixed, at the root of the condition number: stabilised biconjugate gradients, preconditioned by
    the aggregation of like rows. With a prior the normal equations are solved by conjugate gradients from the prior.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    result = _solve_plain(system, rtol, maxiter) if problem.prior is None else _solve_prior(problem, system, rtol,
                                                                                          maxiter)
    warn_unconverged(result, rtol, method)
    alpha = np.zeros(problem.is_unknown.shape)
    alpha.ravel()[system.pixels] = result.x
    return finish_alpha(problem, alpha)


def _solve_plain(system, rtol, maxiter):
    product = _residual_product(system.indptr, system.indices, system.data)
    aggregation = GraphAggregation(system.indptr, system.indices, system.data, np.ones(system.rhs.size))

    def precondition(residual):
        coarse = aggregation(residual) - residual  # what the blocks add to the diagonal's part, which is 1 here
        return coarse + residual - product(coarse)

    return bicgstab(product, system.rhs, precondition, rtol=rtol, maxiter=maxiter)


def _solve_prior(problem, system, rtol, maxiter):
    from scipy.sparse import csr_matrix

    n = system.rhs.size
    affinity = csr_matrix((system.data, system.indices, system.indptr), shape=(n, n))
    turned = affinity.T.tocsr()
    product = _residual_product(system.indptr, system.indices, system.data)
    transposed = _residual_product(turned.indptr, turned.indices, turned.data)
    confidence = problem.confidence.ravel()[system.pixels].astype(np.float64)
    prior = problem.prior.ravel()[system.pixels].astype(np.float64)
    squares = np.asarray(affinity.multiply(affinity).sum(axis=0)).ravel()
    # for the correction of the prior: its right-hand side is free of the confidence, however large that is
    result = conjugate_gradient(lambda x: transposed(product(x)) + confidence * x,
                                transposed(system.rhs - product(prior)).copy(),
                                jacobi(1.0 + squares + confidence), rtol=rtol, maxiter=maxiter)
    return result._replace(x=prior + result.x)


def _residual_product(indptr, indices, data):
    """Return the function that multiplies by Id - A, into one buffer."""
    from hybridmatte.linalg._graph_numba import multiply

    diagonal = np.ones(indptr.size - 1)
    product = np.empty(diagonal.size)

    def matvec(x):
        multiply(indptr, indices, data, diagonal, x, product)
        return product

    return matvec
