"""Kernels of the multi-level foreground estimation, each for a band of rows; used by ``foreground.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel

SMOOTHNESS = np.float32(1e-5)  # weight of the smoothness term where alpha is constant; Germer et al. 2020
ALPHA_RANGE = np.float32(0.1)  # pixels whose alphas differ by this or more are not averaged
ZERO, ONE = np.float32(0), np.float32(1)


@kernel
def shrink_rows(first, last, image, alpha, coarse_image, coarse_alpha):
    """Write rows first to last - 1 of the next coarser level of image (h, w, 3) and alpha (h, w).

    Each pixel is a mean over a block of 2 x 2 pixels, cut at the border. The block's first pixel has weight 1, and the
    others have weights that fall linearly to 0 as their alpha departs from the first pixel's. A plain mean would mix
    foreground and background; the first pixel alone would carry its noise to all finer levels.
    """
    height, width = alpha.shape
    for y in range(first, last):
        for x in range(coarse_alpha.shape[1]):
            a = alpha[2 * y, 2 * x]
            red = green = blue = sum_alpha = sum_weight = ZERO
            for row in range(2 * y, min(2 * y + 2, height)):
                for column in range(2 * x, min(2 * x + 2, width)):
                    weight = max(ONE - abs(alpha[row, column] - a) / ALPHA_RANGE, ZERO)
                    red += weight * image[row, column, 0]
                    green += weight * image[row, column, 1]
                    blue += weight * image[row, column, 2]
                    sum_alpha += weight * alpha[row, column]
                    sum_weight += weight
            coarse_image[y, x, 0] = red / sum_weight
            coarse_image[y, x, 1] = green / sum_weight
            coarse_image[y, x, 2] = blue / sum_weight
            coarse_alpha[y, x] = sum_alpha / sum_weight


@kernel
def enlarge_rows(first, last, coarse, fine):
    """Write rows first to last - 1 of the layer `fine` (h, w, 3), nearest neighbour from the next coarser level."""
    for y in range(first, last):
        for x in range(fine.shape[1]):
            for c in range(3):
                fine[y, x, c] = coarse[y // 2, x // 2, c]


@kernel
def relax_rows(first, last, image, alpha, foreground, background, colour, omega, everywhere):
    """Update both layers in place at the red (colour 0) or black (colour 1) pixels of rows first to last - 1.

    Let I be a pixel's colour in the image (h, w, 3), a its alpha, b = 1 - a, s the sum of the weights of its four
    neighbours, and f and g the weighted means of the neighbours' foreground and background. With the neighbours fixed,
    the cost is smallest at

        F = f + a r,    B = g + b r,    r = (I - a f - b g) / (s + a^2 + b^2).

    The pixel moves `omega` times the way to this minimum and is clipped to [0, 1]. A pixel with a = 1 or a = 0 takes
    the image's colour in the visible layer and the neighbours' mean in the hidden one. Such a pixel is skipped if its
    four neighbours have the same alpha, unless `everywhere`. At the border, the pixel itself replaces a missing
    neighbour.

    All neighbours of a red pixel are black. Bands of rows of one colour may therefore run in any order, or at once.
    """
    height, width = alpha.shape
    for y in range(first, last):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range((y + colour) % 2, width, 2):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            a = alpha[y, x]
            w_up = abs(a - alpha[up, x])
            w_down = abs(a - alpha[down, x])
            w_left = abs(a - alpha[y, left])
            w_right = abs(a - alpha[y, right])
            if not everywhere and (a == ZERO or a == ONE) and w_up + w_down + w_left + w_right == ZERO:
                continue
            w_up += SMOOTHNESS
            w_down += SMOOTHNESS
            w_left += SMOOTHNESS
            w_right += SMOOTHNESS
            s = w_up + w_down + w_left + w_right
            inverse = ONE / s
            w_up *= inverse
            w_down *= inverse
            w_left *= inverse
            w_right *= inverse
            if a == ZERO or a == ONE:
                visible, hidden = (foreground, background) if a == ONE else (background, foreground)
                for c in range(3):
                    visible[y, x, c] = image[y, x, c]
                    mean = (
                        w_up * hidden[up, x, c]
                        + w_down * hidden[down, x, c]
                        + w_left * hidden[y, left, c]
                        + w_right * hidden[y, right, c]
                    )
                    hidden[y, x, c] = min(mean, ONE)
                continue
            b = ONE - a
            gain = omega / (s + a * a + b * b)
            for c in range(3):
                f = (
                    w_up * foreground[up, x, c]
                    + w_down * foreground[down, x, c]
                    + w_left * foreground[y, left, c]
                    + w_right * foreground[y, right, c]
                )
                g = (
                    w_up * background[up, x, c]
                    + w_down * background[down, x, c]
                    + w_left * background[y, left, c]
                    + w_right * background[y, right, c]
                )
                r = gain * (image[y, x, c] - a * f - b * g)
                f = foreground[y, x, c] + omega * (f - foreground[y, x, c]) + a * r
                g = background[y, x, c] + omega * (g - background[y, x, c]) + b * r
                foreground[y, x, c] = min(max(f, ZERO), ONE)
                background[y, x, c] = min(max(g, ZERO), ONE)
