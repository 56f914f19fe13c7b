"""Parts of the kernels that assemble the Laplacians of 3 x 3 windows.

Used by the kernels of closed-form, learning-based and random walk matting and, `rows_to_csr`, by ``windows.py``;
`factor_covariance` also by ``_large_kernel_numba.py``.

In closed-form and learning-based matting, the energy of a window is a' (Id - X T X') a, where row j of X is
(1, I_j - mu). Such a quadratic form is stored as 13 numbers: the window's mean colour mu (3), and the symmetric
4 x 4 matrix T (10, upper triangle by rows). windows (3, W, 13) holds the forms of three rows of windows; those centred
in image row y are in windows[y % 3].
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces


@inlined
def mark_windows(is_unknown, y, needed):
    """Set needed[x] for each window centred at (y, x) that lies in the image and holds an unknown pixel."""
    height, width = is_unknown.shape
    is_inside = 1 <= y and y <= height - 2
    for x in range(width):
        needed[x] = False
        if is_inside and 1 <= x and x < width - 1:
            for row in range(y - 1, y + 2):
                if is_unknown[row, x - 1] or is_unknown[row, x] or is_unknown[row, x + 1]:
                    needed[x] = True


@inlined
def window_moments(image, y, x, moments):
    """Write the mean (3) and the covariance (6, upper triangle by rows) of the colours of a window into moments (9,).

    The window is centred at (y, x). Sums are taken of differences from the centre's colour, so that no digits cancel.
    """
    r0 = np.float64(image[y, x, 0])
    g0 = np.float64(image[y, x, 1])
    b0 = np.float64(image[y, x, 2])
    for k in range(9):
        moments[k] = 0.0
    for row in range(y - 1, y + 2):
        for column in range(x - 1, x + 2):
            r = image[row, column, 0] - r0
            g = image[row, column, 1] - g0
            b = image[row, column, 2] - b0
            moments[0] += r
            moments[1] += g
            moments[2] += b
            moments[3] += r * r
            moments[4] += r * g
            moments[5] += r * b
            moments[6] += g * g
            moments[7] += g * b
            moments[8] += b * b
    for k in range(9):
        moments[k] /= 9.0
    mean_r, mean_g, mean_b = moments[0], moments[1], moments[2]
    moments[3] -= mean_r * mean_r
    moments[4] -= mean_r * mean_g
    moments[5] -= mean_r * mean_b
    moments[6] -= mean_g * mean_g
    moments[7] -= mean_g * mean_b
    moments[8] -= mean_b * mean_b
    moments[0] += r0
    moments[1] += g0
    moments[2] += b0


@inlined
def factor_covariance(s00, s01, s02, s11, s12, s22, ridge):
    """Return the triangular factors of a covariance (upper triangle by rows) plus ridge times Id.

    They are the entries (1, 0), (2, 0) and (2, 1) of the unit lower factor, and the three pivots. Cofactors would lose
    all digits where the colours lie on a line, as at an edge between two colours or in grey.
    """
    d0 = s00 + ridge
    l10 = s01 / d0
    l20 = s02 / d0
    d1 = max(s11 + ridge - l10 * s01, ridge)  # no pivot is below the smallest eigenvalue
    a12 = s12 - l10 * s02
    l21 = a12 / d1
    d2 = max(s22 + ridge - l20 * s02 - l21 * a12, ridge)
    return l10, l20, l21, d0, d1, d2


@inlined
def stencil_row(image, windows, y, x, row):
    """Write row (25,) of the Laplacian, the 5 x 5 stencil around pixel (y, x), summed over the windows that hold it."""
    height, width = image.shape[:2]
    for k in range(25):
        row[k] = 0.0
    i0 = np.float64(image[y, x, 0])
    i1 = np.float64(image[y, x, 1])
    i2 = np.float64(image[y, x, 2])
    for dy in range(-1, 2):
        yy = y + dy
        if yy < 1 or yy > height - 2:
            continue
        for dx in range(-1, 2):
            xx = x + dx
            if xx < 1 or xx > width - 2:
                continue
            form = windows[yy % 3, xx]
            d0 = i0 - form[0]
            d1 = i1 - form[1]
            d2 = i2 - form[2]
            v0 = form[4] + form[7] * d0 + form[8] * d1 + form[9] * d2
            v1 = form[5] + form[8] * d0 + form[10] * d1 + form[11] * d2
            v2 = form[6] + form[9] * d0 + form[11] * d1 + form[12] * d2
            constant = form[3] + form[4] * d0 + form[5] * d1 + form[6] * d2 - v0 * form[0] - v1 * form[1] - v2 * form[2]
            first = (dy + 1) * 5 + dx + 1
            for ey in range(3):
                for ex in range(3):
                    color = image[yy + ey - 1, xx + ex - 1]
                    row[first + 5 * ey + ex] -= constant + v0 * color[0] + v1 * color[1] + v2 * color[2]
            row[12] += 1.0


@inlined
def store_stencil(row, y, x, cell, is_unknown, known_alpha, weights, diagonal, rhs, rows):
    """Store the stencil row (25,) of pixel (y, x) at its cell.

    If rows (n_cells, 25) is not empty, the row is copied there. Otherwise the entries to later unknown neighbours go to
    weights (12, n_cells), those to known ones, times their alphas, to the right-hand side.
    """
    height, width = is_unknown.shape
    if rows.shape[0] > 0:
        for k in range(25):
            rows[cell, k] = row[k]
    else:
        diagonal[cell] = row[12]
        for k in range(25):
            value = row[k]
            if k == 12 or value == 0.0:
                continue
            yy = y + k // 5 - 2
            xx = x + k % 5 - 2
            if yy < 0 or yy >= height or xx < 0 or xx >= width:
                continue
            if not is_unknown[yy, xx]:
                rhs[cell] -= value * known_alpha[yy, xx]
            elif k > 12:
                weights[k - 13, cell] = value


@inlined
def store_row(image, windows, y, segments, row_start, row, is_unknown, known_alpha, weights, diagonal, rhs, rows):
    """Compute and store the stencils of the unknown pixels of image row y, given the forms in `windows`."""
    for s in range(row_start[y], row_start[y + 1]):
        for x in range(segments[s, 1], segments[s, 2]):
            if is_unknown[y, x]:
                stencil_row(image, windows, y, x, row)
                store_stencil(
                    row,
                    y,
                    x,
                    segments[s, 3] + x - segments[s, 1],
                    is_unknown,
                    known_alpha,
                    weights,
                    diagonal,
                    rhs,
                    rows,
                )


@kernel
def _rows_to_csr(first, last, rows, cells, pixels, height, width, indptr, indices, data):
    """Write the CSR entries of the cells first to last - 1."""
    for i in range(first, last):
        y = pixels[cells[i]] // width
        x = pixels[cells[i]] % width
        position = indptr[pixels[cells[i]]]
        for k in range(25):
            yy = y + k // 5 - 2
            xx = x + k % 5 - 2
            if 0 <= yy < height and 0 <= xx < width:
                indices[position] = yy * width + xx
                data[position] = rows[cells[i], k]
                position += 1


def rows_to_csr(rows, cells, pixels, height, width, indptr, indices, data):
    """Write the stencil rows (n_cells, 25) of the given cells as CSR entries, without those outside the image.

    pixels (n_cells,) is the pixel of each cell, indptr (H W + 1,) where each pixel's row starts in indices and data.
    """
    run_pieces(_rows_to_csr, len(cells), rows, cells, pixels, height, width, indptr, indices, data)
