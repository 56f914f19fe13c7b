"""A small fully connected network without torch: what `matte` asks of each pixel."""

from typing import NamedTuple

import numpy as np

__all__ = ["LIMIT", "RANK_REACH", "Perceptron", "answer", "prepared", "read_perceptron"]

LIMIT = 4.0  # standard deviations; features farther out are taken for this far
RANK_REACH = 3**0.5  # ranks are between this and minus this, of deviation 1
BLOCK = 1000  # pixels at once: what is between layers stays in a cache, its rows not at the same place in a page


class Perceptron(NamedTuple):
    """A network's normalization and layers.

    Each of F features is looked at twice: less its mean and over its scale, both (F,), and by its rank between knots
    (F, K), increasing. weights and biases are as many arrays as there are layers, (inputs, outputs) and (outputs,),
    the first of 2 F inputs and the last of one output. All are float32.
    """

    mean: np.ndarray
    scale: np.ndarray
    knots: np.ndarray
    weights: tuple
    biases: tuple


def read_perceptron(content):
    """Return the `Perceptron` in the bytes of a safetensors file: "mean", "weights.0", "weights.1" and so on."""
    from safetensors.numpy import load

    tensors = load(content)
    layers = range(sum(name.startswith("weights.") for name in tensors))
    kinds = (tuple(tensors[f"{kind}.{k}"] for k in layers) for kind in ("weights", "biases"))
    return Perceptron(tensors["mean"], tensors["scale"], tensors["knots"], *kinds)


def prepared(network, rows):
    """Return rows of features (n, F) as a network sees them, (n, 2 F) float32; a feature's values lie together."""
    from hybridmatte.correction._network_numba import prepare

    out = np.empty((2 * rows.shape[1], len(rows)), np.float32)
    prepare(np.ascontiguousarray(rows.T, np.float32), network.mean, network.scale, np.float32(LIMIT), network.knots,
            np.float32(RANK_REACH), out)
    return out.T


def answer(network, rows):
    """Return a network's answers (n,) float32 to rows of features (n, F) float32."""
    out = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        out[block] = _last_layer(network, prepared(network, rows[block]))
    return out


def _last_layer(network, seen):
    """Return the answers (n,) to prepared rows (n, 2 F)."""
    x = seen.T  # pixels last: a value's pixels lie together, as the features' do
    for k, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        x = weights.T @ x
        x += biases[:, None]
        if k < len(network.weights) - 1:
            x *= np.float32(0.5)  # SiLU, x / (1 + exp(-x)), in place
            gate = np.tanh(x)
            gate += 1
            x *= gate
    return x[0]
