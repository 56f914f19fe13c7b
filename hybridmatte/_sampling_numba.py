"""Kernels of shared sampling. A sample is a row (F, B, variance of F, variance of B) of 8 numbers."""

import numpy as np
from numba import njit, prange

UNSAMPLED = np.float32(-1.0)  # variance of a pixel that found no samples
SHIFT = 16
ONE = 1 << SHIFT  # rays advance in fixed point: exact, and the same everywhere
SPREAD_RADIUS = 2  # samples vary over windows of 5 x 5 pixels


@njit(cache=True, inline="always")
def project(c0, c1, c2, sample):
    """Return (alpha clipped, squared distance of the colour from its mixture) for the layers of a sample."""
    d0 = sample[0] - sample[3]
    d1 = sample[1] - sample[4]
    d2 = sample[2] - sample[5]
    e0 = c0 - sample[3]
    e1 = c1 - sample[4]
    e2 = c2 - sample[5]
    along = d0 * e0 + d1 * e1 + d2 * e2
    length = d0 * d0 + d1 * d1 + d2 * d2 + np.float32(1e-9)
    alpha = min(max(along / length, np.float32(0.0)), np.float32(1.0))
    e0 -= alpha * d0
    e1 -= alpha * d1
    e2 -= alpha * d2
    return alpha, e0 * e0 + e1 * e1 + e2 * e2


@njit(cache=True)
def _steps_within(start, step, low, high):
    """Return after how many steps from the middle of pixel `start` a ray has passed the pixels low to high for good."""
    at = start * ONE + ONE // 2
    if step > 0:
        return max((high + 1) * ONE - 1 - at, 0) // step
    if step < 0:
        return max(at - low * ONE, 0) // -step
    return np.int64(2**31) if low <= start <= high else np.int64(0)


@njit(cache=True)
def first_step(distances, side, y, x, direction, n_steps):
    """Return after how many steps from (y, x) a ray first meets a side, 0 if not within n_steps.

    The direction, in 1 / ONE pixels, has the largest component 1, so that each step meets a new pixel, and none is
    farther than 1 from the last: as many steps as the distance to the side can be taken at once.
    """
    dy, dx = np.int64(direction[0]), np.int64(direction[1])
    at_y, at_x = y * ONE + ONE // 2, x * ONE + ONE // 2
    k = 0
    while k <= n_steps:
        leap = distances[(at_y + k * dy) >> SHIFT, (at_x + k * dx) >> SHIFT, side]
        if leap == 0:
            return k
        k += leap
    return 0


@njit(cache=True)
def path_energy(image, y, x, direction, n_steps, most):
    """Return the sum of squared colour differences on n_steps of a ray over the length of a step, if less than most."""
    dy, dx = np.int64(direction[0]), np.int64(direction[1])
    scale = ONE / np.hypot(np.float64(dy), np.float64(dx))
    energy = np.float32(0.0)
    at_y, at_x = y * ONE + ONE // 2, x * ONE + ONE // 2
    red, green, blue = image[y, x, 0], image[y, x, 1], image[y, x, 2]
    for _ in range(n_steps):
        at_y += dy
        at_x += dx
        yy, xx = at_y >> SHIFT, at_x >> SHIFT
        r, g, b = image[yy, xx, 0], image[yy, xx, 1], image[yy, xx, 2]
        energy += (r - red) * (r - red) + (g - green) * (g - green) + (b - blue) * (b - blue)
        red, green, blue = r, g, b
        if energy * scale >= most:
            return most
    return energy * scale


@njit(cache=True)
def meet(image, distances, boxes, y, x, directions, side, places):
    """Write the pixels where rays from (y, x) first meet a side; return how many, and the least energy on the way.

    The box (first y, last y, first x, last x) bounds the side, and so the search.
    """
    count, nearest = 0, -1
    steps = np.empty(len(directions), np.int64)
    for ray in range(len(directions)):
        dy, dx = np.int64(directions[ray, 0]), np.int64(directions[ray, 1])
        n_steps = min(_steps_within(y, dy, boxes[side, 0], boxes[side, 1]),
                      _steps_within(x, dx, boxes[side, 2], boxes[side, 3]))
        steps[ray] = first_step(distances, side, y, x, directions[ray], n_steps)
        if steps[ray] > 0:
            places[count, 0] = (y * ONE + ONE // 2 + steps[ray] * dy) >> SHIFT
            places[count, 1] = (x * ONE + ONE // 2 + steps[ray] * dx) >> SHIFT
            count += 1
            if nearest < 0 or steps[ray] < steps[nearest]:
                nearest = ray
    least = np.inf
    if count > 0:  # the shortest way first: others need not be followed far to cost more
        least = path_energy(image, y, x, directions[nearest], steps[nearest], np.inf)
        for ray in range(len(directions)):
            if steps[ray] > 0 and ray != nearest:
                least = path_energy(image, y, x, directions[ray], steps[ray], least)
    return count, least


@njit(cache=True)
def spread(image, y, x):
    """Return the mean squared distance of the colours around a pixel from its own."""
    height, width = image.shape[0], image.shape[1]
    total = np.float32(0.0)
    count = 0
    for yy in range(max(y - SPREAD_RADIUS, 0), min(y + SPREAD_RADIUS + 1, height)):
        for xx in range(max(x - SPREAD_RADIUS, 0), min(x + SPREAD_RADIUS + 1, width)):
            for c in range(3):
                total += (image[yy, xx, c] - image[y, x, c]) ** 2
            count += 1
    return total / count


@njit(cache=True)
def mixture_error(image, y, x, sample):
    """Return the squared distances from the mixtures, summed over the 3 x 3 pixels around (y, x)."""
    height, width = image.shape[0], image.shape[1]
    total = np.float32(0.0)
    for yy in range(max(y - 1, 0), min(y + 2, height)):
        for xx in range(max(x - 1, 0), min(x + 2, width)):
            _, square = project(image[yy, xx, 0], image[yy, xx, 1], image[yy, xx, 2], sample)
            total += square
    return total


@njit(cache=True)
def choose_pair(image, y, x, places, least, counts, pair):
    """Write the colours of the pair of least objective into pair, and return the indices of both (g_SS, Eq. 7).

    places and counts are of the background's and the foreground's samples, least the least energies on the ways there.
    """
    # the probability of the foreground: high if the way to the background is costly
    toward = least[0] / (least[0] + least[1]) if least[0] + least[1] > 0.0 else 0.5
    best, best_f, best_b = np.inf, 0, 0
    for f in range(counts[1]):
        fy, fx = places[1, f, 0], places[1, f, 1]
        f_distance = np.hypot(np.float64(fy - y), np.float64(fx - x))
        for b in range(counts[0]):
            by, bx = places[0, b, 0], places[0, b, 1]
            b_distance = np.hypot(np.float64(by - y), np.float64(bx - x))
            for c in range(3):
                pair[c] = image[fy, fx, c]
                pair[3 + c] = image[by, bx, c]
            error = np.float64(mixture_error(image, y, x, pair)) + 1e-7
            alpha, _ = project(image[y, x, 0], image[y, x, 1], image[y, x, 2], pair)
            doubt = toward + (1.0 - 2.0 * toward) * alpha + 1e-7
            cost = error**3 * doubt**2 * f_distance * b_distance**4
            if cost < best:
                best, best_f, best_b = cost, f, b
    return best_f, best_b


@njit(cache=True, parallel=True)
def gather(image, distances, boxes, pixels, directions, n_rays):
    """Return the best sample (n, 8) of each pixel from what its rays meet.

    distances (H, W, 2), uint8, are pixels to the known background and foreground, the larger of both axes, or less.
    """
    width = image.shape[1]
    n_turns = directions.shape[0] // n_rays
    samples = np.empty((pixels.size, 8), np.float32)
    for i in prange(pixels.size):
        y, x = pixels[i] // width, pixels[i] % width
        places = np.empty((2, n_rays, 2), np.int64)
        least = np.empty(2)
        counts = np.empty(2, np.int64)
        turned = directions[(y % 3) * 3 + x % 3::n_turns]
        for side in range(2):
            counts[side], least[side] = meet(image, distances, boxes, y, x, turned, side, places[side])
        samples[i, 6:] = UNSAMPLED
        if counts[0] > 0 and counts[1] > 0:
            f, b = choose_pair(image, y, x, places, least, counts, samples[i])
            for c in range(3):
                samples[i, c] = image[places[1, f, 0], places[1, f, 1], c]
                samples[i, 3 + c] = image[places[0, b, 0], places[0, b, 1], c]
            samples[i, 6] = spread(image, places[1, f, 0], places[1, f, 1])
            samples[i, 7] = spread(image, places[0, b, 0], places[0, b, 1])
    return samples


@njit(cache=True)
def average_best(color, index, y, x, offsets, samples, mean):
    """Write the mean of the three samples around (y, x) that mix best to a colour; return whether there is any."""
    height, width = index.shape
    first = second = third = np.float32(np.inf)
    a = b = c = -1
    for k in range(offsets.shape[0]):
        yy, xx = y + offsets[k, 0], x + offsets[k, 1]
        if yy < 0 or yy >= height or xx < 0 or xx >= width:
            continue
        j = index[yy, xx]
        if j < 0 or samples[j, 6] < 0:
            continue
        _, square = project(color[0], color[1], color[2], samples[j])
        if square < third:
            if square < second:
                third, c = second, b
                if square < first:
                    second, b = first, a
                    first, a = square, j
                else:
                    second, b = square, j
            else:
                third, c = square, j
    if a < 0:
        return False
    b = a if b < 0 else b
    c = b if c < 0 else c
    for d in range(8):
        mean[d] = (samples[a, d] + samples[b, d] + samples[c, d]) / np.float32(3.0)
    return True


@njit(cache=True, parallel=True)
def refine(image, index, pixels, samples, offsets, fallback, sharpness):
    """Return layers (n, 6), alpha (n,) and confidence (n,) after sharing samples with the pixels around (Eq. 9-11)."""
    width = index.shape[1]
    n = pixels.size
    layers = np.empty((n, 6), np.float32)
    alpha = np.empty(n, np.float32)
    confidence = np.empty(n, np.float32)
    for i in prange(n):
        y, x = pixels[i] // width, pixels[i] % width
        color = image[y, x]
        mean = np.empty(8, np.float32)
        if not average_best(color, index, y, x, offsets, samples, mean):
            mean[:] = fallback
        _, error = project(color[0], color[1], color[2], mean)
        f_square = b_square = np.float32(0.0)
        for c in range(3):
            f_square += (color[c] - mean[c]) ** 2
            b_square += (color[c] - mean[3 + c]) ** 2
        for c in range(3):
            layers[i, c] = color[c] if f_square <= mean[6] else mean[c]
            layers[i, 3 + c] = color[c] if b_square <= mean[7] else mean[3 + c]
        alpha[i], _ = project(color[0], color[1], color[2], layers[i])
        confidence[i] = np.exp(-sharpness * np.sqrt(error))
        if f_square <= mean[6] and b_square <= mean[7]:
            confidence[i] = np.float32(1e-8)
            alpha[i], _ = project(color[0], color[1], color[2], mean)
    return layers, alpha, confidence


@njit(cache=True, parallel=True)
def smooth(image, labels, index, pixels, layers, alpha, confidence, offsets, near, sharpness):
    """Return smoothed layers (n, 6), alpha (n,), confidence (n,) (Eq. 12-18); `near` weighs the offsets."""
    height, width = index.shape
    n = pixels.size
    result = np.empty((n, 6), np.float32)
    final = np.empty(n, np.float32)
    final_confidence = np.empty(n, np.float32)
    for i in prange(n):
        y, x = pixels[i] // width, pixels[i] % width
        total = np.zeros(8, np.float32)
        contrast = contrast_weight = low = low_weight = np.float32(0.0)
        for k in range(offsets.shape[0]):
            yy, xx = y + offsets[k, 0], x + offsets[k, 1]
            if yy < 0 or yy >= height or xx < 0 or xx >= width:
                continue
            j = index[yy, xx]
            if j < 0:
                a = np.float32(labels[yy, xx])
                weight = near[k] * abs(alpha[i] - a)
                at = 0 if labels[yy, xx] == 1 else 3
                for c in range(3):
                    total[at + c] += weight * image[yy, xx, c]
                total[6 + at // 3] += weight
                low += (near[k] + np.float32(1.0)) * a
                low_weight += near[k] + np.float32(1.0)
                continue
            a = alpha[j]
            weight = near[k] * confidence[j]
            low += weight * a
            low_weight += weight
            if i != j:
                weight *= abs(alpha[i] - a)
            mixed = confidence[j] * a * (np.float32(1.0) - a)
            square = np.float32(0.0)
            for c in range(3):
                total[c] += weight * a * layers[j, c]
                total[3 + c] += weight * (np.float32(1.0) - a) * layers[j, 3 + c]
                square += (layers[j, c] - layers[j, 3 + c]) ** 2
            total[6] += weight * a
            total[7] += weight * (np.float32(1.0) - a)
            contrast += mixed * np.sqrt(square)
            contrast_weight += mixed
        distance = np.float32(0.0)
        for c in range(3):
            result[i, c] = total[c] / total[6] if total[6] > 0 else layers[i, c]
            result[i, 3 + c] = total[3 + c] / total[7] if total[7] > 0 else layers[i, 3 + c]
            distance += (result[i, c] - result[i, 3 + c]) ** 2
        here, error = project(image[y, x, 0], image[y, x, 1], image[y, x, 2], result[i])
        trust = np.exp(-sharpness * np.sqrt(error))
        if contrast > 0:
            trust *= min(np.float32(1.0), np.sqrt(distance) * contrast_weight / contrast)
        final[i] = trust * here + (np.float32(1.0) - trust) * low / max(low_weight, np.float32(1e-12))
        final_confidence[i] = trust
    return result, final, final_confidence
