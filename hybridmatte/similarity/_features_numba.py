"""Kernel that writes the features of some pixels; used by ``features.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces


@kernel
def _features_at(first, last, colors, pixels, columns, rows, features):
    """Write the features of pixels first to last - 1."""
    width = columns.size
    for i in range(first, last):
        pixel = pixels[i]
        for c in range(3):
            features[c, i] = colors[pixel, c]
        features[3, i], features[4, i] = columns[pixel % width], rows[pixel // width]


def features_at(colors, pixels, columns, rows):
    """Return R, G, B, x and y (5, n) of pixels (n,), given by their flat indices.

    colors (H W, 3) are those of the image, columns (W,) and rows (H,) the positions along the axes.
    """
    features = np.empty((5, pixels.size), np.float32)
    run_pieces(_features_at, pixels.size, colors, pixels, columns, rows, features, cost=10)
    return features
