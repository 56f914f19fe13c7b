"""Crops with masks as two views: for a teacher as they are, for a student in changed colours."""

import dataclasses

import numpy as np

from hybridmatte.data.augmentation import recolour

__all__ = ["AsMaskTask", "AsTwoViews", "without_colours"]

INSIDE = 0.5  # a mask counts as 1 from this value on


class AsMaskTask:
    """Turns a crop with a mask into image and mask of 0 and 1: soft ones are cut at 0.5."""

    def __call__(self, sample, generator):  # noqa: ARG002
        """Return the parts by name."""
        return {"image": sample.image, "mask": np.float32(sample.mask >= INSIDE)}


class AsTwoViews:
    """Turns a crop with a mask into image, the image in changed colours as `strong`, and a mask of 0 and 1.

    Parameters
    ----------
    augmentation : Augmentation
        Its colours are those of the strong view; the crop itself must have been cut by `without_colours`.
    """

    def __init__(self, augmentation):
        self._augmentation = augmentation

    def __call__(self, sample, generator):
        """Return the parts by name."""
        strong = recolour(sample.image, *self._augmentation.draw_colours(generator))
        return AsMaskTask()(sample, generator) | {"strong": strong}


def without_colours(augmentation):
    """Return an augmentation that leaves colours as they are."""
    return dataclasses.replace(augmentation, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
