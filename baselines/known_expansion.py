"""Known regions grown into the unknown one, pixel by pixel."""

import numpy as np


def expand_known(image, trimap, radius=12.0, color_distance=12 / 255):
    """Return a trimap of 0, 0.5 and 1 in which unknown pixels near known ones of almost the same colour are known.

    The nearest known pixel q of an unknown p with ||I_p - I_q|| <= color_distance (1 - |p - q| / radius) gives its
    label; of several at the same distance the one of the nearest colour; if both labels tie, p stays unknown. Time is
    quadratic in the number of pixels.

    Shared sampling has a constant colour distance of 5 / 256 within 10 pixels.

    References
    ----------
    .. [1] E. Gastal, M. Oliveira. Shared sampling for real-time alpha matting. Eurographics 2010. Section 3.1.
    .. [2] E. Shahrian, D. Rajan, B. Price, S. Cohen. Improving image matting using comprehensive sampling sets.
       CVPR 2013. Section 3.1.
    """
    image = np.asarray(image, dtype=np.float64)
    result = np.where(trimap >= 0.9, 1.0, np.where(trimap <= 0.1, 0.0, 0.5))
    known = np.argwhere(result != 0.5)
    labels = result[tuple(known.T)]
    colors = image[tuple(known.T)]
    for y, x in np.argwhere(result == 0.5) if radius > 0 else []:
        squared = ((known - (y, x)) ** 2).sum(axis=1)
        color = np.sqrt(((colors - image[y, x]) ** 2).sum(axis=1))
        allowed = color <= color_distance * (1.0 - np.sqrt(squared) / radius)
        if allowed.any():
            ring = allowed & (squared == squared[allowed].min())
            nearest = [color[ring & (labels == side)].min(initial=np.inf) for side in (0.0, 1.0)]
            if nearest[0] != nearest[1]:
                result[y, x] = float(np.argmin(nearest))
    return result
