"""From image, trimap and prior to a linear system: known pixels out, prior in."""

from typing import NamedTuple

import numpy as np

from hybridmatte._validation import (
    check_confidence,
    check_image,
    check_integer,
    check_number,
    check_plane,
    check_same_shape,
)
from hybridmatte.errors import ConvergenceWarning, warn_caller
from hybridmatte.trimap import split_trimap

__all__ = ["DEFAULT_CONFIDENCE", "Problem", "check_problem", "finish_alpha", "warn_unconverged"]

DEFAULT_CONFIDENCE = 0.1


class Problem(NamedTuple):
    """A checked matting problem.

    image is (H, W, 3) float32; is_unknown (H, W) bool; known_alpha (H, W) float32, 1 on the known foreground and 0
    elsewhere; prior and confidence are (H, W) float32 planes, or both None.
    """

    image: np.ndarray
    is_unknown: np.ndarray
    known_alpha: np.ndarray
    prior: np.ndarray | None
    confidence: np.ndarray | None


def check_problem(image, trimap, prior=None, confidence=None):
    """Check and convert the inputs that all solvers share.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    prior : (H, W) array, optional
        Alpha in [0, 1] that unknown pixels are drawn to.
    confidence : float or (H, W) array, optional
        Weight of the prior, at least 0; `DEFAULT_CONFIDENCE` if there is a prior.

    Returns
    -------
    problem : Problem

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite or out of range, a confidence comes without a prior, or unknown
        pixels have neither a known foreground and a known background nor a prior to follow.
    TypeError
        If an input is of the wrong kind.
    """
    image = check_image(image)
    check_plane_like_image(trimap, "trimap", image)
    regions = split_trimap(trimap)
    prior, confidence = _check_prior(prior, confidence, image)
    if regions.is_unknown.any() and (prior is None or not confidence[regions.is_unknown].any()):
        for name, region in (("foreground", regions.is_foreground), ("background", regions.is_background)):
            if not region.any():
                bound = "at least 0.9" if name == "foreground" else "at most 0.1"
                raise ValueError(f"trimap has no {name} pixel, expected at least one, with a value of {bound} (or a "
                                 "prior with a positive confidence, which hybridmatte.solve takes)")
    return Problem(image, regions.is_unknown, regions.is_foreground.astype(np.float32), prior, confidence)


def check_plane_like_image(plane, name, image):
    """Refuse a plane whose height or width differ from the image's, then one with colour channels."""
    shape = np.shape(plane)
    if len(shape) in (2, 3):
        check_same_shape(shape, name, image.shape, "image")
    return check_plane(plane, name, image.shape)


def _check_prior(prior, confidence, image):
    if prior is None:
        if confidence is not None:
            raise ValueError("confidence came without a prior, expected both or neither")
        return None, None
    prior = check_plane_like_image(prior, "prior", image)
    return prior, check_confidence(DEFAULT_CONFIDENCE if confidence is None else confidence, image.shape[:2])


def check_stopping(rtol, maxiter):
    """Return the stopping rule of an iterative solver, checked."""
    return check_number(rtol, "rtol", above=0, high=0.1), check_integer(maxiter, "maxiter", low=1)


def finish_alpha(problem, unknown_alpha):
    """Return the (H, W) float32 alpha: known pixels exactly 0 or 1, the given (H, W) values clipped elsewhere."""
    return np.where(problem.is_unknown, np.clip(unknown_alpha, 0.0, 1.0), problem.known_alpha).astype(np.float32)


def warn_unconverged(result, rtol, method):
    """Give a `ConvergenceWarning` if conjugate gradients stopped early."""
    if not result.converged:
        warn_caller(f"{method} reached a relative residual of {result.residual:.1e} after {result.iterations} "
                    f"iterations, wanted {rtol:.1e}; raise maxiter or rtol", ConvergenceWarning)
