"""The activation of the correction network, against double precision."""

import numpy as np

from hybridmatte.correction._network_numba import add_biases_and_activate


def test_activation_is_that_of_silu(rng):
    """Near zero, where the fit ends (18 after the factor of a half), and far outside, on both sides."""
    values = np.concatenate([rng.normal(0, 3, 5000), np.linspace(-60, 60, 5001), [0, 18, -18, 1e4, -1e4]])
    values, biases = np.float32([values, values[::-1]]), np.float32([0, -1.5])
    exact = np.float64(values) + biases[:, None]
    expected = np.where(exact > -500, exact / (1 + np.exp(-np.maximum(exact, -500))), 0)
    add_biases_and_activate(values, biases)
    assert (np.abs(values - expected) <= 2e-7 * (1 + np.abs(exact))).all()
