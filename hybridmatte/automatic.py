"""From a photograph to alpha without a trimap: with any rough mask, or by a network that needs none."""

from typing import NamedTuple

import numpy as np

from hybridmatte._check import check_aspect, check_choice, check_image, check_integer, check_plane
from hybridmatte.bundled import run_bundled
from hybridmatte.errors import warn_caller
from hybridmatte.refinement import refine
from hybridmatte.trimap import refuse_labels, trimap_from_mask

__all__ = ["FromMask", "check_outline", "fit_mask", "how_made", "matte_alone", "matte_from_mask"]

SIDE = 512  # pixels, shorter side of what an automatic network sees
PEOPLE_SIDE = 192  # of what the network of the package sees: it learned from crops of 128 to 307 pixels
BORDER = 0.65  # share of the border's pixels inside a mask that makes it look inverted
NOTHING = 0.5  # an alpha that is nowhere above


class FromMask(NamedTuple):
    """An alpha, the trimap that was found on the way, if any, and in words how."""

    alpha: np.ndarray
    trimap: np.ndarray | None
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
        If most of the image's border (65%) is inside the mask, as in one that is inverted.

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
        if not hasattr(network, "predict"):
            raise ValueError(f"network is a {type(network).__name__}, expected a JointInference")
        alpha, trimap = network.predict(image, mask)
        return FromMask(alpha, trimap, how_made(method, network))
    method = check_choice(DEFAULT_METHOD if method is None else method, "method", list(METHODS))
    trimap = trimap_from_mask(mask, erode=erode, dilate=dilate)
    return FromMask(solve(image, trimap, method=method), trimap, how_made(method, network))


def matte_alone(image, network=None, *, side=None):
    """Estimate alpha from an image alone, by a network that needs no trimap; it finds what it was trained to find.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    network : MattingNetwork, optional
        Without trimap input. Default: the one for people that the package brings, run by OpenCV.
    side : int, optional
        Of what the network sees, the shorter one at most, in pixels; its alpha is brought back to the image's size and
        edges by `refine`. Default: 512, or 192 for the network that the package brings.

    Returns
    -------
    result : FromMask
        Without a trimap. Where nothing is found alpha is 0 everywhere.

    Raises
    ------
    ValueError
        If the network takes a trimap, or side is not positive.

    Warns
    -----
    UserWarning
        If nothing is found: the network's alpha is nowhere above 0.5.
    """
    import cv2

    image = check_image(image)
    side = check_integer((PEOPLE_SIDE if network is None else SIDE) if side is None else side, "side", low=1)
    factor = side / min(image.shape[:2])
    size = tuple(max(round(factor * length), 1) for length in image.shape[1::-1])
    small = image if factor >= 1 else np.clip(cv2.resize(image, size, interpolation=cv2.INTER_AREA), 0, 1)
    alpha = run_bundled("people", small) if network is None else _predicted(network, small)
    if alpha.max() <= NOTHING:
        warn_caller("nothing is found in the image: alpha is nowhere above one half, and is set to 0", UserWarning)
        alpha = np.zeros(image.shape[:2], np.float32)
    elif factor < 1:
        alpha = refine(image, alpha)
    return FromMask(alpha, None, how_made(None, network, has_mask=False))


def _predicted(network, image):
    """Return alpha by a network, which must be one from the image alone."""
    from hybridmatte.networks import predict_alpha

    if not hasattr(network, "takes_trimap"):
        raise ValueError(f"network is a {type(network).__name__}, expected a MattingNetwork")
    if network.takes_trimap:
        raise ValueError("network takes a trimap, expected one from the image alone")
    return predict_alpha(network, image)


def how_made(method, network, *, has_mask=True):
    """Say how trimap and alpha are made."""
    if not has_mask:
        which = " for people that comes along" if network is None else ""
        return f"alpha by the network{which}, from the image alone"
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
    check_aspect(mask.shape, "mask", shape)
    if mask.shape != tuple(shape):
        mask = cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    check_outline(mask)
    return mask


def check_outline(mask):
    """Refuse a mask (H, W) in [0, 1] of labels or without an outline, and warn of one that looks inverted."""
    refuse_labels(mask, "mask")
    is_inside = mask >= 0.5
    if not is_inside.any() or is_inside.all():
        raise ValueError(f"mask has {'every' if is_inside.any() else 'no'} pixel inside, expected the object's "
                         "outline; inside is what is at least half as bright as white")
    border = np.concatenate([is_inside[0], is_inside[-1], is_inside[:, 0], is_inside[:, -1]])
    if border.mean() >= BORDER:
        warn_caller(f"mask holds {border.mean():.0%} of the image's border: if it is white where the object is not, "
                    "invert it", UserWarning)
