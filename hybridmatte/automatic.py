"""From a photograph and any rough mask to alpha, with trained networks or without."""

import warnings
from typing import NamedTuple

import numpy as np

from hybridmatte._check import check_choice, check_image, check_plane
from hybridmatte.trimap import refuse_labels, trimap_from_mask

__all__ = ["FromMask", "fit_mask", "how_made", "matte_from_mask"]

BORDER = 0.9  # share of the border's pixels inside a mask that makes it look inverted
ASPECT = 0.02  # relative difference in aspect ratio that a mask may have, which is then stretched


class FromMask(NamedTuple):
    """An alpha made from a mask, the trimap that was found on the way, and in words how."""

    alpha: np.ndarray
    trimap: np.ndarray
    how: str


def matte_from_mask(image, mask, *, method=None, network=None, erode=None, dilate=None):
    """Estimate alpha from an image and a rough mask: a segmenter's, at whatever size, or one drawn by hand.

    With a network, Net-T finds the trimap and Net-M the alpha. Without one, a band along the mask's outline is unknown
    and a classical solver fills it.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    mask : (h, w) array
        White where the object is, in [0, 1], or bool, uint8, uint16; soft or hard; of the image's aspect ratio. It may
        hold several objects.
    method : str, optional
        One of `hybridmatte.METHODS`, without a network; default `hybridmatte.alpha.DEFAULT_METHOD`.
    network : JointInference, optional
    erode, dilate : float, optional
        Without a network: pixels inside and outside the outline that are unknown, see `trimap_from_mask`.

    Returns
    -------
    result : FromMask
        alpha and trimap, (H, W) float32, and how they were made.

    Raises
    ------
    ValueError
        If the mask has another aspect ratio than the image, or no pixel or every pixel is inside, or an option has no
        effect.

    Warns
    -----
    UserWarning
        If nearly all of the image's border is inside the mask, as in one that is inverted.

    Examples
    --------
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> matte_from_mask(image, np.arange(16) >= np.full((8, 1), 8)).alpha.shape
    (32, 64)
    """
    from hybridmatte.alpha import DEFAULT_METHOD, METHODS, solve

    image = check_image(image)
    mask = fit_mask(mask, image.shape[:2])
    if network is not None:
        for name, value in (("method", method), ("erode", erode), ("dilate", dilate)):
            if value is not None:
                raise ValueError(f"{name} is {value!r}, expected none with a network")
        alpha, trimap = network.predict(image, mask)
        return FromMask(alpha, trimap, how_made(method, network))
    method = check_choice(DEFAULT_METHOD if method is None else method, "method", list(METHODS))
    trimap = trimap_from_mask(mask, erode=erode, dilate=dilate)
    return FromMask(solve(image, trimap, method=method), trimap, how_made(method, network))


def how_made(method, network):
    """Say how `matte_from_mask` makes trimap and alpha."""
    if network is not None:
        return "trimap and alpha by the network"
    return f"trimap by erosion and dilation, alpha by {method}"


def fit_mask(mask, shape):
    """Return a mask as (H, W) float32 of an image's shape, refused or warned of where it cannot be meant.

    Parameters
    ----------
    mask : (h, w) array
        In [0, 1], or bool, uint8, uint16.
    shape : (int, int)
        H and W.

    Returns
    -------
    mask : (H, W) float32 array
        Interpolated where h and w are other ones.

    Raises
    ------
    ValueError
        As `matte_from_mask`.
    """
    import cv2

    mask = check_plane(mask, "mask")
    refuse_labels(mask, "mask")
    ratio = mask.shape[1] * shape[0] / (mask.shape[0] * shape[1])
    pixel = 1 / min(*mask.shape, *shape)  # a side is rounded to whole pixels
    if abs(ratio - 1) > ASPECT + pixel:
        turned = abs(mask.shape[0] * shape[0] / (mask.shape[1] * shape[1]) - 1) <= ASPECT + pixel
        raise ValueError(f"mask is {mask.shape[1]} x {mask.shape[0]} but image is {shape[1]} x {shape[0]}, expected "
                         f"the same aspect ratio{'; it looks turned by a quarter' if turned else ''}")
    if mask.shape != tuple(shape):
        mask = cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    is_inside = mask >= 0.5
    if not is_inside.any() or is_inside.all():
        raise ValueError(f"mask has {'every' if is_inside.any() else 'no'} pixel inside, expected the object's outline")
    border = np.concatenate([is_inside[0], is_inside[-1], is_inside[:, 0], is_inside[:, -1]])
    if border.mean() >= BORDER:
        warnings.warn(f"mask holds {border.mean():.0%} of the image's border: if it is white where the object is not, "
                      "invert it", UserWarning, stacklevel=3)
    return mask
