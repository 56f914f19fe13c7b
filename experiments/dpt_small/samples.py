"""The foregrounds of the twelve photographs, and the folds."""

import numpy as np

from hybridmatte import estimate_foreground
from hybridmatte.data import Sample

FOLDS = 3


def with_foregrounds(samples):
    """Return the samples' alphas with the foregrounds estimated from image and true alpha, and no trimap."""
    return [Sample(sample.name, foreground=np.float32(estimate_foreground(sample.image, sample.alpha)),
                   alpha=sample.alpha) for sample in samples]


def folds(samples, foregrounds):
    """Yield, for each fold, the foregrounds to learn from and the photographs to score: none is in both."""
    for fold in range(FOLDS):
        yield [layer for index, layer in enumerate(foregrounds) if index % FOLDS != fold], samples[fold::FOLDS]
