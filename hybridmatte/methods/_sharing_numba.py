"""Kernels of shared sampling: samples pass between the pixels around, and layers are smoothed.

Planes of what pixels have are copied band by band, with a margin, so that LANES neighbouring pixels compare themselves
with LANES others at a time, in vector registers. `work` arrays are flat, one stretch of LANES numbers a variable.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

UNSAMPLED = np.float32(-1.0)  # variance of a pixel that found no samples
BAND = 16  # rows
LANES = 32  # pixels
BLOCKS = 64


@inlined
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


@inlined
def scattered(task, n_tasks):
    """Return which of n pieces of work is a task's, so that each half of the tasks has pieces from everywhere."""
    return 2 * task if 2 * task < n_tasks else 2 * task - n_tasks + (n_tasks + 1) % 2


@inlined
def mix(color, sample):
    """Return what `project` does for a colour (3,) and a row that begins with both layers."""
    return project(color[0], color[1], color[2], sample[0], sample[1], sample[2], sample[3], sample[4], sample[5])


def _bands(starts):
    """Return the first rows of the bands that hold pixels, given where each row's pixels start (H + 1,)."""
    tops = np.arange(0, len(starts) - 1, BAND)
    return tops[starts[np.minimum(tops + BAND, len(starts) - 1)] > starts[tops]]


def _planes(pixels, width, n_planes, offsets):
    """Return the reach of offsets (n, 2), the first column of the planes of a band, and the planes' shape.

    Planes are (rows, planes, columns), of the pixels with a margin of that reach.
    """
    radius = int(np.abs(offsets).max())
    columns = pixels % width
    shape = BAND + 2 * radius, n_planes, int(np.ptp(columns)) + 1 + 2 * radius + LANES
    return radius, int(columns.min()) - radius, shape


@inlined
def _copy_samples(index, samples, top, left, n_rows, planes):
    """Write the layers of the samples from (top, left) on into six planes; NaN where there are none."""
    for row in range(n_rows):
        y = top + row
        for c in range(6):
            for column in range(planes.shape[2]):
                planes[row, c, column] = np.nan
        if 0 <= y and y < index.shape[0]:
            for column in range(max(-left, 0), min(planes.shape[2], index.shape[1] - left)):
                j = index[y, left + column]
                if j >= 0 and samples[j, 6] >= 0:
                    for c in range(6):
                        planes[row, c, column] = samples[j, c]


@inlined
def _copy_shares(image, labels, index, layers, alpha, confidence, top, left, n_rows, planes):
    """Write layers, alpha, confidence, and whether a pixel is known from (top, left) on into nine planes."""
    for row in range(n_rows):
        y = top + row
        for c in range(9):
            for column in range(planes.shape[2]):
                planes[row, c, column] = 0.0
        if 0 <= y and y < index.shape[0]:
            for column in range(max(-left, 0), min(planes.shape[2], index.shape[1] - left)):
                x = left + column
                j = index[y, x]
                for c in range(6):
                    planes[row, c, column] = layers[j, c] if j >= 0 else image[y, x, c % 3]
                planes[row, 6, column] = alpha[j] if j >= 0 else np.float32(labels[y, x])
                planes[row, 7, column] = confidence[j] if j >= 0 else np.float32(1.0)
                planes[row, 8, column] = j < 0


@kernel
def _load(planes, row, column, work):
    """Copy LANES columns of all planes of a row into the first stretches of work."""
    for c in range(planes.shape[1]):
        source, target = planes[row, c, column : column + LANES], work[c * LANES : (c + 1) * LANES]
        for p in range(LANES):
            target[p] = source[p]


@kernel
def _keep_three(planes, column, work, k):
    """Compare how LANES colours are mixed by the layers in six planes, at offset k, with the three best so far.

    Stretches of work: 0 colours, 3 the least squares, 6 the offsets of these.
    """
    f0, f1, f2 = (
        planes[0, column : column + LANES],
        planes[1, column : column + LANES],
        planes[2, column : column + LANES],
    )
    b0, b1, b2 = (
        planes[3, column : column + LANES],
        planes[4, column : column + LANES],
        planes[5, column : column + LANES],
    )
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


@kernel
def _three_best(first, last, image, index, pixels, starts, tops, samples, offsets, radius, left, shape, chosen):
    height, width = index.shape
    planes = np.empty(shape, np.float32)
    work = np.empty(9 * LANES, np.float32)
    for k in range(9 * LANES):
        work[k] = 0.0
    for task in range(first, last):
        top = tops[scattered(task, tops.size)]
        bottom = min(top + BAND, height)
        i, end = starts[top], starts[bottom]
        _copy_samples(index, samples, top - radius, left, bottom - top + 2 * radius, planes)
        while i < end:
            y, x = pixels[i] // width, pixels[i] % width
            n = min(LANES, width - x)
            for c in range(3):
                for p in range(n):
                    work[p + c * LANES] = image[y, x + p, c]
            for p in range(3 * LANES):
                work[p + 3 * LANES] = np.inf
                work[p + 6 * LANES] = -1.0
            for k in range(offsets.shape[0]):
                _keep_three(planes[y - top + radius + offsets[k, 0]], x - left + offsets[k, 1], work, k)
            pixel = y * width + x
            while i < end and pixels[i] < pixel + n:
                p = pixels[i] - pixel
                for rank in range(3):
                    k = int(work[p + (6 + rank) * LANES])
                    chosen[i, rank] = index[y + offsets[k, 0], x + p + offsets[k, 1]] if k >= 0 else -1
                i += 1


def three_best(image, index, pixels, starts, samples, offsets):
    """Return the three samples (n, 3) around each pixel that mix best to its colour; -1 where there are none.

    The pixels are in row-major order, those of row y from starts[y] to starts[y + 1].
    """
    chosen = np.empty((pixels.size, 3), np.int32)
    tops, room = _bands(starts), _planes(pixels, index.shape[1], 6, offsets)
    run_pieces(_three_best, len(tops), image, index, pixels, starts, tops, samples, offsets, *room, chosen)
    return chosen


@kernel
def _share(first, last, image, pixels, samples, chosen, fallback, sharpness, layers, alpha, confidence):
    width = image.shape[1]
    mean, color = np.empty(8, np.float32), np.empty(3, np.float32)
    for i in range(first, last):
        for c in range(3):
            color[c] = image[pixels[i] // width, pixels[i] % width, c]
        a, b, c = chosen[i, 0], chosen[i, 1], chosen[i, 2]
        b = a if b < 0 else b  # the first stands in for missing ones, then the fallback
        c = b if c < 0 else c
        for d in range(8):
            mean[d] = fallback[d] if a < 0 else (samples[a, d] + samples[b, d] + samples[c, d]) / np.float32(3.0)
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


def share(image, pixels, samples, chosen, fallback, sharpness):
    """Return layers (n, 6), alpha (n,) and confidence (n,) of pixels from their chosen samples (n, 3) (Eq. 9-11)."""
    layers = np.empty((pixels.size, 6), np.float32)
    alpha, confidence = np.empty(pixels.size, np.float32), np.empty(pixels.size, np.float32)
    run_pieces(
        _share, pixels.size, image, pixels, samples, chosen, fallback, sharpness, layers, alpha, confidence, cost=50
    )
    return layers, alpha, confidence


@kernel
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


@inlined
def _finish(color, layers, sums, sharpness, result):
    """Write smoothed layers into result (6,) and return alpha and confidence, from the sums (12,) of `_accumulate`."""
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


@kernel
def _smooth(
    first,
    last,
    image,
    labels,
    index,
    pixels,
    starts,
    tops,
    layers,
    alpha,
    confidence,
    offsets,
    near,
    sharpness,
    radius,
    left,
    shape,
    result,
    final,
    final_confidence,
):
    height, width = index.shape
    planes = np.empty(shape, np.float32)
    work = np.empty(22 * LANES, np.float32)
    sums = np.empty(12, np.float32)
    for task in range(first, last):
        top = tops[scattered(task, tops.size)]
        bottom = min(top + BAND, height)
        i, end = starts[top], starts[bottom]
        _copy_shares(
            image, labels, index, layers, alpha, confidence, top - radius, left, bottom - top + 2 * radius, planes
        )
        while i < end:
            y, x = pixels[i] // width, pixels[i] % width
            row, column = y - top + radius, x - left
            for p in range(LANES):
                work[p + 9 * LANES] = planes[row, 6, column + p]
            for p in range(10 * LANES, 22 * LANES):
                work[p] = 0.0
            for k in range(offsets.shape[0]):
                _load(planes, row + offsets[k, 0], column + offsets[k, 1], work)
                _accumulate(work, near[k], np.float32(k == 0))
            pixel = y * width + x
            while i < end and pixels[i] < min(pixel + LANES, (y + 1) * width):
                p = pixels[i] - pixel
                for k in range(12):
                    sums[k] = work[p + (10 + k) * LANES]
                final[i], final_confidence[i] = _finish(image[y, x + p], layers[i], sums, sharpness, result[i])
                i += 1


def smooth(image, labels, index, pixels, starts, shares, offsets, near, sharpness):
    """Return smoothed layers (n, 6), alpha (n,), confidence (n,) of what `share` returned (Eq. 12-18).

    `near` weighs the offsets, of which the first is the pixel itself; pixels and starts as for `three_best`.
    """
    result = np.empty((pixels.size, 6), np.float32)
    final, final_confidence = np.empty(pixels.size, np.float32), np.empty(pixels.size, np.float32)
    tops, room = _bands(starts), _planes(pixels, index.shape[1], 9, offsets)
    run_pieces(
        _smooth,
        len(tops),
        image,
        labels,
        index,
        pixels,
        starts,
        tops,
        *shares,
        offsets,
        near,
        sharpness,
        *room,
        result,
        final,
        final_confidence,
    )
    return result, final, final_confidence
