"""The default method: estimate alpha with classical solvers and correct it with a small network, without torch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hybridmatte._locks import ProcessLock
from hybridmatte._validation import check_choice, check_plane
from hybridmatte.correction.estimates import BASE_SOLVER, SolverEstimates, solver_estimates
from hybridmatte.correction.features import FEATURES, MARGIN, correction_features
from hybridmatte.correction.network import Perceptron, predict_correction
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights, load_correction_network
from hybridmatte.errors import warn_caller
from hybridmatte.linalg.threads import thread_count
from hybridmatte.methods.registry import METHODS, solve
from hybridmatte.systems.problem import check_problem
from hybridmatte.trimap import split_trimap

__all__ = [
    "QUALITIES",
    "Quality",
    "add_correction",
    "check_method_or_quality",
    "correct_alpha",
    "corrected_alpha",
    "evaluate_tiles",
    "matte",
    "matte_by",
    "warn_if_all_known",
    "weights_of",
]

Quality = Literal["best", "fast"]
QUALITIES = {
    "best": "information flow, corrected in each pixel by a small network that also sees sampled colours",
    "fast": "information flow alone, the best single solver, in two thirds of the time",
}
TILE_SIDE = 256  # pixels; features also see MARGIN pixels around a tile; a thread needs up to 140 MB
BLAS_LOCK = ProcessLock()  # overlapping limits of BLAS threads would leave the limit in place when the last one ends

Tile = tuple[slice, slice]  # rows and columns
T = TypeVar("T")


def matte(
    image: npt.ArrayLike, trimap: npt.ArrayLike, *, quality: Quality = "best", weights: WeightsKind = RESEARCH
) -> npt.NDArray[np.float32]:
    """Estimate alpha from an image and a trimap, as well as this library can.

    With ``quality="best"``, `solve_information_flow` estimates alpha and `sample_alpha` estimates the foreground and
    background colour of each unknown pixel. A small network, which comes with the package and needs no torch, then
    predicts the solver's error in each pixel, from both estimates and the colours in windows around the pixel. The
    network takes about a fifth of the solvers' time. An image of 24 megapixels, of which a ninth is unknown, takes
    3.6 GB of memory. `matte_with_confidence` also says how likely alpha is right in each pixel.

    A trimap without unknown pixels, such as a mask, is returned as it is. `trimap_from_mask` makes a trimap from a
    mask.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1]. Never modified.
    quality : {"best", "fast"}, default "best"
        "fast" returns the alpha of the best single solver, `solve_information_flow`.
    weights : {"research", "free"}, default "research"
        Weights of the network. "research" is for research use, like the photographs that it was learned from. "free"
        was learned from rendered and drawn scenes alone: it is less accurate, and for any use. No effect with
        ``quality="fast"``, which uses no weights.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        If an input is not as described, quality or weights is another word, or the weight file is damaged.

    Warns
    -----
    UserWarning
        If the trimap has no unknown pixel.
    ConvergenceWarning
        If a solver stops early.

    References
    ----------
    .. [1] D. Cho, Y.-W. Tai, I. S. Kweon. Natural image matting using deep convolutional neural networks. ECCV 2016.
       A network that improves on the alphas of solvers.

    Examples
    --------
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> trimap = np.full((32, 64), 0.5)
    >>> trimap[:, :4], trimap[:, -4:] = 0, 1
    >>> alpha = matte(image, trimap)
    >>> alpha[0, 0], alpha[0, -1], bool(np.abs(alpha[:, 32] - 0.5).max() < 0.2)
    (np.float32(0.0), np.float32(1.0), True)
    """
    check_choice(quality, "quality", list(QUALITIES))
    check_weights(weights)
    warn_if_all_known(trimap)
    if quality == "fast":
        return solve(image, trimap, BASE_SOLVER)
    problem = check_problem(image, trimap)
    load_correction_network(weights)  # raises for damaged weights before the solvers run
    if not problem.is_unknown.any():
        return problem.known_alpha
    return correct_alpha(solver_estimates(problem), weights)


def matte_by(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    method: str | None = None,
    quality: Quality | None = None,
    weights: WeightsKind = RESEARCH,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by a method of `hybridmatte.METHODS`, or by a quality of `matte`; "best" if neither is given.

    weights are those of `matte`; a method has none.
    """
    method, quality = check_method_or_quality(method, quality)
    check_weights(weights)
    if method is None:
        return matte(image, trimap, quality=quality or "best", weights=weights)
    warn_if_all_known(trimap)
    return solve(image, trimap, method=method)


def warn_if_all_known(trimap: npt.ArrayLike) -> None:
    """Warn if a trimap has no unknown pixel."""
    if not split_trimap(check_plane(trimap, "trimap")).is_unknown.any():
        warn_caller(
            "trimap has no unknown pixel, so nothing is solved; trimap_from_mask, or the command "
            "hybridmatte trimap, makes a trimap from a mask",
            UserWarning,
        )


def check_method_or_quality(method: str | None, quality: str | None) -> tuple[str | None, Quality | None]:
    """Return method and quality, checked; exactly one of them is not None."""
    if method is None:
        return None, cast(Quality, check_choice("best" if quality is None else quality, "quality", list(QUALITIES)))
    if method in QUALITIES:
        raise ValueError(f"method is {method!r}, expected a method; {method} is a quality: quality={method!r}")
    if quality is not None:
        raise ValueError(f"quality is {quality!r} and method is {method!r}, expected one of the two")
    return check_choice(method, "method", list(METHODS)), None


def weights_of(method: str | None, quality: str | None, weights: WeightsKind) -> WeightsKind | None:
    """Return the kind of weights that `matte_by` uses; None for a method and the quality "fast", which use none."""
    return weights if method is None and quality != "fast" else None


def correct_alpha(estimates: SolverEstimates, weights: WeightsKind = RESEARCH) -> npt.NDArray[np.float32]:
    """Return the solver's alpha (H, W), corrected on the unknown pixels by the package's network."""
    alpha, is_unknown = estimates.alpha.copy(), estimates.known == 0.5
    evaluate = partial(corrected_alpha, load_correction_network(weights))
    for tile, corrected in evaluate_tiles(estimates, is_unknown, evaluate):
        alpha[tile][is_unknown[tile]] = corrected
    return alpha


def evaluate_tiles(
    estimates: SolverEstimates, is_unknown: npt.NDArray[np.bool_], evaluate: Callable[[npt.NDArray[np.float32]], T]
) -> list[tuple[Tile, T]]:
    """Evaluate a function of features (n, F) on the unknown pixels, in parallel; return tiles with their results."""
    correct_tile = partial(_correct_tile, estimates, is_unknown, evaluate)
    with BLAS_LOCK, threadpool_limits(1, "blas"), ThreadPoolExecutor(thread_count()) as pool:
        tiles = _tiles(is_unknown)
        return list(zip(tiles, pool.map(correct_tile, tiles), strict=True))


def corrected_alpha(
    network: Perceptron, features: npt.NDArray[np.float32], base: str = BASE_SOLVER
) -> npt.NDArray[np.float32]:
    """Return the feature named `base` plus the network's correction, in [0, 1], (n,) for features (n, F)."""
    return add_correction(features, predict_correction(network, features), base)


def add_correction(
    features: npt.NDArray[np.float32], correction: npt.NDArray[np.float32], base: str = BASE_SOLVER
) -> npt.NDArray[np.float32]:
    """Return the feature named `base` plus a correction (n,), in [0, 1], for features (n, F)."""
    return (features[:, FEATURES.index(base)] + correction).clip(0, 1)


def _correct_tile(
    estimates: SolverEstimates,
    is_unknown: npt.NDArray[np.bool_],
    evaluate: Callable[[npt.NDArray[np.float32]], T],
    tile: Tile,
) -> T:
    """Return the result of a function of features (n, F) for a tile's unknown pixels."""
    rows, columns = (
        slice(max(part.start - MARGIN, 0), min(part.stop + MARGIN, side))
        for part, side in zip(tile, is_unknown.shape, strict=True)
    )
    inner = tuple(
        slice(part.start - crop.start, part.stop - crop.start) for part, crop in zip(tile, (rows, columns), strict=True)
    )
    is_chosen = np.zeros_like(is_unknown[rows, columns])
    is_chosen[inner] = is_unknown[tile]
    return evaluate(correction_features(estimates.crop(rows, columns), is_chosen))


def _tiles(is_unknown: npt.NDArray[np.bool_]) -> list[Tile]:
    """Return tiles cropped to their unknown pixels, largest first, for load balance."""
    tiles = []
    for rows in _spans(is_unknown.any(axis=1)):
        for columns in _spans(is_unknown[rows].any(axis=0)):
            height, width = (_extent(is_unknown[rows, columns].any(axis=axis)) for axis in (1, 0))
            if height.stop:
                tiles.append(
                    (
                        slice(rows.start + height.start, rows.start + height.stop),
                        slice(columns.start + width.start, columns.start + width.stop),
                    )
                )
    return sorted(tiles, key=lambda tile: -np.count_nonzero(is_unknown[tile]))


def _extent(is_true: npt.ArrayLike) -> slice:
    """Return the slice from the first to the last true value (n,); an empty slice if there is none."""
    indices = np.flatnonzero(is_true)
    return slice(int(indices[0]), int(indices[-1]) + 1) if len(indices) else slice(0, 0)


def _spans(is_true: npt.ArrayLike) -> list[slice]:
    """Return slices of about equal length, at most TILE_SIDE, from the first to the last true value (n,)."""
    extent = _extent(is_true)
    start, end = extent.start, extent.stop
    if start == end:
        return []
    edges = np.linspace(start, end, -(-(end - start) // TILE_SIDE) + 1).round().astype(int).tolist()
    return [slice(*edge) for edge in zip(edges[:-1], edges[1:], strict=True)]
