"""Draw `flower_trimap.png`. It was drawn once, checked over the photograph, and committed.

    python -m experiments.demo.draw_trimap

A hand-set outline excludes the second flower, the ochre bud behind and the stem. Inside the outline, warm pixels are
petals. Unknown is a band of 5 pixels on both sides of their edge, which is wide enough for the blur of the petals
furthest back; pixels more than 2 pixels outside the outline are background.
"""

import cv2
import numpy as np

from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph
from hybridmatte import read_image, trimap_from_mask, write_alpha

# Corners (x, y) in pixels of the 640 x 427 photograph, clockwise from the left of the top.
OUTLINE = [
    (240, 84),
    (310, 76),
    (390, 84),
    (435, 120),
    (460, 180),
    (460, 260),
    (440, 308),
    (408, 331),
    (396, 337),
    (384, 339),
    (376, 344),
    (368, 348),
    (354, 354),
    (340, 359),
    (322, 363),
    (300, 365),
    (260, 362),
    (225, 348),
    (190, 320),
    (165, 270),
    (160, 200),
    (175, 150),
    (205, 105),
]
BAND = 5  # pixels
SLACK = 2  # pixels


def draw(image):
    """Return the flower's trimap (H, W) from its photograph (H, W, 3)."""
    red, green, blue = (image[:, :, channel] for channel in range(3))
    outline = np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillPoly(outline, [np.array(OUTLINE)], 1)
    warm = (outline > 0) & (red > (green + blue) / 2 + 0.05) & (red > 0.27)
    petals = _largest(warm)
    trimap = trimap_from_mask(~_largest(~petals), erode=BAND, dilate=BAND)
    trimap[cv2.distanceTransform(1 - outline, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > SLACK] = 0
    return trimap


def _largest(region):
    """Return the largest 4-connected part of a region."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    return labels == 1 + np.argmax(statistics[1:, cv2.CC_STAT_AREA])


if __name__ == "__main__":
    write_alpha(FLOWER_TRIMAP, draw(read_image(flower_photograph())))
