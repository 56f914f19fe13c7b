"""Contract tests for plug-ins: what hybridmatte expects of a segmenter, to be run in a plug-in's own tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.finding import Segmenter
from hybridmatte.automatic.registry import load_segmenter

__all__ = ["check_segmenter"]

Image = npt.NDArray[np.float32]
SHAPES = ((48, 64), (61, 37), (33, 33), (7, 11), (2, 3))  # also odd and tiny
LINES = ((1, 40), (40, 1), (1, 1))  # a segmenter may refuse these, with a message
SEED = 20


def check_segmenter(segmenter: str | Callable[..., Any] | Segmenter) -> None:
    """Check that a segmenter keeps the contract of `hybridmatte.register_segmenter`.

    The segmenter sees small images of noise and of one colour. It must return a floating-point mask (h, w) in [0, 1] of
    the image's aspect ratio for odd and for tiny sizes, must give the same mask twice, and must not modify its input.
    For an image one pixel wide or high, it returns such a mask or raises a ValueError with a message. If it takes
    `box` or `points`, each is tried; the mask may ignore them. Whether the mask is right is not checked.

    Parameters
    ----------
    segmenter : str, callable or Segmenter
        The function, or a name as for `hybridmatte.find_mask`.

    Raises
    ------
    AssertionError
        If the contract is broken; the message says how, and at which size.

    Examples
    --------
    >>> check_segmenter(lambda image: image.mean(axis=2))
    """
    loaded = load_segmenter(segmenter)
    generator = np.random.default_rng(SEED)
    for shape in SHAPES:
        noise = generator.random((*shape, 3), np.float32)
        for image in (noise, np.zeros_like(noise), np.ones_like(noise)):
            _check_image(loaded, image)
    for shape in LINES:
        _check_line(loaded, generator.random((*shape, 3), np.float32))


def _check_image(segmenter: Segmenter, image: Image) -> None:
    """Check the masks of one image: their form, that they are equal, and that the image stays as it is."""
    for prompts in _prompts(segmenter, image):
        mask = _mask(segmenter, image, prompts)
        before, size = image.copy(), f"for an image of {image.shape[1]} x {image.shape[0]} pixels"
        again = np.asarray(segmenter.function(image, **prompts))
        if not np.array_equal(image, before):
            raise AssertionError(f"segmenter {segmenter.name} modifies its input {size}, expected it as it was")
        if not np.array_equal(mask, again):
            raise AssertionError(f"segmenter {segmenter.name} gives two masks {size}, expected the same at each call")


def _check_line(segmenter: Segmenter, image: Image) -> None:
    """Check the mask of an image one pixel wide or high, or the message that refuses it."""
    prompts = _prompts(segmenter, image)[-1]
    try:
        segmenter.function(image.copy(), **prompts)
    except Exception as error:
        if isinstance(error, ValueError) and str(error).strip():
            return
        raise AssertionError(
            f"segmenter {segmenter.name} raises {type(error).__name__} ({error}) for an image of "
            f"{image.shape[1]} x {image.shape[0]} pixels, expected a mask or a ValueError with a message"
        ) from error
    _mask(segmenter, image, prompts)


def _mask(segmenter: Segmenter, image: Image, prompts: dict[str, Any]) -> Image:
    """Return the checked mask; the sentence of a refusal becomes an AssertionError."""
    try:
        return segmenter(image, **prompts)
    except (ValueError, TypeError) as error:
        size = f"{image.shape[1]} x {image.shape[0]}"
        raise AssertionError(f"{error}, for an image of {size} pixels") from error


def _prompts(segmenter: Segmenter, image: Image) -> list[dict[str, Any]]:
    """Return the keyword arguments to try: none, and each of box and points that the segmenter takes."""
    height, width = image.shape[:2]
    tried: list[dict[str, Any]] = [{}]
    if segmenter.takes_box:
        tried.append({"box": (0.0, 0.0, float(width), float(height))})
    if segmenter.takes_points:
        tried.append({"points": [(width / 2, height / 2, 1), (0.0, 0.0, 0)]})
    needs_prompt = segmenter.is_built_in and len(tried) > 1  # SAM
    return tried[1:] if needs_prompt else tried
