"""Correct a mask by the network that comes with the package."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.automatic.segmenters import run_segmenter
from hybridmatte.trimap import box_around, depth_inside

__all__ = ["changed_share", "corrected_mask", "correction_memory"]

SIDE = 384  # pixels: shorter side of image and mask as the network sees them
LONGEST = 4 * SIDE  # pixels: longer side, for very wide images
WEIGHT_BYTES = 25 << 20  # of the network and its reader, see `correction_memory`
PIXEL_BYTES = 420  # that the network takes for each pixel that it sees, and keeps for the next image
SEEN = 2.0  # pixels of the network: half of the thickness below which it does not see a part
COMMON_MIN = 0.5  # of the union of mask and correction; with less in common the network looks at something else

Plane = npt.NDArray[np.float32]
Region = npt.NDArray[np.bool_]


def corrected_mask(image: npt.NDArray[np.float32], mask: Plane) -> Plane | None:
    """Return a mask (H, W) that the bundled refiner has corrected by the image (H, W, 3); see its model card.

    The network sees image and mask at a shorter side of 384 pixels. Parts of the object and gaps in it that are too
    thin for that stay as they are in the mask. The result is None if less than half of the union of mask and correction
    is in both: the network does not know the object then.
    """
    factor = _factor(mask.shape)
    small = [
        cv2.resize(part, _seen_size(mask.shape)[::-1], interpolation=cv2.INTER_AREA).clip(0, 1)
        for part in (image, mask)
    ]
    corrected = enlarged(run_segmenter("refiner", *small), mask.shape)
    is_inside = mask >= INSIDE_MIN
    _keep_thin_parts(corrected, mask, is_inside, SEEN / factor)
    is_found = corrected >= INSIDE_MIN
    union = np.count_nonzero(is_inside | is_found)
    return corrected if np.count_nonzero(is_inside & is_found) >= COMMON_MIN * union else None


def correction_memory(shape: tuple[int, int]) -> int:
    """Estimate the bytes that the network takes for an image of a height and width.

    Measured at 384 x 384 to 384 x 1536 pixels, the most that it sees: 83 to 258 MiB, of which 25 are weights.
    """
    height, width = _seen_size(shape)
    return WEIGHT_BYTES + PIXEL_BYTES * height * width


def _factor(shape: tuple[int, ...]) -> float:
    """Return the factor from the size of an image to the size at which the network sees it."""
    return min(SIDE / min(shape), LONGEST / max(shape), 1.0)


def _seen_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width of an image as the network sees it."""
    height, width = (max(round(_factor(shape) * side), 1) for side in shape)
    return height, width


def changed_share(mask: Plane, corrected: Plane) -> float:
    """Return the number of pixels that a correction moved into a mask or out of it, over those inside the mask."""
    is_inside = mask >= INSIDE_MIN
    changed = np.count_nonzero(is_inside != (corrected >= INSIDE_MIN))
    return float(changed / np.count_nonzero(is_inside))


def _keep_thin_parts(corrected: Plane, mask: Plane, is_inside: Region, radius: float) -> None:
    """Set a correction back to the mask, in place, in parts and gaps that no disc of a radius fits into.

    A gap's pixels lie within the radius of the inside, and the discs that may cover them within twice the radius. So
    nothing farther from the inside than that is looked at.
    """
    box = box_around(is_inside, 2 * radius)
    corrected, mask, is_inside = corrected[box], mask[box], is_inside[box]
    for extreme, region in ((np.maximum, is_inside), (np.minimum, ~is_inside)):
        is_thin = region & ~_opened(region, radius)
        corrected[is_thin] = extreme(corrected[is_thin], mask[is_thin])


def _opened(region: Region, radius: float) -> Region:
    """Return the pixels of a region that a disc of a radius covers, which lies in the region; the border is no edge."""
    is_deep = depth_inside(region) > radius
    return depth_inside(~is_deep) <= radius if is_deep.any() else np.zeros_like(region)
