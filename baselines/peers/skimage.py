"""scikit-image's random walker; importing this module needs scikit-image."""

import numpy as np
import numpy.typing as npt
from skimage.segmentation import random_walker


def random_walk(image: npt.ArrayLike, trimap: npt.ArrayLike, beta: float = 900.0) -> npt.NDArray[np.float64]:
    """Return the probability of foreground by scikit-image's ``random_walker``, with hard constraints.

    The function is made for segmentation. It uses the 4-neighbourhood and weights exp(-beta' |dI|^2), where beta' is
    `beta` divided by 10 sqrt(3) times the standard deviation of the image; beta = 900 is therefore not the constant
    900 of other random walks. Mode "cg_j" is conjugate gradients with a diagonal preconditioner, to the function's
    default tolerance of 1e-3.
    """
    labels = np.zeros(np.shape(trimap), dtype=np.int64)
    labels[np.asarray(trimap) <= np.float32(0.1)] = 1
    labels[np.asarray(trimap) >= np.float32(0.9)] = 2
    image = np.asarray(image, dtype=np.float64)
    probability = random_walker(image, labels, beta=beta, mode="cg_j", channel_axis=-1, return_full_prob=True)
    return np.clip(probability[1], 0.0, 1.0)
