"""Correct a mask by the network that comes with the package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.automatic.registry import predict_shrunk
from hybridmatte.automatic.segmenters import run_segmenter
from hybridmatte.trimap import depth_inside

__all__ = ["corrected_mask"]

SIDE = 384  # pixels: shorter side of image and mask as the network sees them
SEEN = 2.0  # pixels of the network: half of the thickness below which it does not see a part
COMMON_MIN = 0.5  # of the union of mask and correction; with less in common the network looks at something else

Plane = npt.NDArray[np.float32]
Region = npt.NDArray[np.bool_]


def corrected_mask(image: npt.NDArray[np.float32], mask: Plane) -> Plane:
    """Return a mask (H, W) that the bundled refiner has corrected by the image (H, W, 3); see its model card.

    The network sees image and mask at a shorter side of 384 pixels. Parts of the object and gaps in it that are too
    thin for that stay as they are in the mask. If less than half of the union of mask and correction is in both, the
    network does not know the object, and the mask is returned.
    """
    planes = np.dstack([image, mask])
    small = predict_shrunk(planes, SIDE, lambda part: run_segmenter("refiner", part[:, :, :3], part[:, :, 3]))
    corrected = enlarged(small, mask.shape)
    is_inside = mask >= INSIDE_MIN
    width = SEEN * mask.shape[0] / small.shape[0]
    for value, region in ((1.0, is_inside), (0.0, ~is_inside)):
        is_thin = region & ~_opened(region, width)
        corrected[is_thin] = (np.maximum if value else np.minimum)(corrected, mask)[is_thin]
    is_found = corrected >= INSIDE_MIN
    union = np.count_nonzero(is_inside | is_found)
    return corrected if np.count_nonzero(is_inside & is_found) >= COMMON_MIN * union else mask


def _opened(region: Region, radius: float) -> Region:
    """Return the pixels of a region that a disc of a radius covers, which lies in the region; the border is no edge."""
    is_deep = depth_inside(region) > radius
    return depth_inside(~is_deep) <= radius if is_deep.any() else np.zeros_like(region)
