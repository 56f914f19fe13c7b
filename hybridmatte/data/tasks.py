"""Training inputs from crops with masks: image and mask, and a second view of the image in changed colours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.data.augmentation import Augmentation, recolour
from hybridmatte.data.folders import Sample

__all__ = ["AsMaskTask", "AsTwoViews", "without_colours"]

INSIDE = 0.5  # a soft mask becomes 1 from this value on


class AsMaskTask:
    """Turns a crop with a mask into `image` and `mask`; soft masks are thresholded at 0.5."""

    def __call__(self, sample: Sample, generator: np.random.Generator) -> dict[str, npt.NDArray[Any]]:  # noqa: ARG002
        """Return the parts by name."""
        mask = sample.require("mask") >= INSIDE
        return {"image": sample.require("image"), "mask": mask.astype(np.float32)}


class AsTwoViews:
    """Turns a crop with a mask into `image`, `mask` thresholded at 0.5, and `strong`, the image in changed colours.

    Parameters
    ----------
    augmentation : Augmentation
        Draws the change of colours. The crop itself must be made by `without_colours` of it, for a teacher that sees
        the colours as they are.
    """

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation

    def __call__(self, sample: Sample, generator: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """Return the parts by name."""
        strong = recolour(sample.require("image"), *self._augmentation.draw_colours(generator))
        return AsMaskTask()(sample, generator) | {"strong": strong}


def without_colours(augmentation: Augmentation) -> Augmentation:
    """Return a copy of an augmentation that leaves colours unchanged."""
    return dataclasses.replace(augmentation, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
