"""Information flow matting by brute force: dense Gram matrices, a sparse direct solve."""

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.linalg import spsolve

from baselines.closed_form import closed_form_laplacian
from baselines.knn import knn_features
from baselines.known_expansion import expand_known
from baselines.similarity import nearest_neighbors

Array = npt.NDArray[np.float64]
MIXTURE_RIDGE = 1e-5
KNOWN_RIDGE = 1e-4


def mixture_weights(color: Array, neighbors: Array, ridge: float) -> Array:
    """Return the weights w (K,), of sum 1, that minimise ||color - sum_k w_k neighbors_k||^2 + ridge ||w||^2."""
    differences = neighbors - color
    gram = differences @ differences.T + ridge * np.eye(len(neighbors))
    weights = np.linalg.solve(gram, np.ones(len(neighbors)))
    return weights / weights.sum()


def mixture_flow(
    image: npt.ArrayLike, is_unknown: npt.NDArray[np.bool_], n_neighbors: int = 12
) -> scipy.sparse.csr_matrix:
    """Return W_CM (H * W, H * W): the weights of each unknown pixel's neighbours that mix its colour.

    Neighbours are the nearest other pixels in [R, G, B, x, y]. The paper uses 20 of them and does not say how it
    regularises the Gram matrix; 12 neighbours are as accurate.
    """
    colors = np.asarray(image, dtype=np.float64).reshape(-1, 3)
    features = knn_features(image, 1.0)
    flow = scipy.sparse.lil_matrix((len(colors), len(colors)))
    for i in np.flatnonzero(is_unknown):
        _, near = nearest_neighbors(features, min(n_neighbors + 1, len(colors)), features[i : i + 1])
        near = [j for j in near[0] if j != i][:n_neighbors]
        flow[i, near] = mixture_weights(colors[i], colors[near], MIXTURE_RIDGE)
    return flow.tocsr()


def known_to_unknown_flow(
    image: npt.ArrayLike, trimap: npt.NDArray[np.floating], n_neighbors: int = 7
) -> tuple[Array, Array]:
    """Return the share w_F of the foreground and the confidence eta of each unknown pixel, (H, W), 0 on known pixels.

    The colour of an unknown pixel is mixed from its nearest foreground and background pixels in [R, G, B, 10 x, 10 y].
    eta = min(||c_F - c_B||^2 / 3, 1), where c_F and c_B are the colours mixed from each side alone. Shares are clipped
    to [0, 1]; the paper does not say whether it clips them.
    """
    colors = np.asarray(image, dtype=np.float64).reshape(-1, 3)
    features, flat = knn_features(image, 10.0), np.ravel(trimap)
    known = [np.flatnonzero(flat >= 0.9), np.flatnonzero(flat <= 0.1)]
    share, confidence = np.zeros(flat.shape), np.zeros(flat.shape)
    for i in np.flatnonzero((flat > 0.1) & (flat < 0.9)):
        near = [
            region[nearest_neighbors(features[region], min(n_neighbors, len(region)), features[i : i + 1])[1][0]]
            for region in known
        ]
        weights = mixture_weights(colors[i], colors[np.concatenate(near)], KNOWN_RIDGE)
        parts = weights[: len(near[0])], weights[len(near[0]) :]
        fore, back = (part @ colors[region] / part.sum() for part, region in zip(parts, near, strict=True))
        share[i] = np.clip(parts[0].sum(), 0.0, 1.0)
        confidence[i] = min(((fore - back) ** 2).sum() / 3.0, 1.0)
    return share.reshape(np.shape(trimap)), confidence.reshape(np.shape(trimap))


def intra_flow(
    image: npt.ArrayLike, is_unknown: npt.NDArray[np.bool_], n_neighbors: int = 5
) -> scipy.sparse.csr_matrix:
    """Return W + W' between unknown pixels, W_ij = max(1 - ||v_i - v_j||_1, 0) with v = [R, G, B, x / 20, y / 20]."""
    features, unknown = knn_features(image, 0.05), np.flatnonzero(is_unknown)
    flow = scipy.sparse.lil_matrix((len(features), len(features)))
    _, near = nearest_neighbors(features[unknown], min(n_neighbors + 1, len(unknown)))
    for row, i in enumerate(unknown):
        for j in unknown[near[row]]:
            if j != i:
                flow[i, j] = max(1.0 - np.abs(features[i] - features[j]).sum(), 0.0)
    flow = flow.tocsr()
    return flow + flow.T


def information_flow_laplacian(
    image: npt.ArrayLike,
    is_unknown: npt.ArrayLike,
    n_neighbors: int = 12,
    intra_weight: float = 0.01,
    local_weight: float = 1.0,
) -> scipy.sparse.csr_matrix:
    """Return (D - W_CM)' (D - W_CM) + intra_weight (D_UU - W_UU) + local_weight L, as in the paper's Eq. 11."""
    is_unknown = np.asarray(is_unknown)
    chosen = scipy.sparse.diags(is_unknown.ravel().astype(np.float64))
    difference = chosen - mixture_flow(image, is_unknown, n_neighbors)
    intra = intra_flow(image, is_unknown)
    degree = scipy.sparse.diags(np.asarray(intra.sum(axis=1)).ravel())
    local = chosen @ closed_form_laplacian(image, epsilon=1e-6)
    return (difference.T @ difference + intra_weight * (degree - intra) + local_weight * local).tocsr()


def solve_information_flow(
    image: npt.ArrayLike, trimap: npt.NDArray[np.floating], expansion: float = 12.0, known_weight: float = 0.05
) -> Array:
    """Return the (H, W) float64 alpha of information flow matting; time is quadratic in the number of pixels.

    References
    ----------
    .. [1] Y. Aksoy, T. O. Aydin, M. Pollefeys. Designing effective inter-pixel information flow for natural image
       matting. CVPR 2017. Sections 3 and 4.
    """
    trimap = expand_known(image, trimap, expansion, expansion / 255)
    is_unknown = trimap == 0.5
    alpha, unknown = np.where(trimap >= 0.9, 1.0, 0.0).ravel(), np.flatnonzero(is_unknown)
    if len(unknown) == 0:
        return alpha.reshape(trimap.shape)
    laplacian = information_flow_laplacian(image, is_unknown)[unknown]
    share, confidence = (plane.ravel()[unknown] for plane in known_to_unknown_flow(image, trimap))
    matrix = laplacian[:, unknown] + scipy.sparse.diags(known_weight * confidence)
    alpha[unknown] = spsolve(matrix.tocsc(), known_weight * confidence * share - laplacian @ alpha)
    return np.clip(alpha, 0.0, 1.0).reshape(trimap.shape)
