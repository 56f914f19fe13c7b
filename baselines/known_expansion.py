"""Expansion of the known regions of a trimap into the unknown region, pixel by pixel."""

import numpy as np
import numpy.typing as npt


def expand_known(
    image: npt.ArrayLike, trimap: npt.ArrayLike, radius: float = 12.0, color_distance: float = 12 / 255
) -> npt.NDArray[np.float64]:
    """Return a trimap of 0, 0.5 and 1 in which unknown pixels close to known pixels of a similar colour are known.

    An unknown pixel p takes the label of the nearest known pixel q with
    ||I_p - I_q|| <= color_distance (1 - |p - q| / radius). Among several at the same distance, the one with the most
    similar colour counts; if both labels tie there, the next distance decides. Time is quadratic in the number of
    pixels.

    Shared sampling [1]_ uses a constant colour distance of 5 / 256 within 10 pixels.

    References
    ----------
    .. [1] E. Gastal, M. Oliveira. Shared sampling for real-time alpha matting. Eurographics 2010. Section 3.1.
    .. [2] E. Shahrian, D. Rajan, B. Price, S. Cohen. Improving image matting using comprehensive sampling sets.
       CVPR 2013. Section 3.1.
    """
    image, trimap = np.asarray(image, dtype=np.float64), np.asarray(trimap)
    result = np.where(trimap >= 0.9, 1.0, np.where(trimap <= 0.1, 0.0, 0.5))
    known = np.argwhere(result != 0.5)
    labels = result[tuple(known.T)]
    colors = image[tuple(known.T)]
    for y, x in np.argwhere(result == 0.5) if radius > 0 else []:
        squared = ((known - (y, x)) ** 2).sum(axis=1)
        color = np.sqrt(((colors - image[y, x]) ** 2).sum(axis=1))
        allowed = color <= color_distance * (1.0 - np.sqrt(squared) / radius)
        for distance in np.unique(squared[allowed]):
            ring = allowed & (squared == distance)
            nearest = [color[ring & (labels == side)].min(initial=np.inf) for side in (0.0, 1.0)]
            if nearest[0] != nearest[1]:
                result[y, x] = float(np.argmin(nearest))
                break
    return result
