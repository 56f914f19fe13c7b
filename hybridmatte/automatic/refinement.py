"""Bring an alpha from anywhere to an image's size and edges."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_aspect, check_confidence, check_image, check_plane
from hybridmatte.errors import warn_caller
from hybridmatte.linalg.threads import threads_for
from hybridmatte.methods.closed_form import closed_form_system
from hybridmatte.methods.windows import REACH
from hybridmatte.systems.problem import check_problem, finish_alpha
from hybridmatte.systems.solve import ProblemSolver
from hybridmatte.trimap import refuse_labels, split_trimap

__all__ = ["enlarged", "refine"]

Plane = npt.NDArray[Any]  # (H, W) float32

CONFIDENCE = 0.1  # default weight of alpha where it is flat, on the Laplacian's scale
MIN_WEIGHT = 0.1  # factor of the weight, before it is squared, where alpha jumps from 0 to 1
KNOWN_MAX = 0.05  # pixels are known if alpha is this close to 0 or 1 there and in all neighbouring pixels of alpha
ROUNDS = 3  # of solving and correcting the prior; a fourth round changes little
RTOL = 1e-5  # errors stay far below one step of 8 bits
LATER_RTOL = 1e-3  # later rounds only add a few hundredths
EPSILON, MAXITER = 1e-7, 500  # as in `solve_cf`


def refine(
    image: npt.ArrayLike,
    alpha: npt.ArrayLike,
    trimap: npt.ArrayLike | None = None,
    *,
    confidence: float | npt.ArrayLike | None = None,
) -> npt.NDArray[np.float32]:
    """Bring an alpha to an image's size and edges by a prior solve (guided upsampling).

    Use it for the alphas of networks and segmenters, which see photographs at 512 pixels or less. Closed-form matting
    places the edges inside the pixels of the smaller alpha, so that the mean over each of these pixels stays close to
    its alpha. The solve covers the pixels where alpha is mixed and a margin of one pixel of alpha around them: an
    object that alpha misses stays missing. Memory grows with the number of these pixels as in `solve_cf`; time is that
    of about three such solves.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (h, w) array
        In [0, 1], or uint8 or uint16, at any size of the image's aspect ratio. If it is larger than the image, it is
        averaged down.
    trimap : (H, W) array, optional
        Background at most 0.1, foreground at least 0.9: these pixels stay exactly 0 and 1, and all others are solved
        for. Default: pixels are known where alpha is within 0.05 of 0 or 1, in their own pixel of alpha and its
        neighbours.
    confidence : float or (H, W) array, optional
        Weight of alpha, at least 0, default 0.1. The diagonal of the Laplacian is about 5 on the same scale. A larger
        weight follows alpha more closely, a smaller one the image. The weight is reduced where alpha changes between
        neighbouring pixels of alpha.

    Returns
    -------
    refined : (H, W) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If the aspect ratios of alpha and image differ by more than 2%, trimap or confidence differ from the image in
        size, a value is out of range, alpha holds small labels, or confidence is 0 and no pixel is known.

    Warns
    -----
    UserWarning
        If alpha is nowhere above 0.05, or the trimap is all background.

    Notes
    -----
    Minimises ``a' L a + (a - p)' diag(c) (a - p)`` three times. The prior p starts as the enlarged alpha. After each
    solve, the difference between alpha and the means of the result over alpha's pixels is enlarged and added to p.
    With r the range of alpha over a pixel of alpha and its eight neighbours, ``c = confidence * max(1 - r, 0.1)^2``.

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.
    .. [2] M. Irani, S. Peleg. Improving resolution by image registration. CVGIP 1991. The correction of the prior is
       their iterative back-projection.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((40, 40, 3))
    >>> image[:, 18:] = 1
    >>> alpha = np.float32([[0, 0, 0.75, 1, 1]] * 5)       # each covers 8 pixels; the edge lies inside the third
    >>> refine(image, alpha)[20, [12, 17, 18, 24]].round(1)
    array([0., 0., 1., 1.], dtype=float32)
    """
    image = check_image(image)
    alpha = check_plane(alpha, "alpha")
    refuse_labels(alpha, "alpha")
    shape = image.shape[:2]
    check_aspect(alpha.shape, "alpha", shape)
    if alpha.size > shape[0] * shape[1]:
        alpha = _averaged(alpha, shape)
    low, high = (enlarged(extreme(alpha, np.ones((3, 3))), shape) for extreme in (cv2.erode, cv2.dilate))
    if trimap is None:
        trimap = np.full(shape, 0.5, np.float32)
        trimap[high <= KNOWN_MAX], trimap[low >= 1 - KNOWN_MAX] = 0, 1
    weight = check_confidence(CONFIDENCE if confidence is None else confidence, shape)
    has_both = low.max() >= 1 - KNOWN_MAX and high.min() <= KNOWN_MAX
    if not weight.any() and not has_both and split_trimap(trimap).is_unknown.any():
        raise ValueError(
            "confidence is 0 and alpha has no region of both 0 and 1, expected such regions or a positive confidence"
        )
    return _solve(image, trimap, alpha, weight * np.float32(np.maximum(1 - (high - low), MIN_WEIGHT) ** 2))


def _solve(
    image: npt.NDArray[np.float32], trimap: npt.ArrayLike, alpha: Plane, weight: Plane
) -> npt.NDArray[np.float32]:
    """Solve with the enlarged alpha as prior, then correct the prior and solve again with the same system."""
    prior = enlarged(alpha, image.shape[:2])
    problem = check_problem(image, trimap, prior.clip(0, 1), weight)
    if not problem.is_unknown.any():
        if not problem.known_alpha.any():
            warn_caller(
                f"alpha is nowhere above {KNOWN_MAX} or trimap is all background, expected an object: there is "
                "nothing to refine",
                UserWarning,
            )
        return problem.known_alpha
    with threads_for(problem.is_unknown.sum()):
        solver = ProblemSolver(
            problem,
            partial(closed_form_system, epsilon=EPSILON),
            method="closed_form",
            reach=REACH,
            rtol=RTOL,
            maxiter=MAXITER,
        )
        solution = solver.solve()
        for _ in range(ROUNDS - 1 if alpha.shape != prior.shape else 0):
            missing = enlarged(alpha - _averaged(finish_alpha(problem, solution), alpha.shape), prior.shape)
            before, prior = prior, prior + missing
            solution += solver.solve(weight * (prior.clip(0, 1) - before.clip(0, 1)), rtol=LATER_RTOL)
    return finish_alpha(problem, solution)


def _averaged(plane: Plane, shape: tuple[int, int]) -> Plane:
    """Return a plane in [0, 1] at a smaller size; each pixel is the mean of the pixels that it covers."""
    return np.clip(cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA), 0, 1)


def enlarged(plane: Plane, shape: tuple[int, int]) -> Plane:
    """Return a plane at another, usually larger size, by bilinear interpolation."""
    return plane if plane.shape == tuple(shape) else cv2.resize(plane, shape[1::-1], interpolation=cv2.INTER_LINEAR)
