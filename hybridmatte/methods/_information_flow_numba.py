"""Kernels of information flow matting: mixture weights, rows of equal length, products."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

FLAGS = {"contract"}
BLOCKS = 32


@inlined
def embed(differences, n, ridge, normal, total, weights):
    """Write the weights of sum 1 that minimise |sum_k w_k z_k|^2 + ridge |w|^2 for n differences z_k, (n, 3).

    They are proportional to (Z Z' + ridge)^-1 1, which is (1 - Z (Z' Z + ridge)^-1 Z' 1) / ridge: a system of
    3 equations however many neighbours there are, solved by Cholesky's factors.
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
    whole = 0.0
    for k in range(n):
        weights[k] = 1.0 - (differences[k, 0] * t0 + differences[k, 1] * t1 + differences[k, 2] * t2)
        whole += weights[k]
    for k in range(n):
        weights[k] /= whole


@kernel
def _drop_own(first, last, own, neighbors, others):
    n_others = others.shape[1]
    for i in range(first, last):
        k = 0
        for j in range(n_others + 1):
            if k < n_others and neighbors[i, j] != own[i]:
                others[i, k] = neighbors[i, j]
                k += 1


def drop_own(own, neighbors):
    """Return the neighbours (n, K) of (n, K + 1) without each row's own, or without the last if that is missing."""
    others = np.empty((len(neighbors), neighbors.shape[1] - 1), np.int32)
    run_pieces(_drop_own, len(others), own, neighbors, others, cost=20)
    return others


@kernel
def _mixture_weights(first, last, colors, pixels, neighbors, ridge, result):
    n_neighbors = neighbors.shape[1]
    differences, weights = np.empty((n_neighbors, 3)), np.empty(n_neighbors)
    normal, total = np.empty((3, 3)), np.empty(3)
    for i in range(first, last):
        for k in range(n_neighbors):
            for c in range(3):
                differences[k, c] = np.float64(colors[neighbors[i, k], c]) - colors[pixels[i], c]
        embed(differences, n_neighbors, ridge, normal, total, weights)
        for k in range(n_neighbors):
            result[i, k] = weights[k]


def mixture_weights(colors, pixels, neighbors, ridge):
    """Return the mixture weights (n, K) of the neighbours (n, K) of pixels (n,)."""
    result = np.empty(neighbors.shape, np.float32)
    run_pieces(_mixture_weights, len(pixels), colors, pixels, neighbors, ridge, result, cost=300)
    return result


@kernel
def _known_flow(first, last, colors, pixels, foreground, background, ridge, share, confidence):
    n_foreground, n_neighbors = foreground.shape[1], foreground.shape[1] + background.shape[1]
    differences, weights = np.empty((n_neighbors, 3)), np.empty(n_neighbors)
    normal, total, layers = np.empty((3, 3)), np.empty(3), np.empty((2, 3))
    for i in range(first, last):
        for k in range(n_neighbors):
            other = foreground[i, k] if k < n_foreground else background[i, k - n_foreground]
            for c in range(3):
                differences[k, c] = np.float64(colors[other, c]) - colors[pixels[i], c]
        embed(differences, n_neighbors, ridge, normal, total, weights)
        for side in range(2):
            for c in range(3):
                layers[side, c] = 0.0
        fore = 0.0
        for k in range(n_neighbors):
            side = 0 if k < n_foreground else 1
            fore += weights[k] if side == 0 else 0.0
            for c in range(3):
                layers[side, c] += weights[k] * differences[k, c]
        distance = 0.0
        if fore != 0.0 and fore != 1.0:
            for c in range(3):
                distance += (layers[0, c] / fore - layers[1, c] / (1.0 - fore)) ** 2
        share[i] = min(max(fore, 0.0), 1.0)
        confidence[i] = min(distance / 3.0, 1.0)


def known_flow(colors, pixels, foreground, background, ridge):
    """Return the share of the foreground neighbours in each pixel's colour mixture, clipped, and its confidence."""
    share, confidence = np.empty(len(pixels)), np.empty(len(pixels))
    run_pieces(_known_flow, len(pixels), colors, pixels, foreground, background, ridge, share, confidence, cost=400)
    return share, confidence


@kernel
def _intra_weights(first, last, features, neighbors, result):
    for i in range(first, last):
        for k in range(neighbors.shape[1]):
            distance = np.float32(0.0)
            for d in range(features.shape[1]):
                distance += abs(features[i, d] - features[neighbors[i, k], d])
            result[i, k] = max(np.float32(1.0) - distance, np.float32(0.0))


def intra_weights(features, neighbors):
    """Return max(1 - |v_i - v_j|_1, 0) for the neighbours (n, K) of each row of features."""
    result = np.empty(neighbors.shape, np.float32)
    run_pieces(_intra_weights, len(neighbors), features, neighbors, result, cost=50)
    return result


@kernel
def _number_rows(first, last, row_of, known_alpha, neighbors, weights, constant):
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
    """Turn neighbouring pixels (n, K) into rows, in place; return what the known ones contribute, their weights 0.

    Row i stands for a known neighbour of pixel i, so that all rows are equally long.
    """
    constant = np.empty(len(neighbors))
    run_pieces(_number_rows, len(neighbors), row_of, known_alpha, neighbors, weights, constant, cost=50)
    return constant


@kernel
def _sum_columns(neighbors, values, sums):
    for i in range(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            sums[neighbors[i, k]] += values[i, k]


def sum_columns(neighbors, values):
    """Return the sums (n,) of the columns of a matrix, given values (n, K) at columns (n, K) of its rows."""
    sums = np.zeros(len(neighbors))
    _sum_columns(neighbors, values, sums)
    return sums


@kernel
def _enter(first, last, x, cells, out):
    for i in range(first, last):
        out[cells[i]] = x[i]


def enter(x, cells, out):
    """Write the values (n,) of x into cells."""
    run_pieces(_enter, len(x), x, cells, out, cost=0.5)


@kernel(fastmath=FLAGS)
def _flow(first, last, neighbors, weights, near, ties, x, parts):
    n, n_parts = x.shape[0], parts.shape[0]
    for part in range(first, last):
        for i in range(n):
            parts[part, i] = 0
        for i in range(part * n // n_parts, (part + 1) * n // n_parts):
            own = x[i]
            total = own
            for k in range(neighbors.shape[1]):
                total -= weights[i, k] * x[neighbors[i, k]]
            for k in range(neighbors.shape[1]):
                parts[part, neighbors[i, k]] -= weights[i, k] * total
            for k in range(near.shape[1]):
                total -= ties[i, k] * x[near[i, k]]
                parts[part, near[i, k]] -= ties[i, k] * own
            parts[part, i] += total


def flow(neighbors, weights, near, ties, x, parts):
    """Write (Id - W)' (Id - W) x - (V + V') x as the sum of vectors, parts (P, n).

    W has weights (n, K) at columns (n, K), V likewise has ties at near. Each entry is read once: a row takes what its
    neighbours have, then gives them their share, which is why each piece of work has a vector of its own.
    """
    run_pieces(_flow, len(parts), neighbors, weights, near, ties, x, parts, cost=20 * x.size / len(parts))


@kernel
def _add_parts(first, last, parts, cells, local, out):
    for i in range(first, last):
        total = local[cells[i]]
        for part in range(parts.shape[0]):
            total += parts[part, i]
        out[i] = total


def add_parts(parts, cells, local, out):
    """Write the sum of parts (P, n) and of the values of cells into out (n,)."""
    run_pieces(_add_parts, len(cells), parts, cells, local, out, cost=2)
