"""Small fully connected networks without torch: what `matte` asks of each pixel."""

from typing import NamedTuple

import numpy as np

__all__ = ["LIMIT", "RANK_REACH", "Perceptrons", "mean_answer", "prepared", "read_perceptrons"]

LIMIT = 4.0  # standard deviations; features farther out are taken for this far
RANK_REACH = 3**0.5  # ranks are between this and minus this, of deviation 1


class Perceptrons(NamedTuple):
    """Networks of one shape whose answers are averaged.

    Each of F features is looked at twice: less its mean and over its scale, both (F,), and by its rank between knots
    (F, K), increasing, K - 1 a power of 2. weights are as many arrays as there are layers, (M, inputs, outputs) for M
    networks, the first of 2 F inputs and the last of one output, and biases (M, 1, outputs). All are float32.
    """

    mean: np.ndarray
    scale: np.ndarray
    knots: np.ndarray
    weights: tuple
    biases: tuple


def read_perceptrons(content):
    """Return the `Perceptrons` in the bytes of a safetensors file: "mean", "weights.0", "weights.1" and so on."""
    from safetensors.numpy import load

    tensors = load(content)
    layers = range(sum(name.startswith("weights.") for name in tensors))
    kinds = (tuple(tensors[f"{kind}.{k}"] for k in layers) for kind in ("weights", "biases"))
    return Perceptrons(tensors["mean"], tensors["scale"], tensors["knots"], *kinds)


def prepared(networks, rows):
    """Return rows of features (n, F) as networks see them, (n, 2 F) float32."""
    from hybridmatte._perceptrons_numba import prepare

    out = np.empty((len(rows), 2 * rows.shape[1]), np.float32)
    prepare(np.ascontiguousarray(rows, np.float32), networks.mean, networks.scale, np.float32(LIMIT), networks.knots,
            np.float32(RANK_REACH), out)
    return out


def mean_answer(networks, rows):
    """Return the mean (n,) float32 of the networks' answers to rows of features (n, F) float32."""
    x = prepared(networks, rows)
    for k, (weights, biases) in enumerate(zip(networks.weights, networks.biases, strict=True)):
        x = x @ weights + biases
        if k < len(networks.weights) - 1:
            x *= 0.5 + 0.5 * np.tanh(0.5 * x)  # SiLU
    return x[:, :, 0].mean(axis=0)
