"""Scores of networks for people: alphas at the size that the networks know, and mean squares over images."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from hybridmatte.automatic.from_image import predict_shrunk
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.networks import MattingNetwork, predict_alpha
from hybridmatte.training.label_blending import boundary_of

PEOPLE_SIDE = 192  # pixels: shorter side of the image that small networks for people see


def predict_small(network: MattingNetwork, image: np.ndarray, side: int) -> np.ndarray:
    """Return the alpha of a network that is given the image with its shorter side at most `side` pixels, enlarged."""
    return enlarged(predict_shrunk(image, side, partial(predict_alpha, network)), image.shape[:2])


def mean_square(alphas: Sequence[np.ndarray], targets: Sequence[np.ndarray], *, boundary: bool = False) -> float:
    """Return the mean over images of 1000 times the mean square, over the whole or where the target is mixed."""
    means = []
    for alpha, target in zip(alphas, targets, strict=True):
        counts = boundary_of(torch.from_numpy(target)).numpy() > 0 if boundary else np.ones_like(target, bool)
        means.append(1000 * float(np.square(alpha - target)[counts].mean()))
    return float(np.mean(means))
