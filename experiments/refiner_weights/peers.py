"""What users of rembg get from a mask: its recipe for a trimap, and the closed form of PyMatting."""

import cv2
import numpy as np

FOREGROUND_MIN, BACKGROUND_MAX, ERODED = 240 / 255, 10 / 255, 10  # defaults of rembg: levels of 8 bits, pixels


def rembg_alpha(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the alpha of an image (H, W, 3) and a mask (H, W) by rembg's default recipe; all unknown is the mask."""
    from pymatting import estimate_alpha_cf

    square = np.ones((ERODED, ERODED), np.uint8)
    trimap = np.full(mask.shape, 0.5)
    for value, region in ((1.0, mask > FOREGROUND_MIN), (0.0, mask < BACKGROUND_MAX)):
        outside = 0 if value else 1  # beyond the border, as in rembg
        trimap[cv2.erode(region.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=outside) > 0] = (
            value
        )
    if not (trimap == 1).any() or not (trimap == 0).any():
        return mask
    return np.float32(estimate_alpha_cf(np.float64(image), trimap))
