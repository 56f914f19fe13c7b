"""Kernel of the random walk Laplacian: one row."""

import numpy as np
from numba import njit

MIN_WEIGHT = 1e-5


@njit(cache=True)
def random_walk_row(image, y, x, sigma, row):
    """Write into the 5 x 5 stencil row the Laplacian of weights exp(-|dI|^2 / sigma^2), 8 neighbours."""
    height, width = image.shape[:2]
    row[:] = 0.0
    total = 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            yy = y + dy
            xx = x + dx
            if (dy == 0 and dx == 0) or yy < 0 or yy >= height or xx < 0 or xx >= width:
                continue
            distance = 0.0
            for c in range(3):
                difference = np.float64(image[y, x, c]) - image[yy, xx, c]
                distance += difference * difference
            weight = max(np.exp(-distance / (sigma * sigma)), MIN_WEIGHT)
            row[12 + 5 * dy + dx] = -weight
            total += weight
    row[12] = total
