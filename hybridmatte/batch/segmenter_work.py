"""The work on one job that needs a segmenter. Only names and texts travel to worker processes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.finding import Box, Points, Segmenter
from hybridmatte.automatic.network_settings import parse_options
from hybridmatte.automatic.registry import find_mask, load_segmenter

__all__ = ["find_by_name", "segmenter_by_name"]


def segmenter_by_name(name: str, options: tuple[str, ...]) -> Segmenter:
    """Return a segmenter by its name and its options as the command line gives them, KEY=VALUE."""
    return load_segmenter(name, parse_options(options))


def find_by_name(
    image: npt.NDArray[np.float32],
    *,
    name: str,
    options: tuple[str, ...] = (),
    box: Box | None = None,
    points: Points | None = None,
) -> npt.NDArray[np.float32]:
    """Return the mask (H, W) of an image by the segmenter of that name; its network is kept for the next image."""
    return find_mask(image, segmenter_by_name(name, options), box=box, points=points)
