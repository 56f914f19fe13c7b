"""Alphas at a size that networks know, mean squares over images, and a sheet of photographs with their alphas."""

from functools import partial

import numpy as np
import torch

from experiments.trimap_free_small.pictures import sheet
from hybridmatte import composite, estimate_foreground, write_image
from hybridmatte.automatic.mattes import seen_small
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.networks import predict_alpha
from hybridmatte.training.label_blending import boundary_of


def alone(network, image, side):
    """Return the alpha of a network that sees the image with its shorter side at most `side` pixels, enlarged again."""
    return enlarged(seen_small(image, side, partial(predict_alpha, network)), image.shape[:2])


def mean_square(alphas, targets, *, boundary=False):
    """Return the mean over images of 1000 times the mean square, over the whole or where the target is mixed."""
    means = []
    for alpha, target in zip(alphas, targets, strict=True):
        counts = boundary_of(torch.from_numpy(target)).numpy() > 0 if boundary else np.ones_like(target, bool)
        means.append(1000 * float(np.square(alpha - target)[counts].mean()))
    return float(np.mean(means))


def draw(predict, samples, path):
    """Write a sheet: a photograph, the alpha that a function of its image gives, and the object over a colour."""
    rows = []
    for sample in samples:
        alpha = predict(sample.image)
        over = composite(estimate_foreground(sample.image, alpha), alpha, np.float32([0.2, 0.7, 0.3]))
        rows.append([sample.image, np.repeat(alpha[:, :, None], 3, axis=2), over])
    write_image(path, sheet(rows))
