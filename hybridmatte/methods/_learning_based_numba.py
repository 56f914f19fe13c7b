"""Kernel of the learning-based Laplacian; used by ``learning_based.py``."""

from hybridmatte.linalg._spd_numba import invert_spd
from hybridmatte.linalg.threads import kernel
from hybridmatte.methods._window_numba import (
    BLOCK,
    PAD,
    READ,
    clear_forms,
    load_row,
    mark_windows,
    next_block,
    row_range,
    store_forms,
    store_row,
    window_moments,
)


@kernel
def learning_based_windows(moments, n, epsilon, workspace, form):
    """Write the quadratic forms of n windows of learning-based matting into `form`, as in ``_window_numba.py``.

    Let X (9, 4) have the rows (1, colour - mean), M = X' X, and R the ridge |w|^2 + b^2 on the weights w and the offset
    b of the original features (1, colour), written for X as R = Q' Q. Ridge regression is F = X S X' with S = (M +
    epsilon R)^-1, and (Id - F)' (Id - F) = Id - X T X' with T = S + epsilon S R S. T also equals 2 S - S M S, but that
    form loses all digits where the colours lie on a line.

    moments are those of `window_moments`; workspace (4, 4, 4) is overwritten.
    """
    system, lower, inverse, ridged = workspace[0], workspace[1], workspace[2], workspace[3]
    for window in range(n):
        m0, m1, m2 = moments[window], moments[BLOCK + window], moments[2 * BLOCK + window]
        mean = (m0, m1, m2)
        system[:] = 0.0
        system[0, 0] = 9.0 + epsilon
        k = 3
        for i in range(3):
            for j in range(i, 3):
                system[1 + i, 1 + j] = 9.0 * moments[k * BLOCK + window] + epsilon * mean[i] * mean[j]
                system[1 + j, 1 + i] = system[1 + i, 1 + j]
                k += 1
            system[1 + i, 1 + i] += epsilon
            system[0, 1 + i] = -epsilon * mean[i]
            system[1 + i, 0] = system[0, 1 + i]
        invert_spd(system, 1e-14, lower, inverse)
        for j in range(4):  # Q S
            ridged[0, j] = inverse[0, j]
            for i in range(1, 4):
                ridged[0, j] -= mean[i - 1] * inverse[i, j]
                ridged[i, j] = inverse[i, j]
        for c in range(3):
            form[c * BLOCK + window] = mean[c]
        position = 3
        for i in range(4):
            for j in range(i, 4):
                value = inverse[i, j]
                for k in range(4):
                    value += epsilon * ridged[k, i] * ridged[k, j]
                form[position * BLOCK + window] = value
                position += 1


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
        learning_based_windows(moments, n, epsilon, buffers.workspace[entry], form)
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
    `UnknownLayout`; epsilon, the weight of the ridge. Written are weights (12, n_cells), the entries to later unknown
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
