"""The small fully connected network that corrects alpha, evaluated by NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from hybridmatte.correction import _network_numba as kernels

__all__ = [
    "RANK_LIMIT",
    "SCORE_LIMIT",
    "WRONG",
    "Perceptron",
    "no_doubts",
    "normalize_features",
    "predict_correction",
    "predict_correction_and_doubt",
    "read_perceptron",
]

SCORE_LIMIT = 4.0  # standard deviations: standard scores are clipped to this
RANK_LIMIT = 3**0.5  # ranks are uniform between minus this and this, so that their standard deviation is 1
WRONG = 0.1  # error of alpha above which a pixel counts as wrong
BLOCK = 1000  # pixels evaluated at once: hidden values stay in the cache, and rows do not share addresses in a page


class Perceptron(NamedTuple):
    """Normalisation and layers of a fully connected network with SiLU between layers.

    The network sees each of F features twice: as standard score, and as rank between the feature's knots. Its first
    output is added to the solver's alpha. The second, if it has one, is the logit of the probability that the alpha so
    corrected differs from the true alpha by more than `WRONG`.

    Attributes
    ----------
    mean, scale : (F,) float32 arrays
        The standard score is (feature - mean) / scale.
    knots : (F, K) float32 array
        Increasing quantiles of each feature; the rank is linear between them.
    weights, biases : tuples of float32 arrays
        For each layer (inputs, outputs) and (outputs,). The first layer has 2 F inputs, the last one or two outputs.
    """

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    knots: npt.NDArray[np.float32]
    weights: tuple[npt.NDArray[np.float32], ...]
    biases: tuple[npt.NDArray[np.float32], ...]

    @property
    def outputs(self) -> int:
        """Number of outputs, 1 or 2."""
        return len(self.biases[-1])


def read_perceptron(content: bytes) -> Perceptron:
    """Return the network in a safetensors file, whose tensors are "mean", "scale", "knots", "weights.0", ..."""
    tensors = load(content)
    layers = range(sum(name.startswith("weights.") for name in tensors))
    weights, biases = (tuple(tensors[f"{kind}.{k}"] for k in layers) for kind in ("weights", "biases"))
    return Perceptron(tensors["mean"], tensors["scale"], tensors["knots"], weights, biases)


def normalize_features(network: Perceptron, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return standard scores and ranks (n, 2 F) of features (n, F), Fortran-contiguous."""
    out = np.empty((2 * features.shape[1], len(features)), np.float32)
    kernels.normalize(
        np.ascontiguousarray(features.T, np.float32),
        network.mean,
        network.scale,
        np.float32(SCORE_LIMIT),
        network.knots,
        np.float32(RANK_LIMIT),
        out,
    )
    return out.T


def predict_correction(network: Perceptron, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the network's first output (n,) for features (n, F): what to add to the solver's alpha."""
    return _predict(network, features)[0]


def predict_correction_and_doubt(
    network: Perceptron, features: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return both outputs (n,) for features (n, F); the first is that of `predict_correction`, to the bit.

    Raises
    ------
    ValueError
        If the network has one output.
    """
    if network.outputs == 1:
        raise ValueError(no_doubts(network.outputs))
    correction, doubt = _predict(network, features)
    return correction, doubt


def no_doubts(outputs: int) -> str:
    """Return the error for a network without the second output."""
    return f"the network's outputs is {outputs}, expected 2: the second says how likely alpha is wrong"


def _predict(network: Perceptron, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return all outputs (outputs, n) of the network for features (n, F)."""
    out = np.empty((network.outputs, len(features)), np.float32)
    for start in range(0, len(features), BLOCK):
        block = slice(start, start + BLOCK)
        out[:, block] = _evaluate_layers(network, normalize_features(network, features[block]))
    return out


def _evaluate_layers(network: Perceptron, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the outputs (outputs, n) for normalised features (n, 2 F)."""
    x = inputs.T  # one row for each hidden value, as for each feature
    for k, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        x = weights.T @ x
        if k < len(network.weights) - 1:
            kernels.add_biases_and_activate(x, biases)
        else:
            x += biases[:, None]
    return x
