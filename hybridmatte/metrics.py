"""Errors of an alpha against the true alpha: SAD, MSE, MAD, gradient and connectivity; scores of a trimap."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d, label

from hybridmatte._validation import check_choice, check_plane
from hybridmatte.trimap import split_trimap

__all__ = ["connectivity_error", "gradient_error", "mad", "mse", "sad", "trimap_scores"]

SIGMA = 1.4  # standard deviation in pixels of the Gaussian in gradient_error
STEP_COUNT = 10  # number of levels in connectivity_error, which are 0.1 apart
THETA = 0.15  # connectivity_error ignores a smaller difference between alpha and its connected level

Region = Literal["unknown", "whole", "boundary"]
BOUNDARY = 0.05, 0.95  # true alphas between these are the boundary
Array = npt.NDArray[np.float32]


def sad(
    alpha: npt.ArrayLike, target: npt.ArrayLike, trimap: npt.ArrayLike | None = None, *, region: Region = "unknown"
) -> float:
    """Return the sum of absolute differences (SAD) between an alpha and the true alpha.

    The sum grows with the wrong area, and hence with the image; tables print SAD / 1000.

    Parameters
    ----------
    alpha, target : (H, W) array
        The alpha to score and the true alpha, in [0, 1]; uint8 and uint16 are scaled.
    trimap : (H, W) array, optional
        Required for region="unknown".
    region : {"unknown", "whole", "boundary"}, default "unknown"
        Sum over the unknown pixels of the trimap, over the whole image, or over the pixels whose true alpha is above
        0.05 and below 0.95.

    Returns
    -------
    error : float
        In pixels, between 0 and the number of pixels in the region.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite or outside [0, 1], region is "unknown" and the trimap is missing or
        has no unknown pixel, or region is "boundary" and there is none.

    References
    ----------
    .. [1] C. Rhemann et al. A perceptually motivated online benchmark for image matting. CVPR 2009. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> sad(np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 0.25, 1.0]]), np.array([[0.0, 0.5, 1.0]]))
    0.25
    """
    alpha, target, is_region = _check_inputs(alpha, target, trimap, region)
    return float(np.abs(alpha - target).sum(where=is_region, dtype=np.float64))


def mad(
    alpha: npt.ArrayLike, target: npt.ArrayLike, trimap: npt.ArrayLike | None = None, *, region: Region = "unknown"
) -> float:
    """Return the mean absolute difference (MAD) over the region: `sad` divided by the region's number of pixels.

    Parameters
    ----------
    alpha, target, trimap, region
        As for `sad`.

    Returns
    -------
    error : float
        In [0, 1]; tables print MAD x 1000.

    Examples
    --------
    >>> import numpy as np
    >>> mad(np.array([[0.0, 0.5]]), np.array([[0.0, 0.25]]), region="whole")
    0.125
    """
    alpha, target, is_region = _check_inputs(alpha, target, trimap, region)
    return float(np.abs(alpha - target).mean(where=is_region, dtype=np.float64))


def mse(
    alpha: npt.ArrayLike, target: npt.ArrayLike, trimap: npt.ArrayLike | None = None, *, region: Region = "unknown"
) -> float:
    """Return the mean squared error (MSE) over the region.

    Parameters
    ----------
    alpha, target, trimap, region
        As for `sad`.

    Returns
    -------
    error : float
        In [0, 1]; tables print MSE x 1000.

    References
    ----------
    .. [1] C. Rhemann et al. A perceptually motivated online benchmark for image matting. CVPR 2009. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> mse(np.array([[0.0, 0.5]]), np.array([[0.0, 0.25]]), region="whole")
    0.03125
    """
    alpha, target, is_region = _check_inputs(alpha, target, trimap, region)
    return float(np.square(alpha - target).mean(where=is_region, dtype=np.float64))


def gradient_error(
    alpha: npt.ArrayLike, target: npt.ArrayLike, trimap: npt.ArrayLike | None = None, *, region: Region = "unknown"
) -> float:
    """Return the sum of squared differences between the gradient magnitudes of an alpha and the true alpha.

    The error is high where alpha is over-smoothed or noisy or has edges in the wrong place. A constant offset of alpha
    adds nothing.

    Parameters
    ----------
    alpha, target, trimap, region
        As for `sad`. Gradients are computed from the whole alpha; only the sum is restricted to the region.

    Returns
    -------
    error : float
        At least 0; it grows with the image, and tables print it / 1000.

    Notes
    -----
    The error is ``sum_i (|grad a_i| - |grad t_i|)^2``. The gradient is computed with first derivatives of a Gaussian:
    standard deviation 1.4 pixels, 9 x 9 taps, scaled to a unit sum of squares, and the image extended by its border
    pixels. These are the filters of the Composition-1k evaluation code (N. Xu et al., Deep image matting, CVPR 2017).
    That code first stretches each alpha to the range [0, 1]. This function and the code's Python ports do not; the
    results agree where alpha contains both 0 and 1.

    References
    ----------
    .. [1] C. Rhemann et al. A perceptually motivated online benchmark for image matting. CVPR 2009. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.repeat([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]], 6, axis=0)
    >>> gradient_error(step, 1 - step, region="whole") < 1e-9
    True
    """
    alpha, target, is_region = _check_inputs(alpha, target, trimap, region)
    smooth, slope = _gaussian_filters()
    box, inner = _bounding_box(is_region, len(smooth) // 2)
    difference = _gradient_magnitude(alpha[box], smooth, slope)
    difference -= _gradient_magnitude(target[box], smooth, slope)
    return float(np.square(difference[inner]).sum(where=is_region[box][inner], dtype=np.float64))


def connectivity_error(
    alpha: npt.ArrayLike, target: npt.ArrayLike, trimap: npt.ArrayLike | None = None, *, region: Region = "unknown"
) -> float:
    """Return the sum of differences in connectivity between an alpha and the true alpha.

    The error is high where alpha has islands that are not connected to the object, or breaks thin parts off it.

    Parameters
    ----------
    alpha, target, trimap, region
        As for `sad`. Connected components are computed in the whole image; only the sum is restricted to the region.

    Returns
    -------
    error : float
        At least 0; it grows with the image, and tables print it / 1000.

    Notes
    -----
    The definition is that of the Composition-1k evaluation code (N. Xu et al., Deep image matting, CVPR 2017):

    1. For each level 0.1, 0.2, ..., 1, take the pixels where both alphas reach the level. The body is their largest
       4-connected component; of equally large components, the first in row-major order. Without such pixels, the body
       is empty.
    2. The connected level l_i of pixel i is the level just below the first one whose body does not contain i, and 1 if
       every body contains i.
    3. With ``d = a_i - l_i``, the connectivity is ``phi(a_i) = 1 - d`` where d is at least 0.15, and 1 elsewhere.
    4. The error is ``sum_i |phi(a_i) - phi(t_i)|``.

    The paper [1]_ starts from the largest region where both alphas are 1, instead of a body for each level. Some
    Python ports also count the pixels below the level as a component; this function does not.

    References
    ----------
    .. [1] C. Rhemann et al. A perceptually motivated online benchmark for image matting. CVPR 2009. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> target = np.array([[1.0, 1.0, 1.0, 0.0, 0.0]])
    >>> connectivity_error(np.array([[1.0, 1.0, 1.0, 0.0, 0.5]]), target, region="whole")
    0.5
    """
    alpha, target, is_region = _check_inputs(alpha, target, trimap, region)
    common = np.minimum(alpha, target)
    connected_level = np.ones(alpha.shape, dtype=np.float32)
    is_connected = np.ones(alpha.shape, dtype=bool)
    for i in range(1, STEP_COUNT + 1):
        is_body = _largest_component(common >= np.float32(i / STEP_COUNT))
        connected_level[is_connected & ~is_body] = np.float32((i - 1) / STEP_COUNT)
        is_connected &= is_body
    difference = _excess(alpha, connected_level)
    difference -= _excess(target, connected_level)
    return float(np.abs(difference).sum(where=is_region, dtype=np.float64))


def trimap_scores(trimap: npt.ArrayLike, target: npt.ArrayLike) -> dict[str, float]:
    """Return the accuracy of a trimap, and the intersection over union (IoU) of each of its regions.

    Parameters
    ----------
    trimap, target : (H, W) array
        The trimap to score and the true trimap: background at most 0.1, foreground at least 0.9, the rest unknown;
        uint8 and uint16 are scaled.

    Returns
    -------
    scores : dict
        All in [0, 1]. ``accuracy``: the share of pixels whose region is right. ``iou_background``, ``iou_unknown``
        and ``iou_foreground``: the IoU of a region, NaN if neither trimap has a pixel of it. ``iou``: the mean of the
        IoUs that are not NaN.

    Raises
    ------
    ValueError
        If shapes differ, or a value is not finite or outside [0, 1].

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Table 1.

    Examples
    --------
    >>> import numpy as np
    >>> scores = trimap_scores(np.array([[0, 0.5, 0.5, 1]]), np.array([[0, 0, 0.5, 1]]))
    >>> scores["accuracy"], scores["iou_unknown"]
    (0.75, 0.5)
    """
    trimap = check_plane(trimap, "trimap")
    target = check_plane(target, "target", trimap.shape, "trimap")
    found, true = split_trimap(trimap), split_trimap(target)
    pairs = {
        "background": (found.is_background, true.is_background),
        "unknown": (found.is_unknown, true.is_unknown),
        "foreground": (found.is_foreground, true.is_foreground),
    }
    accuracy, ious = 0.0, {}
    for region, (is_found, is_true) in pairs.items():
        intersection, union = np.count_nonzero(is_found & is_true), np.count_nonzero(is_found | is_true)
        accuracy += float(intersection) / trimap.size
        ious[f"iou_{region}"] = float(intersection) / float(union) if union else float("nan")
    return {"accuracy": accuracy, **ious, "iou": float(np.nanmean(list(ious.values())))}


def _check_inputs(
    alpha: npt.ArrayLike, target: npt.ArrayLike, trimap: npt.ArrayLike | None, region: Region
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Return alpha and target as float32, and the region as a boolean mask."""
    alpha = check_plane(alpha, "alpha")
    target = check_plane(target, "target", alpha.shape, "alpha")
    check_choice(region, "region", ("unknown", "whole", "boundary"))
    if trimap is not None:
        trimap = check_plane(trimap, "trimap", alpha.shape, "alpha")
    if region == "whole":
        return alpha, target, np.ones(alpha.shape, dtype=bool)
    if region == "boundary":
        is_boundary = (target > BOUNDARY[0]) & (target < BOUNDARY[1])
        if not is_boundary.any():
            raise ValueError("target has no pixel above 0.05 and below 0.95, expected one for region='boundary'")
        return alpha, target, is_boundary
    if trimap is None:
        raise ValueError("trimap is None, expected a trimap for region='unknown' (or region='whole')")
    is_unknown = split_trimap(trimap).is_unknown
    if not is_unknown.any():
        raise ValueError("trimap has no unknown pixel, expected at least one for region='unknown' (or region='whole')")
    return alpha, target, is_unknown


def _gaussian_filters() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the taps of a Gaussian and of its derivative, each of unit norm."""
    reach = int(np.ceil(SIGMA * np.sqrt(-2.0 * np.log(np.sqrt(2.0 * np.pi) * SIGMA * 1e-2))))
    x = np.arange(-reach, reach + 1)
    smooth = np.exp(-(x**2) / (2.0 * SIGMA**2))
    slope = -x * smooth
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)


def _bounding_box(is_region: npt.NDArray[np.bool_], margin: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices of the region's bounding box plus a margin, and the slices of the box within these."""
    (rows, inner_rows), (columns, inner_columns) = (_extent(is_region, axis, margin) for axis in (0, 1))
    return (rows, columns), (inner_rows, inner_columns)


def _extent(is_region: npt.NDArray[np.bool_], axis: int, margin: int) -> tuple[slice, slice]:
    """Return the region's extent along an axis: the slice with a margin, and the extent within that slice."""
    occupied = np.flatnonzero(is_region.any(axis=1 - axis))
    first, end = int(occupied[0]), int(occupied[-1]) + 1
    start = max(first - margin, 0)
    return slice(start, min(end + margin, is_region.shape[axis])), slice(first - start, end - start)


def _gradient_magnitude(alpha: Array, smooth: npt.NDArray[np.float64], slope: npt.NDArray[np.float64]) -> Array:
    """Return the gradient magnitude of an alpha under Gaussian derivative filters."""
    along_x = correlate1d(correlate1d(alpha, smooth, axis=0, mode="nearest"), slope, axis=1, mode="nearest")
    along_y = correlate1d(correlate1d(alpha, slope, axis=0, mode="nearest"), smooth, axis=1, mode="nearest")
    return np.hypot(along_x, along_y, out=along_x)


def _largest_component(is_inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the largest 4-connected component of a mask; of equally large ones, the first in row-major order."""
    labels = np.empty(is_inside.shape, np.int32)
    label(is_inside, output=labels)
    if labels.max() <= 1:
        return is_inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == np.argmax(sizes)


def _excess(alpha: Array, connected_level: Array) -> Array:
    """Return the difference between alpha and its connected level, with differences below THETA set to 0."""
    difference = alpha - connected_level
    difference[difference < np.float32(THETA)] = 0.0
    return difference
