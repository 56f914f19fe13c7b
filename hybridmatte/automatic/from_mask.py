"""Alpha from an image and a rough mask."""

from __future__ import annotations

import warnings
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.errors import warn_caller
from hybridmatte.io.masks import check_mask_aspect, mask_of_array
from hybridmatte.methods.registry import DEFAULT_METHOD, METHODS, solve
from hybridmatte.trimap import refuse_labels, trimap_from_mask

__all__ = [
    "AutomaticResult",
    "MaskNetwork",
    "check_method",
    "check_outline",
    "describe_method",
    "fit_mask",
    "matte_from_mask",
    "refuse_solver_options",
]

INSIDE_MIN = 0.5  # pixels of at least this value are inside a mask
BORDER_MAX = 0.65  # a mask that contains this share of the image's border is probably inverted


class AutomaticResult(NamedTuple):
    """An alpha that was estimated without a given trimap.

    Attributes
    ----------
    alpha : (H, W) float32 array
        In [0, 1].
    trimap : (H, W) float32 array or None
        The trimap that was found on the way, if there was one.
    description : str
        How trimap and alpha were estimated, in words.
    """

    alpha: npt.NDArray[np.float32]
    trimap: npt.NDArray[np.float32] | None
    description: str

    @property
    def how(self) -> str:
        """Old name of `description`."""
        warnings.warn(
            "AutomaticResult.how is deprecated, use AutomaticResult.description", DeprecationWarning, stacklevel=2
        )
        return self.description


@runtime_checkable
class MaskNetwork(Protocol):
    """A network that takes an image and a mask, such as `hybridmatte.networks.JointInference`."""

    def predict(
        self, image: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return alpha and trimap (H, W) for an image (H, W, 3) and a mask (H, W)."""
        ...


def matte_from_mask(
    image: npt.ArrayLike,
    mask: npt.ArrayLike,
    *,
    method: str | None = None,
    network: MaskNetwork | None = None,
    erode: float | None = None,
    dilate: float | None = None,
    label: int | None = None,
    square: bool = False,
) -> AutomaticResult:
    """Estimate alpha from an image and a rough mask: drawn by hand, or from a segmentation network at any size.

    Without a network, pixels in a band along the mask's outline are unknown, and a classical solver estimates their
    alpha. With a network, Net-T estimates the trimap and Net-M the alpha.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    mask : (h, w) array
        White where the object is, soft or hard, in [0, 1], or bool, uint8, uint16; or labels, whole numbers with 0 for
        the background. Any size of the image's aspect ratio. The mask may contain several objects.
    method : str, optional
        One of `hybridmatte.METHODS`, default "cf". Only without a network.
    network : JointInference, optional
    erode, dilate : float, optional
        Widths of the unknown band inside and outside the outline, in pixels; see `trimap_from_mask`. Only without a
        network.
    label : int, optional
        Of a mask of several labels, the one whose pixels are the object.
    square : bool, default False
        Whether the mask is the square output of a network for the image stretched to a square; it is stretched back.

    Returns
    -------
    result : AutomaticResult
        alpha and trimap, (H, W) float32, and a description of how they were estimated.

    Raises
    ------
    ValueError
        If the aspect ratios of mask and image differ, the mask is not square although `square` says so, it holds
        several labels and none is given (the message lists them), no pixel or every pixel is inside the mask, or an
        option has no effect.

    Warns
    -----
    UserWarning
        If at least 65% of the image's border is inside the mask; such a mask is probably inverted.

    Examples
    --------
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> matte_from_mask(image, np.arange(16) >= np.full((8, 1), 8)).alpha.shape
    (32, 64)
    """
    image = check_image(image)
    mask = fit_mask(mask, image.shape[:2], label=label, square=square)
    if network is not None:
        refuse_solver_options(method, erode, dilate)
        if not isinstance(network, MaskNetwork):
            raise ValueError(f"network is a {type(network).__name__}, expected a JointInference")
        alpha, trimap = network.predict(image, mask)
        return AutomaticResult(alpha, trimap, describe_method(None, has_network=True))
    method, trimap = check_method(method), trimap_from_mask(mask, erode=erode, dilate=dilate)
    return AutomaticResult(solve(image, trimap, method=method), trimap, describe_method(method))


def check_method(method: str | None) -> str:
    """Return the name of a method in `hybridmatte.METHODS`; the default if None."""
    return check_choice(DEFAULT_METHOD if method is None else method, "method", list(METHODS))


def refuse_solver_options(method: str | None, erode: float | None, dilate: float | None) -> None:
    """Refuse options of the solver that were given together with a network."""
    for name, value in (("method", method), ("erode", erode), ("dilate", dilate)):
        if value is not None:
            raise ValueError(f"{name} is {value!r}, expected none with a network")


def describe_method(method: str | None, *, has_network: bool = False, has_mask: bool = True) -> str:
    """Describe how trimap and alpha are estimated; method is the solver's name, unless a network was given."""
    if has_network:
        return "trimap and alpha by the network" if has_mask else "alpha by the network, from the image alone"
    description = f"trimap by erosion and dilation, alpha by {method}"
    return description if has_mask else f"mask by the built-in network for people, {description}"


def fit_mask(
    mask: npt.ArrayLike, shape: tuple[int, int], *, label: int | None = None, square: bool = False
) -> npt.NDArray[np.float32]:
    """Check a mask and bring it to an image's size.

    Parameters
    ----------
    mask : (h, w) array
        In [0, 1], or bool, uint8, uint16, or labels.
    shape : (int, int)
        H and W of the image.
    label, square
        As for `matte_from_mask`.

    Returns
    -------
    mask : (H, W) float32 array
        Interpolated if the size differs.

    Raises
    ------
    ValueError
        As `matte_from_mask`.
    """
    plane = mask_of_array(mask, label)
    check_mask_aspect(plane.shape, shape, square=square)
    plane = enlarged(plane, shape)
    check_outline(plane)
    return plane


def check_outline(mask: npt.NDArray[np.float32]) -> None:
    """Refuse a mask (H, W) that holds small labels or has no outline; warn if it is probably inverted."""
    refuse_labels(mask, "mask")
    is_inside = mask >= INSIDE_MIN
    if not is_inside.any() or is_inside.all():
        raise ValueError(
            f"mask has {'every' if is_inside.any() else 'no'} pixel inside, expected the outline of an "
            "object; pixels at least half as bright as white are inside"
        )
    border = np.concatenate([is_inside[0], is_inside[-1], is_inside[:, 0], is_inside[:, -1]])
    if border.mean() >= BORDER_MAX:
        warn_caller(
            f"mask contains {border.mean():.0%} of the image's border; if it is white where the object is not, "
            "invert it",
            UserWarning,
        )
