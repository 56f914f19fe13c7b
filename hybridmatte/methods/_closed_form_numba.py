"""Kernel of the closed-form Laplacian."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel
from hybridmatte.methods._window_numba import mark_windows, store_row, window_moments


@inlined
def closed_form_window(moments, epsilon, out):
    """Write mean and T = diag(1, (Sigma + epsilon / 9)^-1) / 9 of Levin et al. 2008, Eq. 12.

    By factors: the determinant of an edge between two colours, or of a grey one, has no correct digit in cofactors.
    """
    ridge = epsilon / 9.0
    a00 = moments[3] + ridge
    a01 = moments[4]
    a02 = moments[5]
    l01 = a01 / a00
    l02 = a02 / a00
    d1 = max(moments[6] + ridge - l01 * a01, ridge)  # no pivot is below the smallest eigenvalue
    a12 = moments[7] - l01 * a02
    l12 = a12 / d1
    d2 = max(moments[8] + ridge - l02 * a02 - l12 * a12, ridge)
    m02 = l01 * l12 - l02  # of the inverse of the triangle
    out[0] = moments[0]
    out[1] = moments[1]
    out[2] = moments[2]
    out[3] = 1.0 / 9.0
    out[4] = 0.0
    out[5] = 0.0
    out[6] = 0.0
    out[7] = (1.0 / a00 + l01 * l01 / d1 + m02 * m02 / d2) / 9.0
    out[8] = (-l01 / d1 - l12 * m02 / d2) / 9.0
    out[9] = m02 / d2 / 9.0
    out[10] = (1.0 / d1 + l12 * l12 / d2) / 9.0
    out[11] = -l12 / d2 / 9.0
    out[12] = 1.0 / d2 / 9.0


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
    row = np.empty(25)
    for band in range(first, last):
        for y in range(max(bands[band] - 1, 0), bands[band + 1] + 1):
            mark_windows(is_unknown, y, needed)
            for x in range(width):
                if needed[x]:
                    window_moments(image, y, x, moments)
                    closed_form_window(moments, epsilon, windows[y % 3, x])
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
