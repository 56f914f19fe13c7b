"""Alpha with the probability that it is right, in each pixel."""

from __future__ import annotations

import numpy.typing as npt

from hybridmatte.correction.matting import matte_in_passes
from hybridmatte.correction.passes import MatteWithConfidence
from hybridmatte.correction.weights import RESEARCH, WeightsKind

__all__ = ["matte_with_confidence"]


def matte_with_confidence(
    image: npt.ArrayLike, trimap: npt.ArrayLike, *, weights: WeightsKind = RESEARCH
) -> MatteWithConfidence:
    """Estimate alpha as `matte` does, and in each pixel how likely alpha is right.

    The network of `matte` has a second output: the probability that alpha is off by more than 0.1. Time and memory are
    those of `matte`. Use the confidence to send pictures to a person, or to show where to look: of the unknown pixels
    with a confidence of 0.9, about one in ten is off by more than 0.1.

    That holds in the mean over photographs and trimaps such as those that the output is calibrated on; the model card
    of the weights names them and has the reliability curve. On other kinds of pictures, such as drawings, confidence
    only ranks pixels. It is about single pixels: errors of neighbouring pixels come together.

    Known pixels are taken at their word. Where the trimap itself is wrong, confidence is 1: it says nothing of such
    errors, nor of what they do to the unknown pixels nearby.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1]. Never modified.
    weights : {"research", "free"}, default "research"
        Weights of the network, as for `matte`: "research" for research use, "free" for any use.

    Returns
    -------
    result : MatteWithConfidence
        alpha, (H, W) float32, is that of `matte` with ``quality="best"`` and the same weights, to the bit. confidence,
        (H, W) float32 in [0, 1], is exactly 1 on known pixels. It is 0.998 on unknown pixels that have almost the
        colour of a known pixel nearby and take its alpha, so that the network does not see them. In a large soft
        image, see `matte`, no unknown pixel has more.

    Raises
    ------
    ValueError
        If an input is not as described, weights is another word, or the weight file is damaged or has no second output.

    Warns
    -----
    UserWarning
        If the trimap has no unknown pixel.
    ConvergenceWarning
        If a solver stops early.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> trimap = np.full((32, 64), 0.5)
    >>> trimap[:, :4], trimap[:, -4:] = 0, 1
    >>> alpha, confidence = matte_with_confidence(image, trimap)
    >>> confidence[0, 0], bool(confidence[0, 20] > 0.5)
    (np.float32(1.0), True)
    """
    return matte_in_passes(image, trimap, weights)
