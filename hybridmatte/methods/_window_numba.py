"""Parts of the kernels that assemble the Laplacians of 3 x 3 windows.

Closed form and learning based: each window k charges `a' (Id - X T X') a` where row j of X is (1, I_j - mu_k): a
quadratic form given by the window's mean colour mu (3 numbers) and the symmetric 4 x 4 matrix T (10 numbers).
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces


@inlined
def mark_windows(is_unknown, y, needed):
    """Mark the centres x of row y whose 3 x 3 window lies in the image and holds an unknown pixel."""
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
    """Write mean (3) and covariance (6, upper triangle by rows) of the colours of the window centred at (y, x)."""
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
def stencil_row(image, windows, y, x, row):
    """Sum into row (25) the Laplacian's entries from pixel (y, x) to the 5 x 5 pixels around it."""
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
            q = windows[yy % 3, xx]
            d0 = i0 - q[0]
            d1 = i1 - q[1]
            d2 = i2 - q[2]
            v0 = q[4] + q[7] * d0 + q[8] * d1 + q[9] * d2
            v1 = q[5] + q[8] * d0 + q[10] * d1 + q[11] * d2
            v2 = q[6] + q[9] * d0 + q[11] * d1 + q[12] * d2
            constant = q[3] + q[4] * d0 + q[5] * d1 + q[6] * d2 - v0 * q[0] - v1 * q[1] - v2 * q[2]
            first = (dy + 1) * 5 + dx + 1
            for ey in range(3):
                for ex in range(3):
                    color = image[yy + ey - 1, xx + ex - 1]
                    row[first + 5 * ey + ex] -= constant + v0 * color[0] + v1 * color[1] + v2 * color[2]
            row[12] += 1.0


@inlined
def store_stencil(row, y, x, cell, is_unknown, known_alpha, weights, diagonal, rhs, rows):
    """Split a stencil row: later unknown neighbours to weights, known ones to the right-hand side; or all to rows."""
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
    """Sum and store the stencils of the unknown pixels of row y, given the windows of the three rows around."""
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
    """Write the dense stencil rows of the given cells as CSR, entries outside the image left out."""
    run_pieces(_rows_to_csr, len(cells), rows, cells, pixels, height, width, indptr, indices, data)
