"""Bring an alpha from anywhere to an image's edges and to its size."""

from functools import partial

import numpy as np

from hybridmatte._validation import check_aspect, check_confidence, check_image, check_plane
from hybridmatte.errors import warn_caller
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems.local import LocalSolver
from hybridmatte.systems.problem import check_problem, finish_alpha
from hybridmatte.trimap import refuse_labels, split_trimap

__all__ = ["refine"]

CONFIDENCE = 0.1  # of the alpha where it is flat, on the Laplacian's scale
LEAST = 0.1  # of that where it jumps from 0 to 1, before it is squared
FLAT = 0.05  # alphas nearer to 0 or 1, and all around them, are known
ROUNDS = 3  # of solving and of adding what the smaller alpha misses; a fourth changes little
RTOL = 1e-5  # far below what 8 bits show
LATER_RTOL = 1e-3  # of what later rounds add, a few hundredths
EPSILON, MAXITER = 1e-7, 500  # as in `solve_cf`


def refine(image, alpha, trimap=None, *, confidence=None):
    """Bring an alpha to the image's size and edges by a prior solve: guided upsampling.

    For alphas of networks and segmenters, which see photographs at 512 pixels or less: closed-form matting decides
    where the edge runs between the pixels of the smaller alpha, whose mean it nears. Solved for is where alpha is
    mixed, and one of its own pixels around: an object that it misses stays missed. Memory goes with these pixels as
    that of `solve_cf`, and time as three of its solves.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (h, w) array
        In [0, 1], or uint8 or uint16, at any size of the image's aspect ratio. One larger than the image is averaged.
    trimap : (H, W) array, optional
        Background at most 0.1, foreground at least 0.9: these stay exact, and all the rest is solved for. Without one,
        pixels count as known where alpha is within 0.05 of 0 or 1 all around.
    confidence : float or (H, W) array, optional
        Weight of alpha against the image, at least 0, on the scale of the Laplacian's diagonal of about 5; less is
        taken where alpha changes within one of its pixels. Default 0.1; more follows alpha, less the image.

    Returns
    -------
    refined : (H, W) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If the aspect ratios differ by more than 2%, trimap or confidence and image in size, or a value is out of range;
        if alpha is of labels, all small; or if confidence is 0 and nothing is known.

    Warns
    -----
    UserWarning
        If alpha is nowhere above 0.05, or trimap is all background.

    Notes
    -----
    Minimises ``a' L a + (a - p)' diag(c) (a - p)``, with p alpha enlarged, three times: what the means of the result
    over alpha's pixels lack is enlarged and added to p. With r the range of alpha around a pixel, of one of alpha's
    pixels as radius, ``c = confidence * max(1 - r, 0.1)^2``.

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.
    .. [2] M. Irani, S. Peleg. Improving resolution by image registration. CVGIP 1991: adding what is lacking.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((40, 40, 3))
    >>> image[:, 18:] = 1
    >>> alpha = np.float32([[0, 0, 0.75, 1, 1]] * 5)       # 8 pixels each: the edge runs somewhere in the third
    >>> refine(image, alpha)[20, [12, 17, 18, 24]].round(1)
    array([0., 0., 1., 1.], dtype=float32)
    """
    import cv2

    image = check_image(image)
    alpha = check_plane(alpha, "alpha")
    refuse_labels(alpha, "alpha")
    shape = image.shape[:2]
    check_aspect(alpha.shape, "alpha", shape)
    if alpha.size > shape[0] * shape[1]:
        alpha = _averaged(alpha, shape)
    low, high = (enlarged(reach(alpha, np.ones((3, 3))), shape) for reach in (cv2.erode, cv2.dilate))
    if trimap is None:
        trimap = np.full(shape, 0.5, np.float32)
        trimap[high <= FLAT], trimap[low >= 1 - FLAT] = 0, 1
    weight = check_confidence(CONFIDENCE if confidence is None else confidence, shape)
    has_both = low.max() >= 1 - FLAT and high.min() <= FLAT
    if not weight.any() and not has_both and split_trimap(trimap).is_unknown.any():
        raise ValueError("confidence is 0 and alpha has no region of both 0 and 1, expected them, or more confidence")
    return _solve(image, trimap, alpha, weight * np.float32(np.maximum(1 - (high - low), LEAST) ** 2))


def _solve(image, trimap, alpha, weight):
    """Solve, add to the prior what alpha's pixels lack in the mean, and solve again with the same system."""
    from hybridmatte.methods.closed_form import closed_form_system

    prior = enlarged(alpha, image.shape[:2])
    problem = check_problem(image, trimap, prior.clip(0, 1), weight)
    if not problem.is_unknown.any():
        if not problem.known_alpha.any():
            warn_caller(f"there is nothing to refine: alpha is nowhere above {FLAT}, or trimap is all background",
                        UserWarning)
        return problem.known_alpha
    with threads_for(problem.is_unknown.sum()):
        solver = LocalSolver(problem, partial(closed_form_system, epsilon=EPSILON), reach=2, rtol=RTOL, maxiter=MAXITER,
                             method="closed form")
        solved = solver.solve()
        for _ in range(ROUNDS - 1 if alpha.shape != prior.shape else 0):
            missing = enlarged(alpha - _averaged(finish_alpha(problem, solved), alpha.shape), prior.shape)
            before, prior = prior, prior + missing
            solved += solver.solve(weight * (prior.clip(0, 1) - before.clip(0, 1)), rtol=LATER_RTOL)
    return finish_alpha(problem, solved)


def _averaged(plane, shape):
    """Return a plane in [0, 1] at a smaller size, each pixel the mean of those it stands for."""
    import cv2

    return np.clip(cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA), 0, 1)


def enlarged(plane, shape):
    """Return a plane interpolated to a larger size."""
    import cv2

    return plane if plane.shape == tuple(shape) else cv2.resize(plane, shape[1::-1], interpolation=cv2.INTER_LINEAR)
