"""Kernel of the closed-form Laplacian; used by ``closed_form.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel
from hybridmatte.methods._window_numba import (
    B1,
    B2,
    B3,
    B4,
    B5,
    B6,
    B7,
    B8,
    B9,
    B10,
    B11,
    B12,
    FLAGS,
    PAD,
    READ,
    clear_forms,
    factor_covariance,
    load_row,
    mark_windows,
    next_block,
    row_range,
    store_forms,
    store_row,
    window_moments,
)


@kernel(noalias=True, fastmath=FLAGS)
def closed_form_windows(moments, n, epsilon, form):
    """Write the quadratic forms of n windows for Levin et al. 2008, Eq. 12, into the buffer `form`.

    A form is the mean colour (3) and T = diag(1, (Sigma + epsilon / 9)^-1) / 9 (10, upper triangle by rows), as
    described in ``_window_numba.py``; moments are those of `window_moments`.
    """
    for i in range(np.uint64(n)):
        l10, l20, l21, d0, d1, d2 = factor_covariance(
            moments[B3 + i],
            moments[B4 + i],
            moments[B5 + i],
            moments[B6 + i],
            moments[B7 + i],
            moments[B8 + i],
            epsilon / 9.0,
        )
        m20 = l10 * l21 - l20  # entry of the inverse of the triangular factor
        form[i] = moments[i]
        form[B1 + i] = moments[B1 + i]
        form[B2 + i] = moments[B2 + i]
        form[B3 + i] = 1.0 / 9.0
        form[B4 + i] = 0.0
        form[B5 + i] = 0.0
        form[B6 + i] = 0.0
        i0, i1, i2 = 1.0 / d0, 1.0 / d1, 1.0 / d2
        form[B7 + i] = (i0 + l10 * l10 * i1 + m20 * m20 * i2) / 9.0
        form[B8 + i] = (-l10 * i1 - l21 * m20 * i2) / 9.0
        form[B9 + i] = m20 * i2 / 9.0
        form[B10 + i] = (i1 + l21 * l21 * i2) / 9.0
        form[B11 + i] = -l21 * i2 / 9.0
        form[B12 + i] = i2 / 9.0


@kernel
def window_row(segments, row_start, height, width, y, epsilon, buffers, entry):
    """Write the forms of the windows that are centred in image row y and hold an unknown pixel."""
    colors, forms, moments = buffers.colors[entry], buffers.forms[entry, y % 3], buffers.moments[entry]
    is_needed, form = buffers.is_needed[entry], buffers.form[entry]
    first, last = row_range(segments, row_start, y, 1)
    mark_windows(segments, row_start, y, first, last, is_needed)
    if y < 1 or y > height - 2:
        clear_forms(forms, first - 1 + PAD, last + 1 + PAD)
        return
    x, n = next_block(is_needed, first - 1 + PAD, last + 1 + PAD)
    while n > 0:
        window_moments(colors[(y - 1) % READ], colors[y % READ], colors[(y + 1) % READ], x, n, moments)
        closed_form_windows(moments, n, epsilon, form)
        store_forms(form, x, n, forms)
        x, n = next_block(is_needed, x + n, last + 1 + PAD)
    clear_forms(forms, PAD - 1, PAD + 1)
    clear_forms(forms, width - 1 + PAD, width + 1 + PAD)


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
    epsilon,
    weights,
    diagonal,
    rhs,
    rows,
    buffers,
):
    """Assemble the Laplacian over the unknown pixels of the bands first to last - 1.

    Inputs: image (H, W, 3) float32, is_unknown (H, W), known_alpha (H, W); segments, row_start and bands of the
    `UnknownLayout`; epsilon, the regularisation. Written are weights (12, n_cells), the entries to later unknown
    neighbours, diagonal (n_cells,) and the right-hand side rhs (n_cells,). If rows (n_cells, 25) is not empty, only
    rows is written: the whole 5 x 5 stencil, known neighbours included. A call uses the entry `first` of the
    `RowBuffers`.
    """
    height, width = is_unknown.shape
    for y in range(bands[first] - 2, bands[last] + 2):
        start, stop = row_range(segments, row_start, y, 2)
        load_row(image, is_unknown, known_alpha, y, start, stop, buffers, first)
        if y >= bands[first]:
            window_row(segments, row_start, height, width, y - 1, epsilon, buffers, first)
        if y >= bands[first] + 2:
            store_row(buffers, first, y - 2, height, width, segments, row_start, weights, diagonal, rhs, rows)
