"""Kernels of shared sampling that share samples between nearby pixels and smooth the result.

Used by ``shared_sampling.py``; `project` and `interleaved` also by ``_sampling_numba.py``, which describes a sample.
Equations are those of Gastal and Oliveira 2010. The *layers* of a pixel are its foreground colour (3) and background
colour (3).

The work proceeds by bands of BAND image rows. The values of the pixels of a band, with a margin, are first copied to
planes (rows, values, columns). LANES consecutive pixels then compare themselves with LANES others at a time, in vector
registers. A `work` array is flat and holds rows of LANES numbers, a row for each variable. The loops over LANES pixels
have unsigned indices: a signed one would need a check for negative values, and the compiler would not vectorise them.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

UNSAMPLED = np.float32(-1.0)  # variance of a pixel that found no samples
BAND = 16  # rows of the image
LANES = 32  # pixels that are processed together
FLAGS = {"contract"}  # fused multiply-add only: no reordering
ROW = tuple(np.uint64(k * LANES) for k in range(13))  # first entry of each row of `work`
ABOVE_ONE = np.float32(1 + 1e-6)  # see `inverse_square`
LEAST_SQUARE = np.float32(1e-9)  # added to the squared distance of two layers, which may be 0
SAME_LAYERS = np.float32(1e-6)  # squared distance of two layers, in RGB, up to which they are one colour


@inlined
def inverse_square(d0, d1, d2):
    """Return the inverse of the squared length of the difference of two layers, a little too large.

    So the alpha of a pixel that has the colour of the foreground is above 1 in spite of rounding, and is clipped to
    exactly 1: all samples of this colour explain the pixel equally well.
    """
    return ABOVE_ONE / (d0 * d0 + d1 * d1 + d2 * d2 + LEAST_SQUARE)


@inlined
def nearest_mixture(e0, e1, e2, d0, d1, d2, inverse):
    """Return alpha, clipped to [0, 1], and the squared distance of a colour from its best mixture of two colours.

    e is the colour's difference from the background, d that of the foreground from the background, and `inverse` is
    `inverse_square` of d.
    """
    alpha = min(max((d0 * e0 + d1 * e1 + d2 * e2) * inverse, np.float32(0.0)), np.float32(1.0))
    e0 -= alpha * d0
    e1 -= alpha * d1
    e2 -= alpha * d2
    return alpha, e0 * e0 + e1 * e1 + e2 * e2


@inlined
def project(c0, c1, c2, f0, f1, f2, b0, b1, b2):
    """Return `nearest_mixture` of colour c and of the colours f and b."""
    d0, d1, d2 = f0 - b0, f1 - b1, f2 - b2
    return nearest_mixture(c0 - b0, c1 - b1, c2 - b2, d0, d1, d2, inverse_square(d0, d1, d2))


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
    """Write the planes that `_keep_three` reads, whose first pixel is (top, left); NaN where there is no sample."""
    for row in range(n_rows):
        y = top + row
        for c in range(planes.shape[1]):
            for column in range(planes.shape[2]):
                planes[row, c, column] = np.nan
        if 0 <= y and y < index.shape[0]:
            for column in range(max(-left, 0), min(planes.shape[2], index.shape[1] - left)):
                j = index[y, left + column]
                if j >= 0 and samples[j, 6] >= 0:
                    for c in range(3):
                        planes[row, c, column] = samples[j, 3 + c]
                        planes[row, 3 + c, column] = samples[j, c] - samples[j, 3 + c]
                    d0, d1, d2 = planes[row, 3, column], planes[row, 4, column], planes[row, 5, column]
                    planes[row, 6, column] = inverse_square(d0, d1, d2)


@inlined
def _copy_results(image, labels, index, layers, alpha, confidence, top, left, n_rows, planes):
    """Write the planes that `_accumulate` reads, whose first pixel is (top, left).

    A known pixel has the image's colour in both layers, alpha 0 or 1, and confidence 1. Outside the image, all are 0.
    """
    for row in range(n_rows):
        y = top + row
        for c in range(planes.shape[1]):
            for column in range(planes.shape[2]):
                planes[row, c, column] = 0.0
        if 0 <= y and y < index.shape[0]:
            for column in range(max(-left, 0), min(planes.shape[2], index.shape[1] - left)):
                x = left + column
                j = index[y, x]
                share = alpha[j] if j >= 0 else np.float32(labels[y, x])
                sureness = confidence[j] if j >= 0 else np.float32(1.0)
                f_weight, b_weight, squared = sureness * share, sureness * (np.float32(1.0) - share), np.float32(0.0)
                for c in range(3):
                    f = layers[j, c] if j >= 0 else image[y, x, c]
                    b = layers[j, 3 + c] if j >= 0 else image[y, x, c]
                    planes[row, c, column], planes[row, 3 + c, column] = f_weight * f, b_weight * b
                    squared += (f - b) * (f - b)
                planes[row, 6, column], planes[row, 7, column], planes[row, 8, column] = share, f_weight, b_weight
                planes[row, 9, column] = share if j < 0 else np.float32(0.0)
                planes[row, 10, column] = j < 0
                planes[row, 11, column] = f_weight * (np.float32(1.0) - share) * np.sqrt(squared)


@kernel(noalias=True)
def _keep_three(planes, column, work, k):
    """Update the three best samples of LANES pixels with those of the pixels at offset number k.

    `work` holds the pixels' colours (rows 0 to 2), their three smallest squared distances from a mixture, ascending (3
    to 5), and the numbers of the offsets where these were found (6 to 8). planes (7, columns) holds, for the pixels at
    the offset from `column` on, the background of their samples (0 to 2), the foreground less this (3 to 5), and
    `inverse_square` of the difference (6). NaN compares as not smaller, so missing samples are ignored. The arithmetic
    is that of `project`, to the bit, which `_refinement_numba` compares with it.
    """
    number = np.float32(k)
    for lane in range(LANES):
        p, at = np.uint64(lane), np.uint64(column + lane)
        e0, e1, e2 = work[p] - planes[0, at], work[p + ROW[1]] - planes[1, at], work[p + ROW[2]] - planes[2, at]
        _, square = nearest_mixture(e0, e1, e2, planes[3, at], planes[4, at], planes[5, at], planes[6, at])
        first, second, third = work[p + ROW[3]], work[p + ROW[4]], work[p + ROW[5]]
        a, b, c = work[p + ROW[6]], work[p + ROW[7]], work[p + ROW[8]]
        beats_first, beats_second, beats_third = square < first, square < second, square < third
        work[p + ROW[3]] = square if beats_first else first
        work[p + ROW[4]] = first if beats_first else (square if beats_second else second)
        work[p + ROW[5]] = second if beats_second else (square if beats_third else third)
        work[p + ROW[6]] = number if beats_first else a
        work[p + ROW[7]] = a if beats_first else (number if beats_second else b)
        work[p + ROW[8]] = b if beats_second else (number if beats_third else c)


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
    tops, room = _bands(starts), _planes(pixels, index.shape[1], 7, offsets)
    run_pieces(_three_best, len(tops), image, index, pixels, starts, tops, samples, offsets, *room, chosen)
    return chosen


@kernel(noalias=True, fastmath=FLAGS)
def _accumulate(planes, column, work, proximity, is_same):
    """Add the values of LANES pixels at one offset to the sums of LANES pixels.

    planes (12, columns) holds, for the pixels at the offset from `column` on, with c the confidence and a alpha: the
    weighted layers c a F (0 to 2) and c (1 - a) B (3 to 5); a, c a and c (1 - a) (6 to 8); a and 1 if the pixel is
    known, and 0 elsewhere (9, 10); c a (1 - a) |F - B| (11). `proximity` is the weight of the offset; `is_same` is 1
    at offset (0, 0), where both are the same pixels, and 0 elsewhere. Rows of `work`: own alpha (0); sums of weighted
    layers (1 to 6) and of their weights (7, 8), of the layers' distance and its weight (9, 10), of alpha and its weight
    (11, 12).
    """
    for lane in range(LANES):
        p, at = np.uint64(lane), np.uint64(column + lane)
        alpha, f_weight, b_weight = planes[6, at], planes[7, at], planes[8, at]
        weight = proximity * max(abs(work[p] - alpha), is_same)
        work[p + ROW[1]] += weight * planes[0, at]
        work[p + ROW[2]] += weight * planes[1, at]
        work[p + ROW[3]] += weight * planes[2, at]
        work[p + ROW[4]] += weight * planes[3, at]
        work[p + ROW[5]] += weight * planes[4, at]
        work[p + ROW[6]] += weight * planes[5, at]
        work[p + ROW[7]] += weight * f_weight
        work[p + ROW[8]] += weight * b_weight
        work[p + ROW[9]] += planes[11, at]
        work[p + ROW[10]] += f_weight - f_weight * alpha
        work[p + ROW[11]] += proximity * f_weight + planes[9, at]
        work[p + ROW[12]] += proximity * (f_weight + b_weight) + planes[10, at]


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
    work = np.empty(13 * LANES, np.float32)
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
                work[p] = planes[row, 6, column + p]
            for p in range(LANES, 13 * LANES):
                work[p] = 0.0
            for k in range(offsets.shape[0]):
                _accumulate(planes[row + offsets[k, 0]], column + offsets[k, 1], work, proximity[k], np.float32(k == 0))
            pixel = y * width + x
            while i < end and pixels[i] < min(pixel + LANES, (y + 1) * width):
                p = pixels[i] - pixel
                for k in range(12):
                    sums[k] = work[p + (1 + k) * LANES]
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
    tops, room = _bands(starts), _planes(pixels, index.shape[1], 12, offsets)
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
