"""Foreground and background colours of Germer et al. 2020 as one sparse linear system."""

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg


def estimate_layers(
    image: npt.ArrayLike, alpha: npt.ArrayLike, epsilon: float = 1e-5
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the (H, W, 3) float64 layers F, B that minimise the cost, without bounds on their values.

    For image (H, W, 3) I and alpha (H, W) a in [0, 1], summed over pixels i and pairs ij of 4-neighbours, the cost is

        sum_i |a_i F_i + (1 - a_i) B_i - I_i|^2
        + sum_ij (epsilon + |a_i - a_j|) (|F_i - F_j|^2 + |B_i - B_j|^2),

    with F_i = I_i fixed where a_i = 1, and B_i = I_i where a_i = 0.
    """
    image, alpha = np.asarray(image, dtype=np.float64), np.asarray(alpha, dtype=np.float64)
    n, a, colours = alpha.size, alpha.ravel(), image.reshape(-1, 3)
    smooth = _smoothness(alpha, epsilon)
    mix = scipy.sparse.hstack([scipy.sparse.diags(a), scipy.sparse.diags(1 - a)])
    matrix = (mix.T @ mix + scipy.sparse.block_diag([smooth, smooth])).tocsr()
    rhs = mix.T @ colours
    layers = np.concatenate([colours, colours])
    is_free = np.concatenate([a < 1, a > 0])
    rows = matrix[is_free]
    solve = scipy.sparse.linalg.factorized(rows[:, is_free].tocsc())
    known = rows[:, ~is_free] @ layers[~is_free]
    layers[is_free] = np.stack([solve(column) for column in (rhs[is_free] - known).T], axis=1)
    return layers[:n].reshape(image.shape), layers[n:].reshape(image.shape)


def _smoothness(alpha: npt.NDArray[np.float64], epsilon: float) -> scipy.sparse.spmatrix:
    """Return the matrix of the quadratic form sum_ij (epsilon + |a_i - a_j|) (x_i - x_j)^2 over 4-neighbours."""
    index = np.arange(alpha.size).reshape(alpha.shape)
    i = np.concatenate([index[1:].ravel(), index[:, 1:].ravel()])
    j = np.concatenate([index[:-1].ravel(), index[:, :-1].ravel()])
    weight = epsilon + np.abs(alpha.ravel()[i] - alpha.ravel()[j])
    adjacency = scipy.sparse.coo_matrix((weight, (i, j)), shape=(alpha.size, alpha.size))
    adjacency = adjacency + adjacency.T
    return scipy.sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency
