"""The default method: estimate alpha with classical solvers and correct it with a small network, without torch."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_plane
from hybridmatte.correction.estimates import BASE_SOLVER
from hybridmatte.correction.half_size import solve_halved_if_soft
from hybridmatte.correction.passes import MatteWithConfidence, correct
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights, load_correction_network
from hybridmatte.errors import warn_caller
from hybridmatte.methods.registry import METHODS, solve
from hybridmatte.systems.problem import Problem, check_problem
from hybridmatte.trimap import split_trimap

__all__ = [
    "QUALITIES",
    "Quality",
    "check_method_or_quality",
    "matte",
    "matte_by",
    "matte_in_passes",
    "warn_if_all_known",
    "weights_of",
]

Quality = Literal["best", "fast"]
QUALITIES = {
    "best": "information flow, corrected in each pixel by a small network that also sees sampled colours; two passes",
    "fast": "information flow alone, the best single solver, in two fifths of the time",
}


def matte(
    image: npt.ArrayLike, trimap: npt.ArrayLike, *, quality: Quality = "best", weights: WeightsKind = RESEARCH
) -> npt.NDArray[np.float32]:
    """Estimate alpha from an image and a trimap, as well as this library can.

    With ``quality="best"``, `solve_information_flow` estimates alpha and `sample_alpha` estimates the foreground and
    background colour of each unknown pixel. A small network, which comes with the package and needs no torch, then
    predicts the solver's error in each pixel, from both estimates and the colours in windows around the pixel. Pixels
    that are certain then, within 0.02 of 0 or 1, become known, and the rest is solved and corrected again.
    `matte_with_confidence` also says how likely alpha is right in each pixel.

    An image of 1.5 megapixels or more is solved at half its size, and alpha is enlarged, if its unknown region shows
    hardly anything that half the size does not: if it was enlarged three times, or lens or noise reduction blurred it
    by a pixel. That takes a quarter of the time. The error of photographs enlarged twice and blurred fell by 7 to 24%;
    that of photographs blurred by a pixel at the size they were sharp at rose by 7%. An image of 24 megapixels, of
    which a ninth is unknown, takes 2.4 GB of memory if it is sharp.

    A trimap without unknown pixels, such as a mask, is returned as it is. `trimap_from_mask` makes a trimap from a
    mask.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1]. Never modified.
    quality : {"best", "fast"}, default "best"
        "fast" returns the alpha of the best single solver, `solve_information_flow`, of soft images at half the size.
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
    if quality == "best":
        return matte_in_passes(image, trimap, weights).alpha
    warn_if_all_known(trimap)
    return solve_halved_if_soft(check_problem(image, trimap), _solve_base)[0]


def _solve_base(problem: Problem) -> tuple[npt.NDArray[np.float32]]:
    """Return the alpha of `BASE_SOLVER` alone."""
    return (solve(problem.image, problem.trimap, BASE_SOLVER),)


def matte_in_passes(
    image: npt.ArrayLike, trimap: npt.ArrayLike, weights: WeightsKind = RESEARCH, passes: int = 2
) -> MatteWithConfidence:
    """Return alpha and confidence of quality "best", in one or two passes."""
    check_weights(weights)
    warn_if_all_known(trimap)
    problem = check_problem(image, trimap)
    return correct(problem, load_correction_network(weights), passes)


def matte_by(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    method: str | None = None,
    quality: Quality | None = None,
    weights: WeightsKind = RESEARCH,
    passes: int = 2,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by a method of `hybridmatte.METHODS`, or by a quality of `matte`; "best" if neither is given.

    weights are those of `matte`, passes those of its quality "best"; a method has none.
    """
    method, quality = check_method_or_quality(method, quality)
    check_weights(weights)
    if quality == "best" and passes == 1:
        return matte_in_passes(image, trimap, weights, passes).alpha
    if method is None:
        return matte(image, trimap, quality=quality or "best", weights=weights)
    warn_if_all_known(trimap)
    return solve(image, trimap, method=method)


def warn_if_all_known(trimap: npt.ArrayLike) -> None:
    """Warn if a trimap has no unknown pixel."""
    regions = split_trimap(check_plane(trimap, "trimap"))
    if regions.is_unknown.any():
        return
    missing = "".join(f" and no {name} pixel" for name in regions.missing)
    warn_caller(
        f"trimap has no unknown pixel{missing}, so nothing is solved; trimap_from_mask, or the command "
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
