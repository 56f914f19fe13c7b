"""Alpha from an image alone: a segmenter or a network finds the object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image
from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.finding import Segmenter, found_in, give_instead
from hybridmatte.automatic.from_mask import (
    Admit,
    AutomaticResult,
    describe_method,
    refuse_solver_options,
    solve_mask,
    warn_if_doubtful,
)
from hybridmatte.automatic.refinement import enlarged, refine
from hybridmatte.automatic.registry import (
    BUNDLED_SIDES,
    DEFAULT_SEGMENTER,
    AnySegmenter,
    find_mask,
    load_segmenter,
    predict_shrunk,
    refuse_bundled,
)
from hybridmatte.correction.matting import Quality, check_method_or_quality, weights_of
from hybridmatte.correction.weights import RESEARCH, WeightsKind, check_weights
from hybridmatte.errors import warn_caller

if TYPE_CHECKING:
    from hybridmatte.networks import MattingNetwork  # needs torch

__all__ = ["BUNDLED_SIDES", "describe_found", "matte_found", "matte_from_image", "predict_shrunk"]

NETWORK_SIDE = 512  # pixels: default shorter side of the image that a given network sees


def matte_from_image(
    image: npt.ArrayLike,
    network: MattingNetwork | None = None,
    *,
    segmenter: AnySegmenter | None = None,
    box: Sequence[float] | None = None,
    points: Sequence[Sequence[float]] | None = None,
    side: int | None = None,
    method: str | None = None,
    quality: Quality | None = None,
    erode: float | None = None,
    dilate: float | None = None,
    trust_mask: bool = False,
    weights: WeightsKind = RESEARCH,
) -> AutomaticResult:
    """Estimate alpha from an image alone: a segmenter finds the object, and a solver its edges.

    The default segmenter is a small network that comes with the package and finds people and animals; the model card
    beside its weights says how often it is wrong. The segmenter's result serves as a mask for `matte_from_mask`. A
    network from image to alpha takes the place of segmenter and solver.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    network : MattingNetwork, optional
        One without trimap input. If it sees a smaller image, `refine` brings its alpha to the image's size and edges.
    segmenter : str, callable or Segmenter, optional
        A name, see `list_segmenters`; a function of an image that returns a mask; or what `load_segmenter` returns.
        Default: "bundled". Only without a network.
    box, points : optional
        A box around the object, and points on it or beside it; see `find_mask`. Only for segmenters that take them.
    side : int, optional
        Longest allowed length of the shorter side of the image that the network sees, in pixels. Default: the network's
        own or else 512, or 256 and 352, the mean of both masks, for the bundled segmenter. Not with another segmenter.
    method, quality, erode, dilate, trust_mask : optional
        As for `matte_from_mask`. Only without a network.
    weights : {"research", "free"}, default "research"
        As for `matte_from_mask`. The bundled segmenter has research weights only, so that "free" needs another
        segmenter or a network, which are yours and run with either.

    Returns
    -------
    result : AutomaticResult
        Alpha is 0 everywhere if nothing is found. The trimap is None if a network is given.

    Raises
    ------
    ValueError
        If the network takes a trimap, side is not positive, an option has no effect, weights is "free" with the bundled
        segmenter, or something is found in an image of less than 3 x 3 pixels; or as `find_mask`.

    Warns
    -----
    UserWarning
        If nothing is found: the mask, or the network's alpha, is below 0.5 everywhere. If the correction of the mask
        is dropped or a wide region is left unknown, as `matte_from_mask` warns.
    """
    image, weights = check_image(image), check_weights(weights)
    if network is None:
        loaded = _chosen_segmenter(segmenter, side)
        refuse_bundled(loaded, weights)
        check_method_or_quality(method, quality)
        mask = find_mask(image, loaded, box=box, points=points)
        options = {"method": method, "quality": quality, "erode": erode, "dilate": dilate, "trust_mask": trust_mask}
        result = matte_found(image, mask, segmenter=loaded.name, weights=weights, **options)
        warn_if_doubtful(result, found_in(mask))
        return result
    _refuse_prompts(segmenter, box, points)
    refuse_solver_options(method, quality, erode, dilate, trust_mask)
    if side is None:
        side = getattr(network, "side", None) or NETWORK_SIDE
    alpha = predict_shrunk(image, side, partial(_predict_alpha, network))
    if not _find_inside(alpha, image).any():
        refined = np.zeros(image.shape[:2], np.float32)
    else:
        refined = alpha if alpha.shape == image.shape[:2] else refine(image, alpha)
    return AutomaticResult(refined, None, describe_method(None, has_network=True, has_mask=False))


def matte_found(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
    *,
    segmenter: str,
    method: str | None = None,
    quality: Quality | None = None,
    erode: float | None = None,
    dilate: float | None = None,
    trust_mask: bool = False,
    weights: WeightsKind = RESEARCH,
    with_confidence: bool = False,
    admit: Admit | None = None,
) -> AutomaticResult:
    """Estimate alpha in a band along the outline of the mask (H, W) that a segmenter of that name found.

    with_confidence and admit are as for `solve_mask`.
    """
    is_inside = _find_inside(mask, image, segmenter)
    if is_inside.all() or not is_inside.any():
        trimap = is_inside.astype(np.float32)
        method, quality = check_method_or_quality(method, quality)
        description = describe_found(segmenter, method, quality, weights=weights_of(method, quality, weights))
        result = AutomaticResult(trimap.copy(), trimap, description)
        result.confidence = np.ones_like(trimap) if with_confidence else None
        return result
    options = {"method": method, "quality": quality, "erode": erode, "dilate": dilate, "trust_mask": trust_mask}
    options["weights"] = weights
    result = solve_mask(image, mask, with_confidence=with_confidence, admit=admit, **options)
    return result._replace(description=f"{_found_by(segmenter)}, {result.description}")


def describe_found(
    segmenter: str,
    method: str | None,
    quality: str | None,
    *,
    may_be_corrected: bool = False,
    weights: WeightsKind | None = RESEARCH,
) -> str:
    """Describe how alpha is estimated from the mask of a segmenter of that name; the rest is as `describe_method`."""
    solved = describe_method(method, quality, may_be_corrected=may_be_corrected, weights=weights)
    return f"{_found_by(segmenter)}, {solved}"


def _found_by(segmenter: str) -> str:
    return f"mask by segmenter {segmenter}"


def _chosen_segmenter(segmenter: AnySegmenter | None, side: int | None) -> Segmenter:
    """Return the segmenter, or the bundled one for None; refuse a side for another than that."""
    if side is None:
        return load_segmenter(DEFAULT_SEGMENTER if segmenter is None else segmenter)
    if segmenter is not None and load_segmenter(segmenter).name != DEFAULT_SEGMENTER:
        raise ValueError(f"side is {side}, expected none with segmenter {load_segmenter(segmenter).name}")
    return load_segmenter(DEFAULT_SEGMENTER, {"side": side})


def _refuse_prompts(segmenter: object, box: object, points: object) -> None:
    """Refuse what only a segmenter takes, beside a network."""
    for name, value in (("segmenter", segmenter), ("box", box), ("points", points)):
        if value is not None:
            raise ValueError(f"{name} is {value!r}, expected none with a network")


def _find_inside(
    alpha: npt.NDArray[np.float32], image: npt.NDArray[np.float32], segmenter: str | None = None
) -> npt.NDArray[np.bool_]:
    """Return where a mask or alpha, brought to the image's size, is at least 0.5; warn if it is nowhere.

    segmenter is the name of the one that found a mask.
    """
    is_inside = enlarged(alpha, image.shape[:2]) >= INSIDE_MIN
    if not is_inside.any():
        came = "nothing is found in the image: the estimate is below 0.5 everywhere; alpha is set to 0"
        warn_caller(f"{came}; {_help(segmenter)}", UserWarning)
    return is_inside


def _help(segmenter: str | None) -> str:
    """Say what to do where a segmenter of that name, or a network without one, finds nothing."""
    if segmenter == DEFAULT_SEGMENTER:
        return f"the bundled finder knows people and animals: {give_instead('--segmenter for other things')}"
    other = "a segmenter" if segmenter is None else "another segmenter"
    return give_instead(f"{other} with --segmenter")


def _predict_alpha(network: MattingNetwork, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a network's alpha for an image; refuse networks that take a trimap."""
    from hybridmatte.networks import MattingNetwork, predict_alpha  # needs torch

    if not isinstance(network, MattingNetwork):
        hint = f"; for a segmenter, segmenter={network!r}" if isinstance(network, str) else ""
        raise ValueError(f"network is a {type(network).__name__}, expected a MattingNetwork{hint}")
    if network.takes_trimap:
        raise ValueError("network takes a trimap, expected one from the image alone")
    return predict_alpha(network, image, side=0)
