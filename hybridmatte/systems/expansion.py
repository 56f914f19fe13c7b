"""A smaller matting problem: the known regions are expanded into pixels of almost the same colour."""

from __future__ import annotations

import numpy as np

from hybridmatte.similarity.known_expansion import expand_known
from hybridmatte.systems.problem import Problem

__all__ = ["expand_problem"]


def expand_problem(problem: Problem, radius: float) -> Problem:
    """Return a smaller problem: unknown pixels near known ones of almost the same colour become known.

    The rule is `expand_known` with a radius in pixels and a colour distance of radius / 255. Pixels with a positive
    confidence stay unknown, because their prior is better evidence than their neighbours' colours.
    """
    trimap = expand_known(problem.image, problem.trimap, radius=radius, color_distance=radius / 255)
    is_unknown = problem.is_unknown & (trimap == 0.5)
    if problem.confidence is not None:
        is_unknown |= problem.is_unknown & (problem.confidence > 0)
    return problem._replace(is_unknown=is_unknown, known_alpha=np.where(is_unknown, np.float32(0.0), np.rint(trimap)))
