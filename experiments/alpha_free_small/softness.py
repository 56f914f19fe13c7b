"""The softness of alphas, and their error once they are made as soft as the true ones."""

from collections.abc import Sequence

import numpy as np

STEPS = 40  # of the bisection


def describe(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Return softness, the true alphas' softness, and SAD-T at the latter, of (alpha, true alpha) in unknown regions.

    Softness is the mean of 4 a (1 - a). One power of the odds, the same for all images, makes alphas softer or harder.
    """
    alphas, truths = zip(*pairs, strict=True)
    goal, low, high = softness(truths), -3.0, 3.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if softness(sharpened(alphas, middle)) > goal else (low, middle)
    matched = sharpened(alphas, low)
    error = np.mean([np.abs(alpha - truth).sum() for alpha, truth in zip(matched, truths, strict=True)])
    return {"softness": softness(alphas), "true_softness": goal, "sad_t_matched": float(error)}


def softness(alphas: Sequence[np.ndarray]) -> float:
    """Return the mean over images of the mean of 4 a (1 - a)."""
    return float(np.mean([np.mean(4 * alpha * (1 - alpha)) for alpha in alphas]))


def sharpened(alphas: Sequence[np.ndarray], exponent: float) -> list[np.ndarray]:
    """Return alphas whose odds a / (1 - a) are raised to the power e ** exponent."""
    power = np.exp(exponent)
    clipped = [np.clip(np.float64(alpha), 1e-6, 1 - 1e-6) for alpha in alphas]
    return [alpha**power / (alpha**power + (1 - alpha) ** power) for alpha in clipped]
