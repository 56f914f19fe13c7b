"""From a photograph to alpha without a trimap: with any rough mask, or by a network that needs none."""

from functools import partial
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_aspect, check_choice, check_image, check_integer, check_plane
from hybridmatte.automatic.refinement import enlarged, refine
from hybridmatte.correction.weights import run_bundled
from hybridmatte.errors import warn_caller
from hybridmatte.trimap import depth_inside, refuse_labels, trimap_along, trimap_from_mask

__all__ = ["FromMask", "check_outline", "fit_mask", "how_made", "matte_alone", "matte_from_mask"]

SIDE = 512  # pixels, shorter side of what an automatic network sees
PEOPLE_BAND = 0.03  # of the diagonal: unknown on each side of its outline
PEOPLE_SIDE = 192  # of what the network of the package sees: it learned from photographs of 96 to 384 pixels
BORDER = 0.65  # share of the border's pixels inside a mask that makes it look inverted
NOTHING = 0.5  # alpha is nowhere at least this much


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
    from hybridmatte.methods.registry import solve

    image = check_image(image)
    mask = fit_mask(mask, image.shape[:2])
    if network is not None:
        _refuse_options(method, erode, dilate)
        if not hasattr(network, "predict"):
            raise ValueError(f"network is a {type(network).__name__}, expected a JointInference")
        alpha, trimap = network.predict(image, mask)
        return FromMask(alpha, trimap, how_made(method, network))
    method, trimap = check_method(method), trimap_from_mask(mask, erode=erode, dilate=dilate)
    return FromMask(solve(image, trimap, method=method), trimap, how_made(method, None))


def matte_alone(image, network=None, *, side=None, method=None, erode=None, dilate=None):
    """Estimate alpha from an image alone, by a network that needs no trimap; it finds what it was trained to find.

    Without a network of yours the one for people that the package brings finds them, as a mask, and a solver gives
    their alpha. It is small and often wrong: see the card beside its weights.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    network : MattingNetwork, optional
        Without trimap input. Where it sees the image smaller, its alpha is brought to the image's size and edges by
        `refine`.
    side : int, optional
        Of what the network sees, the shorter one at most, in pixels. Default: 512, or 192 for the network that the
        package brings.
    method, erode, dilate : optional
        As in `matte_from_mask`, for the mask of the network that the package brings; but the band is by default 3% of
        the diagonal wide on each side. Time goes with the pixels of that band, see `solve_cf`.

    Returns
    -------
    result : FromMask
        Without a trimap if a network is given. Where nothing is found alpha is 0 everywhere.

    Raises
    ------
    ValueError
        If the network takes a trimap, side is not positive, an option has no effect, or the image has less than 3 x 3
        pixels of which some are found.

    Warns
    -----
    UserWarning
        If nothing is found: the network's alpha is nowhere at least 0.5.
    """
    image = check_image(image)
    if network is None:
        return _around_people(image, PEOPLE_SIDE if side is None else side, check_method(method), erode, dilate)
    _refuse_options(method, erode, dilate)
    alpha = seen_small(image, SIDE if side is None else side, partial(_predicted, network))
    if not _inside(alpha, image).any():
        refined = np.zeros(image.shape[:2], np.float32)
    else:
        refined = alpha if alpha.shape == image.shape[:2] else refine(image, alpha)
    return FromMask(refined, None, how_made(method, network, has_mask=False))


def _around_people(image, side, method, erode, dilate):
    """Return the alpha of a solver in a band around the people that the network of the package finds."""
    from hybridmatte.methods.registry import solve

    is_inside = _inside(seen_small(image, side, partial(run_bundled, "people")), image)
    trimap = trimap_along(is_inside, erode, _outside(is_inside, dilate), PEOPLE_BAND)
    return FromMask(solve(image, trimap, method=method), trimap, how_made(method, None, has_mask=False))


def _inside(alpha, image):
    """Return where alpha, enlarged, is at least one half, (H, W) bool; warn if it is nowhere."""
    is_inside = enlarged(alpha, image.shape[:2]) >= NOTHING
    if not is_inside.any():
        warn_caller("nothing is found in the image: alpha is nowhere at least one half, and is set to 0", UserWarning)
    return is_inside


def _outside(is_inside, dilate):
    """Return the width of the band outside, by default never all of the background."""
    if dilate is not None or is_inside.all():
        return dilate
    return min(PEOPLE_BAND * float(np.hypot(*is_inside.shape)), float(depth_inside(~is_inside).max()) / 2)


def _refuse_options(*values):
    """Refuse options of a solver where a network takes its place."""
    for name, value in zip(("method", "erode", "dilate"), values, strict=True):
        if value is not None:
            raise ValueError(f"{name} is {value!r}, expected none with a network")


def check_method(method):
    """Return the name of a method that exists."""
    from hybridmatte.methods.registry import DEFAULT_METHOD, METHODS

    return check_choice(DEFAULT_METHOD if method is None else method, "method", list(METHODS))


def seen_small(image, side, predict):
    """Return the alpha (h, w) of an image whose shorter side is at most `side` pixels."""
    import cv2

    factor = check_integer(side, "side", low=1) / min(image.shape[:2])
    size = tuple(max(round(factor * length), 1) for length in image.shape[1::-1])
    return predict(image if factor >= 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA).clip(0, 1))


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
    if network is not None:
        return "trimap and alpha by the network" if has_mask else "alpha by the network, from the image alone"
    made = f"trimap by erosion and dilation, alpha by {method}"
    return made if has_mask else f"mask by the network for people that comes along, {made}"


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
    mask = check_plane(mask, "mask")
    check_aspect(mask.shape, "mask", shape)
    mask = enlarged(mask, shape)
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
