"""The recurrence of a hair on which the affinity loss is zero: alpha equals the mean of its window."""

import numpy as np

from experiments.results import Row, make_row

WINDOW_SIZES = (3, 5, 11)
CURVATURE = 0.01  # of the quadratic whose residual is measured


def recurrence(window_size: int) -> np.ndarray:
    """Return the coefficients of ``sum_j x^j - K x^m = 0``, which ``a_t = mean of a_(t-m) ... a_(t+m)`` leads to."""
    coefficients = np.ones(window_size)
    coefficients[window_size // 2] -= window_size
    return coefficients


def multiplicity_of_one(coefficients: np.ndarray) -> int:
    """Return how often 1 is a root, by exact division by x - 1."""
    count = 0
    while abs(np.polyval(coefficients, 1.0)) < 1e-9:
        coefficients = np.polydiv(coefficients, [1.0, -1.0])[0]
        count += 1
    return count


def residual(sequence: np.ndarray, window_size: int) -> np.ndarray:
    """Return ``mean of the window - value`` at the inner places of a sequence."""
    means = np.convolve(sequence, np.ones(window_size) / window_size, mode="valid")
    half = window_size // 2
    return means - sequence[half:-half]


def recurrence_rows() -> list[Row]:
    """Return, for each window size, how often 1 is a root, and the residuals of a quadratic and of a ramp."""
    t, rows = np.arange(40.0), []
    for window_size in WINDOW_SIZES:
        coefficients = recurrence(window_size)
        quadratic = residual(CURVATURE * t**2, window_size)
        rows.append(
            make_row(
                "recurrence",
                f"K = {window_size}",
                window_size,
                {
                    "roots_at_one": multiplicity_of_one(coefficients),
                    "roots_at_one_differenced": multiplicity_of_one(np.polymul(coefficients, [1.0, -1.0])),
                    "quadratic_least": float(quadratic.min()),
                    "quadratic_most": float(quadratic.max()),
                    "quadratic_expected": CURVATURE * (window_size**2 - 1) / 12,
                    "ramp": float(np.abs(residual(t, window_size)).max()),
                },
            )
        )
    return rows
