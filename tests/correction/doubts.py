"""Weights of `matte` with a second output, made from those that come with the package."""

import numpy as np
from safetensors.numpy import save

from hybridmatte.correction.weights import checksum, load_correction_network


def with_doubts(network):
    """Return a network with a second output, which is 3 times its first output less 1."""
    weights, biases = network.weights[-1][:, :1], network.biases[-1][:1]
    return network._replace(
        weights=(*network.weights[:-1], np.hstack([weights, 3 * weights])),
        biases=(*network.biases[:-1], np.hstack([biases, 3 * biases - 1])),
    )


def without_doubts(network):
    """Return a network with the first output alone."""
    return network._replace(
        weights=(*network.weights[:-1], network.weights[-1][:, :1].copy()),
        biases=(*network.biases[:-1], network.biases[-1][:1].copy()),
    )


def opposite(network):
    """Return a network whose correction of alpha has the other sign, and whose doubts are the same."""
    sign = np.float32([-1, *[1] * (network.outputs - 1)])
    return network._replace(
        weights=(*network.weights[:-1], sign * network.weights[-1]),
        biases=(*network.biases[:-1], sign * network.biases[-1]),
    )


def write_weights(folder, change):
    """Write the weights of `matte`, changed by a function of the network, and their checksum to a folder."""
    network = change(load_correction_network())
    tensors = {"mean": network.mean, "scale": network.scale, "knots": network.knots}
    for k, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors |= {f"weights.{k}": weights, f"biases.{k}": biases}
    content = save(tensors)
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(content)
    (folder / "model.sha256").write_text(checksum(content), encoding="ascii")
