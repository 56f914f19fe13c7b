"""Kernels of shared sampling: the rays of each pixel, and the best pair of colours that they meet.

A sample is a row (F, B, variance of F, variance of B) of 8 numbers.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces
from hybridmatte.methods._sharing_numba import UNSAMPLED, project, scattered

SHIFT = 16
ONE = 1 << SHIFT  # rays advance in fixed point: exact, and the same everywhere
SPREAD_RADIUS = 2  # samples vary over windows of 5 x 5 pixels
N_TURNS = 9  # directions the first ray takes within 3 x 3 pixels
TILE = 32
LANES = 16  # pairs are compared in vector registers, so many at a time


@kernel
def _edge_energies(first, last, image, edges):
    height, width = image.shape[0], image.shape[1]
    for y in range(first, last):
        for x in range(width):
            for k in range(4):
                yy, xx = y + min(k, 1), x + (k - 2 if k > 0 else 1)
                at = 4 * (y * width + x) + k
                edges[at] = np.float32(0.0)
                if yy < height and xx >= 0 and xx < width:
                    r = image[yy, xx, 0] - image[y, x, 0]
                    g = image[yy, xx, 1] - image[y, x, 1]
                    b = image[yy, xx, 2] - image[y, x, 2]
                    edges[at] = r * r + g * g + b * b


def edge_energies(image):
    """Return the squared colour differences (4 H W,) of each pixel from the next one and from three below it.

    These are to the right, below to the left, below, and below to the right; 0 beyond the image.
    """
    edges = np.empty(4 * image.shape[0] * image.shape[1], np.float32)
    run_pieces(_edge_energies, len(image), image, edges)
    return edges


@inlined
def _steps_within(start, step, low, high):
    """Return after how many steps from the middle of pixel `start` a ray has passed the pixels low to high for good."""
    at = start * ONE + ONE // 2
    if step > 0:
        return max((high + 1) * ONE - 1 - at, 0) // step
    if step < 0:
        return max(at - low * ONE, 0) // -step
    return np.int64(2**31) if low <= start <= high else np.int64(0)


@inlined
def first_step(distances, side, pixel, path, n_steps):
    """Return after how many steps of a path from a pixel it first meets a side, 0 if not within n_steps.

    Each step meets a new pixel, none farther than 1 from the last: as many as the distance to the side go at once.
    """
    k = 0
    while k <= n_steps:
        leap = distances[pixel + path[k], side]
        if leap == 0:
            return k
        k += leap
    return 0


@kernel
def path_energy(edges, pixel, steps, n_steps, density, most):
    """Return the sum of squared colour differences on n_steps from a pixel times steps per pixel, at most `most`."""
    enough = np.float32(1.001 * most / density)  # beyond it, no rounding brings the result below most
    first = 4 * pixel
    energy = np.float32(0.0)
    k = 1
    while k + 3 <= n_steps and energy <= enough:
        energy += edges[first + steps[k]]
        energy += edges[first + steps[k + 1]]
        energy += edges[first + steps[k + 2]]
        energy += edges[first + steps[k + 3]]
        k += 4
    while k <= n_steps and energy <= enough:
        energy += edges[first + steps[k]]
        k += 1
    return min(energy * density, most)


@inlined
def meet(edges, distances, width, box, pixel, rays, first, side, places, met):
    """Write the pixels (n, 2) where every N_TURNS-th ray from a pixel meets a side; return n, and the least energy.

    The box (first y, last y, first x, last x) bounds the side, and so the search; `met` receives steps.
    """
    directions, paths, steps, densities = rays
    y, x = pixel // width, pixel % width
    count, nearest = 0, -1
    for k in range(met.size):
        ray = first + k * N_TURNS
        dy, dx = np.int64(directions[ray, 0]), np.int64(directions[ray, 1])
        n_steps = min(_steps_within(y, dy, box[0], box[1]), _steps_within(x, dx, box[2], box[3]))
        met[k] = first_step(distances, side, pixel, paths[ray], n_steps)
        if met[k] > 0:
            places[count, 0] = y + ((ONE // 2 + met[k] * dy) >> SHIFT)
            places[count, 1] = x + ((ONE // 2 + met[k] * dx) >> SHIFT)
            count += 1
            if nearest < 0 or met[k] < met[nearest]:
                nearest = k
    least = np.inf
    if count > 0:  # the shortest way first: others need not be followed far to cost more
        ray = first + nearest * N_TURNS
        least = path_energy(edges, pixel, steps[ray], met[nearest], densities[ray], least)
        for k in range(met.size):
            if met[k] > 0 and k != nearest:
                ray = first + k * N_TURNS
                least = path_energy(edges, pixel, steps[ray], met[k], densities[ray], least)
    return count, least


@kernel
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


@kernel
def mixture_errors(image, y, x, work):
    """Complete LANES pairs of colours: rows F and B of `work` are given, errors and alphas written after them.

    An error is the sum of the squared distances from the mixtures over the 3 x 3 pixels around (y, x).
    """
    height, width = image.shape[0], image.shape[1]
    for p in range(LANES):
        work[p + 6 * LANES] = np.float32(0.0)
    for yy in range(max(y - 1, 0), min(y + 2, height)):
        for xx in range(max(x - 1, 0), min(x + 2, width)):
            c0, c1, c2 = image[yy, xx, 0], image[yy, xx, 1], image[yy, xx, 2]
            for p in range(LANES):
                _, square = project(
                    c0,
                    c1,
                    c2,
                    work[p],
                    work[p + LANES],
                    work[p + 2 * LANES],
                    work[p + 3 * LANES],
                    work[p + 4 * LANES],
                    work[p + 5 * LANES],
                )
                work[p + 6 * LANES] += square
    c0, c1, c2 = image[y, x, 0], image[y, x, 1], image[y, x, 2]
    for p in range(LANES):
        alpha, _ = project(
            c0,
            c1,
            c2,
            work[p],
            work[p + LANES],
            work[p + 2 * LANES],
            work[p + 3 * LANES],
            work[p + 4 * LANES],
            work[p + 5 * LANES],
        )
        work[p + 7 * LANES] = alpha


@inlined
def choose_pair(image, y, x, places, least, counts, away, work):
    """Return the indices of the foreground's and the background's sample of least objective (g_SS, Eq. 7).

    places and counts are of the background's and the foreground's samples, least the least energies on the ways there;
    away (2, n) and work (8 LANES,) are overwritten.
    """
    for side in range(2):
        for k in range(counts[side]):
            away[side, k] = np.hypot(np.float64(places[side, k, 0] - y), np.float64(places[side, k, 1] - x))
    # the probability of the foreground: high if the way to the background is costly
    toward = least[0] / (least[0] + least[1]) if least[0] + least[1] > 0.0 else 0.5
    best, best_pair = np.inf, 0
    for first in range(0, counts[0] * counts[1], LANES):
        n = min(LANES, counts[0] * counts[1] - first)
        for p in range(n):
            f, b = (first + p) // counts[0], (first + p) % counts[0]
            for c in range(3):
                work[p + c * LANES] = image[places[1, f, 0], places[1, f, 1], c]
                work[p + (3 + c) * LANES] = image[places[0, b, 0], places[0, b, 1], c]
        mixture_errors(image, y, x, work)
        for p in range(n):
            error = np.float64(work[p + 6 * LANES]) + 1e-7
            doubt = toward + (1.0 - 2.0 * toward) * work[p + 7 * LANES] + 1e-7
            cost = error**3 * doubt**2 * away[1, (first + p) // counts[0]] * away[0, (first + p) % counts[0]] ** 4
            if cost < best:
                best, best_pair = cost, first + p
    return best_pair // counts[0], best_pair % counts[0]


@kernel
def _gather(first, last, image, index, edges, distances, boxes, rays, n_rays, samples):
    height, width = index.shape
    across, n_tiles = -(-width // TILE), -(-height // TILE) * -(-width // TILE)
    places, met = np.empty((2, n_rays, 2), np.int64), np.empty(n_rays, np.int64)
    counts, least, away = np.empty(2, np.int64), np.empty(2), np.empty((2, n_rays))
    work = np.empty(8 * LANES, np.float32)
    for k in range(8 * LANES):
        work[k] = 0.0
    for task in range(first, last):
        tile = scattered(task, n_tiles)
        for y in range(tile // across * TILE, min((tile // across + 1) * TILE, height)):
            for x in range(tile % across * TILE, min((tile % across + 1) * TILE, width)):
                i = index[y, x]
                if i < 0:
                    continue
                for side in range(2):
                    counts[side], least[side] = meet(
                        edges,
                        distances,
                        width,
                        boxes[side],
                        y * width + x,
                        rays,
                        (y % 3) * 3 + x % 3,
                        side,
                        places[side],
                        met,
                    )
                samples[i, 6] = samples[i, 7] = UNSAMPLED
                if counts[0] > 0 and counts[1] > 0:
                    f, b = choose_pair(image, y, x, places, least, counts, away, work)
                    for c in range(3):
                        samples[i, c] = image[places[1, f, 0], places[1, f, 1], c]
                        samples[i, 3 + c] = image[places[0, b, 0], places[0, b, 1], c]
                    samples[i, 6] = spread(image, places[1, f, 0], places[1, f, 1])
                    samples[i, 7] = spread(image, places[0, b, 0], places[0, b, 1])


def gather(image, index, edges, distances, boxes, rays, n_rays, n_pixels):
    """Return the best samples (n_pixels, 8) of the pixels numbered by `index`, of what their rays meet.

    distances (H W, 2), uint8, are pixels to the known background and foreground, the larger of both axes, or less. The
    work goes tile by tile, so that what rays meet on their way stays in the cache.
    """
    n_tiles = -(-index.shape[0] // TILE) * -(-index.shape[1] // TILE)
    samples = np.empty((n_pixels, 8), np.float32)
    run_pieces(_gather, n_tiles, image, index, edges, distances, boxes, rays, n_rays, samples)
    return samples
