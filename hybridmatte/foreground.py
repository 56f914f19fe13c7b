"""Colours behind an alpha: estimate foreground and background, compose them anew, cut out."""

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_image, check_plane, check_same_shape
from hybridmatte.errors import MissingExtraError, warn_caller
from hybridmatte.trimap import refuse_labels

__all__ = ["Layers", "composite", "cutout", "decontaminate", "estimate_foreground", "estimate_layers"]


class Layers(NamedTuple):
    """The two colour layers of an image, (H, W, 3) float32 each."""

    foreground: np.ndarray
    background: np.ndarray


def estimate_layers(image, alpha):
    """Estimate foreground and background colours of an image, given its alpha.

    Multi-level estimation, PyMatting's implementation as it is: smooth layers that satisfy
    ``image = alpha * foreground + (1 - alpha) * background`` nearly, found from coarse to fine. Time and memory
    are linear in the pixels: about a tenth of a second a megapixel, 60 bytes a pixel.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16.

    Returns
    -------
    layers : Layers
        Two (H, W, 3) float32 arrays in [0, 1]: foreground and background, each defined everywhere.

    Raises
    ------
    ValueError
        If image and alpha differ in height or width, or a value is not finite.

    References
    ----------
    .. [1] T. Germer, T. Uelwer, S. Conrad, S. Harmeling. Fast multi-level foreground estimation. ICPR 2020.
    """
    image = check_image(image)
    alpha = check_plane(alpha, "alpha", image.shape[:2])
    if alpha.size == 1:  # PyMatting divides by log2 of the longer side
        layers = estimate_layers(np.repeat(image, 2, axis=1), np.repeat(alpha, 2, axis=1))
        return Layers(*(layer[:, :1] for layer in layers))
    layers = _pymatting_estimator()(image, alpha, return_background=True)
    return Layers(*(np.clip(layer, 0, 1, dtype=np.float32) for layer in layers))


def estimate_foreground(image, alpha):
    """Estimate the foreground colours of an image, given its alpha.

    A cut-out must show these, not the image's own colours, which at mixed pixels still hold the old background.
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
        In [0, 1], defined everywhere.

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


def composite(foreground, alpha, background):
    """Put foreground colours over a background: ``alpha * foreground + (1 - alpha) * background``.

    On the stored numbers, as picture editors do by default; no linear light.

    Parameters
    ----------
    foreground : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16.
    background : (H, W, 3) array or three numbers
        An image of the same size, or one colour in [0, 1].

    Returns
    -------
    image : (H, W, 3) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If heights or widths differ, or a value is not finite or outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> composite(np.ones((1, 1, 3)), np.array([[0.25]]), (0, 0.5, 1))
    array([[[0.25 , 0.625, 1.   ]]], dtype=float32)
    """
    import cv2

    foreground = check_image(foreground, "foreground")
    alpha = check_plane(alpha, "alpha", foreground.shape[:2], "foreground")
    if np.shape(background) == (3,):
        background = check_image(np.asarray(background, dtype=np.float32).reshape(1, 1, 3), "background")
    else:
        background = check_image(background, "background")
        check_same_shape(background.shape[:2], "background", foreground.shape[:2], "foreground")
    weight = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)  # loops over three values for each pixel would be slower
    image = weight * foreground
    np.subtract(1, weight, out=weight)
    weight *= background
    image += weight
    return image


def cutout(image, trimap, *, method=None, quality=None):
    """Cut an object out: solve for alpha, estimate its foreground colours, return both as RGBA.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown.
    method : str, optional
        One of `hybridmatte.METHODS`.
    quality : {"best", "fast"}, optional
        Without a method, see `hybridmatte.matte`; default "best".

    Returns
    -------
    cutout : (H, W, 4) float32 array
        Straight (not premultiplied) RGBA in [0, 1].

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, the method cannot answer, or both method and quality are given.
    """
    from hybridmatte.correction.matting import matte_by

    return decontaminate(image, matte_by(image, trimap, method, quality))


def decontaminate(image, alpha):
    """Cut an object out by an alpha from anywhere, free of the old background's colours.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Never modified.
    alpha : (H, W) array
        In [0, 1], or uint8 or uint16: a solver's, a network's, another program's. `hybridmatte.refine` brings a smaller
        one to the image's size.

    Returns
    -------
    cutout : (H, W, 4) float32 array
        Straight (not premultiplied) RGBA in [0, 1]; see `estimate_layers` for the colours.

    Raises
    ------
    ValueError
        If image and alpha differ in height or width, a value is not finite, or alpha is of labels, all small.

    Warns
    -----
    UserWarning
        If alpha is 0 everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.tile(np.float32([0, 0, 0.5, 1, 1]), (4, 1))
    >>> image = np.repeat(alpha[:, :, None], 3, axis=2) * np.float32([1, 0.5, 0])
    >>> decontaminate(image, alpha)[0, 2].round(2)             # half orange, half black: orange of alpha 0.5
    array([1. , 0.5, 0. , 0.5], dtype=float32)
    """
    alpha = check_plane(alpha, "alpha")
    if not alpha.any():
        warn_caller("alpha is 0 everywhere, so nothing is cut out", UserWarning)
    refuse_labels(alpha, "alpha")
    return np.dstack([estimate_foreground(image, alpha), alpha])


def _pymatting_estimator():
    """Return PyMatting's estimate_foreground_ml without importing the rest of PyMatting.

    `import pymatting` compiles every solver it has, half a minute at first use; its estimator is one file that
    needs nothing else. The file is loaded under its own name, which is what Numba's cache on disk records, so
    that an ordinary import before or after shares module and cache.
    """
    name = "pymatting.foreground.estimate_foreground_ml"
    if name in sys.modules:
        return sys.modules[name].estimate_foreground_ml
    package = find_spec("pymatting")
    if package is None:
        raise MissingExtraError("foreground colours need pymatting, expected it installed: pip install pymatting")
    file = Path(package.submodule_search_locations[0], "foreground", "estimate_foreground_ml.py")
    spec = spec_from_file_location(name, file)
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module.estimate_foreground_ml
