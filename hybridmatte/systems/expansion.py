"""Make a problem smaller: unknown pixels near known ones of almost the same colour become known."""

import numpy as np

from hybridmatte.similarity.known_expansion import expand_known

__all__ = ["expand_problem"]


def expand_problem(problem, expansion):
    """Return the problem with its known regions expanded by `expand_known`, radius `expansion` in pixels.

    Pixels with a positive confidence stay unknown: a prior knows more of them than their neighbours do.
    """
    trimap = np.where(problem.is_unknown, np.float32(0.5), problem.known_alpha)
    trimap = expand_known(problem.image, trimap, radius=expansion, color_distance=expansion / 255)
    is_unknown = problem.is_unknown & (trimap == 0.5)
    if problem.confidence is not None:
        is_unknown |= problem.is_unknown & (problem.confidence > 0)
    return problem._replace(is_unknown=is_unknown, known_alpha=np.where(is_unknown, np.float32(0.0), np.rint(trimap)))
