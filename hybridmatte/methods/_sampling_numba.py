"""Kernels of shared sampling that find, along rays, the best pair of colours for each pixel.

Used by ``shared_sampling.py``. Equations are those of Gastal and Oliveira 2010.

A *sample* is a row of 8 numbers: foreground colour F (3), background colour B (3), variance around F, variance around
B. A *side* is 0 for the background and 1 for the foreground. A ray follows a path: a list of steps, each to one of the
8 adjacent pixels. `rays` is (directions, paths, steps, densities): for each ray, its direction (dy, dx) in fixed point,
the flat offset of each pixel of its path, the entry of `edge_energies` of each step, both relative to the first pixel,
and the steps per pixel of length.

A mirrored or transposed picture gets mirrored samples, to the bit, if the number of rays is a multiple of 4: the turn
of the rays is mirrored with the pixel's place (`_turn`), sums over windows do not depend on the order of rows and
columns, and pairs of equal cost are averaged.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces
from hybridmatte.methods._sharing_numba import UNSAMPLED, interleaved, project

SHIFT = 16
ONE = 1 << SHIFT  # 1 in fixed point, in which rays advance: exact, and the same on every machine
VARIANCE_RADIUS = 2  # of the windows over which the variance of a sample is taken
N_TURNS = 9  # sets of ray directions, one for each of 3 x 3 adjacent pixels
TILE = 32  # pixels
LANES = 16  # pairs that are compared together, in vector registers


@kernel
def _edge_energies(first, last, image, edges):
    """Write the energies of image rows first to last - 1."""
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
    """Return the squared colour differences (4 H W,) between each pixel and four of its neighbours.

    These are, in order, the neighbour to the right and the three below: left, middle, right. The value is 0 where the
    neighbour is outside the image.
    """
    edges = np.empty(4 * image.shape[0] * image.shape[1], np.float32)
    run_pieces(_edge_energies, len(image), image, edges)
    return edges


@inlined
def _steps_within(start, step, low, high):
    """Return the number of steps after which a ray is beyond the range low ... high for good.

    The ray starts in the middle of pixel `start` and advances by `step` (fixed point) along one axis.
    """
    if step == 0:
        return np.int64(2**31) if low <= start <= high else np.int64(0)
    room = high - start if step > 0 else start - low
    return max(room * ONE + ONE // 2 - 1, 0) // abs(step)


@inlined
def _pixels_along(step, k):
    """Return the pixels along one axis that a ray has moved after k steps (fixed point), rounded alike both ways."""
    distance = (ONE // 2 + k * abs(step)) >> SHIFT
    return distance if step > 0 else -distance


@inlined
def _turn(y, x, height, width):
    """Return the number of the turn of the rays of pixel (y, x): all N_TURNS in each 3 x 3 pixels of an octant.

    A reflection of the image maps the rays of turn t to those of turn -t, modulo N_TURNS. The eight octants of the
    image, between the axes and diagonals through its centre, are mirror images of each other; on the axes and
    diagonals, the turn is 0.
    """
    down, right = 2 * y - (height - 1), 2 * x - (width - 1)  # from the centre, in half pixels
    low, high = min(abs(down), abs(right)), max(abs(down), abs(right))
    if low == 0 or low == high:
        return 0
    turn = (low // 2 % 3) * 3 + high // 2 % 3
    is_mirrored = (down < 0) ^ (right < 0) ^ (abs(down) < abs(right))
    return (N_TURNS - turn) % N_TURNS if is_mirrored else turn


@inlined
def first_step(distances, pixel, path, n_steps):
    """Return the number of the first step of a path that reaches a side, or 0 if none of n_steps does.

    A step moves by one pixel at most. Hence as many steps as the distance to the side (distances (H W,), in pixels) are
    skipped at once.
    """
    k = 0
    while k <= n_steps:
        distance = distances[np.uint64(pixel + path[np.uint64(k)])]
        if distance == 0:
            return k
        k += distance
    return 0


@inlined
def _edge(edges, first, steps, k):
    """Return the energy of step k of a path; unsigned indices need no check for negative values."""
    return edges[np.uint64(first + steps[np.uint64(k)])]


@inlined
def path_energy(edges, pixel, steps, n_steps, density, limit):
    """Return the energy of the first n_steps of a path: the sum of squared colour differences, times `density`.

    The result is at most `limit`; the sum stops early once it is certain to exceed it.
    """
    largest_sum = np.float32(1.001 * limit / density)  # a larger sum exceeds the limit in spite of rounding
    first = 4 * pixel
    energy = np.float32(0.0)
    one = two = three = np.float32(0.0)  # four sums, as one waits for each of its additions
    k = 1
    while k + 3 <= n_steps and (energy + one) + (two + three) <= largest_sum:
        energy += _edge(edges, first, steps, k)
        one += _edge(edges, first, steps, k + 1)
        two += _edge(edges, first, steps, k + 2)
        three += _edge(edges, first, steps, k + 3)
        k += 4
    energy = (energy + one) + (two + three)
    while k <= n_steps and energy <= largest_sum:
        energy += _edge(edges, first, steps, k)
        k += 1
    return min(energy * density, limit)


@inlined
def trace_rays(edges, distances, width, box, pixel, rays, first, places, hit_steps):
    """Trace every N_TURNS-th ray from a pixel to a side; return the number of hits, and the least energy of a path.

    The rays start at number `first`. distances (H W,) are those to the side. The pixels that are hit are written to
    places (n_rays, 2). `box` (first y, last y, first x, last x) is the bounding box of the side, which ends the search.
    hit_steps (n_rays,) receives the number of steps to each hit, 0 for none.
    """
    directions, paths, steps, densities = rays
    y, x = pixel // width, pixel % width
    count, nearest = 0, -1
    for k in range(hit_steps.size):
        ray = first + k * N_TURNS
        dy, dx = np.int64(directions[ray, 0]), np.int64(directions[ray, 1])
        n_steps = min(_steps_within(y, dy, box[0], box[1]), _steps_within(x, dx, box[2], box[3]))
        hit_steps[k] = first_step(distances, pixel, paths[ray], n_steps)
        if hit_steps[k] > 0:
            places[count, 0] = y + _pixels_along(dy, hit_steps[k])
            places[count, 1] = x + _pixels_along(dx, hit_steps[k])
            count += 1
            if nearest < 0 or hit_steps[k] < hit_steps[nearest]:
                nearest = k
    least = np.inf
    if count > 0:  # the shortest path first: its energy lets the sums over the others stop early
        ray = first + nearest * N_TURNS
        least = path_energy(edges, pixel, steps[ray], hit_steps[nearest], densities[ray], least)
        for k in range(hit_steps.size):
            if hit_steps[k] > 0 and k != nearest:
                ray = first + k * N_TURNS
                least = path_energy(edges, pixel, steps[ray], hit_steps[k], densities[ray], least)
    return count, least


@kernel
def color_variance(image, y, x):
    """Return the mean squared distance of the colours in the window around pixel (y, x) from its own colour."""
    height, width = image.shape[0], image.shape[1]
    red = green = blue = 0.0  # in double precision, the order of the pixels does not change the rounded sum
    c0, c1, c2 = image[y, x, 0], image[y, x, 1], image[y, x, 2]
    top, bottom = max(y - VARIANCE_RADIUS, 0), min(y + VARIANCE_RADIUS + 1, height)
    left, right = max(x - VARIANCE_RADIUS, 0), min(x + VARIANCE_RADIUS + 1, width)
    for yy in range(top, bottom):
        for xx in range(left, right):
            red += (image[yy, xx, 0] - c0) ** 2  # three independent sums run at once: an addition waits for the last
            green += (image[yy, xx, 1] - c1) ** 2
            blue += (image[yy, xx, 2] - c2) ** 2
    return (red + green + blue) / ((bottom - top) * (right - left))


@inlined
def _line(dy, dx):
    """Return the line through the centre of 3 x 3 pixels on which an offset lies: 1 to 4, and 0 for the centre."""
    if dy == 0:
        return 0 if dx == 0 else 1
    return 2 if dx == 0 else (3 if dy == dx else 4)


@kernel
def mixture_errors(image, y, x, work, sums):
    """Compute the errors and alphas of LANES pairs of colours for pixel (y, x).

    `work` is 8 rows of LANES numbers, stored flat: F (3) and B (3) are read, the error and alpha are written. An error
    is the sum, over the 3 x 3 pixels around (y, x), of the squared distance of the colour from its best mixture of F
    and B. Pixels opposite each other are added first, in `sums` (5, LANES), which is overwritten: then the result does
    not depend on the order of rows and columns.
    """
    height, width = image.shape[0], image.shape[1]
    for line in range(5):
        total = sums[line]
        for p in range(LANES):
            total[p] = np.float32(0.0)
    for yy in range(max(y - 1, 0), min(y + 2, height)):
        for xx in range(max(x - 1, 0), min(x + 2, width)):
            c0, c1, c2 = image[yy, xx, 0], image[yy, xx, 1], image[yy, xx, 2]
            total = sums[_line(yy - y, xx - x)]
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
                total[p] += square
    c0, c1, c2 = image[y, x, 0], image[y, x, 1], image[y, x, 2]
    for p in range(LANES):
        work[p + 6 * LANES] = ((sums[1, p] + sums[2, p]) + (sums[3, p] + sums[4, p])) + sums[0, p]
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
def pair_costs(image, y, x, places, least, counts, hit_distances, work, sums, costs):
    """Write the cost of each pair of hits (Eq. 7) to `costs`, and return the smallest; pair f counts[0] + b is (f, b).

    places (2, n_rays, 2), counts (2,) and least (2,) are the results of `trace_rays` for both sides. The cost of a pair
    is the product of powers of four terms: the mixture error, the disagreement of alpha with the probability of
    foreground, and the distances of both hits. hit_distances (2, n_rays), work (8 LANES,) and sums (5, LANES) are
    overwritten.
    """
    for side in range(2):
        for k in range(counts[side]):
            dy, dx = np.float64(places[side, k, 0] - y), np.float64(places[side, k, 1] - x)
            hit_distances[side, k] = np.sqrt(dy * dy + dx * dx)
    # high where the path to the background has more energy than that to the foreground
    foreground_probability = least[0] / (least[0] + least[1]) if least[0] + least[1] > 0.0 else 0.5
    best = np.inf
    for first in range(0, counts[0] * counts[1], LANES):
        n = min(LANES, counts[0] * counts[1] - first)
        for p in range(n):
            f, b = (first + p) // counts[0], (first + p) % counts[0]
            for c in range(3):
                work[p + c * LANES] = image[places[1, f, 0], places[1, f, 1], c]
                work[p + (3 + c) * LANES] = image[places[0, b, 0], places[0, b, 1], c]
        mixture_errors(image, y, x, work, sums)
        for p in range(n):
            error = np.float64(work[p + 6 * LANES]) + 1e-7
            disagreement = foreground_probability + (1.0 - 2.0 * foreground_probability) * work[p + 7 * LANES] + 1e-7
            costs[first + p] = (
                error**3
                * disagreement**2
                * hit_distances[1, (first + p) // counts[0]]
                * hit_distances[0, (first + p) % counts[0]] ** 4
            )
            best = min(best, costs[first + p])
    return best


@kernel
def mean_sample(image, places, counts, costs, best, total, sample):
    """Write the mean of the samples of all pairs whose cost is the smallest, which is usually one pair.

    places and counts are as for `pair_costs`; total (8,) float64 is overwritten: its precision makes the mean
    independent of the order of the pairs.
    """
    for d in range(8):
        total[d] = 0.0
    n_tied = 0
    for pair in range(counts[0] * counts[1]):
        if costs[pair] == best:
            n_tied += 1
            f, b = pair // counts[0], pair % counts[0]
            for c in range(3):
                total[c] += image[places[1, f, 0], places[1, f, 1], c]
                total[3 + c] += image[places[0, b, 0], places[0, b, 1], c]
            total[6] += color_variance(image, places[1, f, 0], places[1, f, 1])
            total[7] += color_variance(image, places[0, b, 0], places[0, b, 1])
    for d in range(8):
        sample[d] = total[d] / n_tied


@kernel(allocates=True)
def _gather_samples(first, last, image, index, edges, distances, boxes, rays, n_rays, samples):
    """Find the samples of the pixels of the tiles first to last - 1."""
    height, width = index.shape
    across, n_tiles = -(-width // TILE), -(-height // TILE) * -(-width // TILE)
    places, hit_steps = np.empty((2, n_rays, 2), np.int64), np.empty(n_rays, np.int64)
    counts, least, hit_distances = np.empty(2, np.int64), np.empty(2), np.empty((2, n_rays))
    costs, total = np.empty(n_rays**2), np.empty(8)
    work, sums = np.empty(8 * LANES, np.float32), np.empty((5, LANES), np.float32)
    for k in range(8 * LANES):
        work[k] = 0.0
    for task in range(first, last):
        tile = interleaved(task, n_tiles)
        for y in range(tile // across * TILE, min((tile // across + 1) * TILE, height)):
            for x in range(tile % across * TILE, min((tile % across + 1) * TILE, width)):
                i = index[y, x]
                if i < 0:
                    continue
                for side in range(2):
                    counts[side], least[side] = trace_rays(
                        edges,
                        distances[side],
                        width,
                        boxes[side],
                        y * width + x,
                        rays,
                        _turn(y, x, height, width),
                        places[side],
                        hit_steps,
                    )
                samples[i, 6] = samples[i, 7] = UNSAMPLED
                if counts[0] > 0 and counts[1] > 0:
                    best = pair_costs(image, y, x, places, least, counts, hit_distances, work, sums, costs)
                    mean_sample(image, places, counts, costs, best, total, samples[i])


def gather_samples(image, index, edges, distances, boxes, rays, n_rays, n_pixels):
    """Return the best samples (n_pixels, 8) of the pixels numbered by `index` (H, W), -1 for other pixels.

    distances (2, H W) uint8 is a lower bound on the distance to the known background and foreground, in pixels, as the
    larger of both axes. boxes (2, 4) are the sides' bounding boxes. The variance is UNSAMPLED for a pixel whose rays do
    not reach both sides. The work proceeds by square tiles, so that the pixels along the rays stay in the cache.
    """
    n_tiles = -(-index.shape[0] // TILE) * -(-index.shape[1] // TILE)
    samples = np.empty((n_pixels, 8), np.float32)
    run_pieces(_gather_samples, n_tiles, image, index, edges, distances, boxes, rays, n_rays, samples)
    return samples
