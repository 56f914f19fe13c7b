"""Kernel of the random walk Laplacian; used by ``random_walk.py``."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel

MIN_WEIGHT = 1e-5  # keeps the graph connected


@inlined
def random_walk_row(image, y, x, sigma, row):
    """Write row (25,) of the Laplacian, the 5 x 5 stencil around pixel (y, x).

    The weight of each of the 8 adjacent pixels is exp(-|I_i - I_j|^2 / sigma^2), or MIN_WEIGHT if that is larger.
    """
    height, width = image.shape[:2]
    for k in range(25):
        row[k] = 0.0
    total = 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            yy = y + dy
            xx = x + dx
            if (dy == 0 and dx == 0) or yy < 0 or yy >= height or xx < 0 or xx >= width:
                continue
            distance = 0.0
            for c in range(3):
                difference = np.float64(image[y, x, c]) - image[yy, xx, c]
                distance += difference * difference
            weight = max(np.exp(-distance / (sigma * sigma)), MIN_WEIGHT)
            row[12 + 5 * dy + dx] = -weight
            total += weight
    row[12] = total


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


@kernel
def assemble(
    first,
    last,
    image,
    is_unknown,
    known_alpha,
    segments,
    row_start,
    bands,
    sigma,
    weights,
    diagonal,
    rhs,
    rows,
    buffers,
):
    """Assemble the Laplacian over the unknown pixels of the bands first to last - 1.

    Inputs: image (H, W, 3) float32, is_unknown (H, W), known_alpha (H, W); segments, row_start and bands of the
    `UnknownLayout`; sigma, the scale of colour differences. Written are weights (12, n_cells), the entries to later
    unknown neighbours, diagonal (n_cells,) and the right-hand side rhs (n_cells,). If rows (n_cells, 25) is not empty,
    only rows is written: the whole 5 x 5 stencil, known neighbours included. A call uses the
    entry `first` of the `RowBuffers`.
    """
    row = buffers.stencil[first]
    for y in range(bands[first], bands[last]):
        for s in range(row_start[y], row_start[y + 1]):
            for x in range(segments[s, 1], segments[s, 2]):
                if is_unknown[y, x]:
                    random_walk_row(image, y, x, sigma, row)
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
