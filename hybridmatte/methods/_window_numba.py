"""Parts of the kernels that assemble the Laplacians of 3 x 3 windows.

Used by the kernels of closed-form and learning-based matting and, `rows_to_csr`, by ``windows.py``; `factor_covariance`
also by ``_large_kernel_numba.py``.

In closed-form and learning-based matting, the energy of a window is a' (Id - X T X') a, where row j of X is
(1, I_j - mu). Such a quadratic form is stored as 13 numbers: the window's mean colour mu (3), and the symmetric
4 x 4 matrix T (10, upper triangle by rows).

The kernels pass over the image once and keep in `RowBuffers` what the last rows need. Loops run along a row, so that
the compiler vectorises them. It does so where it knows that the arrays do not overlap (``noalias``), and where rows of
one array are a constant distance apart: buffers of BLOCK pixels are flat, with entry k of pixel i at k * BLOCK + i.
"""

from typing import NamedTuple

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

BLOCK = 64  # pixels of a row that are computed together; their buffers fit the L1 cache
PAD = 4  # columns before and after the pixels of a row in the row buffers
FLAGS = {"contract"}  # fused multiply-add only: no reordering
READ = 5  # rows of the stencil
N_FORM = 13  # numbers of a window's quadratic form
N_SUMS = 60  # sums over windows: 3 rows, 5 ranges of columns, 4 coefficients
ONE = np.uint64(1)
B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12 = (np.uint64(k * BLOCK) for k in range(1, 13))
B15, B20 = np.uint64(15 * BLOCK), np.uint64(20 * BLOCK)


class RowBuffers(NamedTuple):
    """What a kernel keeps of the last rows, and its buffers of BLOCK pixels; pixel x is at column x + PAD.

    colors (5, 3, columns), known_alpha (5, columns), 0 where unknown, and is_unknown (5, columns) hold image row y at
    y % 5, with zeros outside the image. forms (3, 13, columns) holds the quadratic forms of the windows centred in row
    y at y % 3, zero for windows that leave the image. is_needed (columns,) marks windows. moments (9 * BLOCK,), form
    (13 * BLOCK,), sums (60 * BLOCK,) and stencil (25 * BLOCK,) are flat. workspace (4, 4, 4) is for a window's form.
    """

    colors: np.ndarray
    known_alpha: np.ndarray
    is_unknown: np.ndarray
    forms: np.ndarray
    is_needed: np.ndarray
    moments: np.ndarray
    form: np.ndarray
    sums: np.ndarray
    stencil: np.ndarray
    workspace: np.ndarray


def row_buffers(n, width):
    """Return `RowBuffers` for images of this width; each array has n entries, of which a call of a kernel uses one."""
    columns = width + 2 * PAD
    flat = (np.empty((n, k * BLOCK)) for k in (9, N_FORM, N_SUMS, 25))
    return RowBuffers(
        np.empty((n, READ, 3, columns)),
        np.empty((n, READ, columns)),
        np.empty((n, READ, columns), bool),
        np.empty((n, 3, N_FORM, columns)),
        np.empty((n, columns), bool),
        *flat,
        np.empty((n, 4, 4, 4)),
    )


@inlined
def row_range(segments, row_start, y, reach):
    """Return the first and the last column + 1 of the runs in the rows y - reach to y + reach; (0, 0) if none."""
    first, last = 0, 0
    for row in range(max(y - reach, 0), min(y + reach + 1, row_start.shape[0] - 1)):
        if row_start[row] < row_start[row + 1]:
            start, stop = segments[row_start[row], 1], segments[row_start[row + 1] - 1, 2]
            first = start if last == 0 else min(first, start)
            last = max(last, stop)
    return first, last


@kernel
def load_row(image, is_unknown, known_alpha, y, first, last, buffers, entry):
    """Copy the columns first - 2 to last + 1 of image row y into the row buffers."""
    height, width = is_unknown.shape
    slot = y % READ
    colors, alpha, unknown = (
        buffers.colors[entry, slot],
        buffers.known_alpha[entry, slot],
        buffers.is_unknown[entry, slot],
    )
    is_inside = 0 <= y and y < height
    for x in range(first - 2, last + 2):
        if not is_inside or x < 0 or x >= width:
            colors[0, x + PAD] = 0.0
            colors[1, x + PAD] = 0.0
            colors[2, x + PAD] = 0.0
            alpha[x + PAD] = 0.0
            unknown[x + PAD] = False
    if is_inside:
        for x in range(max(first - 2, 0), min(last + 2, width)):
            colors[0, x + PAD] = image[y, x, 0]
            colors[1, x + PAD] = image[y, x, 1]
            colors[2, x + PAD] = image[y, x, 2]
            unknown[x + PAD] = is_unknown[y, x]
            alpha[x + PAD] = 0.0 if is_unknown[y, x] else known_alpha[y, x]


@kernel
def mark_windows(segments, row_start, y, first, last, is_needed):
    """Set is_needed for the windows centred in row y that hold a cell of a run; they lie in columns first - 1 to last.

    The columns are those of the buffers, pixel x at x + PAD.
    """
    for x in range(first - 1 + PAD, last + 1 + PAD):
        is_needed[x] = False
    for row in range(max(y - 1, 0), min(y + 2, row_start.shape[0] - 1)):
        for s in range(row_start[row], row_start[row + 1]):
            for x in range(segments[s, 1] - 1 + PAD, segments[s, 2] + 1 + PAD):
                is_needed[x] = True


@kernel(noalias=True, fastmath=FLAGS)
def window_moments(above, here, below, x, n, moments):
    """Write the mean (3) and the covariance (6, upper triangle by rows) of the colours of n windows into moments.

    The windows are centred in columns x to x + n - 1 of `here`; the arguments are (3, columns) rows of colours. Sums
    are taken of differences from the centre's colour, so that no digits cancel.
    """
    for i in range(np.uint64(n)):
        c = np.uint64(x) + i
        r0, g0, b0 = here[0, c], here[1, c], here[2, c]
        sr = sg = sb = srr = srg = srb = sgg = sgb = sbb = 0.0
        for q in (c - ONE, c, c + ONE):
            r, g, b = above[0, q] - r0, above[1, q] - g0, above[2, q] - b0
            sr, sg, sb = sr + r, sg + g, sb + b
            srr, srg, srb = srr + r * r, srg + r * g, srb + r * b
            sgg, sgb, sbb = sgg + g * g, sgb + g * b, sbb + b * b
            r, g, b = here[0, q] - r0, here[1, q] - g0, here[2, q] - b0
            sr, sg, sb = sr + r, sg + g, sb + b
            srr, srg, srb = srr + r * r, srg + r * g, srb + r * b
            sgg, sgb, sbb = sgg + g * g, sgb + g * b, sbb + b * b
            r, g, b = below[0, q] - r0, below[1, q] - g0, below[2, q] - b0
            sr, sg, sb = sr + r, sg + g, sb + b
            srr, srg, srb = srr + r * r, srg + r * g, srb + r * b
            sgg, sgb, sbb = sgg + g * g, sgb + g * b, sbb + b * b
        mr, mg, mb = sr / 9.0, sg / 9.0, sb / 9.0
        moments[i] = mr + r0
        moments[B1 + i] = mg + g0
        moments[B2 + i] = mb + b0
        moments[B3 + i] = srr / 9.0 - mr * mr
        moments[B4 + i] = srg / 9.0 - mr * mg
        moments[B5 + i] = srb / 9.0 - mr * mb
        moments[B6 + i] = sgg / 9.0 - mg * mg
        moments[B7 + i] = sgb / 9.0 - mg * mb
        moments[B8 + i] = sbb / 9.0 - mb * mb


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
def entry_terms(forms, w, own):
    """Return v (3) and c: the entry of a pixel of colour `own` and its neighbour j in window w is -(c + v . I_j)."""
    d0, d1, d2 = own[0] - forms[0, w], own[1] - forms[1, w], own[2] - forms[2, w]
    v0 = forms[4, w] + forms[7, w] * d0 + forms[8, w] * d1 + forms[9, w] * d2
    v1 = forms[5, w] + forms[8, w] * d0 + forms[10, w] * d1 + forms[11, w] * d2
    v2 = forms[6, w] + forms[9, w] * d0 + forms[11, w] * d1 + forms[12, w] * d2
    c = forms[3, w] + forms[4, w] * d0 + forms[5, w] * d1 + forms[6, w] * d2
    return v0, v1, v2, c - v0 * forms[0, w] - v1 * forms[1, w] - v2 * forms[2, w]


@kernel(noalias=True, fastmath=FLAGS)
def sum_columns(forms, colors, x, n, shift, sums):
    """Add up, for n pixels from column x on, what three windows of one row say of a neighbour's entry.

    The windows are centred one column before, at, and one column after the pixel, in the row `forms` (13, columns). A
    neighbour at column offset -2, -1, 0, 1 or 2 lies in the first, the first two, all, the last two or the last of
    them; for each of the five, the `entry_terms` v (3) and c are summed into entries `shift` and later of `sums`.
    """
    for i in range(np.uint64(n)):
        q = np.uint64(x) + i
        own = colors[0, q], colors[1, q], colors[2, q]
        a0, a1, a2, a3 = entry_terms(forms, q - ONE, own)
        b0, b1, b2, b3 = entry_terms(forms, q, own)
        c0, c1, c2, c3 = entry_terms(forms, q + ONE, own)
        o = np.uint64(shift) * B1 + i
        sums[o], sums[o + B1], sums[o + B2], sums[o + B3] = a0, a1, a2, a3
        o += B4
        sums[o], sums[o + B1], sums[o + B2], sums[o + B3] = a0 + b0, a1 + b1, a2 + b2, a3 + b3
        o += B4
        sums[o], sums[o + B1] = a0 + b0 + c0, a1 + b1 + c1
        sums[o + B2], sums[o + B3] = a2 + b2 + c2, a3 + b3 + c3
        o += B4
        sums[o], sums[o + B1], sums[o + B2], sums[o + B3] = b0 + c0, b1 + c1, b2 + c2, b3 + c3
        o += B4
        sums[o], sums[o + B1], sums[o + B2], sums[o + B3] = c0, c1, c2, c3


@kernel(noalias=True, fastmath=FLAGS)
def sum_rows(sums, colors, slots, x, n, column, stencil):
    """Write the five entries of n stencils to the neighbours at column offset `column` - 2 into `stencil`.

    `sums` are those of `sum_columns` for three rows of windows, 20 entries each; colors (5, 3, columns) are the rows of
    the stencil, in the order of `slots`.
    """
    s0, s1, s2, s3, s4 = slots[0], slots[1], slots[2], slots[3], slots[4]
    for i in range(np.uint64(n)):
        o = np.uint64(column) * B4 + i
        a0, a1, a2, a3 = sums[o], sums[o + B1], sums[o + B2], sums[o + B3]
        o += B20
        b0, b1, b2, b3 = sums[o], sums[o + B1], sums[o + B2], sums[o + B3]
        o += B20
        c0, c1, c2, c3 = sums[o], sums[o + B1], sums[o + B2], sums[o + B3]
        q = np.uint64(x + column - 2) + i
        p = np.uint64(column) * B1 + i
        stencil[p] = -(a3 + a0 * colors[s0, 0, q] + a1 * colors[s0, 1, q] + a2 * colors[s0, 2, q])
        a0, a1, a2, a3 = a0 + b0, a1 + b1, a2 + b2, a3 + b3
        stencil[p + B5] = -(a3 + a0 * colors[s1, 0, q] + a1 * colors[s1, 1, q] + a2 * colors[s1, 2, q])
        a0, a1, a2, a3 = a0 + c0, a1 + c1, a2 + c2, a3 + c3
        stencil[p + B10] = -(a3 + a0 * colors[s2, 0, q] + a1 * colors[s2, 1, q] + a2 * colors[s2, 2, q])
        b0, b1, b2, b3 = b0 + c0, b1 + c1, b2 + c2, b3 + c3
        stencil[p + B15] = -(b3 + b0 * colors[s3, 0, q] + b1 * colors[s3, 1, q] + b2 * colors[s3, 2, q])
        stencil[p + B20] = -(c3 + c0 * colors[s4, 0, q] + c1 * colors[s4, 1, q] + c2 * colors[s4, 2, q])


@kernel(noalias=True, fastmath=FLAGS)
def count_windows(x, n, width, n_rows, stencil):
    """Add the number of windows that lie in the image and hold the pixel to the diagonal entries of n stencils."""
    for i in range(np.uint64(n)):
        n_columns = min(x + int(i) + 1, width - 2) - max(x + int(i) - 1, 1) + 1
        stencil[B12 + i] += n_rows * max(n_columns, 0)


@kernel(noalias=True, fastmath=FLAGS)
def store_entries(stencil, k, x, n, own, others, alpha, cell, weights, rhs):
    """Store entry k of n stencils, of the pixels from column x on, at the cells from `cell` on.

    Entries to unknown neighbours go to `weights`, unless it is empty, those to known ones, times their alphas, to the
    right-hand side. `own` and `others` tell which pixels are unknown in the row of the pixels and of the neighbours.
    """
    near, own_x, to, at = np.uint64(x + k % 5 - 2), np.uint64(x), np.uint64(cell), np.uint64(k) * B1
    if weights.shape[0] > 0:
        for i in range(np.uint64(n)):
            is_entry = own[own_x + i] & others[near + i]
            weights[to + i] = stencil[at + i] if is_entry else 0.0
    for i in range(np.uint64(n)):
        rhs[to + i] -= stencil[at + i] * alpha[near + i]


@kernel
def store_block(buffers, entry, y, x, n, cell, weights, diagonal, rhs, rows):
    """Store n stencils, of the pixels of row y from column x of the buffers on, at the cells from `cell` on.

    If rows (n_cells, 25) is not empty, the stencils are copied there. Otherwise the entries to later unknown neighbours
    go to weights (12, n_cells), those to known ones, times their alphas, to the right-hand side.
    """
    stencil, own = buffers.stencil[entry], buffers.is_unknown[entry, y % READ]
    if rows.shape[0] > 0:
        for i in range(n):
            if own[x + i]:
                for k in range(25):
                    rows[cell + i, k] = stencil[k * BLOCK + i]
        return
    for k in range(25):
        slot = (y + k // 5 - 2) % READ
        others, alpha = buffers.is_unknown[entry, slot], buffers.known_alpha[entry, slot]
        if k != 12:
            out = weights[k - 13] if k > 12 else weights[0, :0]
            store_entries(stencil, k, x, n, own, others, alpha, cell, out, rhs)
    for i in range(n):
        if own[x + i]:
            diagonal[cell + i] = stencil[12 * BLOCK + i]
        else:
            rhs[cell + i] = 0.0


@kernel
def store_row(buffers, entry, y, height, width, segments, row_start, weights, diagonal, rhs, rows):
    """Compute and store the stencils of the unknown pixels of image row y, given the forms of the windows."""
    sums, stencil, colors = buffers.sums[entry], buffers.stencil[entry], buffers.colors[entry]
    n_rows = max(min(y + 1, height - 2) - max(y - 1, 1) + 1, 0)
    slots = ((y - 2) % READ, (y - 1) % READ, y % READ, (y + 1) % READ, (y + 2) % READ)
    for s in range(row_start[y], row_start[y + 1]):
        for start in range(segments[s, 1], segments[s, 2], BLOCK):
            n = min(segments[s, 2] - start, BLOCK)
            x = start + PAD
            for k in range(3):
                sum_columns(buffers.forms[entry, (y + k - 1) % 3], colors[y % READ], x, n, 20 * k, sums)
            for column in range(5):
                sum_rows(sums, colors, slots, x, n, column, stencil)
            count_windows(start, n, width, n_rows, stencil)
            store_block(buffers, entry, y, x, n, segments[s, 3] + start - segments[s, 1], weights, diagonal, rhs, rows)


@kernel
def clear_forms(forms, first, last):
    """Set the forms in columns first to last - 1 to zero: windows that leave the image."""
    for k in range(N_FORM):
        for x in range(first, last):
            forms[k, x] = 0.0


@kernel(noalias=True)
def store_forms(form, x, n, forms):
    """Copy the forms of n windows from the buffer `form` to columns x to x + n - 1 of forms (13, columns)."""
    to = np.uint64(x)
    for k in range(np.uint64(N_FORM)):
        for i in range(np.uint64(n)):
            forms[k, to + i] = form[k * B1 + i]


@inlined
def next_block(is_needed, x, last):
    """Return the first column from x on where a window is needed, and how many follow it, BLOCK at most."""
    while x < last and not is_needed[x]:
        x += 1
    n = 0
    while n < BLOCK and x + n < last and is_needed[x + n]:
        n += 1
    return x, n


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
