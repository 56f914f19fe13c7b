"""Scores of networks for people: alphas at the size that the networks know, and mean squares over images."""

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
import torch

from hybridmatte.automatic.from_image import predict_shrunk
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.data import Sample
from hybridmatte.networks import MattingNetwork, predict_alpha
from hybridmatte.networks.labels import predict_boundary
from hybridmatte.training.label_blending import boundary_of

PEOPLE_SIDE = 160  # pixels: shorter side of the image that small networks for people see; 1.25 times their crops


def predict_small(network: MattingNetwork, image: np.ndarray, side: int) -> np.ndarray:
    """Return the alpha of a network that is given the image with its shorter side at most `side` pixels, enlarged."""
    return enlarged(predict_shrunk(image, side, partial(predict_alpha, network)), image.shape[:2])


def mean_square(alphas: Sequence[np.ndarray], targets: Sequence[np.ndarray], *, boundary: bool = False) -> float:
    """Return the mean over images of 1000 times the mean square, over the whole or where the target is mixed."""
    means = []
    for alpha, target in zip(alphas, targets, strict=True):
        counts = is_boundary(target) if boundary else np.ones_like(target, bool)
        means.append(1000 * float(np.square(alpha - target)[counts].mean()))
    return float(np.mean(means))


def boundary_correlation(alphas: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> float:
    """Return the mean over images of the correlation where the target is mixed; 0 for an alpha that is constant there.

    An alpha that is grey everywhere has a small mean square there; its correlation is 0.
    """
    found = []
    for alpha, target in zip(alphas, targets, strict=True):
        counts = is_boundary(target)
        values, true = alpha[counts].astype(np.float64), target[counts].astype(np.float64)
        found.append(float(np.corrcoef(values, true)[0, 1]) if values.std() > 0 and true.std() > 0 else 0.0)
    return float(np.mean(found))


def is_boundary(target: np.ndarray) -> np.ndarray:
    """Return where an alpha is mixed."""
    return boundary_of(torch.from_numpy(target)).numpy() > 0


def boundary_overlap(network: MattingNetwork, samples: Sequence[Sample], side: int) -> tuple[float, float]:
    """Return what a network's boundary head finds, with the shorter side of each image at most `side` pixels.

    First its mean intersection over union with the pixels whose true alpha is above 0.05 and below 0.95, NaN where the
    samples have no alphas; then the mean share of the pixels that it finds.
    """
    overlaps, shares = [], []
    for sample in samples:
        height, width = sample.image.shape[:2]
        scale = min(1.0, side / min(height, width))
        size = round(width * scale), round(height * scale)
        is_found = predict_boundary(network, shrunk(sample.image, size)) >= 0.5
        shares.append(is_found.mean())
        if sample.alpha is not None:
            is_true = is_boundary(shrunk(sample.alpha, size))
            overlaps.append(np.count_nonzero(is_found & is_true) / max(np.count_nonzero(is_found | is_true), 1))
    return float(np.mean(overlaps)) if overlaps else np.nan, float(np.mean(shares))


def shrunk(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image or a plane at a size (width, height) that is not larger."""
    return cv2.resize(np.float32(plane), size, interpolation=cv2.INTER_AREA).clip(0, 1)
