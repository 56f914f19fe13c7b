"""Foreground and background colours behind an alpha: estimate, composite, cut out."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte import _foreground_numba as kernels
from hybridmatte._validation import check_choice, check_image, check_plane
from hybridmatte.correction.matting import Quality, matte_by
from hybridmatte.correction.weights import RESEARCH, WeightsKind
from hybridmatte.errors import warn_caller
from hybridmatte.linalg.threads import run_pieces
from hybridmatte.trimap import refuse_labels

__all__ = ["Fit", "Layers", "composite", "cutout", "decontaminate", "estimate_foreground", "estimate_layers", "fitted"]

ITERATIONS = 4  # at each level
SMALL_SIDE, SMALL_ITERATIONS = 32, 10  # levels of up to 32 x 32 pixels cost little and set the large-scale colours
OVER_RELAXATION = np.float32(1.4)  # in all iterations but the last, so that the last meets the compositing equation
Fit = Literal["cover", "contain", "stretch"]
FITS = ("cover", "contain", "stretch")
PIXEL_COST = 10.0  # nanoseconds that a kernel takes for a pixel, roughly


class Layers(NamedTuple):
    """The two colour layers of an image, (H, W, 3) float32 each."""

    foreground: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]


def estimate_layers(image: npt.ArrayLike, alpha: npt.ArrayLike) -> Layers:
    """Estimate foreground and background colours of an image, given its alpha.

    Composited, the layers reproduce the image approximately. Where alpha changes, they are smooth, because the image
    alone does not determine them there. Where nothing is mixed, they are exactly the image's colours: the foreground
    where alpha is 1, the background where alpha is 0. The method is iterative: it starts from a single pixel, doubles
    the size at each level, and runs a few iterations there. The result does not depend on the number of threads.

    Time and memory are linear in the number of pixels. One megapixel, of which an eighth is mixed, takes 0.10 to 0.15
    seconds on one core, and less on several. Peak memory is up to 37 bytes a pixel beside the float32 inputs; the
    layers are 24 of them.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16. Never modified.

    Returns
    -------
    layers : Layers
        Two (H, W, 3) float32 arrays in [0, 1]: foreground and background. Both are defined at every pixel.

    Raises
    ------
    ValueError
        If image and alpha differ in height or width, or a value is not finite.

    Notes
    -----
    The cost that the layers F and B make small is, with I the image, j the four neighbours of pixel i, each pair
    counted once, and epsilon = 1e-5::

        sum_i |alpha_i F_i + (1 - alpha_i) B_i - I_i|^2
        + sum_ij (epsilon + |alpha_i - alpha_j|) (|F_i - F_j|^2 + |B_i - B_j|^2).

    Three things differ from the authors' implementation. There, the smoothness term also moves the layers at pixels
    that are wholly opaque or transparent; here these pixels are constraints. There, all pixels are updated in place,
    row by row; here the red and the black pixels of a chequerboard take turns, with over-relaxation, which converges
    faster and runs on several threads. There, a coarser level takes one pixel of each block; here it takes the mean of
    the block's pixels of similar alpha, which is less noisy.

    References
    ----------
    .. [1] T. Germer, T. Uelwer, S. Conrad, S. Harmeling. Fast multi-level foreground estimation. ICPR 2020.
    """
    image = check_image(image)
    alpha = check_plane(alpha, "alpha", image.shape[:2])
    layers = [_mean_colour(image, alpha > 0.9), _mean_colour(image, alpha < 0.1)]
    levels = [(image, alpha)]
    while levels[-1][1].size > 1:
        levels.append(_shrink(*levels[-1]))
    while levels:
        image, alpha = levels.pop()
        layers = [_enlarge(layer, alpha.shape) for layer in layers]
        _relax(image, alpha, layers)
    return Layers(*layers)


def estimate_foreground(image: npt.ArrayLike, alpha: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Estimate the foreground colours of an image, given its alpha.

    Use these colours in a cut-out. The image's own colours still contain the old background where pixels are mixed.
    See `estimate_layers` for the method and its cost.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16.

    Returns
    -------
    foreground : (H, W, 3) float32 array
        In [0, 1], defined at every pixel; exactly the image's colours where alpha is 1.

    Raises
    ------
    ValueError
        If image and alpha differ in height or width, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.tile(np.float32([0, 0, 0.5, 1, 1]), (4, 1))
    >>> image = np.repeat(alpha[:, :, None], 3, axis=2) * np.float32([1, 0.5, 0])
    >>> float(np.abs(estimate_foreground(image, alpha) - [1, 0.5, 0])[:, 2:].max().round(2))
    0.0
    """
    return estimate_layers(image, alpha).foreground


def composite(
    foreground: npt.ArrayLike, alpha: npt.ArrayLike, background: npt.ArrayLike, *, fit: Fit = "cover"
) -> npt.NDArray[np.float32]:
    """Put foreground colours over a background: ``alpha * foreground + (1 - alpha) * background``.

    The stored values are mixed as they are, without conversion to linear light. Picture editors do the same by default.
    Take the foreground colours from `estimate_foreground`: the photograph's own contain the old background.

    Parameters
    ----------
    foreground : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16.
    background : (h, w, 3) array or three numbers
        A picture of any size, or one colour in [0, 1]. A picture of the foreground's size is taken as it is.
    fit : {"cover", "contain", "stretch"}, default "cover"
        How a picture of another size is brought to the foreground's size. "cover" keeps its proportions and crops what
        is too much, equally on both sides; "contain" keeps its proportions and shows all of it, in the middle of black;
        "stretch" changes its proportions.

    Returns
    -------
    image : (H, W, 3) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If foreground and alpha differ in height or width, a value is not finite or outside [0, 1], or fit is none of
        the three.

    Examples
    --------
    >>> import numpy as np
    >>> composite(np.ones((1, 1, 3)), np.array([[0.25]]), (0, 0.5, 1))
    array([[[0.25 , 0.625, 1.   ]]], dtype=float32)
    """
    check_choice(fit, "fit", FITS)
    foreground = check_image(foreground, "foreground")
    alpha = check_plane(alpha, "alpha", foreground.shape[:2], "foreground")
    if np.shape(background) == (3,):
        background = check_image(np.asarray(background, dtype=np.float32).reshape(1, 1, 3), "background")
    else:
        background = fitted(check_image(background, "background"), alpha.shape, fit)
    weight = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)  # loops over three values for each pixel would be slower
    image = weight * foreground
    np.subtract(1, weight, out=weight)
    weight *= background
    image += weight
    return image


def fitted(picture: npt.NDArray[np.float32], shape: tuple[int, ...], fit: Fit) -> npt.NDArray[np.float32]:
    """Return a picture at a height and width, see `composite`."""
    (height, width), (h, w) = shape[:2], picture.shape[:2]
    if (h, w) == (height, width):
        return picture
    if fit == "cover":
        scale = max(height / h, width / w)
        rows, columns = (min(max(round(side / scale), 1), own) for side, own in ((height, h), (width, w)))
        top, left = (h - rows) // 2, (w - columns) // 2
        picture = picture[top : top + rows, left : left + columns]
    elif fit == "contain":
        scale = min(height / h, width / w)
        rows, columns = (min(max(round(own * scale), 1), side) for side, own in ((height, h), (width, w)))
        top, left = (height - rows) // 2, (width - columns) // 2
        whole = np.zeros((height, width, 3), dtype=np.float32)
        whole[top : top + rows, left : left + columns] = _resized(picture, (rows, columns))
        return whole
    return _resized(picture, (height, width))


def _resized(picture: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return a picture of another size: means of pixels along a side that shrinks, else linear interpolation."""
    for axis in (0, 1):
        size = (picture.shape[1], shape[0]) if axis == 0 else (shape[1], shape[0])
        shrinks = shape[axis] < picture.shape[axis]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return picture.clip(0, 1)


def cutout(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    method: str | None = None,
    quality: Quality | None = None,
    weights: WeightsKind = RESEARCH,
) -> npt.NDArray[np.float32]:
    """Cut an object out: solve for alpha, estimate the foreground colours, return both as RGBA.

    See `hybridmatte.matte` for alpha and `estimate_layers` for the colours, with the cost of each.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    method : str, optional
        One of `hybridmatte.METHODS`.
    quality : {"best", "fast"}, optional
        Quality of `hybridmatte.matte`, default "best". Only without `method`.
    weights : {"research", "free"}, default "research"
        Weights of `hybridmatte.matte`. A method, and the quality "fast", use none.

    Returns
    -------
    cutout : (H, W, 4) float32 array
        Straight (not premultiplied) RGBA in [0, 1].

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, the method cannot solve for this trimap, both method and quality
        are given, or weights is another word.
    """
    return decontaminate(image, matte_by(image, trimap, method, quality, weights))


def decontaminate(image: npt.ArrayLike, alpha: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Cut an object out by a given alpha, and remove the old background's colours from its edges.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16, from a solver, a network or another program. `hybridmatte.refine` brings an alpha
        of another size to the image's size.

    Returns
    -------
    cutout : (H, W, 4) float32 array
        Straight (not premultiplied) RGBA in [0, 1]. `estimate_layers` describes the colours.

    Raises
    ------
    ValueError
        If image and alpha differ in height or width, a value is not finite, or all values of alpha are so small that
        they must be labels.

    Warns
    -----
    UserWarning
        If alpha is 0 everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.tile(np.float32([0, 0, 0.5, 1, 1]), (4, 1))
    >>> image = np.repeat(alpha[:, :, None], 3, axis=2) * np.float32([1, 0.5, 0])
    >>> decontaminate(image, alpha)[0, 2].round(2)             # a mixed pixel: orange at alpha 0.5
    array([1. , 0.5, 0. , 0.5], dtype=float32)
    """
    alpha = check_plane(alpha, "alpha")
    if not alpha.any():
        warn_caller("alpha is 0 everywhere, so nothing is cut out", UserWarning)
    refuse_labels(alpha, "alpha")
    return np.dstack([estimate_foreground(image, alpha), alpha])


def _mean_colour(image: npt.NDArray[np.float32], is_layer: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the mean colour of the pixels in `is_layer`, or of all pixels if there are none, as a (1, 1, 3) layer."""
    mask = is_layer.view(np.uint8) if is_layer.any() else None
    return np.array(cv2.mean(image, mask)[:3], dtype=np.float32).reshape(1, 1, 3)


def _shrink(
    image: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return image and alpha of the next coarser level, half as high and half as wide, rounded up."""
    shape = (alpha.shape[0] + 1) // 2, (alpha.shape[1] + 1) // 2
    coarse_image, coarse_alpha = np.empty((*shape, 3), dtype=np.float32), np.empty(shape, dtype=np.float32)
    run_pieces(kernels.shrink_rows, shape[0], image, alpha, coarse_image, coarse_alpha, cost=PIXEL_COST * shape[1])
    return coarse_image, coarse_alpha


def _enlarge(coarse: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return a layer of one level at the (height, width) of the next finer level."""
    if coarse.shape[:2] == shape:
        return coarse
    fine = np.empty((*shape, 3), dtype=np.float32)
    run_pieces(kernels.enlarge_rows, shape[0], coarse, fine, cost=shape[1])
    return fine


def _relax(
    image: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32], layers: list[npt.NDArray[np.float32]]
) -> None:
    """Update the foreground and background of one level in place."""
    is_small = max(alpha.shape) <= SMALL_SIDE
    iterations = SMALL_ITERATIONS if is_small else ITERATIONS
    for k in range(iterations):
        omega = OVER_RELAXATION if k < iterations - 1 else np.float32(1)
        everywhere = is_small or k == 0
        for colour in (0, 1):
            run_pieces(
                kernels.relax_rows,
                len(alpha),
                image,
                alpha,
                *layers,
                colour,
                omega,
                everywhere,
                cost=PIXEL_COST * alpha.shape[1],
            )
