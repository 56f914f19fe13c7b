"""Kernels of shared sampling: samples pass between the pixels around, and layers are smoothed.

Planes of what pixels have are copied band by band, with a margin, so that LANES neighbouring pixels compare themselves
with LANES others at a time, in vector registers. `work` arrays are flat, one stretch of LANES numbers a variable.
"""

import numpy as np
from numba import njit, prange

UNSAMPLED = np.float32(-1.0)  # variance of a pixel that found no samples
BAND = 16  # rows
LANES = 32  # pixels
BLOCKS = 64


@njit(cache=True, inline="always")
def project(c0, c1, c2, f0, f1, f2, b0, b1, b2):
    """Return (alpha clipped, squared distance of the colour c from its mixture) for layers f and b."""
    d0 = f0 - b0
    d1 = f1 - b1
    d2 = f2 - b2
    e0 = c0 - b0
    e1 = c1 - b1
    e2 = c2 - b2
    along = d0 * e0 + d1 * e1 + d2 * e2
    length = d0 * d0 + d1 * d1 + d2 * d2 + np.float32(1e-9)
    alpha = min(max(along / length, np.float32(0.0)), np.float32(1.0))
    e0 -= alpha * d0
    e1 -= alpha * d1
    e2 -= alpha * d2
    return alpha, e0 * e0 + e1 * e1 + e2 * e2


@njit(cache=True)
def scattered(task, n_tasks):
    """Return which of n pieces of work is a task's, so that each half of the tasks has pieces from everywhere."""
    return 2 * task if 2 * task < n_tasks else 2 * task - n_tasks + (n_tasks + 1) % 2


@njit(cache=True)
def mix(color, sample):
    """Return what `project` does for a colour (3,) and a row that begins with both layers."""
    return project(color[0], color[1], color[2], sample[0], sample[1], sample[2], sample[3], sample[4], sample[5])


@njit(cache=True)
def _bands(starts):
    """Return the first rows of the bands that hold pixels, given where each row's pixels start (H + 1,)."""
    height = starts.size - 1
    tops = np.empty(-(-height // BAND), np.int64)
    n = 0
    for top in range(0, height, BAND):
        if starts[min(top + BAND, height)] > starts[top]:
            tops[n] = top
            n += 1
    return tops[:n]


@njit(cache=True)
def _reach(offsets):
    """Return the largest of the offsets (n, 2) along an axis."""
    reach = 0
    for k in range(offsets.shape[0]):
        reach = max(reach, abs(offsets[k, 0]), abs(offsets[k, 1]))
    return reach


@njit(cache=True)
def _new_planes(pixels, width, n_rows, n_planes, radius):
    """Return planes (rows, planes, columns) for a band of pixels with a margin, and the first column (with margin)."""
    first, last = width, 0
    for pixel in pixels:
        first = min(first, pixel % width)
        last = max(last, pixel % width)
    planes = np.empty((n_rows + 2 * radius, n_planes, last + 1 - first + 2 * radius + LANES), np.float32)
    return planes, first - radius


@njit(cache=True)
def _copy_samples(index, samples, top, left, planes):
    """Write the layers of the samples from (top, left) on into six planes; NaN where there are none."""
    planes[:] = np.nan
    for row in range(max(-top, 0), min(planes.shape[0], index.shape[0] - top)):
        for column in range(max(-left, 0), min(planes.shape[2], index.shape[1] - left)):
            j = index[top + row, left + column]
            if j >= 0 and samples[j, 6] >= 0:
                for c in range(6):
                    planes[row, c, column] = samples[j, c]


@njit(cache=True)
def _copy_shares(image, labels, index, shares, top, left, planes):
    """Write layers, alpha, confidence, and whether a pixel is known from (top, left) on into nine planes."""
    layers, alpha, confidence = shares
    planes[:] = 0
    for row in range(max(-top, 0), min(planes.shape[0], index.shape[0] - top)):
        for column in range(max(-left, 0), min(planes.shape[2], index.shape[1] - left)):
            y, x = top + row, left + column
            j = index[y, x]
            for c in range(6):
                planes[row, c, column] = layers[j, c] if j >= 0 else image[y, x, c % 3]
            planes[row, 6, column] = alpha[j] if j >= 0 else np.float32(labels[y, x])
            planes[row, 7, column] = confidence[j] if j >= 0 else np.float32(1.0)
            planes[row, 8, column] = j < 0


@njit(cache=True)
def _load(planes, row, column, work, at):
    """Copy LANES columns of all planes of a row into work, from stretch `at` on."""
    for c in range(planes.shape[1]):
        source, target = planes[row, c, column:column + LANES], work[(at + c) * LANES:(at + c + 1) * LANES]
        for p in range(LANES):
            target[p] = source[p]


@njit(cache=True, error_model="numpy")
def _keep_three(planes, column, work, k):
    """Compare how LANES colours are mixed by the layers in six planes, at offset k, with the three best so far.

    Stretches of work: 0 colours, 3 the least squares, 6 the offsets of these.
    """
    f0, f1, f2 = planes[0, column:column + LANES], planes[1, column:column + LANES], planes[2, column:column + LANES]
    b0, b1, b2 = planes[3, column:column + LANES], planes[4, column:column + LANES], planes[5, column:column + LANES]
    number = np.float32(k)
    for p in range(LANES):
        _, square = project(work[p], work[p + LANES], work[p + 2 * LANES], f0[p], f1[p], f2[p], b0[p], b1[p], b2[p])
        first, second, third = work[p + 3 * LANES], work[p + 4 * LANES], work[p + 5 * LANES]
        a, b, c = work[p + 6 * LANES], work[p + 7 * LANES], work[p + 8 * LANES]
        beats_first, beats_second, beats_third = square < first, square < second, square < third
        work[p + 3 * LANES] = square if beats_first else first
        work[p + 4 * LANES] = first if beats_first else (square if beats_second else second)
        work[p + 5 * LANES] = second if beats_second else (square if beats_third else third)
        work[p + 6 * LANES] = number if beats_first else a
        work[p + 7 * LANES] = a if beats_first else (number if beats_second else b)
        work[p + 8 * LANES] = b if beats_second else (number if beats_third else c)


@njit(cache=True, parallel=True)
def three_best(image, index, pixels, starts, samples, offsets):
    """Return the three samples (n, 3) around each pixel that mix best to its colour; -1 where there are none.

    The pixels are in row-major order, those of row y from starts[y] to starts[y + 1].
    """
    height, width = index.shape
    radius = _reach(offsets)
    tops = _bands(starts)
    chosen = np.empty((pixels.size, 3), np.int32)
    for task in prange(tops.size):
        top = tops[scattered(task, tops.size)]
        bottom = min(top + BAND, height)
        i, end = starts[top], starts[bottom]
        planes, left = _new_planes(pixels[i:end], width, bottom - top, 6, radius)
        _copy_samples(index, samples, top - radius, left, planes)
        work = np.zeros(9 * LANES, np.float32)
        while i < end:
            y, x = pixels[i] // width, pixels[i] % width
            n = min(LANES, width - x)
            for c in range(3):
                for p in range(n):
                    work[p + c * LANES] = image[y, x + p, c]
            for p in range(3 * LANES):
                work[p + 3 * LANES], work[p + 6 * LANES] = np.inf, -1.0
            for k in range(offsets.shape[0]):
                _keep_three(planes[y - top + radius + offsets[k, 0]], x - left + offsets[k, 1], work, k)
            pixel = y * width + x
            while i < end and pixels[i] < pixel + n:
                p = pixels[i] - pixel
                for rank in range(3):
                    k = int(work[p + (6 + rank) * LANES])
                    chosen[i, rank] = index[y + offsets[k, 0], x + p + offsets[k, 1]] if k >= 0 else -1
                i += 1
    return chosen


@njit(cache=True)
def _average(samples, chosen, fallback, mean):
    """Write the mean of the three chosen samples into mean; the first stands in for missing ones, then the fallback."""
    a, b, c = chosen
    if a < 0:
        for d in range(8):
            mean[d] = fallback[d]
        return
    b = a if b < 0 else b
    c = b if c < 0 else c
    for d in range(8):
        mean[d] = (samples[a, d] + samples[b, d] + samples[c, d]) / np.float32(3.0)


@njit(cache=True, parallel=True)
def share(image, pixels, samples, chosen, fallback, sharpness):
    """Return layers (n, 6), alpha (n,) and confidence (n,) of pixels from their chosen samples (n, 3) (Eq. 9-11)."""
    width, n = image.shape[1], pixels.size
    layers = np.empty((n, 6), np.float32)
    alpha = np.empty(n, np.float32)
    confidence = np.empty(n, np.float32)
    for block in prange(BLOCKS):
        mean = np.empty(8, np.float32)
        for i in range(block * n // BLOCKS, (block + 1) * n // BLOCKS):
            color = image[pixels[i] // width, pixels[i] % width]
            _average(samples, (chosen[i, 0], chosen[i, 1], chosen[i, 2]), fallback, mean)
            alpha[i], error = mix(color, mean)
            f_square = b_square = np.float32(0.0)
            for c in range(3):
                f_square += (color[c] - mean[c]) ** 2
                b_square += (color[c] - mean[3 + c]) ** 2
            for c in range(3):
                layers[i, c] = color[c] if f_square <= mean[6] else mean[c]
                layers[i, 3 + c] = color[c] if b_square <= mean[7] else mean[3 + c]
            confidence[i] = np.exp(-sharpness * np.sqrt(error))
            if f_square <= mean[6] and b_square <= mean[7]:
                confidence[i] = np.float32(1e-8)
            else:
                alpha[i], _ = mix(color, layers[i])
    return layers, alpha, confidence


@njit(cache=True)
def _accumulate(work, near, own):
    """Add what LANES pixels get from others at one offset of weight `near`; `own` is 1 if these are the pixels, or 0.

    Stretches of work: 0 the others' layers, alpha, confidence, whether they are known; 9 own alpha; 10 sums of layers
    and of their weights, 18 of contrast and its weight, 20 of alpha and its weight.
    """
    one = np.float32(1.0)
    for p in range(LANES):
        alpha, confidence = work[p + 6 * LANES], work[p + 7 * LANES]
        weight = near * confidence
        work[p + 20 * LANES] += (weight + work[p + 8 * LANES]) * alpha
        work[p + 21 * LANES] += weight + work[p + 8 * LANES]
        weight *= max(abs(work[p + 9 * LANES] - alpha), own)
        f_weight, b_weight = weight * alpha, weight * (one - alpha)
        f0, f1, f2 = work[p], work[p + LANES], work[p + 2 * LANES]
        b0, b1, b2 = work[p + 3 * LANES], work[p + 4 * LANES], work[p + 5 * LANES]
        work[p + 10 * LANES] += f_weight * f0
        work[p + 11 * LANES] += f_weight * f1
        work[p + 12 * LANES] += f_weight * f2
        work[p + 13 * LANES] += b_weight * b0
        work[p + 14 * LANES] += b_weight * b1
        work[p + 15 * LANES] += b_weight * b2
        work[p + 16 * LANES] += f_weight
        work[p + 17 * LANES] += b_weight
        mixed = confidence * alpha * (one - alpha)
        work[p + 18 * LANES] += mixed * np.sqrt((f0 - b0) ** 2 + (f1 - b1) ** 2 + (f2 - b2) ** 2)
        work[p + 19 * LANES] += mixed


@njit(cache=True)
def _finish(color, layers, sums, sharpness, result):
    """Write smoothed layers into result (6,) and return alpha and confidence, from the sums of `_accumulate`."""
    distance = np.float32(0.0)
    for c in range(3):
        result[c] = sums[c] / sums[6] if sums[6] > 0 else layers[c]
        result[3 + c] = sums[3 + c] / sums[7] if sums[7] > 0 else layers[3 + c]
        distance += (result[c] - result[3 + c]) ** 2
    here, error = mix(color, result)
    trust = np.exp(-sharpness * np.sqrt(error))
    if sums[8] > 0:
        trust *= min(np.float32(1.0), np.sqrt(distance) * sums[9] / sums[8])
    return trust * here + (np.float32(1.0) - trust) * sums[10] / max(sums[11], np.float32(1e-12)), trust


@njit(cache=True, parallel=True)
def smooth(image, labels, index, pixels, starts, shares, offsets, near, sharpness):
    """Return smoothed layers (n, 6), alpha (n,), confidence (n,) of what `share` returned (Eq. 12-18).

    `near` weighs the offsets, of which the first is the pixel itself; pixels and starts as for `three_best`.
    """
    height, width = index.shape
    radius = _reach(offsets)
    tops = _bands(starts)
    result = np.empty((pixels.size, 6), np.float32)
    final = np.empty(pixels.size, np.float32)
    final_confidence = np.empty(pixels.size, np.float32)
    for task in prange(tops.size):
        top = tops[scattered(task, tops.size)]
        bottom = min(top + BAND, height)
        i, end = starts[top], starts[bottom]
        planes, left = _new_planes(pixels[i:end], width, bottom - top, 9, radius)
        _copy_shares(image, labels, index, shares, top - radius, left, planes)
        work = np.empty(22 * LANES, np.float32)
        while i < end:
            y, x = pixels[i] // width, pixels[i] % width
            row, column = y - top + radius, x - left
            for p in range(LANES):
                work[p + 9 * LANES] = planes[row, 6, column + p]
            for p in range(10 * LANES, 22 * LANES):
                work[p] = 0.0
            for k in range(offsets.shape[0]):
                _load(planes, row + offsets[k, 0], column + offsets[k, 1], work, 0)
                _accumulate(work, near[k], np.float32(k == 0))
            pixel = y * width + x
            while i < end and pixels[i] < min(pixel + LANES, (y + 1) * width):
                p = pixels[i] - pixel
                final[i], final_confidence[i] = _finish(image[y, x + p], shares[0][i], work[10 * LANES + p::LANES],
                                                        sharpness, result[i])
                i += 1
    return result, final, final_confidence
