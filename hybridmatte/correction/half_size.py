"""Large pictures that are soft are solved at half their size, and alpha is enlarged."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.correction.estimates import EXPANDED_CONFIDENCE
from hybridmatte.correction.resizing import doubled, halved, halved_trimap
from hybridmatte.correction.softness import is_soft
from hybridmatte.systems.problem import Problem, finish_alpha

__all__ = ["at_full_size", "at_half_size", "halved_problem", "solve_halved_if_soft"]

LEAST_PIXELS = 1_500_000  # of a picture that is solved at half its size; what is left has 700 x 530

Plane = npt.NDArray[np.float32]


def solve_halved_if_soft(problem: Problem, solve: Callable[[Problem], tuple[Plane, ...]]) -> tuple[Plane, ...]:
    """Return alpha, or alpha and its confidence, of a problem without a prior, by a function for one size.

    A large and soft picture is solved at half its size, and there at half of that if it is still both.
    """
    half = halved_problem(problem)
    if half is None:
        return solve(problem)
    return at_full_size(problem, *solve_halved_if_soft(half, solve))


def halved_problem(problem: Problem) -> Problem | None:
    """Return a problem without a prior at half its size, or None if it is to be solved at its own.

    Pictures of 1.5 megapixels or more are halved if they are soft, see `is_soft`, and if every region of the trimap has
    a pixel at half the size.
    """
    if problem.is_unknown.size < LEAST_PIXELS or not is_soft(problem.image, problem.is_unknown):
        return None
    half = at_half_size(problem)
    return half if np.array_equal(np.unique(half.trimap), np.unique(problem.trimap)) else None


def at_half_size(problem: Problem) -> Problem:
    """Return a problem without a prior at half its size."""
    trimap = halved_trimap(problem.trimap)
    return Problem(halved(problem.image), trimap == 0.5, np.float32(trimap == 1), None, None)


def at_full_size(problem: Problem, alpha: Plane, confidence: Plane | None = None) -> tuple[Plane, ...]:
    """Return alpha, and confidence if given, of half the size at the size of a problem.

    Alpha is enlarged by cubic interpolation, confidence by linear. Known pixels keep their alpha and have a confidence
    of 1; unknown ones have at most that of pixels that took a known neighbour's alpha.
    """
    shape = problem.is_unknown.shape
    alpha = finish_alpha(problem, doubled(alpha, shape))
    if confidence is None:
        return (alpha,)
    confidence = doubled(confidence, shape, cv2.INTER_LINEAR)
    unknown = np.minimum(confidence, np.float32(EXPANDED_CONFIDENCE))
    return alpha, np.where(problem.is_unknown, unknown, np.float32(1))
