"""Segmenters of the package rembg: `rembg:MODEL`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from hybridmatte._validation import check_choice
from hybridmatte.automatic.finding import Box, Points, Segmenter, reason_of
from hybridmatte.io._picture import to_uint8

__all__ = ["rembg_segmenter"]

Mask = npt.NDArray[np.float32]
PROMPTED = "sam"  # rembg's model that takes box and points
OPTIONS = ("model_path", "sam_model")  # of rembg's sessions


def rembg_segmenter(name: str, argument: str, options: Mapping[str, Any]) -> Segmenter:
    """Return the segmenter of one of rembg's models; rembg downloads the weights at the first image.

    The option `model_path` is the file of the models ``u2net_custom``, ``dis_custom`` and ``ben_custom``, `sam_model`
    the variant of ``sam``.
    """
    from rembg.sessions import sessions_names

    check_choice(argument, "rembg's model", sorted(sessions_names))
    for key, value in options.items():
        check_choice(key, f"an option of segmenter {name}", OPTIONS)
        if not isinstance(value, str):
            raise TypeError(f"{key} of segmenter {name} is {value!r}, expected a text")
    chosen = tuple(sorted(options.items()))
    if argument == PROMPTED:
        return Segmenter(name, partial(_find_prompted, name=name, options=chosen), True, True, is_built_in=True)
    return Segmenter(name, partial(_find, name=name, argument=argument, options=chosen), is_built_in=True)


@lru_cache(maxsize=1)
def _session(name: str, argument: str, options: tuple[tuple[str, str], ...]) -> Any:
    """Return rembg's session of a model."""
    from rembg import new_session

    try:
        return new_session(argument, **dict(options))
    except Exception as error:
        raise ValueError(
            f"segmenter {name} cannot be loaded: {reason_of(error)}, expected weights that rembg finds or downloads"
        ) from error


def _find(image: Mask, *, name: str, argument: str, options: tuple[tuple[str, str], ...], **prompts: Any) -> Mask:
    """Return the union (H, W) of the masks that a session gives."""
    masks = _session(name, argument, options).predict(Image.fromarray(to_uint8(image)), **prompts)
    planes = [np.asarray(mask.convert("L"), np.float32) / np.float32(255) for mask in masks]
    return np.max(planes, axis=0) if planes else np.zeros(image.shape[:2], np.float32)


def _find_prompted(
    image: Mask,
    *,
    name: str,
    options: tuple[tuple[str, str], ...],
    box: Box | None = None,
    points: Points | None = None,
) -> Mask:
    """Return the mask (H, W) of rembg's SAM for a box, for points, or for both."""
    if box is None and not any(label for *_, label in points or []):
        raise ValueError(f"segmenter {name} got neither a box nor a point on the object, expected --box or --point")
    prompts: list[dict[str, Any]] = []
    if box is not None:
        prompts.append({"type": "rectangle", "data": list(box), "label": 1})
    prompts += [{"type": "point", "data": [x, y], "label": label} for x, y, label in points or []]
    return _find(image, name=name, argument=PROMPTED, options=options, sam_prompt=prompts)
