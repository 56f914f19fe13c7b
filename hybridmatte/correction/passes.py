"""Two passes: solve and correct, take the pixels that are certain as known, then solve and correct the others again."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.correction.estimates import (
    BASE_SOLVER,
    EXPANDED_CONFIDENCE,
    Guess,
    PixelEstimates,
    SolverEstimates,
    expanded_trimap,
    run_solvers,
    solve_base,
    solver_estimates,
)
from hybridmatte.correction.features import FEATURES
from hybridmatte.correction.half_size import solve_halved_if_soft
from hybridmatte.correction.network import Perceptron, predict_correction, predict_correction_and_doubt
from hybridmatte.correction.tiles import evaluate_tiles
from hybridmatte.methods.flow_neighbors import FlowMemory
from hybridmatte.systems.problem import Problem

__all__ = [
    "MatteWithConfidence",
    "add_correction",
    "certain_trimap",
    "correct",
    "correct_again",
    "correct_at_size",
    "correct_near",
    "correct_once",
    "corrected_alpha",
    "corrected_pixels",
]

CERTAIN_ALPHA = 0.02  # largest distance of alpha from 0 or 1 of a pixel that the second pass takes as known
CERTAIN_DOUBT = 0.39  # largest probability that alpha of such a pixel is off by more than 0.1
DOUBT_FLOOR = 0.02  # added to the doubts whose inverse squares weigh the two passes
LEAST_CERTAIN = 0.05  # of the unknown pixels: with fewer certain ones, a second pass would change next to nothing
SECOND_RTOL = 1e-3  # of the solver in the second pass, which starts from the first one's alpha

Plane = npt.NDArray[np.float32]


class MatteWithConfidence(NamedTuple):
    """An alpha and how likely it is right.

    Attributes
    ----------
    alpha : (H, W) float32 array
        In [0, 1].
    confidence : (H, W) float32 array
        Probability that alpha is within 0.1 of the true alpha, in [0, 1]; exactly 1 on known pixels.
    """

    alpha: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]


def correct(problem: Problem, network: Perceptron, passes: int = 2) -> MatteWithConfidence:
    """Estimate alpha and confidence of a checked problem without a prior, in one or two passes.

    The network has two outputs. Large and soft pictures are solved at half their size, see `solve_halved_if_soft`.
    """
    if not problem.is_unknown.any():
        return MatteWithConfidence(problem.known_alpha, np.ones_like(problem.known_alpha))
    solve = partial(correct_at_size, network=network, passes=passes)
    return MatteWithConfidence(*solve_halved_if_soft(problem, solve))


def correct_at_size(problem: Problem, network: Perceptron, passes: int = 2) -> MatteWithConfidence:
    """Estimate alpha and confidence of a checked problem with unknown pixels, as `correct`, at its own size."""
    memory = FlowMemory(passes) if passes == 2 else None
    estimates = solver_estimates(problem, memory)
    is_seen, first = estimates.known == 0.5, correct_once(estimates, network)
    del estimates  # before the second pass, which needs as much memory
    first.confidence[problem.is_unknown & ~is_seen] = EXPANDED_CONFIDENCE
    return first if passes == 1 else correct_again(problem.image, is_seen, first, network, memory)


def correct_near(problem: Problem, network: Perceptron | None, guess: Guess) -> tuple[Plane, Plane | None]:
    """Estimate alpha and confidence of a checked problem in two passes, with a guess of alpha.

    The network has two outputs. Without a network, or without foreground or background, alpha is that of one solver
    with the guess as its prior, and there is no confidence.
    """
    known = expanded_trimap(problem._replace(prior=None, confidence=None))
    has_all = all((known == value).any() for value in (0, 0.5, 1))
    if network is None or not has_all:
        return solve_base(problem.image, known, guess=guess), None
    memory = FlowMemory(2)
    first = correct_once(run_solvers(problem.image, known, memory, guess), network)
    is_seen = known == 0.5
    del known  # before the second pass, which needs as much memory
    first.confidence[problem.is_unknown & ~is_seen] = EXPANDED_CONFIDENCE
    return correct_again(problem.image, is_seen, first, network, memory, guess=guess._replace(start=first.alpha))


def correct_again(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    first: MatteWithConfidence,
    network: Perceptron,
    memory: FlowMemory | None = None,
    limit: float = CERTAIN_DOUBT,
    guess: Guess | None = None,
) -> MatteWithConfidence:
    """Return alpha and confidence after the second pass. is_unknown (H, W): the pixels that the first one corrected.

    Pixels that the first pass is certain of, with a doubt below `limit` and within `CERTAIN_ALPHA` of 0 or 1, are known
    in the second. So the solvers have more known colours, nearer to the pixels that are left, and fewer of these.
    Certain pixels become 0 or 1 and keep their confidence. On the pixels that are left, both passes are averaged with
    weights by their doubts, as the second pass inherits what the first was wrongly certain of. `memory` holds the
    neighbours that the first pass found; `guess` is for the solver, which by default starts from the first alpha.
    """
    certain = certain_trimap(first, is_unknown, limit)
    left = certain == 0.5
    if np.count_nonzero(is_unknown & ~left) <= LEAST_CERTAIN * np.count_nonzero(is_unknown):
        return first
    guess = Guess(None, None, first.alpha, SECOND_RTOL) if guess is None else guess
    second = correct_once(run_solvers(image, certain, memory, guess), network)
    weights = [(1 - part.confidence[left] + np.float32(DOUBT_FLOOR)) ** -2 for part in (first, second)]
    share = weights[1] / (weights[0] + weights[1])
    alpha, confidence = second.alpha, first.confidence.copy()
    for result, one, other in zip((alpha, confidence), first, second, strict=True):
        result[left] = one[left] + share * (other[left] - one[left])
    return MatteWithConfidence(alpha, confidence)


def certain_trimap(
    first: MatteWithConfidence, is_unknown: npt.NDArray[np.bool_], limit: float = CERTAIN_DOUBT
) -> Plane:
    """Return a trimap of 0, 0.5 and 1 in which pixels are known that the first pass doubts by less than a limit.

    Where is_unknown (H, W) is false, first.alpha must be 0 or 1.
    """
    is_near_known = (first.alpha < CERTAIN_ALPHA) | (first.alpha > 1 - CERTAIN_ALPHA)
    is_left = is_unknown & ~(is_near_known & (first.confidence > 1 - limit))
    return np.where(is_left, np.float32(0.5), np.rint(first.alpha))


def correct_once(estimates: PixelEstimates | SolverEstimates, network: Perceptron) -> MatteWithConfidence:
    """Return the solver's alpha, corrected on the unknown pixels, and its confidence, 1 elsewhere."""
    is_unknown = estimates.known == 0.5
    corrected = MatteWithConfidence(estimates.alpha.copy(), np.ones_like(estimates.alpha))
    for tile, planes in evaluate_tiles(estimates, is_unknown, partial(corrected_pixels, network)):
        for plane, values in zip(corrected, planes, strict=True):
            plane[tile][is_unknown[tile]] = values
    return corrected


def corrected_pixels(network: Perceptron, features: Plane) -> tuple[Plane, Plane]:
    """Return the corrected alpha (n,) and its confidence (n,) for features (n, F)."""
    correction, doubt = predict_correction_and_doubt(network, features)
    confidence = np.float32(0.5) * (1 - np.tanh(np.float32(0.5) * doubt))  # 1 / (1 + exp(doubt)) without overflow
    return add_correction(features, correction), confidence


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
