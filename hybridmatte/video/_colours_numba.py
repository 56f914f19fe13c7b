"""The alphas that a pixel's colour allows, given the colours of both layers; used by ``colour_fit.py``."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel

STEPS = 32  # of the grid of alphas
LEAST_VARIANCE = (0.5 / STEPS) ** 2  # that the grid resolves
UNINFORMED = 12.0  # inverse of the variance of an alpha of which nothing is known, between 0 and 1


@inlined
def log_likelihood(alpha, colour, mean, spread, ground, ground_variance, noise):
    """Return the logarithm of the density of a pixel's colour at an alpha; see `fit_colours`."""
    rest = 1 - alpha
    own = noise + rest * rest * ground_variance
    square = alpha * alpha
    a, b, c = square * spread[0] + own, square * spread[3] + own, square * spread[5] + own
    d, e, f = square * spread[1], square * spread[2], square * spread[4]  # entries 01, 02 and 12
    r = colour[0] - alpha * mean[0] - rest * ground[0]
    g = colour[1] - alpha * mean[1] - rest * ground[1]
    h = colour[2] - alpha * mean[2] - rest * ground[2]
    aa, bb, cc = b * c - f * f, a * c - e * e, a * b - d * d
    dd, ee, ff = e * f - d * c, d * f - e * b, d * e - a * f
    determinant = a * aa + d * dd + e * ee
    form = r * r * aa + g * g * bb + h * h * cc + 2 * (r * g * dd + r * h * ee + g * h * ff)
    return -0.5 * (form / determinant + np.log(determinant))


@kernel
def fit_colours(first, last, colours, means, spreads, grounds, ground_variances, noise, modes, precisions):
    """Write the likeliest alphas of pixels first to last - 1 and how much their colours tell of alpha.

    The colour (n, 3) is a mixture of a foreground colour with a mean (n, 3) and a covariance (n, 6), entries 00, 01,
    02, 11, 12 and 22, of the ground's colour (n, 3) with a variance (n,) in each channel, and noise of a variance. The
    precision is the inverse variance of alpha, less that of an alpha of which nothing is known.
    """
    for i in range(first, last):
        best, top, before_top, after_top, previous = -1, -np.inf, 0.0, 0.0, 0.0
        total = mean = square = 0.0
        for k in range(STEPS + 1):
            value = log_likelihood(k / STEPS, colours[i], means[i], spreads[i], grounds[i], ground_variances[i], noise)
            if value > top:
                scale = np.exp(top - value)
                total, mean, square = scale * total, scale * mean, scale * square
                best, top, before_top = k, value, previous
            elif k == best + 1:
                after_top = value
            weight = np.exp(value - top)
            if k == 0 or k == STEPS:
                weight *= 0.5
            total += weight
            mean += weight * k
            square += weight * k * k
            previous = value
        mean /= total
        variance = max((square / total - mean * mean) / STEPS**2, LEAST_VARIANCE)
        precisions[i] = max(1 / variance - UNINFORMED, 0)
        modes[i] = best / STEPS
        if 0 < best < STEPS:  # the top of the parabola through three values
            bend = before_top - 2 * top + after_top
            if bend < 0:
                modes[i] += 0.5 * (before_top - after_top) / bend / STEPS
