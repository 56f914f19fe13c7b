"""Alpha from an image alone: a network finds the object."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_integer
from hybridmatte.automatic.from_mask import (
    INSIDE_MIN,
    AutomaticResult,
    check_method,
    describe_method,
    refuse_solver_options,
)
from hybridmatte.automatic.refinement import enlarged, refine
from hybridmatte.automatic.segmenters import run_segmenter
from hybridmatte.errors import warn_caller
from hybridmatte.methods.registry import solve
from hybridmatte.trimap import depth_inside, trimap_along

if TYPE_CHECKING:
    from hybridmatte.networks import MattingNetwork  # needs torch

__all__ = ["PEOPLE_SIDE", "matte_from_image", "predict_shrunk"]

NETWORK_SIDE = 512  # pixels: default shorter side of the image that a given network sees
PEOPLE_SIDE = 192  # pixels: same for the built-in network, which was trained on photographs of 96 to 384 pixels
PEOPLE_BAND = 0.03  # of the diagonal: default width of the unknown band on each side of the built-in network's outline


def matte_from_image(
    image: npt.ArrayLike,
    network: MattingNetwork | None = None,
    *,
    side: int | None = None,
    method: str | None = None,
    erode: float | None = None,
    dilate: float | None = None,
) -> AutomaticResult:
    """Estimate alpha from an image alone; a network finds the kind of object that it was trained to find.

    Without a network, a small network that comes with the package finds people; its result serves as a mask, and a
    classical solver estimates alpha in a band along the mask's outline. That network is often wrong: see the model card
    beside its weights. Time grows with the number of pixels in the band, see `solve_cf`.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    network : MattingNetwork, optional
        One without trimap input. If it sees a smaller image, `refine` brings its alpha to the image's size and edges.
    side : int, optional
        Longest allowed length of the shorter side of the image that the network sees, in pixels. Default: 512, or 192
        for the built-in network.
    method : str, optional
        One of `hybridmatte.METHODS`, default "cf". Only without a network.
    erode, dilate : float, optional
        Widths of the unknown band inside and outside the outline, in pixels. Default: 3% of the image's diagonal, less
        where an object or the background is narrow. Only without a network.

    Returns
    -------
    result : AutomaticResult
        Alpha is 0 everywhere if nothing is found. The trimap is None if a network is given.

    Raises
    ------
    ValueError
        If the network takes a trimap, side is not positive, an option has no effect, or something is found in an image
        of less than 3 x 3 pixels.

    Warns
    -----
    UserWarning
        If nothing is found: the network's alpha is below 0.5 everywhere.
    """
    image = check_image(image)
    if network is None:
        return _matte_people(image, PEOPLE_SIDE if side is None else side, check_method(method), erode, dilate)
    refuse_solver_options(method, erode, dilate)
    alpha = predict_shrunk(image, NETWORK_SIDE if side is None else side, partial(_predict_alpha, network))
    if not _find_inside(alpha, image).any():
        refined = np.zeros(image.shape[:2], np.float32)
    else:
        refined = alpha if alpha.shape == image.shape[:2] else refine(image, alpha)
    return AutomaticResult(refined, None, describe_method(None, has_network=True, has_mask=False))


def _matte_people(
    image: npt.NDArray[np.float32], side: int, method: str, erode: float | None, dilate: float | None
) -> AutomaticResult:
    """Solve for alpha in a band along the outline of the people that the built-in network finds."""
    is_inside = _find_inside(predict_shrunk(image, side, partial(run_segmenter, "people")), image)
    trimap = trimap_along(is_inside, erode, _outer_width(is_inside, dilate), PEOPLE_BAND)
    return AutomaticResult(solve(image, trimap, method=method), trimap, describe_method(method, has_mask=False))


def _find_inside(alpha: npt.NDArray[np.float32], image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return where a network's alpha, brought to the image's size, is at least 0.5; warn if it is nowhere."""
    is_inside = enlarged(alpha, image.shape[:2]) >= INSIDE_MIN
    if not is_inside.any():
        warn_caller(
            "nothing is found in the image: the network's alpha is below 0.5 everywhere; alpha is set to 0", UserWarning
        )
    return is_inside


def _outer_width(is_inside: npt.NDArray[np.bool_], dilate: float | None) -> float | None:
    """Return the width of the band outside the outline in pixels; the default leaves some background."""
    if dilate is not None or is_inside.all():
        return dilate
    return min(PEOPLE_BAND * float(np.hypot(*is_inside.shape)), float(depth_inside(~is_inside).max()) / 2)


def predict_shrunk(
    image: npt.NDArray[np.float32], side: int, predict: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """Return the alpha (h, w) predicted for an image, shrunk so that its shorter side is at most `side` pixels."""
    factor = check_integer(side, "side", low=1) / min(image.shape[:2])
    if factor >= 1:
        return predict(image)
    size = [max(round(factor * length), 1) for length in image.shape[1::-1]]
    return predict(cv2.resize(image, size, interpolation=cv2.INTER_AREA).clip(0, 1))


def _predict_alpha(network: MattingNetwork, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a network's alpha for an image; refuse networks that take a trimap."""
    from hybridmatte.networks import MattingNetwork, predict_alpha  # needs torch

    if not isinstance(network, MattingNetwork):
        raise ValueError(f"network is a {type(network).__name__}, expected a MattingNetwork")
    if network.takes_trimap:
        raise ValueError("network takes a trimap, expected one from the image alone")
    return predict_alpha(network, image)
