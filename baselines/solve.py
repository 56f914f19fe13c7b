"""The linear system of every solver, by a direct solve."""

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.linalg


def solve_system(
    laplacian: scipy.sparse.spmatrix,
    trimap: npt.ArrayLike,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float64]:
    """Return the (H, W) float64 alpha that minimises a' L a + (a - p)' C (a - p) with the known pixels fixed.

    `laplacian` is (H * W, H * W) sparse; only its rows of unknown pixels are used. `trimap` (H, W) is background up to
    0.1 and foreground from 0.9. `prior` (H, W) is p, and `confidence` is the diagonal of C, a number or (H, W). With
    u the unknown and k the known pixels, sparse LU solves

        (L_uu + C_u) a_u = C_u p_u - L_uk a_k,

    and the result is clipped to [0, 1].
    """
    trimap = np.asarray(trimap)
    is_foreground, is_background = trimap >= np.float32(0.9), trimap <= np.float32(0.1)
    is_unknown = ~(is_foreground | is_background).ravel()
    alpha = is_foreground.ravel().astype(np.float64)
    rows = scipy.sparse.csr_matrix(laplacian, dtype=np.float64)[is_unknown]
    matrix, rhs = rows[:, is_unknown], -rows[:, ~is_unknown] @ alpha[~is_unknown]
    if prior is not None:
        weight = np.broadcast_to(np.asarray(1.0 if confidence is None else confidence, float), trimap.shape).ravel()
        matrix = matrix + scipy.sparse.diags(weight[is_unknown])
        rhs = rhs + weight[is_unknown] * np.asarray(prior, dtype=np.float64).ravel()[is_unknown]
    if is_unknown.any():
        factors = scipy.sparse.linalg.splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        alpha[is_unknown] = factors.solve(rhs)
    return np.clip(alpha, 0.0, 1.0).reshape(trimap.shape)
