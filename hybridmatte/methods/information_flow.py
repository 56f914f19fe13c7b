"""Information flow matting (Aksoy et al. 2017): alpha flows between pixels whose colours explain each other.

Minimised, with the known pixels fixed, is the sum of four terms: each colour is a mixture of similar colours
(`FlowSystem.mixture`), known colours explain unknown pixels (`known_to_unknown_flow`, a prior), similar unknown pixels
have similar alpha (`FlowSystem.intra`), and the closed-form Laplacian (`FlowSystem.local`). ``flow_system`` holds the
linear system; the kernels of the weights are in ``_information_flow_numba``.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags, identity

from hybridmatte._validation import check_image, check_integer, check_number, check_plane, check_unknown
from hybridmatte.linalg.two_level import affine_basis
from hybridmatte.methods import _information_flow_numba as kernels
from hybridmatte.methods.closed_form import closed_form_laplacian, closed_form_system
from hybridmatte.methods.flow_neighbors import (
    MIXTURE_NEIGHBORS,
    FlowMemory,
    FlowNeighbors,
    find_flow_neighbors,
    known_neighbors,
    mixture_neighbors,
    ordered_pixels,
    other_neighbors,
)
from hybridmatte.methods.flow_system import Flow, FlowSystem, flow_runs
from hybridmatte.similarity.candidates import flat_indices
from hybridmatte.similarity.features import centered_features_at, pixel_features_at
from hybridmatte.similarity.neighbors import NeighborTree, UntiedNeighbors
from hybridmatte.systems.expansion import expand_problem
from hybridmatte.systems.problem import Problem, check_problem
from hybridmatte.systems.solve import SMALL_RTOL, SMALL_SYSTEM, check_stopping, solve_problem
from hybridmatte.trimap import split_trimap

__all__ = [
    "KnownFlow",
    "information_flow_laplacian",
    "information_flow_system",
    "known_to_unknown_flow",
    "solve_flow",
    "solve_information_flow",
]

MIXTURE_RIDGE = 1e-5
KNOWN_WEIGHT = 0.05
KNOWN_RIDGE = 1e-4
INTRA_NEIGHBORS = 5
INTRA_SPATIAL_WEIGHT = 0.05
INTRA_WEIGHT = 0.01  # of the flow between unknown pixels
EPSILON = 1e-6  # of the closed-form Laplacian
RTOL, MAXITER = 2e-4, 1000
SINGLE_RTOL = 3e-5  # down to this, single precision suffices: the updated residual is accurate to 1e-6


class KnownFlow(NamedTuple):
    """Alpha estimated from the known regions, and its confidence: (H, W) float32, 0 on known pixels."""

    prior: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]


def solve_information_flow(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    known_weight: float = KNOWN_WEIGHT,
    expansion: float = 12.0,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    rtol: float = RTOL,
    maxiter: int = MAXITER,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by information flow.

    Four terms determine alpha: each colour is a mixture of similar colours, known colours explain unknown pixels,
    similar unknown pixels have similar alpha, and neighbours follow the closed form. On photographs this is the most
    accurate single method, at several times the time of `solve_cf`. In images of more than 65,536 pixels, the pixels of
    a mixture are searched within reach of the unknown region only: all pixels next to it, and every fifth farther away.
    The known neighbours are exact. Unknown pixels that no flow connects to known ones (synthetic images have such
    pixels) keep the alpha estimated from the known colours. Of a photograph reduced to four levels, single pixels
    differed by up to 0.14 once it was transposed; with `rtol=1e-6`, by 0.001.

    Parameters
    ----------
    image, trimap, prior, confidence, maxiter
        As in `solve_cf`.
    known_weight : float, default 0.05
        Weight of the alpha estimated from the known colours, at least 0; see `known_to_unknown_flow`.
    expansion : float, default 12
        The known regions are expanded first, by `expand_known`: radius in pixels, and 255 times the colour distance; 0
        skips this. Pixels with a positive confidence stay unknown.
    rtol : float, default 2e-4
        As in `solve_cf`. The system is well conditioned, and 2e-4 leaves the third digit of the errors unchanged. From
        3e-5 upwards, for more than 4000 unknown pixels without a prior, the solve runs in single precision, which is
        faster.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that the image may have any size.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] Y. Aksoy, T. O. Aydin, M. Pollefeys. Designing effective inter-pixel information flow for natural image
       matting. CVPR 2017.
    """
    problem = check_problem(image, trimap, prior, confidence)
    known_weight = check_number(known_weight, "known_weight", low=0)
    expansion = check_number(expansion, "expansion", low=0, high=100)
    rtol, maxiter = check_stopping(rtol, maxiter)
    return solve_flow(expand_problem(problem, expansion), known_weight=known_weight, rtol=rtol, maxiter=maxiter)


def solve_flow(
    problem: Problem,
    *,
    memory: FlowMemory | None = None,
    start: npt.NDArray[np.float32] | None = None,
    known_weight: float = KNOWN_WEIGHT,
    rtol: float = RTOL,
    maxiter: int = MAXITER,
) -> npt.NDArray[np.float32]:
    """Return `solve_information_flow` (H, W) of a checked problem, without expansion.

    A memory spares the next solve of the same image, with more known pixels, most of the search for neighbours. A start
    (H, W) is the first guess for alpha, NaN where the alpha that the known colours give is the better one.
    """
    is_inexact = start is not None or problem.is_unknown.sum() > SMALL_SYSTEM  # small ones are solved to rounding
    is_single = (
        is_inexact and rtol >= SINGLE_RTOL and problem.prior is None
    )  # a prior may hold alpha by less than rounding
    build = partial(information_flow_system, memory=memory, start=start, known_weight=known_weight, is_single=is_single)
    small_rtol = SMALL_RTOL if start is None else rtol
    return solve_problem(problem, build, method="information flow", rtol=rtol, maxiter=maxiter, small_rtol=small_rtol)


def information_flow_laplacian(
    image: npt.ArrayLike,
    *,
    is_unknown: npt.NDArray[np.bool_] | None = None,
    n_neighbors: int = MIXTURE_NEIGHBORS,
    intra_weight: float = INTRA_WEIGHT,
    local_weight: float = 1.0,
) -> csr_matrix:
    """Return the Laplacian of information flow as a sparse matrix.

    It sums the colour-mixture flow, the flow between unknown pixels, and the local flow. The flow from known to unknown
    pixels is not in it: that is a prior with a confidence, see `known_to_unknown_flow`. A row has about
    `n_neighbors**2` entries, so this is a matrix for study; `solve_information_flow` never forms it.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    is_unknown : (H, W) bool array, optional
        Pixels that receive flow; all by default. Only rows of these are the Laplacian's.
    n_neighbors : int, default 12
        Pixels in a colour mixture; the paper has 20.
    intra_weight, local_weight : float, default 0.01 and 1
        Weights of the flow between unknown pixels and of the local flow, relative to the mixture flow.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are wanted; rows sum to zero.

    Raises
    ------
    ValueError
        If a value is not finite or out of range, or the shape of is_unknown is not the image's.

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
    colors = check_image(image)
    wanted = check_unknown(is_unknown, colors)
    check_number(intra_weight, "intra_weight", low=0)
    check_number(local_weight, "local_weight", low=0)
    n = wanted.size
    tree, pixels, _ = ordered_pixels(colors, wanted, np.arange(n, dtype=np.int32))
    found = mixture_neighbors(tree, pixels, check_integer(n_neighbors, "n_neighbors", low=1))
    neighbors, weights = found.indices, _mixture_weights(colors, pixels, found)
    rows = np.repeat(pixels, neighbors.shape[1])
    difference = identity(n).tocsr()[pixels] - csr_matrix((weights.ravel(), (rows, neighbors.ravel())), (n, n))[pixels]
    neighbors, weights = _intra(colors, pixels)
    rows, columns = np.repeat(pixels, neighbors.shape[1]), pixels[neighbors].ravel()
    intra = csr_matrix((intra_weight * weights.ravel().astype(np.float64), (rows, columns)), (n, n))
    intra = intra + intra.T
    local = local_weight * closed_form_laplacian(colors, epsilon=EPSILON, is_unknown=wanted)
    degree = np.asarray(intra.sum(axis=1)).ravel()
    return (difference.T @ difference + diags(degree) - intra + local).tocsr()


def known_to_unknown_flow(image: npt.ArrayLike, trimap: npt.ArrayLike) -> KnownFlow:
    """Estimate alpha and its confidence from the nearest known pixels.

    The 7 nearest foreground and 7 nearest background pixels, nearest mainly in the image, are mixed to the pixel's
    colour. The weight of the foreground pixels in the mixture is the prior. The squared distance between the mixed
    foreground and background colours is the confidence. The estimate is misleading for highly transparent objects,
    whose colours are mixtures everywhere.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].

    Returns
    -------
    flow : KnownFlow
        prior and confidence, (H, W) float32 in [0, 1]; 0 on known pixels. If the trimap lacks foreground or background,
        the prior is 0.5 on unknown pixels and the confidence is 0 everywhere.

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
    colors = check_image(image)
    regions = split_trimap(check_plane(trimap, "trimap", colors.shape))
    planes = [np.zeros(regions.is_unknown.shape, np.float32) for _ in range(2)]
    pixels, *known = (
        flat_indices(region) for region in (regions.is_unknown, regions.is_foreground, regions.is_background)
    )
    flow = _known_flow(colors, pixels, *(known_neighbors(colors, pixels, of_kind) for of_kind in known))
    for plane, values in zip(planes, flow, strict=True):
        plane.ravel()[pixels] = values
    return KnownFlow(*planes)


def information_flow_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    *,
    memory: FlowMemory | None = None,
    start: npt.NDArray[np.float32] | None = None,
    known_weight: float = KNOWN_WEIGHT,
    is_single: bool = False,
) -> FlowSystem:
    """Return the `FlowSystem` of an image with at least one unknown pixel; with `is_single`, in single precision.

    With a memory, the neighbours are those that it finds, and it keeps them. start is that of `solve_flow`.
    """
    found = (find_flow_neighbors if memory is None else memory.find)(image, is_unknown, known_alpha)
    pixels = found.pixels
    local = closed_form_system(image, is_unknown, known_alpha, epsilon=EPSILON)
    cells = local.layout.cell_map().ravel()[pixels]
    mixture, constant = _mixture_flow(image, known_alpha, found)
    intra = Flow(*_intra(image, pixels))
    intra.weights[:] *= np.float32(INTRA_WEIGHT)
    share, confidence = _known_flow(image, pixels, found.foreground, found.background)
    del found  # frees memory for the coarse matrix, unless `memory` keeps the neighbours
    local.diagonal[cells] += intra.weights.sum(axis=1, dtype=np.float64)
    local.diagonal[cells] += kernels.sum_columns(*intra, np.ones(len(pixels)))
    local.diagonal[cells] += known_weight * confidence
    rhs = local.rhs[cells] + constant - kernels.sum_columns(*mixture, constant)
    rhs += known_weight * confidence * share
    basis = affine_basis(pixel_features_at(image, pixels), flow_runs(len(pixels)))
    guess = share if start is None else _first_guess(start.ravel()[pixels], share)
    system = FlowSystem(local, cells, mixture, intra, rhs, guess, basis)
    return system.single() if is_single else system


def _first_guess(start: npt.NDArray[np.float32], share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a start (n,), with the alpha that the known colours give where it is NaN."""
    return np.where(np.isnan(start), share, start)


def _mixture_flow(
    image: npt.NDArray[np.float32], known_alpha: npt.NDArray[np.float32], found: FlowNeighbors
) -> tuple[Flow, npt.NDArray[np.float64]]:
    """Return the colour-mixture flow between unknown pixels, and the sums (n,) that known ones contribute."""
    row_of = np.full(known_alpha.size, -1, np.int32)
    row_of[found.pixels] = np.arange(len(found.pixels))
    mixture = Flow(found.mixture.indices.copy(), _mixture_weights(image, found.pixels, found.mixture))
    return mixture, kernels.number_rows(row_of, np.ascontiguousarray(known_alpha.ravel()), *mixture)


def _mixture_weights(
    image: npt.NDArray[np.float32], pixels: npt.NDArray[np.int32], found: UntiedNeighbors
) -> npt.NDArray[np.float32]:
    """Return the weights (n, K) of the neighbours of pixels (n,) in the colour mixture."""
    return kernels.mixture_weights(image.reshape(-1, 3), pixels, found.indices, MIXTURE_RIDGE, found.counts)


def _known_flow(
    image: npt.NDArray[np.float32],
    pixels: npt.NDArray[np.int32],
    foreground: UntiedNeighbors | None,
    background: UntiedNeighbors | None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the weight of the foreground in the known colours' mixture, and its confidence, (n,) for pixels (n,)."""
    if foreground is None or background is None:
        return np.full(len(pixels), 0.5), np.zeros(len(pixels))
    return kernels.known_flow(image.reshape(-1, 3), pixels, foreground, background, KNOWN_RIDGE)


def _intra(
    image: npt.NDArray[np.float32], pixels: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the neighbours (n, K) of pixels (n,) among these, as positions in `pixels`, and their weights (n, K)."""
    features = centered_features_at(image, pixels, spatial_weight=INTRA_SPATIAL_WEIGHT)
    own = np.arange(len(pixels), dtype=np.int32)
    found = NeighborTree(features).untied_among(own, min(INTRA_NEIGHBORS, max(len(pixels) - 1, 0)) + 1)
    neighbors, counts = other_neighbors(own, found)
    return neighbors, kernels.intra_weights(np.ascontiguousarray(features.T), neighbors, counts)
