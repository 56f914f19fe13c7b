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
from hybridmatte.video import _colours_numba as kernels
from hybridmatte.video.flow import Frame, Plane

__all__ = ["NOISE", "alpha_of_colours", "local_sums"]

NOISE = 0.012**2  # variance of a colour, in each channel: of the sensor, and of what interpolation adds
SPREAD = 0.01**2  # added to the variance of the foreground's colours
BLUR, FURTHER = 3.0, 0.1  # pixels of each level of `local_sums`, and the weight of what the next coarser level sees
HALF_BLUR = 1.45  # pixels of half the size: with the blocks of `moment_rows`, a blur of 3 pixels of the frame
COARSEST = 8  # pixels: shortest side of the coarsest level
FIT_COST, MEAN_COST, MOMENT_COST = 400.0, 60.0, 10.0  # nanoseconds that the kernels take for a pixel, roughly


def alpha_of_colours(
    image: Frame,
    alpha: Plane,
    foreground: npt.NDArray[np.uint16],
    ground: Plane,
    variance: Plane,
    is_unknown: npt.NDArray[np.bool_],
) -> tuple[Plane, Plane]:
    """Return the likeliest alpha (n,) and its precision (n,), at the unknown pixels of an image.

    alpha and foreground (H, W, 3) are an estimate. ground (n, 3) and its variance (n,) in each channel are of the
    unknown pixels alone.
    """
    height, width = alpha.shape
    moments = np.empty((10, (height + 1) // 2, (width + 1) // 2), np.float32)
    run_pieces(kernels.moment_rows, moments.shape[1], alpha, foreground, moments, cost=2 * MOMENT_COST * width)
    for moment in moments:
        moment[:] = local_sums(moment, HALF_BLUR)
    y, x = np.nonzero(is_unknown)
    places = np.stack([x, y], axis=1).astype(np.int32)
    colours = np.empty((len(places), 9))
    run_pieces(kernels.colour_pieces, len(places), places, moments, SPREAD, colours, cost=MEAN_COST)
    modes, precisions = np.empty((2, len(places)), np.float32)
    inputs = image[is_unknown], colours, ground, variance
    run_pieces(kernels.fit_colours, len(places), *inputs, NOISE, modes, precisions, cost=FIT_COST)
    return modes, precisions


def local_sums(plane: Plane, blur: float = BLUR) -> Plane:
    """Return sums of a plane (H, W) around each pixel, in windows of a standard deviation; what is near counts most.

    What is far counts where nothing is near: the ratio of the sums of weighted values and of weights is a local mean.
    """
    height, width = plane.shape
    near = cv2.GaussianBlur(plane, (0, 0), blur).astype(np.float32, copy=False)
    if min(height, width) < 2 * COARSEST:
        return near
    coarse = cv2.resize(plane, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    far = local_sums(coarse.astype(np.float32, copy=False))
    near += np.float32(FURTHER) * cv2.resize(far, (width, height), interpolation=cv2.INTER_LINEAR)
    return near
