"""Kernel of the learning-based Laplacian."""

import numpy as np

from hybridmatte.linalg._spd_numba import invert_spd
from hybridmatte.linalg.threads import inlined, kernel
from hybridmatte.methods._window_numba import mark_windows, store_row, window_moments


@inlined
def learning_based_window(moments, epsilon, room, out):
    """Write mean and T = S + epsilon S R S, where F = X S X' is ridge regression on (1, colour - mean).

    With M = X'X and S = (M + epsilon R)^-1, (Id - F)'(Id - F) = Id - X T X'. R = Q'Q is the ridge |w|^2 + b^2 on colour
    weights w and offset b of the original, uncentred features (1, colour). Equal to 2 S - S M S, in which no digit is
    left where colours lie on a line. room is (4, 4, 4).
    """
    system, lower, inverse, ridged = room[0], room[1], room[2], room[3]
    system[:] = 0.0
    system[0, 0] = 9.0 + epsilon
    k = 3
    for i in range(3):
        for j in range(i, 3):
            system[1 + i, 1 + j] = 9.0 * moments[k] + epsilon * moments[i] * moments[j]
            system[1 + j, 1 + i] = system[1 + i, 1 + j]
            k += 1
        system[1 + i, 1 + i] += epsilon
        system[0, 1 + i] = -epsilon * moments[i]
        system[1 + i, 0] = system[0, 1 + i]
    invert_spd(system, lower, inverse)
    for j in range(4):  # Q S
        ridged[0, j] = inverse[0, j]
        for i in range(1, 4):
            ridged[0, j] -= moments[i - 1] * inverse[i, j]
            ridged[i, j] = inverse[i, j]
    out[0] = moments[0]
    out[1] = moments[1]
    out[2] = moments[2]
    position = 3
    for i in range(4):
        for j in range(i, 4):
            out[position] = inverse[i, j]
            for k in range(4):
                out[position] += epsilon * ridged[k, i] * ridged[k, j]
            position += 1


@kernel
def assemble(
    first, last, image, is_unknown, known_alpha, segments, row_start, bands, epsilon, weights, diagonal, rhs, rows
):
    """Assemble the Laplacian over the unknown pixels: weights (12, n), diagonal (n), right-hand side (n).

    If rows (n, 25) is not empty, only rows is written: the full stencil, known neighbours included.
    """
    width = is_unknown.shape[1]
    windows = np.empty((3, width, 13))
    needed = np.empty(width, np.bool_)
    moments = np.empty(9)
    room = np.empty((4, 4, 4))
    row = np.empty(25)
    for band in range(first, last):
        for y in range(max(bands[band] - 1, 0), bands[band + 1] + 1):
            mark_windows(is_unknown, y, needed)
            for x in range(width):
                if needed[x]:
                    window_moments(image, y, x, moments)
                    learning_based_window(moments, epsilon, room, windows[y % 3, x])
            if y > bands[band]:
                store_row(
                    image,
                    windows,
                    y - 1,
                    segments,
                    row_start,
                    row,
                    is_unknown,
                    known_alpha,
                    weights,
                    diagonal,
                    rhs,
                    rows,
                )
