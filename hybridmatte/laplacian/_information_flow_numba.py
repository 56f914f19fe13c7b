"""Kernels of information flow matting: mixture weights, rows over the cells of a layout, products."""

import numpy as np
from numba import njit, prange

FLAGS = {"contract"}


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
def mixture_weights(colors, pixels, neighbors, ridge):
    """Return the neighbours (n, K) without the pixel itself, given (n, K + 1), and their mixture weights (n, K)."""
    n = pixels.shape[0]
    n_neighbors = neighbors.shape[1] - 1
    others = np.empty((n, n_neighbors), np.int32)
    result = np.empty((n, n_neighbors), np.float32)
    for i in prange(n):
        differences = np.empty((n_neighbors, 3))
        weights = np.empty(n_neighbors)
        k = 0
        for j in range(n_neighbors + 1):
            if k < n_neighbors and neighbors[i, j] != pixels[i]:
                others[i, k] = neighbors[i, j]
                for c in range(3):
                    differences[k, c] = np.float64(colors[neighbors[i, j], c]) - colors[pixels[i], c]
                k += 1
        embed(differences, n_neighbors, ridge, np.empty((3, 3)), np.empty(3), weights)
        for k in range(n_neighbors):
            result[i, k] = weights[k]
    return others, result


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
    """Return max(1 - |v_i - v_j|_1, 0) for the neighbours (n, K) of each row of features, 0 for itself."""
    result = np.zeros(neighbors.shape, np.float32)
    for i in prange(neighbors.shape[0]):
        for k in range(neighbors.shape[1]):
            j = neighbors[i, k]
            distance = np.float32(0.0)
            for d in range(features.shape[1]):
                distance += abs(features[i, d] - features[j, d])
            if i != j:
                result[i, k] = max(np.float32(1.0) - distance, np.float32(0.0))
    return result


@njit(cache=True, parallel=True)
def cell_rows(cells, cell_of, known_alpha, neighbors, weights, n_cells):
    """Turn weights (n, K) to neighbouring pixels into CSR rows over the cells, and what known pixels contribute."""
    counts = np.zeros(n_cells + 1, np.int64)
    constant = np.zeros(n_cells)
    for i in prange(cells.shape[0]):
        count = 0
        total = 0.0
        for k in range(neighbors.shape[1]):
            if cell_of[neighbors[i, k]] >= 0:
                count += weights[i, k] != 0.0
            else:
                total += weights[i, k] * known_alpha[neighbors[i, k]]
        counts[cells[i] + 1] = count
        constant[cells[i]] = total
    indptr = np.cumsum(counts)
    indices = np.empty(indptr[-1], np.int32)
    values = np.empty(indptr[-1], np.float32)
    for i in prange(cells.shape[0]):
        at = indptr[cells[i]]
        for k in range(neighbors.shape[1]):
            if cell_of[neighbors[i, k]] >= 0 and weights[i, k] != 0.0:
                indices[at] = cell_of[neighbors[i, k]]
                values[at] = weights[i, k]
                at += 1
    return indptr, indices, values, constant


@njit(cache=True)
def transpose(indptr, indices, values):
    """Return the transpose of a square CSR matrix."""
    n = indptr.shape[0] - 1
    t_indptr = np.zeros(n + 1, np.int64)
    for k in range(indices.shape[0]):
        t_indptr[indices[k] + 1] += 1
    for j in range(n):
        t_indptr[j + 1] += t_indptr[j]
    free = t_indptr[:-1].copy()
    t_indices = np.empty_like(indices)
    t_values = np.empty_like(values)
    for i in range(n):
        for k in range(indptr[i], indptr[i + 1]):
            at = free[indices[k]]
            free[indices[k]] += 1
            t_indices[at] = i
            t_values[at] = values[k]
    return t_indptr, t_indices, t_values


@njit(cache=True, parallel=True)
def symmetrize(indptr, indices, values, t_indptr, t_indices, t_values, factor):
    """Return factor (W + W') as CSR rows that hold first W's entries, then those of its transpose; and row sums."""
    n = indptr.shape[0] - 1
    s_indptr = indptr + t_indptr
    s_indices = np.empty(s_indptr[-1], np.int32)
    s_values = np.empty(s_indptr[-1], np.float32)
    sums = np.zeros(n)
    for i in prange(n):
        at = s_indptr[i]
        for k in range(indptr[i], indptr[i + 1]):
            s_indices[at] = indices[k]
            s_values[at] = factor * values[k]
            sums[i] += s_values[at]
            at += 1
        for k in range(t_indptr[i], t_indptr[i + 1]):
            s_indices[at] = t_indices[k]
            s_values[at] = factor * t_values[k]
            sums[i] += s_values[at]
            at += 1
    return s_indptr, s_indices, s_values, sums


@njit(cache=True, parallel=True)
def squared_sums(indptr, values):
    """Return the sum of the squares of each row."""
    sums = np.zeros(indptr.shape[0] - 1)
    for i in prange(indptr.shape[0] - 1):
        for k in range(indptr[i], indptr[i + 1]):
            sums[i] += np.float64(values[k]) * values[k]
    return sums


@njit(cache=True, parallel=True, fastmath=FLAGS)
def subtract_rows(indptr, indices, values, x, start, out):
    """Write start - W x into out."""
    for i in prange(indptr.shape[0] - 1):
        total = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            total += values[k] * x[indices[k]]
        out[i] = start[i] - total


@njit(cache=True, parallel=True, fastmath=FLAGS)
def add_flows(t_indptr, t_indices, t_values, s_indptr, s_indices, s_values, x, difference, out):
    """Add (Id - W') difference - S x to out."""
    for i in prange(t_indptr.shape[0] - 1):
        total = difference[i]
        for k in range(t_indptr[i], t_indptr[i + 1]):
            total -= t_values[k] * difference[t_indices[k]]
        for k in range(s_indptr[i], s_indptr[i + 1]):
            total -= s_values[k] * x[s_indices[k]]
        out[i] += total
