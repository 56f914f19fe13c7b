"""Alpha from a pixel's colour, where the ground's colour is known.

A pixel's colour is ``alpha F + (1 - alpha) B`` and noise. B is known with a variance; F has the mean and covariance of
the foreground's colours nearby, as in Bayesian matting [1]_. The likelihood of each alpha is then a Gaussian density in
closed form. Its mode is the alpha that is most likely, and its width tells how well the colour determines alpha: not at
all where both layers have one colour.

References
----------
.. [1] Y.-Y. Chuang, B. Curless, D. H. Salesin, R. Szeliski. A Bayesian approach to digital matting. CVPR 2001.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.linalg.threads import run_pieces
from hybridmatte.video._colours_numba import fit_colours
from hybridmatte.video.flow import Frame, Plane

__all__ = ["NOISE", "alpha_of_colours", "local_sums"]

NOISE = 0.012**2  # variance of a colour, in each channel: of the sensor, and of what interpolation adds
SPREAD = 0.01**2  # added to the variance of the foreground's colours
BLUR, FURTHER = 3.0, 0.1  # pixels of each level of `local_sums`, and the weight of what the next coarser level sees
COARSEST = 8  # pixels: shortest side of the coarsest level
PIXEL_COST = 2500.0  # nanoseconds that the kernel takes for a pixel, roughly
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def alpha_of_colours(
    image: Frame, alpha: Plane, foreground: Frame, ground: Plane, variance: Plane, is_unknown: npt.NDArray[np.bool_]
) -> tuple[Plane, Plane]:
    """Return the likeliest alpha (n,) and its precision (n,), at the unknown pixels of an image.

    alpha and foreground (H, W, 3) are an estimate. ground (n, 3) and its variance (n,) in each channel are of the
    unknown pixels alone.
    """
    weights = np.square(alpha)
    total = np.maximum(local_sums(weights)[is_unknown], np.float32(1e-20))
    means = [local_sums(weights * foreground[..., i])[is_unknown] / total for i in range(3)]
    spreads = []
    for i, j in PAIRS:
        product = (
            local_sums(weights * foreground[..., i] * foreground[..., j])[is_unknown] / total - means[i] * means[j]
        )
        spreads.append(np.maximum(product, 0) + np.float32(SPREAD) if i == j else product)
    means, spreads = np.stack(means, axis=1), np.stack(spreads, axis=1)
    modes, precisions = np.empty((2, len(means)), np.float32)
    inputs = image[is_unknown], means, spreads, ground, variance
    run_pieces(fit_colours, len(means), *inputs, NOISE, modes, precisions, cost=PIXEL_COST)
    return modes, precisions


def local_sums(plane: Plane) -> Plane:
    """Return sums of a plane (H, W) around each pixel; what is near counts most.

    What is far counts where nothing is near: the ratio of the sums of weighted values and of weights is a local mean.
    """
    height, width = plane.shape
    near = cv2.GaussianBlur(plane, (0, 0), BLUR).astype(np.float32, copy=False)
    if min(height, width) < 2 * COARSEST:
        return near
    coarse = cv2.resize(plane, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    far = local_sums(coarse.astype(np.float32, copy=False))
    near += np.float32(FURTHER) * cv2.resize(far, (width, height), interpolation=cv2.INTER_LINEAR)
    return near
