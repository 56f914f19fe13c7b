"""Kernels of shared sampling that share samples between nearby pixels and smooth the result.

Used by ``shared_sampling.py``; `project` and `interleaved` also by ``_sampling_numba.py``, which describes a sample.
Equations are those of Gastal and Oliveira 2010. The *layers* of a pixel are its foreground colour (3) and background
colour (3).

The work proceeds by bands of BAND image rows. The values of the pixels of a band, with a margin, are first copied to
planes (rows, values, columns). LANES consecutive pixels then compare themselves with LANES others at a time, in vector
registers. A `work` array is flat and holds rows of LANES numbers, a row for each variable.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

UNSAMPLED = np.float32(-1.0)  # variance of a pixel that found no samples
BAND = 16  # rows of the image
LANES = 32  # pixels that are processed together
SAME_LAYERS = np.float32(1e-6)  # squared distance of two layers, in RGB, up to which they are one colour


@inlined
def project(c0, c1, c2, f0, f1, f2, b0, b1, b2):
    """Return alpha, clipped to [0, 1], and the squared distance of colour c from its mixture of the colours f and b."""
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
def interleaved(task, n_tasks):
    """Return the piece of work of a task, one of n_tasks.

    The first half of the tasks gets every other piece, the second half gets the rest. So two threads get pieces from
    the whole image, an even load.
    """
    return 2 * task if 2 * task < n_tasks else 2 * task - n_tasks + (n_tasks + 1) % 2


@inlined
def mix(color, sample):
    """Return `project` of a colour (3,) and of the layers with which `sample` starts."""
    return project(color[0], color[1], color[2], sample[0], sample[1], sample[2], sample[3], sample[4], sample[5])


def _bands(starts):
    """Return the first rows of the bands that hold pixels; starts (H + 1,) is where each row's pixels start."""
    tops = np.arange(0, len(starts) - 1, BAND)
    return tops[starts[np.minimum(tops + BAND, len(starts) - 1)] > starts[tops]]


def _planes(pixels, width, n_planes, offsets):
    """Return the largest offset in `offsets` (n, 2), and the first column and the shape of the planes of a band.

    The planes cover the columns of all pixels, with a margin of the largest offset, and room for LANES more.
    """
    radius = int(np.abs(offsets).max())
    columns = pixels % width
    shape = BAND + 2 * radius, n_planes, int(np.ptp(columns)) + 1 + 2 * radius + LANES
    return radius, int(columns.min()) - radius, shape


@inlined
def _copy_samples(index, samples, top, left, n_rows, planes):
    """Copy the layers of the samples to six planes, whose first pixel is (top, left); NaN where there is no sample."""
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
def _copy_results(image, labels, index, layers, alpha, confidence, top, left, n_rows, planes):
    """Copy layers (6), alpha, confidence and whether known (0 or 1) to nine planes, whose first pixel is (top, left).

    A known pixel has the image's colour in both layers, alpha 0 or 1, and confidence 1. Outside the image, all are 0.
    """
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
def _load_lanes(planes, row, column, work):
    """Copy LANES columns of all planes of a row to the first rows of `work`."""
    for c in range(planes.shape[1]):
        source, target = planes[row, c, column : column + LANES], work[c * LANES : (c + 1) * LANES]
        for p in range(LANES):
            target[p] = source[p]


@kernel
def _keep_three(planes, column, work, k):
    """Update the three best samples of LANES pixels with those of the pixels at offset number k.

    `work` holds the pixels' colours (rows 0 to 2), their three smallest squared distances from a mixture, ascending (3
    to 5), and the numbers of the offsets where these were found (6 to 8). planes (6, columns) holds the layers of the
    samples. NaN compares as not smaller, so missing samples are ignored.
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


@kernel(allocates=True)
def _three_best(first, last, image, index, pixels, starts, tops, samples, offsets, radius, left, shape, chosen):
    """Find the three best samples for the pixels of the tasks first to last - 1; a task is a band."""
    height, width = index.shape
    planes = np.empty(shape, np.float32)
    work = np.empty(9 * LANES, np.float32)
    for k in range(9 * LANES):
        work[k] = 0.0
    for task in range(first, last):
        top = tops[interleaved(task, tops.size)]
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
    """Return the three samples (n, 3) of nearby pixels that mix best to each pixel's colour; -1 where there are fewer.

    pixels (n,) are flat indices in row-major order; those of row y are pixels[starts[y]:starts[y + 1]]. index (H, W) is
    the number of each pixel, -1 for none; samples (n, 8) is by number; offsets (m, 2) are the places that are compared.
    """
    chosen = np.empty((pixels.size, 3), np.int32)
    tops, room = _bands(starts), _planes(pixels, index.shape[1], 6, offsets)
    run_pieces(_three_best, len(tops), image, index, pixels, starts, tops, samples, offsets, *room, chosen)
    return chosen


@kernel
def _accumulate(work, proximity, is_same):
    """Add the values of LANES pixels at one offset to the sums of LANES pixels.

    `proximity` is the weight of the offset; `is_same` is 1 at offset (0, 0), where both are the same pixels, and 0
    elsewhere. Rows of `work`: layers (0 to 5), alpha (6), confidence (7) and whether known (8) of the pixels at the
    offset; own alpha (9); sums of weighted layers (10 to 15) and of their weights (16, 17), of the layers' distance and
    its weight (18, 19), of alpha and its weight (20, 21).
    """
    one = np.float32(1.0)
    for p in range(LANES):
        alpha, confidence = work[p + 6 * LANES], work[p + 7 * LANES]
        weight = proximity * confidence
        work[p + 20 * LANES] += (weight + work[p + 8 * LANES]) * alpha
        work[p + 21 * LANES] += weight + work[p + 8 * LANES]
        weight *= max(abs(work[p + 9 * LANES] - alpha), is_same)
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
def _smoothed_values(color, layers, sums, sharpness, result):
    """Write the smoothed layers to result (6,), and return alpha and confidence, from the 12 sums of `_accumulate`.

    The confidence falls with the mixture error, and where the smoothed layers are closer to each other than those
    around. Alpha is that of the smoothed layers, averaged by this confidence with the mean alpha around the pixel. Of
    two layers of the same colour, rounding would decide about alpha: then it is the mean alpha around the pixel.
    """
    distance = np.float32(0.0)
    for c in range(3):
        result[c] = sums[c] / sums[6] if sums[6] > 0 else layers[c]
        result[3 + c] = sums[3 + c] / sums[7] if sums[7] > 0 else layers[3 + c]
        distance += (result[c] - result[3 + c]) ** 2
    alpha, error = mix(color, result)
    confidence = np.exp(-sharpness * np.sqrt(error))
    if sums[8] > 0:
        confidence *= min(np.float32(1.0), np.sqrt(distance) * sums[9] / sums[8])
    share = confidence if distance > SAME_LAYERS else np.float32(0.0)
    return share * alpha + (np.float32(1.0) - share) * sums[10] / max(sums[11], np.float32(1e-12)), confidence


@kernel(allocates=True)
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
    proximity,
    sharpness,
    radius,
    left,
    shape,
    result,
    final,
    final_confidence,
):
    """Smooth the pixels of the tasks first to last - 1; a task is a band."""
    height, width = index.shape
    planes = np.empty(shape, np.float32)
    work = np.empty(22 * LANES, np.float32)
    sums = np.empty(12, np.float32)
    for task in range(first, last):
        top = tops[interleaved(task, tops.size)]
        bottom = min(top + BAND, height)
        i, end = starts[top], starts[bottom]
        _copy_results(
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
                _load_lanes(planes, row + offsets[k, 0], column + offsets[k, 1], work)
                _accumulate(work, proximity[k], np.float32(k == 0))
            pixel = y * width + x
            while i < end and pixels[i] < min(pixel + LANES, (y + 1) * width):
                p = pixels[i] - pixel
                for k in range(12):
                    sums[k] = work[p + (10 + k) * LANES]
                final[i], final_confidence[i] = _smoothed_values(image[y, x + p], layers[i], sums, sharpness, result[i])
                i += 1


def smooth(image, labels, index, pixels, starts, refined, offsets, proximity, sharpness):
    """Return smoothed layers (n, 6), alpha (n,) and confidence (n,) (Eq. 12-18).

    `refined` is the result of `refine_samples`. labels (H, W) is 0 on background and 1 on foreground. proximity (m,) is
    the weight of each of the offsets (m, 2), the first of which is (0, 0). pixels, starts and index are as for
    `three_best`.
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
        *refined,
        offsets,
        proximity,
        sharpness,
        *room,
        result,
        final,
        final_confidence,
    )
    return result, final, final_confidence
