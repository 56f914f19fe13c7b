"""Kernels of shared sampling that average the chosen samples of each pixel and refine the mean.

Used by ``shared_sampling.py``; ``_sampling_numba.py`` describes a sample. Equations are those of Gastal and Oliveira
2010.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces
from hybridmatte.methods._sharing_numba import mix


@inlined
def _add_sample(sample, weight, total):
    """Add a sample (8,), times a weight, to a total (8,) in double precision."""
    for d in range(8):
        total[d] += weight * np.float64(sample[d])


@kernel(allocates=True)
def _mean_samples(first, last, image, index, pixels, samples, chosen, offsets, rings, fallback, means):
    """Write the mean samples of the pixels first to last - 1."""
    height, width = index.shape
    color, total, tied = np.empty(3, np.float32), np.empty(8), np.empty(8)
    for i in range(first, last):
        y, x = pixels[i] // width, pixels[i] % width
        for c in range(3):
            color[c] = image[y, x, c]
        n = 0
        while n < 3 and chosen[i, n] >= 0:
            n += 1
        if n == 0:
            for d in range(8):
                means[i, d] = fallback[d]
            continue
        last_one = chosen[i, n - 1]
        dy, dx = pixels[last_one] // width - y, pixels[last_one] % width - x
        ring = dy * dy + dx * dx
        _, square = mix(color, samples[last_one])
        for d in range(8):
            total[d] = tied[d] = 0.0
        n_tied = places = 0
        for k in range(rings[ring], rings[ring + 1]):
            yy, xx = y + offsets[k, 0], x + offsets[k, 1]
            j = index[yy, xx] if 0 <= yy and yy < height and 0 <= xx and xx < width else -1
            if j < 0 or samples[j, 6] < 0:
                continue
            _, other = mix(color, samples[j])
            if other == square:
                n_tied += 1
                _add_sample(samples[j], 1.0, tied)
                for rank in range(n):
                    places += (3 - rank if rank == n - 1 else 1) if chosen[i, rank] == j else 0
        for rank in range(n):
            sample = samples[chosen[i, rank]]
            dy, dx = pixels[chosen[i, rank]] // width - y, pixels[chosen[i, rank]] % width - x
            _, other = mix(color, sample)
            if other != square or dy * dy + dx * dx != ring:
                _add_sample(sample, 1.0, total)
        _add_sample(tied, places / n_tied, total)
        for d in range(8):
            means[i, d] = total[d] / 3.0


def mean_samples(image, index, pixels, samples, chosen, offsets, rings, fallback):
    """Return the mean (n, 8) of the samples that `three_best` chose for each pixel (Eq. 9).

    If there are fewer than three, the last one counts for the missing ones; `fallback` (8,) replaces them where there
    are none. `three_best` prefers the nearest of equally good samples. Samples that are equally good and equally far
    share their places evenly, so that the order of `offsets` does not matter. The offsets at squared distance q are
    rings[q] to rings[q + 1] - 1.
    """
    means = np.empty((pixels.size, 8), np.float32)
    run_pieces(
        _mean_samples,
        pixels.size,
        image,
        index,
        pixels,
        samples,
        chosen,
        offsets,
        rings,
        fallback,
        means,
        cost=100,
    )
    return means


@kernel(allocates=True)
def _refine_samples(first, last, image, pixels, means, sharpness, layers, alpha, confidence):
    """Refine the samples of the pixels first to last - 1."""
    width = image.shape[1]
    mean, color = np.empty(8, np.float32), np.empty(3, np.float32)
    for i in range(first, last):
        for c in range(3):
            color[c] = image[pixels[i] // width, pixels[i] % width, c]
        for d in range(8):
            mean[d] = means[i, d]
        f_square = b_square = np.float32(0.0)
        for d in range(3):
            f_square += (color[d] - mean[d]) ** 2
            b_square += (color[d] - mean[3 + d]) ** 2
        for d in range(3):
            layers[i, d] = color[d] if f_square <= mean[6] else mean[d]
            layers[i, 3 + d] = color[d] if b_square <= mean[7] else mean[3 + d]
        alpha[i], error = mix(color, mean)
        confidence[i] = np.exp(-sharpness * np.sqrt(error))
        if f_square <= mean[6] and b_square <= mean[7]:
            confidence[i] = np.float32(1e-8)
        else:
            for d in range(6):
                mean[d] = layers[i, d]
            alpha[i], _ = mix(color, mean)


def refine_samples(image, pixels, means, sharpness):
    """Return layers (n, 6), alpha (n,) and confidence (n,) from the mean samples (n, 8) of each pixel (Eq. 9-11).

    A layer within its sample's variance of the pixel's colour becomes that colour. The confidence is exp(-sharpness *
    mixture error) of the mean samples, and 1e-8 if both layers became the colour.
    """
    layers = np.empty((pixels.size, 6), np.float32)
    alpha, confidence = np.empty(pixels.size, np.float32), np.empty(pixels.size, np.float32)
    run_pieces(_refine_samples, pixels.size, image, pixels, means, sharpness, layers, alpha, confidence, cost=50)
    return layers, alpha, confidence
