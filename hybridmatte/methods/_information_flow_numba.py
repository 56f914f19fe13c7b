"""Kernels of information flow matting.

The weights are used by ``information_flow.py``, the product by ``flow_system.py``. Sparse matrices have rows of equal
length K: columns `neighbors` (n, K) and values `weights` (n, K). Colours are (H W, 3) float32.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_alone, run_pieces, short_kernel

FLAGS = {"contract"}  # fused multiply-add only: no reordering


@inlined
def _combination_weights(differences, n, ridge, normal, total, weights):
    """Write the weights of sum 1 that minimise |sum_k w_k z_k|^2 + ridge |w|^2.

    The z_k are the first n rows of differences (K, 3). The weights are proportional to (Z Z' + ridge)^-1 1, which
    equals (1 - Z (Z' Z + ridge)^-1 Z' 1) / ridge. This needs a system of 3 equations only, solved by Cholesky factors.
    normal (3, 3) and total (3,) are overwritten.
    """
    for p in range(3):
        total[p] = 0.0
        for q in range(3):
            normal[p, q] = ridge if p == q else 0.0
    for k in range(n):
        for p in range(3):
            total[p] += differences[k, p]
            for q in range(p + 1):
                normal[p, q] += differences[k, p] * differences[k, q]
    l00 = np.sqrt(normal[0, 0])
    l10 = normal[1, 0] / l00
    l20 = normal[2, 0] / l00
    l11 = np.sqrt(normal[1, 1] - l10 * l10)
    l21 = (normal[2, 1] - l20 * l10) / l11
    l22 = np.sqrt(normal[2, 2] - l20 * l20 - l21 * l21)
    y0 = total[0] / l00
    y1 = (total[1] - l10 * y0) / l11
    y2 = (total[2] - l20 * y0 - l21 * y1) / l22
    t2 = y2 / l22
    t1 = (y1 - l21 * t2) / l11
    t0 = (y0 - l10 * t1 - l20 * t2) / l00
    weight_sum = 0.0
    for k in range(n):
        weights[k] = 1.0 - (differences[k, 0] * t0 + differences[k, 1] * t1 + differences[k, 2] * t2)
        weight_sum += weights[k]
    for k in range(n):
        weights[k] /= weight_sum


@kernel
def _drop_own(first, last, own, neighbors, others):
    """Write rows first to last - 1 of the neighbours without the rows' own pixels."""
    n_others = others.shape[1]
    for i in range(first, last):
        k = 0
        for j in range(n_others + 1):
            if k < n_others and neighbors[i, j] != own[i]:
                others[i, k] = neighbors[i, j]
                k += 1


def drop_own(own, neighbors):
    """Return neighbours (n, K + 1) without each row's own pixel, or without the last one if it is not there: (n, K)."""
    others = np.empty((len(neighbors), neighbors.shape[1] - 1), np.int32)
    run_pieces(_drop_own, len(others), own, neighbors, others, cost=20)
    return others


@kernel(allocates=True)
def _mixture_weights(first, last, colors, pixels, neighbors, counts, ridge, result):
    """Write rows first to last - 1 of the mixture weights."""
    n_neighbors = neighbors.shape[1]
    differences, weights = np.empty((n_neighbors, 3)), np.empty(n_neighbors)
    normal, total = np.empty((3, 3)), np.empty(3)
    for i in range(first, last):
        for k in range(counts[i]):
            for c in range(3):
                differences[k, c] = np.float64(colors[neighbors[i, k], c]) - colors[pixels[i], c]
        _combination_weights(differences, counts[i], ridge, normal, total, weights)
        for k in range(counts[i]):
            result[i, k] = weights[k]
        for k in range(counts[i], n_neighbors):
            result[i, k] = 0.0


def mixture_weights(colors, pixels, neighbors, ridge, counts=None):
    """Return the weights (n, K) float32, of sum 1, with which the neighbours' colours mix to each pixel's colour.

    `pixels` (n,) and `neighbors` (n, K) are flat pixel indices. `ridge` penalises |w|^2. The first counts[i] neighbours
    of row i mix, by default all; the others have weight 0.
    """
    counts = np.full(len(pixels), neighbors.shape[1], np.int32) if counts is None else counts
    result = np.empty(neighbors.shape, np.float32)
    run_pieces(_mixture_weights, len(pixels), colors, pixels, neighbors, counts, ridge, result, cost=300)
    return result


@kernel(allocates=True)
def _known_flow(
    first,
    last,
    colors,
    pixels,
    foreground,
    background,
    foreground_counts,
    background_counts,
    ridge,
    share,
    confidence,
):
    """Write the foreground share and its confidence for the pixels first to last - 1."""
    n_most = foreground.shape[1] + background.shape[1]
    differences, weights = np.empty((n_most, 3)), np.empty(n_most)
    normal, total, layers = np.empty((3, 3)), np.empty(3), np.empty((2, 3))
    for i in range(first, last):
        n_foreground = foreground_counts[i] if foreground_counts[i] > 0 else foreground.shape[1]
        n_neighbors = n_foreground + (background_counts[i] if background_counts[i] > 0 else background.shape[1])
        for k in range(n_neighbors):
            other = foreground[i, k] if k < n_foreground else background[i, k - n_foreground]
            for c in range(3):
                differences[k, c] = np.float64(colors[other, c]) - colors[pixels[i], c]
        _combination_weights(differences, n_neighbors, ridge, normal, total, weights)
        for side in range(2):
            for c in range(3):
                layers[side, c] = 0.0
        foreground_share = 0.0
        for k in range(n_neighbors):
            side = 0 if k < n_foreground else 1
            foreground_share += weights[k] if side == 0 else 0.0
            for c in range(3):
                layers[side, c] += weights[k] * differences[k, c]
        distance = 0.0
        if foreground_share != 0.0 and foreground_share != 1.0:
            for c in range(3):
                distance += (layers[0, c] / foreground_share - layers[1, c] / (1.0 - foreground_share)) ** 2
        share[i] = min(max(foreground_share, 0.0), 1.0)
        confidence[i] = min(distance / 3.0, 1.0)


def known_flow(colors, pixels, foreground, background, ridge):
    """Return the estimate of alpha from known neighbours, and its confidence, both (n,) in [0, 1].

    The colour of each pixel is written as a mixture of its foreground and background neighbours, which are
    `UntiedNeighbors`; of a pixel without an untied one, all neighbours count. The estimate is the sum of the foreground
    weights, clipped. The confidence is the squared distance between the mean colours of both sides, over 3, clipped.
    """
    share, confidence = np.empty(len(pixels)), np.empty(len(pixels))
    run_pieces(
        _known_flow,
        len(pixels),
        colors,
        pixels,
        foreground.indices,
        background.indices,
        foreground.counts,
        background.counts,
        ridge,
        share,
        confidence,
        cost=400,
    )
    return share, confidence


@kernel
def _intra_weights(first, last, features, neighbors, counts, result):
    """Write rows first to last - 1 of the intra-unknown weights."""
    for i in range(first, last):
        for k in range(neighbors.shape[1]):
            distance = np.float32(0.0)
            for d in range(features.shape[1]):
                distance += abs(features[i, d] - features[neighbors[i, k], d])
            result[i, k] = max(np.float32(1.0) - distance, np.float32(0.0)) if k < counts[i] else np.float32(0.0)


def intra_weights(features, neighbors, counts):
    """Return max(1 - |f_i - f_j|_1, 0), (n, K) float32, for the neighbours (n, K) of each row of features (n, D).

    The first counts[i] neighbours of row i count; the weights of the others are 0.
    """
    result = np.empty(neighbors.shape, np.float32)
    run_pieces(_intra_weights, len(neighbors), features, neighbors, counts, result, cost=50)
    return result


@kernel
def _number_rows(first, last, row_of, known_alpha, neighbors, weights, constant):
    """Replace pixels by rows and sum the known neighbours, in rows first to last - 1."""
    for i in range(first, last):
        constant[i] = 0.0
        for k in range(neighbors.shape[1]):
            pixel = neighbors[i, k]
            neighbors[i, k] = row_of[pixel]
            if row_of[pixel] < 0:
                constant[i] += weights[i, k] * known_alpha[pixel]
                neighbors[i, k] = i
                weights[i, k] = 0.0


def number_rows(row_of, known_alpha, neighbors, weights):
    """Replace neighbouring pixels (n, K) by their rows, in place, and eliminate the known ones.

    row_of (H W,) is the row of each unknown pixel, -1 for known ones. Return the sums (n,) of the weights of the known
    neighbours times their alphas. A known neighbour of pixel i is replaced by i itself with weight 0, so that all rows
    keep their length.
    """
    constant = np.empty(len(neighbors))
    run_pieces(_number_rows, len(neighbors), row_of, known_alpha, neighbors, weights, constant, cost=50)
    return constant


@kernel
def _sum_columns(neighbors, weights, factors, sums):
    """Add the weights, each times the factor of its row, to the sums of their columns, row by row."""
    for i in range(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            sums[neighbors[i, k]] += weights[i, k] * factors[i]


@kernel
def _sum_squares(neighbors, weights, sums):
    """Add the squares of the weights to the sums of their columns, row by row."""
    for i in range(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            weight = np.float64(weights[i, k])
            sums[neighbors[i, k]] += weight * weight


def sum_columns(neighbors, weights, factors):
    """Return the column sums (n,) of a matrix with weights (n, K) at columns neighbors (n, K), its rows times factors.

    factors (n,) is float64.
    """
    sums = np.zeros(len(neighbors))
    run_alone(_sum_columns, neighbors, weights, factors, sums)
    return sums


def sum_squares(neighbors, weights):
    """Return the column sums (n,) of the squares of a matrix with weights (n, K) at columns neighbors (n, K)."""
    sums = np.zeros(len(neighbors))
    run_alone(_sum_squares, neighbors, weights, sums)
    return sums


@short_kernel
def _scatter(first, last, x, cells, out):
    """Write the values first to last - 1 into their cells."""
    for i in range(np.uint64(first), np.uint64(last)):
        out[np.uint64(cells[i])] = x[i]


def scatter(x, cells, out):
    """Write the values x (n,) into their cells of out (n_cells,)."""
    run_pieces(_scatter, len(x), x, cells, out, cost=0.5)


@short_kernel(fastmath=FLAGS)
def _multiply_flow(first, last, neighbors, weights, intra_neighbors, intra_weights, x, parts):
    """Compute parts first to last - 1 of the product; each part takes an equal share of the rows.

    For row i: the gathered sum ((Id - W) x)_i is scattered back by row i of (Id - W)'. Row i of V is then gathered and
    scattered in the same way. Three sums at a time, as one waits for each of its additions. Unsigned indices need no
    check for negative values.
    """
    n, n_parts = x.shape[0], parts.shape[0]
    n_mixed, zero = np.uint64(neighbors.shape[1]), x.dtype.type(0)
    for part in range(first, last):
        out = parts[part]
        for i in range(n):
            out[i] = 0
        for i in range(np.uint64(part * n // n_parts), np.uint64((part + 1) * n // n_parts)):
            own = x[i]
            total, second, third, k = own, zero, zero, np.uint64(0)
            while k + np.uint64(2) < n_mixed:
                total -= weights[i, k] * x[np.uint64(neighbors[i, k])]
                second -= weights[i, k + np.uint64(1)] * x[np.uint64(neighbors[i, k + np.uint64(1)])]
                third -= weights[i, k + np.uint64(2)] * x[np.uint64(neighbors[i, k + np.uint64(2)])]
                k += np.uint64(3)
            while k < n_mixed:
                total -= weights[i, k] * x[np.uint64(neighbors[i, k])]
                k += np.uint64(1)
            total += second + third
            for k in range(n_mixed):
                out[np.uint64(neighbors[i, k])] -= weights[i, k] * total
            intra = zero
            for k in range(np.uint64(intra_neighbors.shape[1])):
                other = np.uint64(intra_neighbors[i, k])
                intra += intra_weights[i, k] * x[other]
                out[other] -= intra_weights[i, k] * own
            out[i] += total - intra


def multiply_flow(neighbors, weights, intra_neighbors, intra_weights, x, parts):
    """Write (Id - W)' (Id - W) x - (V + V') x as the sum of vectors, the rows of parts (P, n).

    W has weights (n, K) at columns neighbors (n, K); V has intra_weights at intra_neighbors. Each entry is read once,
    both for its own row and for the transpose. Parts may write to the same pixel, so each has a vector of its own.
    """
    run_pieces(
        _multiply_flow,
        len(parts),
        neighbors,
        weights,
        intra_neighbors,
        intra_weights,
        x,
        parts,
        cost=20 * x.size / len(parts),
    )


@short_kernel
def _add_parts(first, last, parts, cells, local, out):
    """Write the pixels first to last - 1 of the sum."""
    for i in range(np.uint64(first), np.uint64(last)):
        total = local[np.uint64(cells[i])]
        for part in range(parts.shape[0]):
            total += parts[part, i]
        out[i] = total


def add_parts(parts, cells, local, out):
    """Write the sum of parts (P, n), plus local (n_cells,) at each pixel's cell, into out (n,)."""
    run_pieces(_add_parts, len(cells), parts, cells, local, out, cost=2)
