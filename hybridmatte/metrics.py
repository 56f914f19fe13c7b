"""How far an alpha is from the truth: SAD, MSE, MAD, and the gradient and connectivity errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hybridmatte._validation import check_choice, check_plane
from hybridmatte.trimap import split_trimap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["connectivity_error", "gradient_error", "mad", "mse", "sad", "trimap_scores"]

SIGMA = 1.4  # pixels, of the Gaussian of gradient_error
STEP_COUNT = 10  # levels of connectivity_error, 0.1 apart
THETA = 0.15  # distance to the connected level that connectivity_error ignores


def sad(alpha: ArrayLike, target: ArrayLike, trimap: ArrayLike | None = None, *, region: str = "unknown") -> float:
    """Return the sum of absolute differences between an alpha and the truth.

    Proportional to the area that is wrong, so it grows with the image; tables print SAD / 1000.

    Parameters
    ----------
    alpha, target : (H, W) array
        The alpha to judge and the true alpha, in [0, 1]; uint8 and uint16 are scaled.
    trimap : (H, W) array, optional
        Needed for region="unknown".
    region : {"unknown", "whole"}, default "unknown"
        Sum over the unknown pixels of the trimap, or over the whole image.

    Returns
    -------
    error : float
        In units of pixels: between 0 and the number of pixels of the region.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite or outside [0, 1], or the region is empty: region="unknown" without a
        trimap, or with a trimap that has no unknown pixel.

    References
    ----------
    .. [1] C. Rhemann et al. A perceptually motivated online benchmark for image matting. CVPR 2009. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> sad(np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 0.25, 1.0]]), np.array([[0.0, 0.5, 1.0]]))
    0.25
    """
    alpha, target, is_region = _checked(alpha, target, trimap, region)
    return float(np.abs(alpha - target).sum(where=is_region, dtype=np.float64))


def mad(alpha: ArrayLike, target: ArrayLike, trimap: ArrayLike | None = None, *, region: str = "unknown") -> float:
    """Return the mean absolute difference over the region: `sad` divided by its number of pixels.

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
    alpha, target, is_region = _checked(alpha, target, trimap, region)
    return float(np.abs(alpha - target).mean(where=is_region, dtype=np.float64))


def mse(alpha: ArrayLike, target: ArrayLike, trimap: ArrayLike | None = None, *, region: str = "unknown") -> float:
    """Return the mean squared error over the region.

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
    alpha, target, is_region = _checked(alpha, target, trimap, region)
    return float(np.square(alpha - target).mean(where=is_region, dtype=np.float64))


def gradient_error(
    alpha: ArrayLike, target: ArrayLike, trimap: ArrayLike | None = None, *, region: str = "unknown"
) -> float:
    """Return the sum of squared differences between the gradient magnitudes of an alpha and the truth.

    High where an alpha is over-smoothed, noisy or has edges in the wrong place, whatever its level.

    Parameters
    ----------
    alpha, target, trimap, region
        As for `sad`. The filters see the whole alpha; only the sum is over the region.

    Returns
    -------
    error : float
        At least 0, growing with the image; tables print it / 1000.

    Notes
    -----
    ``sum_i (|grad a_i| - |grad t_i|)^2`` with first derivatives of a Gaussian of 1.4 pixels, 9 x 9 taps, scaled to
    unit sum of squares, and the border continued by its nearest pixel: the filters of the Composition-1k evaluation
    code (N. Xu et al., Deep image matting, CVPR 2017). That code first stretches each alpha to the range [0, 1]; here
    alpha is compared as it is, as in the Python ports, which agree wherever both 0 and 1 occur.

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
    alpha, target, is_region = _checked(alpha, target, trimap, region)
    smooth, slope = _gaussian_filters()
    window, inner = _crop(is_region, len(smooth) // 2)
    difference = _gradient_magnitude(alpha[window], smooth, slope)
    difference -= _gradient_magnitude(target[window], smooth, slope)
    return float(np.square(difference[inner]).sum(where=is_region[window][inner], dtype=np.float64))


def connectivity_error(
    alpha: ArrayLike, target: ArrayLike, trimap: ArrayLike | None = None, *, region: str = "unknown"
) -> float:
    """Return the sum of differences in connectedness to the common body of an alpha and the truth.

    High where an alpha has floating islands, or loses thin parts.

    Parameters
    ----------
    alpha, target, trimap, region
        As for `sad`. Components are found in the whole image; only the sum is over the region.

    Returns
    -------
    error : float
        At least 0, growing with the image; tables print it / 1000.

    Notes
    -----
    As the Composition-1k evaluation code (N. Xu et al., Deep image matting, CVPR 2017) defines it. At each level 0.1,
    0.2, ..., 1 the body is the largest 4-connected component of the pixels where both alphas reach the level (the
    first in row-major order among equals, none if no pixel does). l_i is the level before the first at which pixel i
    is not in the body, 1 if there is none. With ``d = a_i - l_i`` the connectedness is ``phi(a_i) = 1 - d`` if d is at
    least 0.15, else 1, and the error ``sum_i |phi(a_i) - phi(t_i)|``. The paper instead starts from the largest region
    where both are fully opaque. Some Python ports also count the pixels outside as a component; this does not.

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
    alpha, target, is_region = _checked(alpha, target, trimap, region)
    common = np.minimum(alpha, target)
    last = np.ones(alpha.shape, dtype=np.float32)
    is_connected = np.ones(alpha.shape, dtype=bool)
    for i in range(1, STEP_COUNT + 1):
        is_body = _largest_component(common >= np.float32(i / STEP_COUNT))
        last[is_connected & ~is_body] = np.float32((i - 1) / STEP_COUNT)
        is_connected &= is_body
    difference = _distance(alpha, last)
    difference -= _distance(target, last)
    return float(np.abs(difference).sum(where=is_region, dtype=np.float64))


def _checked(alpha, target, trimap, region):
    """Return alpha and target as float32 and the region as a mask."""
    alpha = check_plane(alpha, "alpha")
    target = check_plane(target, "target", alpha.shape, "alpha")
    check_choice(region, "region", ("unknown", "whole"))
    if trimap is not None:
        trimap = check_plane(trimap, "trimap", alpha.shape, "alpha")
    if region == "whole":
        return alpha, target, np.ones(alpha.shape, dtype=bool)
    if trimap is None:
        raise ValueError("trimap is None, expected a trimap for region='unknown' (or region='whole')")
    is_unknown = split_trimap(trimap).is_unknown
    if not is_unknown.any():
        raise ValueError("trimap has no unknown pixel, expected at least one for region='unknown' (or region='whole')")
    return alpha, target, is_unknown


def _gaussian_filters():
    """Return the taps of a Gaussian and of its derivative, whose outer product has unit sum of squares."""
    reach = int(np.ceil(SIGMA * np.sqrt(-2.0 * np.log(np.sqrt(2.0 * np.pi) * SIGMA * 1e-2))))
    x = np.arange(-reach, reach + 1)
    smooth = np.exp(-(x**2) / (2.0 * SIGMA**2))
    slope = -x * smooth
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)


def trimap_scores(trimap: ArrayLike, target: ArrayLike) -> dict[str, float]:
    """Return how well a trimap agrees with a true one: accuracy, and intersection over union of each region.

    Parameters
    ----------
    trimap, target : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown; uint8 and uint16 are scaled.

    Returns
    -------
    scores : dict
        ``accuracy``, the share of pixels of the same region; ``iou_background``, ``iou_unknown`` and
        ``iou_foreground``, NaN where neither has a pixel; ``iou``, the mean of those that are not. All in [0, 1].

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
    scores = {"accuracy": 0.0}
    for region in ("background", "unknown", "foreground"):
        one, other = getattr(found, f"is_{region}"), getattr(true, f"is_{region}")
        both, either = np.count_nonzero(one & other), np.count_nonzero(one | other)
        scores["accuracy"] += float(both) / trimap.size
        scores[f"iou_{region}"] = float(both) / float(either) if either else float("nan")
    return scores | {"iou": float(np.nanmean([scores[name] for name in scores if name != "accuracy"]))}


def _crop(is_region, margin):
    """Return the slices of the region's bounding box plus a margin, and of that box within them."""
    window, inner = [], []
    for axis in (0, 1):
        inside = np.flatnonzero(is_region.any(axis=1 - axis))
        first, end = int(inside[0]), int(inside[-1]) + 1
        start = max(first - margin, 0)
        window.append(slice(start, min(end + margin, is_region.shape[axis])))
        inner.append(slice(first - start, end - start))
    return tuple(window), tuple(inner)


def _gradient_magnitude(alpha, smooth, slope):
    """Return the magnitude of the Gaussian derivatives of an alpha."""
    from scipy.ndimage import correlate1d

    along_x = correlate1d(correlate1d(alpha, smooth, axis=0, mode="nearest"), slope, axis=1, mode="nearest")
    along_y = correlate1d(correlate1d(alpha, slope, axis=0, mode="nearest"), smooth, axis=1, mode="nearest")
    return np.hypot(along_x, along_y, out=along_x)


def _largest_component(is_inside):
    """Return the largest 4-connected component of a mask, the first in row-major order of equals."""
    from scipy.ndimage import label

    labels, count = label(is_inside)
    if count <= 1:
        return is_inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == np.argmax(sizes)


def _distance(alpha, last):
    """Return how far an alpha is above its connected level, 0 below THETA."""
    distance = alpha - last
    distance[distance < np.float32(THETA)] = 0.0
    return distance
