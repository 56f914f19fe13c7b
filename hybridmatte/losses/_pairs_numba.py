"""Numba kernels of the losses over similar pixels: value and gradient in one pass over the pairs.

Used by ``_similar.py``, ``affinity.py`` and ``pairs.py``. alpha and gradient are (B, P): the padded planes of each
image, flattened. distances and offsets are (B, H, W, K); the pairs of a pixel lie at the flat offsets of a
`WindowTopK`. Each image is cut into bands of rows. A band writes its gradient into at most `reach` rows outside itself,
and bands have at least twice as many rows. All even bands run before all odd bands, so no two bands that run at the
same time write to the same place, and every sum has a fixed order.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

DC, DDC, SYMMETRIC_DDC, HINGE = 0, 1, 2, 3  # codes of the penalties of a pair
OUTSIDE = 2**40  # stands for an offset out of the plane; larger than any offset


@kernel
def _farthest_steps(first, last, offsets, n_pixels, stride, margin, largest):
    """Write the largest absolute offset of each image row, or OUTSIDE if an offset leaves the padded plane."""
    batch, _, width, n_neighbors = offsets.shape
    for y in range(first, last):
        longest = 0
        for image in range(batch):
            for x in range(width):
                here = (y + margin) * stride + x + margin
                for k in range(n_neighbors):
                    step = np.int64(offsets[image, y, x, k])
                    if here + step < 0 or here + step >= n_pixels:
                        longest = max(longest, OUTSIDE)
                    longest = max(longest, abs(step))
        largest[y] = longest


def farthest_row(offsets, n_pixels, stride, margin):
    """Return the largest number of rows that a flat offset spans, or -1 if an offset leaves the padded plane."""
    largest = np.zeros(offsets.shape[1], np.int64)
    run_pieces(_farthest_steps, len(largest), offsets, n_pixels, stride, margin, largest)
    longest = int(largest.max())
    return -1 if longest >= OUTSIDE else (longest + stride - 1) // stride


@inlined
def sign_of(value):
    """Return the sign of a value: -1.0, 0.0 or 1.0."""
    if value > 0:
        return 1.0
    return -1.0 if value < 0 else 0.0


@inlined
def pair_penalty(form, x, d):
    """Return the penalty of a pair with alpha difference x and colour distance d, and its derivative in x."""
    size = abs(x)
    sign = sign_of(x)
    if form == DDC:
        return abs(x - d), sign_of(x - d)
    if form == DC:
        return abs(size - d), sign_of(size - d) * sign
    if form == SYMMETRIC_DDC:
        return max(size, d), sign if size > d else 0.0
    return max(size - d, 0.0), sign if size > d else 0.0


@kernel
def _pair_bands(first, last, alpha, distances, offsets, stride, margin, band_rows, form, gradient, parity, sums):
    """Write the sums of the penalties of bands of one parity (0: even, 1: odd); add their gradients to `gradient`."""
    height, width, n_neighbors = distances.shape[1:]
    n_bands = (height + band_rows - 1) // band_rows
    n_parity_bands = (n_bands + 1 - parity) // 2
    for task in range(first, last):
        image, band = task // n_parity_bands, 2 * (task % n_parity_bands) + parity
        values = alpha[image]
        slope = gradient[image]
        total = 0.0
        for y in range(band * band_rows, min((band + 1) * band_rows, height)):
            for x in range(width):
                here = (y + margin) * stride + x + margin
                own_slope = 0.0
                for k in range(n_neighbors):
                    there = here + offsets[image, y, x, k]
                    penalty, derivative = pair_penalty(form, values[here] - values[there], distances[image, y, x, k])
                    total += penalty
                    own_slope += derivative
                    slope[there] -= derivative
                slope[here] += own_slope
        sums[image * n_bands + band] = total


@kernel
def _affinity_bands(
    first, last, alpha, distances, offsets, stride, margin, band_rows, max_distance, gradient, parity, sums
):
    """Write the sums of |sum_j A_ij alpha_j - alpha_i| of bands of one parity; add their gradients to `gradient`."""
    height, width, n_neighbors = distances.shape[1:]
    n_bands = (height + band_rows - 1) // band_rows
    n_parity_bands = (n_bands + 1 - parity) // 2
    for task in range(first, last):
        image, band = task // n_parity_bands, 2 * (task % n_parity_bands) + parity
        values = alpha[image]
        slope = gradient[image]
        total = 0.0
        for y in range(band * band_rows, min((band + 1) * band_rows, height)):
            for x in range(width):
                here = (y + margin) * stride + x + margin
                weight_sum = 0.0
                weighted_sum = 0.0
                for k in range(n_neighbors):
                    weight = max(max_distance - distances[image, y, x, k], 0.0)
                    weight_sum += weight
                    weighted_sum += weight * (values[here + offsets[image, y, x, k]] - values[here])
                residual = weighted_sum / weight_sum
                total += abs(residual)
                sign = sign_of(residual)
                for k in range(n_neighbors):
                    weight = max(max_distance - distances[image, y, x, k], 0.0)
                    slope[here + offsets[image, y, x, k]] += sign * weight / weight_sum
                slope[here] -= sign
        sums[image * n_bands + band] = total


def pair_loss(alpha, distances, offsets, stride, margin, band_rows, form, gradient):
    """Return the sum of the penalties of all pairs; add its gradient to `gradient`. `form` is the penalty's code."""
    return _run_bands(_pair_bands, alpha, distances, offsets, stride, margin, band_rows, form, gradient)


def affinity_loss(alpha, distances, offsets, stride, margin, band_rows, max_distance, gradient):
    """Return the sum over pixels of |sum_j A_ij alpha_j - alpha_i|; add its gradient to `gradient`.

    A_ij is proportional to 1 - d_ij / max_distance, and each row of A sums to 1.
    """
    return _run_bands(_affinity_bands, alpha, distances, offsets, stride, margin, band_rows, max_distance, gradient)


def _run_bands(function, alpha, distances, offsets, stride, margin, band_rows, parameter, gradient):
    """Run a kernel over all even bands, then over all odd ones, and return the sum over the bands in order."""
    batch, height = distances.shape[:2]
    n_bands = (height + band_rows - 1) // band_rows
    sums = np.zeros(batch * n_bands)
    for parity in range(2):
        run_pieces(
            function,
            batch * ((n_bands + 1 - parity) // 2),
            alpha,
            distances,
            offsets,
            stride,
            margin,
            band_rows,
            parameter,
            gradient,
            parity,
            sums,
        )
    return float(np.add.accumulate(sums)[-1])
