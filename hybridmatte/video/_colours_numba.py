"""The alphas that a pixel's colour allows, given the colours of both layers; used by ``colour_fit.py``."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel
from hybridmatte.video._interpolation_numba import neighbours, value_at

STEPS = 32  # of the grid of alphas
LEAST_VARIANCE = (0.5 / STEPS) ** 2  # that the grid resolves
UNINFORMED = 12.0  # inverse of the variance of an alpha of which nothing is known, between 0 and 1
LARGEST = 30.0  # exponent of a likelihood, below that of the likeliest, from which it is 0
FULL = 65535  # full scale of uint16


@kernel
def moment_rows(first, last, alpha, foreground, moments):
    """Write sums of weights, of weighted colours and of weighted products of colours over blocks of 2 x 2 pixels.

    alpha (H, W) gives the weights, its squares; foreground (H, W, 3) is uint16. moments (10, h, w) are of the blocks in
    rows first to last - 1: the weight, R, G, B, and the products 00, 01, 02, 11, 12 and 22.
    """
    height, width = alpha.shape
    for row in range(first, last):
        for column in range(moments.shape[2]):
            for k in range(10):
                moments[k, row, column] = 0
            for y in range(2 * row, min(2 * row + 2, height)):
                for x in range(2 * column, min(2 * column + 2, width)):
                    weight = alpha[y, x] * alpha[y, x]
                    r = foreground[y, x, 0] * np.float32(1 / FULL)
                    g = foreground[y, x, 1] * np.float32(1 / FULL)
                    b = foreground[y, x, 2] * np.float32(1 / FULL)
                    moments[0, row, column] += weight
                    moments[1, row, column] += weight * r
                    moments[2, row, column] += weight * g
                    moments[3, row, column] += weight * b
                    moments[4, row, column] += weight * r * r
                    moments[5, row, column] += weight * r * g
                    moments[6, row, column] += weight * r * b
                    moments[7, row, column] += weight * g * g
                    moments[8, row, column] += weight * g * b
                    moments[9, row, column] += weight * b * b


@kernel
def colour_pieces(first, last, pixels, moments, spread, colours):
    """Write the mean and the covariance of the foreground's colours at pixels first to last - 1.

    pixels (n, 2) are x and y; moments (10, h, w) are sums around the blocks of `moment_rows`. colours (n, 9) get the
    mean and the entries 00, 01, 02, 11, 12 and 22 of the covariance, with `spread` added to its diagonal.
    """
    height, width = moments.shape[1:]
    for i in range(first, last):
        across = neighbours((pixels[i, 0] + 0.5) / 2 - 0.5, width)
        down = neighbours((pixels[i, 1] + 0.5) / 2 - 0.5, height)
        total = 1.0
        for k in range(10):
            value = value_at(moments[k], across, down)
            if k == 0:
                total = max(value, 1e-20)
            else:
                colours[i, k - 1] = value / total
        r, g, b = colours[i, 0], colours[i, 1], colours[i, 2]
        colours[i, 3] = max(colours[i, 3] - r * r, 0.0) + spread
        colours[i, 4] -= r * g
        colours[i, 5] -= r * b
        colours[i, 6] = max(colours[i, 6] - g * g, 0.0) + spread
        colours[i, 7] -= g * b
        colours[i, 8] = max(colours[i, 8] - b * b, 0.0) + spread


@inlined
def power(x):
    """Return e to the power of x between `-LARGEST` and 0, within 2e-7 of it; the compiler computes several at once."""
    y = x * (1 / 64)
    y = 1 + y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720 + y * (1 / 5040)))))))
    y *= y
    y *= y
    y *= y
    y *= y
    y *= y
    return y * y


@inlined
def logarithm(distance, determinant):
    """Return the logarithm of a Gaussian density, up to a constant."""
    return -0.5 * (distance + np.log(determinant))


@kernel(allocates=True)
def fit_colours(first, last, colours, foregrounds, grounds, ground_variances, noise, modes, precisions):
    """Write the likeliest alphas of pixels first to last - 1 and how much their colours tell of alpha.

    The colour (n, 3) is a mixture of a foreground colour with the mean and covariance (n, 9) of `colour_pieces`, of the
    ground's colour (n, 3) with a variance (n,) in each channel, and noise of a variance. The precision is the inverse
    variance of alpha, less that of an alpha of which nothing is known.
    """
    distances, determinants, weights = np.empty(STEPS + 1), np.empty(STEPS + 1), np.empty(STEPS + 1)
    for i in range(first, last):
        r0, g0, b0 = colours[i, 0] - grounds[i, 0], colours[i, 1] - grounds[i, 1], colours[i, 2] - grounds[i, 2]
        r1 = foregrounds[i, 0] - grounds[i, 0]
        g1 = foregrounds[i, 1] - grounds[i, 1]
        b1 = foregrounds[i, 2] - grounds[i, 2]
        rr, rg, rb = foregrounds[i, 3], foregrounds[i, 4], foregrounds[i, 5]
        gg, gb, bb = foregrounds[i, 6], foregrounds[i, 7], foregrounds[i, 8]
        ground_variance = ground_variances[i]
        for k in range(STEPS + 1):
            alpha = k * (1 / STEPS)
            own = noise + (1 - alpha) * (1 - alpha) * ground_variance
            square = alpha * alpha
            a, b, c = square * rr + own, square * gg + own, square * bb + own
            d, e, f = square * rg, square * rb, square * gb  # entries 01, 02 and 12
            r, g, h = r0 - alpha * r1, g0 - alpha * g1, b0 - alpha * b1
            aa, bb_, cc = b * c - f * f, a * c - e * e, a * b - d * d
            dd, ee, ff = e * f - d * c, d * f - e * b, d * e - a * f
            determinant = a * aa + d * dd + e * ee
            form = r * r * aa + g * g * bb_ + h * h * cc + 2 * (r * g * dd + r * h * ee + g * h * ff)
            distances[k], determinants[k] = form / determinant, determinant
        least = distances[0]
        for k in range(1, STEPS + 1):
            least = min(least, distances[k])
        for k in range(STEPS + 1):
            exponent = 0.5 * (least - distances[k])
            density = power(max(exponent, -LARGEST)) / np.sqrt(determinants[k])
            weights[k] = density if exponent > -LARGEST else 0.0
        best = 0
        for k in range(1, STEPS + 1):
            if weights[k] > weights[best]:
                best = k
        weights[0] *= 0.5
        weights[STEPS] *= 0.5
        total = mean = square = 0.0
        for k in range(STEPS + 1):
            total += weights[k]
            mean += weights[k] * k
            square += weights[k] * k * k
        mean /= total
        variance = max((square / total - mean * mean) / STEPS**2, LEAST_VARIANCE)
        precisions[i] = max(1 / variance - UNINFORMED, 0)
        modes[i] = best / STEPS
        if 0 < best < STEPS:  # the top of the parabola through three values
            top = logarithm(distances[best], determinants[best])
            before = logarithm(distances[best - 1], determinants[best - 1])
            after = logarithm(distances[best + 1], determinants[best + 1])
            bend = before - 2 * top + after
            if bend < 0:
                modes[i] += 0.5 * (before - after) / bend / STEPS
