"""Information flow: alpha passes between pixels of mixed colours, from known to unknown ones, and to neighbours."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_image, check_integer, check_number, check_plane, check_unknown
from hybridmatte.methods.closed_form import closed_form_system
from hybridmatte.similarity.features import pixel_features
from hybridmatte.similarity.neighbors import NeighborTree
from hybridmatte.systems.stencil import StencilSystem
from hybridmatte.trimap import split_trimap

__all__ = ["FlowSystem", "KnownFlow", "information_flow_laplacian", "information_flow_system", "known_to_unknown_flow"]

MIXTURE_SPATIAL_WEIGHT = 1.0
KNOWN_NEIGHBORS = 7
KNOWN_SPATIAL_WEIGHT = 10.0
KNOWN_RIDGE = 1e-4
INTRA_NEIGHBORS = 5
INTRA_SPATIAL_WEIGHT = 0.05
MIXTURE_RIDGE = 1e-5
EPSILON = 1e-6
N_PARTS = 4  # pieces of a product, which more threads cannot share; fixed, so that no bit depends on their number


class KnownFlow(NamedTuple):
    """What the known regions say of each unknown pixel: prior and confidence, (H, W) float32, 0 elsewhere."""

    prior: np.ndarray
    confidence: np.ndarray


class Flow(NamedTuple):
    """A sparse matrix of rows of equal length: columns (n, K) int32 and values (n, K) float32, 0 where none is."""

    neighbors: np.ndarray
    weights: np.ndarray

    def to_csr(self):
        """Return the matrix as (n, n) csr_matrix, float64."""
        from scipy.sparse import csr_matrix

        n, length = self.neighbors.shape
        values = self.weights.ravel().astype(np.float64)
        return csr_matrix((values, self.neighbors.ravel(), np.arange(n + 1) * length), shape=(n, n))


@dataclass
class FlowSystem:
    """The linear system ``A x = rhs`` of information flow with the known pixels eliminated.

    ``A = diag + L + (Id - W)' (Id - W) - V - V'`` over the unknown pixels, like ones in a row: `local` holds the
    Laplacian of 3 x 3 windows with the diagonal of all other terms but the mixture flow W; V are the flows between
    unknown pixels. The mixture term is never multiplied out, and each entry of W and V is read once a product.

    Attributes
    ----------
    local : StencilSystem
        L and the diagonal.
    cells : (n,) int32 array
        The cells of the pixels in the layout of `local`.
    mixture, intra : Flow
        W and V.
    rhs, start : (n,) arrays
        The right-hand side, and a first guess of alpha.
    """

    local: StencilSystem
    cells: np.ndarray
    mixture: Flow
    intra: Flow
    rhs: np.ndarray
    start: np.ndarray

    def __post_init__(self):
        self._on_cells = np.zeros(self.local.layout.n_cells, self.rhs.dtype)
        self._parts = np.empty((N_PARTS, len(self.cells)), self.rhs.dtype)
        self._product = np.empty_like(self.rhs)

    def multiply(self, x):
        """Return A x in a buffer that the next call overwrites."""
        from hybridmatte.methods import _information_flow_numba as kernels

        kernels.enter(x, self.cells, self._on_cells)
        kernels.flow(*self.mixture, *self.intra, x, self._parts)
        kernels.add_parts(self._parts, self.cells, self.local.multiply(self._on_cells), self._product)
        return self._product

    @property
    def pixels(self):
        """The flat indices (n,) of the pixels in the image."""
        return self.local.layout.pixels[self.cells]

    @property
    def diagonal(self):
        """The diagonal of A, (n,)."""
        from hybridmatte.methods._information_flow_numba import sum_columns

        neighbors, weights = self.mixture
        diagonal = self.local.diagonal[self.cells] + 1 + sum_columns(neighbors, np.square(weights, dtype=np.float64))
        return diagonal.astype(self.rhs.dtype)

    def between_runs(self, ends, basis):
        """Return P' A P, (m K, m K) float64, of at most 8 functions of a basis (K, n) over each of m runs of pixels.

        `ends` are the ends of the runs; see `hybridmatte.solver.two_level`.
        """
        from hybridmatte.methods import _between_runs_numba as kernels

        run_of = np.searchsorted(ends, np.arange(len(self.cells)), side="right").astype(np.int32)
        functions = np.zeros((len(self.cells), kernels.WIDTH), np.float32)
        functions[:, :len(basis)] = basis.T
        run_of_cell = np.full(self.local.layout.n_cells, -1, np.int32)
        functions_of_cell = np.zeros((self.local.layout.n_cells, kernels.WIDTH), np.float32)
        run_of_cell[self.cells], functions_of_cell[self.cells] = run_of, functions
        n_runs, n_functions = len(ends), len(basis)
        halves = np.zeros((N_PARTS, n_runs, n_runs, kernels.WIDTH, kernels.WIDTH))
        kernels.add_local(self.local.layout.spans, self.local.weights, self.local.diagonal, functions_of_cell,
                          run_of_cell, halves)
        kernels.add_flow(*self.mixture, *self.intra, functions, run_of, halves)
        between = np.empty((n_runs, n_functions, n_runs, n_functions))
        kernels.join_halves(halves, between)
        return between.reshape(n_runs * n_functions, n_runs * n_functions)

    def astype(self, dtype):
        """Return the system in another precision of its vectors and of L."""
        rhs, start = (array.astype(dtype, copy=False) for array in (self.rhs, self.start))
        return FlowSystem(self.local.astype(dtype), self.cells, self.mixture, self.intra, rhs, start)

    def add_prior(self, prior, confidence):
        """Add ``(a - prior)' diag(confidence) (a - prior)``; both are (H, W) planes."""
        weight = confidence.ravel()[self.pixels]
        self.local.diagonal[self.cells] += weight
        self.rhs += weight * prior.ravel()[self.pixels]

    def to_csr(self):
        """Return A and rhs over the unknown pixels in row-major order: (n, n) csr_matrix and (n,) array, float64."""
        from scipy.sparse import diags, identity

        order = np.argsort(self.cells)
        mixture, intra = (flow.to_csr()[order][:, order] for flow in (self.mixture, self.intra))
        difference = identity(len(order)) - mixture
        local = _off_diagonal(self.local, self.cells[order]) + diags(self.local.diagonal[self.cells[order]])
        return (difference.T @ difference + local - intra - intra.T).tocsr(), self.rhs[order]


def information_flow_laplacian(image, *, is_unknown=None, n_neighbors=12, intra_weight=0.01, local_weight=1.0):
    """Return the Laplacian of information flow as a sparse matrix.

    Colour-mixture flow, flow inside the unknown region, and local flow. The flow from known to unknown pixels is a
    prior with a confidence: `known_to_unknown_flow`. About `n_neighbors**2` entries a row, so a matrix to study;
    `solve_information_flow` never forms it.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    is_unknown : (H, W) bool array, optional
        Pixels that receive flow; all by default. Only rows of these are the Laplacian's.
    n_neighbors : int, default 12
        Pixels in a colour mixture; the paper has 20.
    intra_weight, local_weight : float, default 0.01 and 1
        Weights of the flow inside the unknown region and of the local one, relative to the mixture flow.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are asked for; rows sum to zero.

    Raises
    ------
    ValueError
        If a value is not finite or out of range, or is_unknown does not fit the image.

    References
    ----------
    .. [1] Y. Aksoy, T. O. Aydin, M. Pollefeys. Designing effective inter-pixel information flow for natural image
       matting. CVPR 2017. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = information_flow_laplacian(np.random.default_rng(0).random((5, 6, 3)))
    >>> laplacian.shape, bool(abs(laplacian.sum(axis=1)).max() < 1e-5)
    ((30, 30), True)
    """
    from scipy.sparse import csr_matrix, diags, identity

    from hybridmatte.methods.closed_form import closed_form_laplacian

    image = check_image(image)
    is_unknown = check_unknown(is_unknown, image)
    check_number(intra_weight, "intra_weight", low=0)
    check_number(local_weight, "local_weight", low=0)
    n = is_unknown.size
    tree, pixels = _like_pixels(image, is_unknown)
    neighbors, weights = _mixture(image, tree, pixels, check_integer(n_neighbors, "n_neighbors", low=1))
    rows = np.repeat(pixels, neighbors.shape[1])
    difference = identity(n).tocsr()[pixels] - csr_matrix((weights.ravel(), (rows, neighbors.ravel())), (n, n))[pixels]
    neighbors, weights = _intra(image, pixels)
    rows, columns = np.repeat(pixels, neighbors.shape[1]), pixels[neighbors].ravel()
    intra = csr_matrix((intra_weight * weights.ravel().astype(np.float64), (rows, columns)), (n, n))
    intra = intra + intra.T
    local = local_weight * closed_form_laplacian(image, epsilon=EPSILON, is_unknown=is_unknown)
    degree = np.asarray(intra.sum(axis=1)).ravel()
    return (difference.T @ difference + diags(degree) - intra + local).tocsr()


def known_to_unknown_flow(image, trimap):
    """Return what the nearest known pixels say of each unknown one, and how much that is worth.

    The 7 nearest foreground and 7 nearest background pixels, near in the image above all, are mixed to the pixel's
    colour; the foreground's share is the prior, the squared distance between the two mixed layers the confidence.
    Misleading for highly transparent objects, whose colours are mixtures everywhere.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].

    Returns
    -------
    flow : KnownFlow
        prior and confidence, (H, W) float32 in [0, 1]; 0 on known pixels, and everywhere if the trimap lacks
        foreground or background.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, or a value is not finite or out of range.

    References
    ----------
    .. [1] Y. Aksoy, T. O. Aydin, M. Pollefeys. Designing effective inter-pixel information flow for natural image
       matting. CVPR 2017. Section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([0, 0, 0.25, 1, 1])[None, :, None] * np.ones((1, 5, 3))
    >>> flow = known_to_unknown_flow(image, np.array([[0, 0, 0.5, 1, 1]]))
    >>> flow.prior[0, 2].round(2), flow.confidence[0, 2].round(2)
    (np.float32(0.25), np.float32(1.0))
    """
    image = check_image(image)
    regions = split_trimap(check_plane(trimap, "trimap", image.shape))
    planes = [np.zeros(regions.is_unknown.shape, np.float32) for _ in range(2)]
    pixels = np.flatnonzero(regions.is_unknown).astype(np.int32)  # as the kernels are compiled for
    for plane, values in zip(planes, _known_flow(image, pixels, regions.is_foreground, regions.is_background),
                             strict=True):
        plane.ravel()[pixels] = values
    return KnownFlow(*planes)


def information_flow_system(image, is_unknown, known_alpha, *, n_neighbors=12, known_weight=0.05, intra_weight=0.01):
    """Return the `FlowSystem` of a checked image; see `solve_information_flow` for the meaning of the options."""
    from hybridmatte.methods import _information_flow_numba as kernels

    local = closed_form_system(image, is_unknown, known_alpha, epsilon=EPSILON)
    layout = local.layout
    tree, pixels = _like_pixels(image, is_unknown)
    cells = layout.cell_map().ravel()[pixels]
    row_of = np.full(is_unknown.size, -1, np.int32)
    row_of[pixels] = np.arange(len(pixels))
    mixture = Flow(*_mixture(image, tree, pixels, n_neighbors))
    del tree
    constant = kernels.number_rows(row_of, np.ascontiguousarray(known_alpha.ravel()), *mixture)
    intra = Flow(*_intra(image, pixels))
    intra.weights[:] *= np.float32(intra_weight)
    known = ~is_unknown & (known_alpha > 0.5), ~is_unknown & (known_alpha <= 0.5)
    share, confidence = _known_flow(image, pixels, *known)
    local.diagonal[cells] += intra.weights.sum(axis=1, dtype=np.float64) + kernels.sum_columns(*intra)
    local.diagonal[cells] += known_weight * confidence
    rhs = local.rhs[cells] + constant - kernels.sum_columns(mixture.neighbors, mixture.weights * constant[:, None])
    rhs += known_weight * confidence * share
    return FlowSystem(local, cells, mixture, intra, rhs, share)


def _like_pixels(image, is_unknown):
    """Return all pixels arranged by colour and place, and the unknown ones (n,) in that order: like ones in a row."""
    tree = NeighborTree(pixel_features(image, spatial_weight=MIXTURE_SPATIAL_WEIGHT))
    return tree, tree.order[is_unknown.ravel()[tree.order]]


def _mixture(image, tree, pixels, n_neighbors):
    """Return the mixture neighbours (n, K) and their weights (n, K) of pixels (n,)."""
    from hybridmatte.methods._information_flow_numba import drop_own, mixture_weights

    n_neighbors = min(n_neighbors, len(tree.order) - 1)
    if n_neighbors == 0:
        return pixels[:, None].astype(np.int32), np.ones((len(pixels), 1), np.float32)
    neighbors = drop_own(pixels, tree.among(pixels, n_neighbors + 1).indices)
    return neighbors, mixture_weights(image.reshape(-1, 3), pixels, neighbors, MIXTURE_RIDGE)


def _known_flow(image, pixels, is_foreground, is_background):
    """Return share and confidence (n,) of the flow from the known regions to pixels (n,)."""
    from hybridmatte.methods._information_flow_numba import known_flow
    from hybridmatte.similarity._neighbors_numba import gather

    if not (is_foreground.any() and is_background.any()):
        return np.full(len(pixels), 0.5), np.zeros(len(pixels))
    columns = pixel_features(image, spatial_weight=KNOWN_SPATIAL_WEIGHT)
    queries = gather(columns, pixels)
    found = []
    for region in (is_foreground, is_background):
        known = np.flatnonzero(region).astype(np.int32)
        near = NeighborTree(np.ascontiguousarray(columns[:, known])).nearest(queries, min(KNOWN_NEIGHBORS, len(known)))
        found.append(known[near.indices])
    return known_flow(image.reshape(-1, 3), pixels, *found, KNOWN_RIDGE)


def _intra(image, pixels):
    """Return the neighbours (n, K) of pixels (n,) among these, as their places in pixels, and their weights (n, K)."""
    from hybridmatte.methods._information_flow_numba import drop_own, intra_weights

    columns = np.ascontiguousarray(pixel_features(image, spatial_weight=INTRA_SPATIAL_WEIGHT)[:, pixels])
    own = np.arange(len(pixels), dtype=np.int32)
    neighbors = NeighborTree(columns).among(own, min(INTRA_NEIGHBORS, max(len(pixels) - 1, 0)) + 1).indices
    neighbors = drop_own(own, neighbors)
    return neighbors, intra_weights(np.ascontiguousarray(columns.T), neighbors)


def _off_diagonal(local, cells):
    """Return the entries of a stencil beside its diagonal over the cells, as CSR."""
    from scipy.sparse import csr_matrix

    layout, width = local.layout, local.layout.shape[1]
    pixels = layout.pixels[cells].astype(np.int64)
    number = np.full(layout.shape[0] * width, -1)
    number[pixels] = np.arange(len(cells))
    shape = (len(cells), len(cells))
    total = csr_matrix(shape)
    for k in range(12):
        dy, dx = divmod(k + 13, 5)
        y, x = pixels // width + dy - 2, pixels % width + dx - 2
        inside = (y < layout.shape[0]) & (x >= 0) & (x < width)
        other = np.where(inside, number[np.where(inside, y * width + x, 0)], -1)
        rows = np.flatnonzero(other >= 0)
        half = csr_matrix((local.weights[k, cells[rows]], (rows, other[rows])), shape)
        total = total + half + half.T
    return total
