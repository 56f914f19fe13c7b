"""scikit-image's random walker, if it is installed."""

import numpy as np


def random_walk(image, trimap, beta=900.0):
    """Return the probability of foreground of scikit-image's ``random_walker``, hard constraints.

    Made for segmentation: 4-neighbourhood, and weights exp(-beta' |dI|^2) whose beta' is `beta` divided by 10 sqrt(3)
    times the standard deviation of the image, so beta = 900 is not the constant 900 of other random walks. Mode "cg_j":
    conjugate gradients with a diagonal preconditioner, to the function's default tolerance of 1e-3.
    """
    from skimage.segmentation import random_walker

    labels = np.zeros(np.shape(trimap), dtype=np.int64)
    labels[np.asarray(trimap) <= np.float32(0.1)] = 1
    labels[np.asarray(trimap) >= np.float32(0.9)] = 2
    image = np.asarray(image, dtype=np.float64)
    probability = random_walker(image, labels, beta=beta, mode="cg_j", channel_axis=-1, return_full_prob=True)
    return np.clip(probability[1], 0.0, 1.0)
