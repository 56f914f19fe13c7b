"""The network's second output, fitted to its last hidden values with everything else fixed, so that alpha stays."""

from collections.abc import Sequence

import numpy as np
import torch

from experiments.fusion.kept_scenes import Rows
from hybridmatte.correction.features import FEATURES
from hybridmatte.correction.network import WRONG, Perceptron, _predict
from hybridmatte.networks import SolverFusion

NEWTON_STEPS, RIDGE = 30, 1e-4  # the ridge is per pixel, on standardised inputs


def with_doubts(network: SolverFusion, rows: Sequence[Rows], without: Sequence[int] = ()) -> SolverFusion:
    """Return a network whose second output is the logit of the probability that its alpha is wrong in such rows."""
    features = np.concatenate([part.features for part in rows])
    features[:, list(without)] = 0
    alpha = np.concatenate([part.alpha for part in rows])
    plain = network.without_torch()
    inputs = hidden_values(plain, features)
    corrections = inputs @ plain.weights[-1][:, 0] + plain.biases[-1][0]
    found = (features[:, network.trusted] + corrections).clip(0, 1)
    slopes, shift = fit_logistic(inputs, np.abs(found - alpha) > WRONG)
    widened = SolverFusion(
        features=len(FEATURES),
        trusted=network.trusted,
        widths=[len(biases) for biases in plain.biases[:-1]],
        dropout=network.dropout,
        outputs=2,
    )
    state = network.state_dict()
    last = len(plain.weights) - 1
    state[f"weights.{last}"] = torch.from_numpy(np.column_stack([plain.weights[-1][:, 0], np.float32(slopes)]))
    state[f"biases.{last}"] = torch.from_numpy(np.float32([plain.biases[-1][0], shift]))
    widened.load_state_dict(state)
    return widened.eval()


def hidden_values(network: Perceptron, features: np.ndarray) -> np.ndarray:
    """Return the values (n, widths[-1]) float32 of the last hidden layer for features (n, F)."""
    size = len(network.weights[-1])
    weights, biases = (*network.weights[:-1], np.eye(size, dtype=np.float32)), (*network.biases[:-1], np.zeros(size))
    return _predict(network._replace(weights=weights, biases=biases), features).T


def fit_logistic(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the slopes (K,) and the shift of logistic regression from inputs (n, K), by Newton's method."""
    mean, deviation = inputs.mean(axis=0, dtype=np.float64), inputs.std(axis=0, dtype=np.float64) + 1e-6
    columns = np.column_stack([(inputs - mean) / deviation, np.ones(len(inputs))])
    ridge = RIDGE * len(inputs) * np.diag([*np.ones(len(mean)), 0.0])
    parameters = np.zeros(len(mean) + 1)
    for _ in range(NEWTON_STEPS):
        predicted = sigmoid(columns @ parameters)
        gradient = columns.T @ (predicted - targets) + ridge @ parameters
        curvature = (columns.T * (predicted * (1 - predicted))) @ columns + ridge
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(parameters)), gradient)
        parameters -= step
        if np.abs(step).max() < 1e-6:
            break
    slopes = parameters[:-1] / deviation
    return slopes, float(parameters[-1] - slopes @ mean)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return probabilities from logits."""
    return 0.5 * (1 + np.tanh(0.5 * np.float64(logits)))
