"""Kernels of information flow matting: mixture weights, rows of equal length, products."""

import numpy as np
from numba import njit, prange

FLAGS = {"contract"}
BLOCKS = 32


@njit(cache=True)
def solve_spd3(matrix, vector, out):
    """Write the solution of a symmetric positive definite 3 x 3 system, by Cholesky's factors."""
    l00 = np.sqrt(matrix[0, 0])
    l10 = matrix[1, 0] / l00
    l20 = matrix[2, 0] / l00
    l11 = np.sqrt(matrix[1, 1] - l10 * l10)
    l21 = (matrix[2, 1] - l20 * l10) / l11
    l22 = np.sqrt(matrix[2, 2] - l20 * l20 - l21 * l21)
    y0 = vector[0] / l00
    y1 = (vector[1] - l10 * y0) / l11
    y2 = (vector[2] - l20 * y0 - l21 * y1) / l22
    out[2] = y2 / l22
    out[1] = (y1 - l21 * out[2]) / l11
    out[0] = (y0 - l10 * out[1] - l20 * out[2]) / l00


@njit(cache=True)
def embed(differences, n, ridge, normal, total, weights):
    """Write the weights of sum 1 that minimise |sum_k w_k z_k|^2 + ridge |w|^2 for n differences z_k, (n, 3).

    They are proportional to (Z Z' + ridge)^-1 1, which is (1 - Z (Z' Z + ridge)^-1 Z' 1) / ridge: a system of
    3 equations however many neighbours there are.
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
    solve_spd3(normal, total, total)
    whole = 0.0
    for k in range(n):
        weights[k] = 1.0 - (differences[k, 0] * total[0] + differences[k, 1] * total[1] + differences[k, 2] * total[2])
        whole += weights[k]
    for k in range(n):
        weights[k] /= whole


@njit(cache=True, parallel=True)
def drop_own(own, neighbors):
    """Return the neighbours (n, K) of (n, K + 1) without each row's own, or without the last if that is missing."""
    n, n_others = neighbors.shape[0], neighbors.shape[1] - 1
    others = np.empty((n, n_others), np.int32)
    for i in prange(n):
        k = 0
        for j in range(n_others + 1):
            if k < n_others and neighbors[i, j] != own[i]:
                others[i, k] = neighbors[i, j]
                k += 1
    return others


@njit(cache=True, parallel=True)
def mixture_weights(colors, pixels, neighbors, ridge):
    """Return the mixture weights (n, K) of the neighbours (n, K) of pixels (n,)."""
    n, n_neighbors = neighbors.shape
    result = np.empty((n, n_neighbors), np.float32)
    for i in prange(n):
        differences = np.empty((n_neighbors, 3))
        weights = np.empty(n_neighbors)
        for k in range(n_neighbors):
            for c in range(3):
                differences[k, c] = np.float64(colors[neighbors[i, k], c]) - colors[pixels[i], c]
        embed(differences, n_neighbors, ridge, np.empty((3, 3)), np.empty(3), weights)
        for k in range(n_neighbors):
            result[i, k] = weights[k]
    return result


@njit(cache=True, parallel=True)
def known_flow(colors, pixels, foreground, background, ridge):
    """Return the share of the foreground neighbours in each pixel's colour mixture, clipped, and its confidence."""
    n = pixels.shape[0]
    n_foreground, n_neighbors = foreground.shape[1], foreground.shape[1] + background.shape[1]
    share = np.empty(n)
    confidence = np.empty(n)
    for i in prange(n):
        differences = np.empty((n_neighbors, 3))
        weights = np.empty(n_neighbors)
        layers = np.zeros((2, 3))
        for k in range(n_neighbors):
            other = foreground[i, k] if k < n_foreground else background[i, k - n_foreground]
            for c in range(3):
                differences[k, c] = np.float64(colors[other, c]) - colors[pixels[i], c]
        embed(differences, n_neighbors, ridge, np.empty((3, 3)), np.empty(3), weights)
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
    return share, confidence


@njit(cache=True, parallel=True)
def intra_weights(features, neighbors):
    """Return max(1 - |v_i - v_j|_1, 0) for the neighbours (n, K) of each row of features."""
    result = np.empty(neighbors.shape, np.float32)
    for i in prange(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            distance = np.float32(0.0)
            for d in range(features.shape[1]):
                distance += abs(features[i, d] - features[neighbors[i, k], d])
            result[i, k] = max(np.float32(1.0) - distance, np.float32(0.0))
    return result


@njit(cache=True, parallel=True)
def number_rows(row_of, known_alpha, neighbors, weights):
    """Turn neighbouring pixels (n, K) into rows, in place; return what the known ones contribute, their weights 0.

    Row i stands for a known neighbour of pixel i, so that all rows are equally long.
    """
    constant = np.zeros(neighbors.shape[0])
    for i in prange(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            pixel = neighbors[i, k]
            neighbors[i, k] = row_of[pixel]
            if row_of[pixel] < 0:
                constant[i] += weights[i, k] * known_alpha[pixel]
                neighbors[i, k] = i
                weights[i, k] = 0.0
    return constant


@njit(cache=True)
def sum_columns(neighbors, values):
    """Return the sums (n,) of the columns of a matrix, given values (n, K) at columns (n, K) of its rows."""
    sums = np.zeros(neighbors.shape[0])
    for i in range(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            sums[neighbors[i, k]] += values[i, k]
    return sums


@njit(cache=True, parallel=True)
def enter(x, cells, out):
    """Write the values (n,) of x into cells."""
    n = x.shape[0]
    for block in prange(BLOCKS):
        for i in range(block * n // BLOCKS, (block + 1) * n // BLOCKS):
            out[cells[i]] = x[i]


@njit(cache=True, parallel=True, fastmath=FLAGS)
def flow(neighbors, weights, near, ties, x, parts):
    """Write (Id - W)' (Id - W) x - (V + V') x as the sum of vectors, parts (P, n).

    W has weights (n, K) at columns (n, K), V likewise has ties at near. Each entry is read once: a row takes what its
    neighbours have, then gives them their share, which is why each piece of work has a vector of its own.
    """
    n, n_parts = x.shape[0], parts.shape[0]
    for part in prange(n_parts):
        out = parts[part]
        out[:] = 0
        for i in range(part * n // n_parts, (part + 1) * n // n_parts):
            own = x[i]
            total = own
            for k in range(neighbors.shape[1]):
                total -= weights[i, k] * x[neighbors[i, k]]
            for k in range(neighbors.shape[1]):
                out[neighbors[i, k]] -= weights[i, k] * total
            for k in range(near.shape[1]):
                total -= ties[i, k] * x[near[i, k]]
                out[near[i, k]] -= ties[i, k] * own
            out[i] += total


@njit(cache=True, parallel=True)
def add_parts(parts, cells, local, out):
    """Write the sum of parts (P, n) and of the values of cells into out (n,)."""
    n = cells.shape[0]
    for block in prange(BLOCKS):
        for i in range(block * n // BLOCKS, (block + 1) * n // BLOCKS):
            total = local[cells[i]]
            for part in range(parts.shape[0]):
                total += parts[part, i]
            out[i] = total
