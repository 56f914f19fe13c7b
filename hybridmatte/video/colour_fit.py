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

__all__ = ["NOISE", "alpha_of_colours", "local_means"]

NOISE = 0.012**2  # variance of a colour, in each channel: of the sensor, and of what interpolation adds
SPREAD = 0.01**2  # added to the variance of the foreground's colours
BLUR, FURTHER = 3.0, 0.1  # pixels of each level of `local_means`, and the weight of what the next coarser level sees
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
    products = [foreground[..., i] * foreground[..., j] for i, j in PAIRS]
    moments = local_means(np.dstack([foreground, *products]), np.square(alpha))[0][is_unknown]
    means, spreads = np.ascontiguousarray(moments[:, :3]), moments[:, 3:].copy()
    for k, (i, j) in enumerate(PAIRS):
        spreads[:, k] -= means[:, i] * means[:, j]
        if i == j:
            spreads[:, k] = np.maximum(spreads[:, k], 0) + np.float32(SPREAD)
    modes, precisions = np.empty((2, len(means)), np.float32)
    inputs = image[is_unknown], means, spreads, ground, variance
    run_pieces(fit_colours, len(means), *inputs, NOISE, modes, precisions, cost=PIXEL_COST)
    return modes, precisions


def local_means(values: npt.NDArray[np.float32], weights: Plane) -> tuple[npt.NDArray[np.float32], Plane]:
    """Return weighted means of values (H, W, C) around each pixel, and the sums of their weights (H, W).

    Values nearby count most; farther ones count where there are none nearby.
    """
    sums = _local_sums(np.dstack([values * weights[..., None], weights]))
    total = np.maximum(sums[..., -1], np.float32(1e-20))
    return sums[..., :-1] / total[..., None], total


def _local_sums(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return sums over all distances, (H, W, C)."""
    height, width = planes.shape[:2]
    near = np.dstack([cv2.GaussianBlur(planes[..., k], (0, 0), BLUR) for k in range(planes.shape[2])])
    if min(height, width) < 2 * COARSEST:
        return near
    size, smaller = (width, height), ((width + 1) // 2, (height + 1) // 2)
    coarse = _local_sums(_resized(planes, smaller, cv2.INTER_AREA))
    return near + np.float32(FURTHER) * _resized(coarse, size, cv2.INTER_LINEAR)


def _resized(planes: npt.NDArray[np.float32], size: tuple[int, int], how: int) -> npt.NDArray[np.float32]:
    """Return planes (H, W, C) at another width and height."""
    return np.dstack(
        [cv2.resize(np.ascontiguousarray(planes[..., k]), size, interpolation=how) for k in range(planes.shape[2])]
    )
