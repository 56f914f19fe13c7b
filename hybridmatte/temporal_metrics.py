"""Errors of a clip's alphas over time against the true alphas: dtSSD and MESSDdt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, zip_longest
from os import PathLike
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_plane, check_same_shape
from hybridmatte.metrics import Region
from hybridmatte.trimap import split_trimap

__all__ = ["dtssd", "messddt"]

Flow = npt.NDArray[np.float32]
MISSING = object()  # what zip_longest gives for a clip that has ended


class Frame(NamedTuple):
    """One frame of a clip: error is alpha - target, all (H, W)."""

    error: npt.NDArray[np.float64]
    target: npt.NDArray[np.float32]
    is_region: npt.NDArray[np.bool_]


def dtssd(
    alphas: Iterable[npt.ArrayLike],
    targets: Iterable[npt.ArrayLike],
    trimaps: Iterable[npt.ArrayLike] | None = None,
    *,
    region: Region = "unknown",
) -> float:
    """Return the error of a clip's change over time (dtSSD): whether alpha flickers where the true alpha does not.

    An error that stays the same in every frame adds nothing; use `sad` or `mse` beside this metric. The frames are
    read one after the other, and two of them are in memory at a time.

    Parameters
    ----------
    alphas, targets : iterable of (H, W) array
        The alphas to score and the true alphas in the order of time, in [0, 1]; uint8 and uint16 are scaled.
    trimaps : iterable of (H, W) array, optional
        One for each frame. Required for region="unknown".
    region : {"unknown", "whole"}, default "unknown"
        Mean over the pixels that are unknown in the earlier frame of a pair, or over the whole image.

    Returns
    -------
    error : float
        In [0, 2]; tables print dtSSD x 100.

    Raises
    ------
    ValueError
        If the clips differ in length, there are fewer than two frames, shapes differ, a value is not finite or outside
        [0, 1], or region is "unknown" and trimaps is missing or no pair has an unknown pixel.
    TypeError
        If a clip is not an iterable of arrays.

    Notes
    -----
    With the alpha ``a``, the true alpha ``g`` and the region ``R_t`` of frame t, the error is the mean over the pairs
    of successive frames of::

        sqrt( mean_{p in R_t} ( (a_{p,t+1} - a_{p,t}) - (g_{p,t+1} - g_{p,t}) )^2 )

    A pair whose region is empty is left out. [1]_ sums over pixels, so that the error grows with the image; the mean
    is the form of the evaluation code of S. Lin et al. (Robust high-resolution video matting, WACV 2022), which takes
    the whole image. The code of Y. Sun et al. (Deep video matting, CVPR 2021) takes the root of the sum over the
    unknown pixels of the earlier frame and divides by their number.

    References
    ----------
    .. [1] M. Erofeev, Y. Gitman, D. Vatolin, A. Fedorov, J. Wang. Perceptually motivated benchmark for video matting.
       BMVC 2015.

    Examples
    --------
    >>> import numpy as np
    >>> targets = np.zeros((3, 4, 5))
    >>> flickering = targets + np.array([0.0, 0.1, 0.0])[:, None, None]
    >>> round(dtssd(flickering, targets, region="whole"), 3), dtssd(targets + 0.1, targets, region="whole")
    (0.1, 0.0)
    """
    errors = []
    for frame, following in pairwise(_frames(alphas, targets, trimaps, region)):
        if frame.is_region.any():
            change = following.error - frame.error
            errors.append(float(np.sqrt(np.square(change).mean(where=frame.is_region))))
    return _mean_over_pairs(errors)


def messddt(
    alphas: Iterable[npt.ArrayLike],
    targets: Iterable[npt.ArrayLike],
    trimaps: Iterable[npt.ArrayLike] | None = None,
    *,
    flows: Iterable[npt.ArrayLike] | None = None,
    region: Region = "unknown",
) -> float:
    """Return the change of a clip's squared error along the motion (MESSDdt): whether errors move with the object.

    An error that moves with the object adds nothing, as it is less visible than one that appears and disappears. The
    frames are read one after the other, and two of them are in memory at a time.

    Parameters
    ----------
    alphas, targets, trimaps
        As for `dtssd`.
    flows : iterable of (H, W, 2) array, optional
        The motion from each frame to the following one, one fewer than frames: x and y in pixels. By default the
        optical flow of the true alphas.
    region : {"unknown", "whole"}, default "unknown"
        Mean over the pixels that are unknown in the earlier frame of a pair, or over the whole image.

    Returns
    -------
    error : float
        In [0, 1]; tables print MESSDdt x 1000.

    Raises
    ------
    ValueError
        As for `dtssd`; also if flows has another number or shape, or a value that is not finite.
    TypeError
        If a clip or flows is not an iterable of arrays.

    Notes
    -----
    With the alpha ``a``, the true alpha ``g``, the motion ``v`` in whole pixels and the region ``R_t`` of frame t, the
    error is the mean over the pairs of successive frames of::

        mean_{p in R_t} | (a_{p,t} - g_{p,t})^2 - (a_{p+v,t+1} - g_{p+v,t+1})^2 |

    A pixel whose motion leaves the image is left out, and so is a pair without a pixel. [1]_ sums over pixels, so that
    the error grows with the image. The code of Y. Sun et al. (Deep video matting, CVPR 2021) sums over the image, takes
    each squared error as 0 where its own frame is known, and divides by the number of unknown pixels of the earlier
    frame. The default motion is computed as in that code: G. Farneback's method on the true alphas, rounded to whole
    pixels.

    References
    ----------
    .. [1] M. Erofeev, Y. Gitman, D. Vatolin, A. Fedorov, J. Wang. Perceptually motivated benchmark for video matting.
       BMVC 2015.

    Examples
    --------
    >>> import numpy as np
    >>> targets = np.zeros((2, 1, 4))
    >>> alphas = np.array([[[0.5, 0, 0, 0]], [[0, 0.5, 0, 0]]])
    >>> right = np.tile([1.0, 0.0], (1, 4, 1))
    >>> messddt(alphas, targets, flows=[right], region="whole")
    0.0
    >>> messddt(alphas, targets, flows=[0 * right], region="whole")
    0.125
    """
    given = None if flows is None else _iterator(flows, "flows")
    errors, has_region = [], False
    for index, (frame, following) in enumerate(pairwise(_frames(alphas, targets, trimaps, region))):
        flow = _flow_of(frame.target, following.target) if given is None else _next_flow(given, index, frame.target)
        changes = _changes_along(flow, frame, following)
        has_region |= bool(frame.is_region.any())
        if changes.size:
            errors.append(float(changes.mean()))
    if given is not None and next(given, MISSING) is not MISSING:
        raise ValueError("flows has more fields than pairs of successive frames, expected as many")
    if has_region and not errors:
        raise ValueError("flows move every pixel of the region out of the image, expected one that stays in it")
    return _mean_over_pairs(errors)


def _frames(
    alphas: Iterable[npt.ArrayLike],
    targets: Iterable[npt.ArrayLike],
    trimaps: Iterable[npt.ArrayLike] | None,
    region: Region,
) -> Iterator[Frame]:
    """Yield the checked frames of a clip; refuse clips of different lengths, and fewer than two frames."""
    check_choice(region, "region", ("unknown", "whole"))
    if region == "unknown" and trimaps is None:
        raise ValueError("trimaps is None, expected trimaps for region='unknown' (or region='whole')")
    clips = {"alphas": alphas, "targets": targets} | ({} if trimaps is None else {"trimaps": trimaps})
    iterators = [_iterator(clip, name) for name, clip in clips.items()]
    count, shape, first = 0, None, "alphas[0]"
    for count, planes in enumerate(zip_longest(*iterators, fillvalue=MISSING), start=1):  # noqa: B007
        ended = [name for name, plane in zip(clips, planes, strict=True) if plane is MISSING]
        if ended:
            other = next(name for name in clips if name not in ended)
            raise ValueError(f"{ended[0]} has {count - 1} frames but {other} has more, expected as many")
        checked = []
        for name, plane in zip(clips, planes, strict=True):
            checked.append(check_plane(plane, f"{name}[{count - 1}]", shape, first))
            shape = checked[0].shape
        is_region = np.ones(shape, dtype=bool)
        if region == "unknown":
            is_region = split_trimap(checked[2]).is_unknown
        yield Frame(np.float64(checked[0]) - checked[1], checked[1], is_region)
    if count < 2:
        raise ValueError(f"alphas has {count} frames, expected at least 2")


def _iterator(clip: object, name: str) -> Iterator[npt.ArrayLike]:
    """Return an iterator over a clip, or refuse what is none."""
    if isinstance(clip, str | bytes | PathLike) or not isinstance(clip, Iterable):
        raise TypeError(f"{name} is {clip!r}, expected an iterable of arrays")
    return iter(clip)


def _next_flow(flows: Iterator[npt.ArrayLike], index: int, target: npt.NDArray[np.float32]) -> Flow:
    """Return the next given field of motion, checked."""
    value = next(flows, MISSING)
    if value is MISSING:
        raise ValueError(f"flows has {index} fields, expected one for each pair of successive frames")
    flow, name = np.asarray(value), f"flows[{index}]"
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"{name} has shape {flow.shape}, expected (H, W, 2)")
    check_same_shape(flow.shape, name, target.shape, "alphas[0]")
    if flow.dtype.kind not in "fiu":
        raise TypeError(f"{name} has dtype {flow.dtype}, expected real numbers")
    if not np.isfinite(flow).all():
        raise ValueError(f"{name} has NaN or infinite values, expected finite values")
    return np.float32(flow)


def _flow_of(target: npt.NDArray[np.float32], following: npt.NDArray[np.float32]) -> Flow:
    """Return the optical flow (H, W, 2) between two true alphas, with the settings of Deep video matting's code."""
    levels = [np.uint8(np.rint(255 * plane)) for plane in (target, following)]
    settings = {"pyr_scale": 0.5, "levels": 5, "winsize": 10, "iterations": 2, "poly_n": 7, "poly_sigma": 1.5}
    return cv2.calcOpticalFlowFarneback(*levels, None, **settings, flags=cv2.OPTFLOW_FARNEBACK_GAUSSIAN)


def _changes_along(flow: Flow, frame: Frame, following: Frame) -> npt.NDArray[np.float64]:
    """Return the absolute change of the squared error of each pixel of the region whose motion stays in the image."""
    height, width = frame.error.shape
    y, x = np.nonzero(frame.is_region)
    to_x, to_y = x + np.rint(flow[y, x, 0]), y + np.rint(flow[y, x, 1])
    is_inside = (to_x >= 0) & (to_x < width) & (to_y >= 0) & (to_y < height)
    before = frame.error[y[is_inside], x[is_inside]]
    after = following.error[to_y[is_inside].astype(np.intp), to_x[is_inside].astype(np.intp)]
    return np.abs(np.square(before) - np.square(after))


def _mean_over_pairs(errors: list[float]) -> float:
    """Return the mean over pairs of frames, of which there must be one."""
    if not errors:
        raise ValueError("trimaps has no unknown pixel in any pair of frames, expected at least one")
    return float(np.mean(errors))
