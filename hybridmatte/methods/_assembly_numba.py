"""Assembly of a Laplacian of 3 x 3 windows; the kernels of closed-form and learning-based matting are made of it."""

from hybridmatte.linalg.threads import inlined
from hybridmatte.methods._window_numba import (
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


@inlined
def window_row(segments, row_start, height, width, y, epsilon, buffers, entry, write_forms):
    """Write the forms of the windows that are centred in image row y and hold an unknown pixel."""
    colors, forms, moments = buffers.colors[entry], buffers.forms[entry, y % 3], buffers.moments[entry]
    is_needed, form = buffers.is_needed[entry], buffers.form[entry]
    first, last = row_range(segments, row_start, y, 1)
    mark_windows(segments, row_start, y, first, last, is_needed)
    if y < 1 or y > height - 2:
        clear_forms(forms, first - 1 + PAD, last + 1 + PAD)
    else:
        x, n = next_block(is_needed, first - 1 + PAD, last + 1 + PAD)
        while n > 0:
            window_moments(colors[(y - 1) % READ], colors[y % READ], colors[(y + 1) % READ], x, n, moments)
            write_forms(moments, n, epsilon, buffers.workspace[entry], form)
            store_forms(form, x, n, forms)
            x, n = next_block(is_needed, x + n, last + 1 + PAD)
        clear_forms(forms, PAD - 1, PAD + 1)
        clear_forms(forms, width - 1 + PAD, width + 1 + PAD)


@inlined
def assemble_bands(first, last, arguments, write_forms):
    """Assemble a Laplacian over the unknown pixels of the bands first to last - 1; a kernel is made of it.

    The arguments are image (H, W, 3) float32, is_unknown (H, W), known_alpha (H, W); segments, row_start and bands of
    the `UnknownLayout`; epsilon, the Laplacian's parameter; and what is written: weights (12, n_cells), the entries to
    later unknown neighbours, diagonal (n_cells,) and the right-hand side rhs (n_cells,). If rows (n_cells, 25) is not
    empty, only rows is written: the whole 5 x 5 stencil, known neighbours included. The last are the `RowBuffers`, of
    which a call uses the entry `first`.

    ``write_forms(moments, n, epsilon, workspace, form)`` is the kernel that writes the forms of n windows.
    """
    image, is_unknown, known_alpha, segments, row_start, bands, epsilon, weights, diagonal, rhs, rows, buffers = (
        arguments
    )
    height, width = is_unknown.shape
    for y in range(bands[first] - 2, bands[last] + 2):
        start, stop = row_range(segments, row_start, y, 2)
        load_row(image, is_unknown, known_alpha, y, start, stop, buffers, first)
        if y >= bands[first]:
            window_row(segments, row_start, height, width, y - 1, epsilon, buffers, first, write_forms)
        if y >= bands[first] + 2:
            store_row(buffers, first, y - 2, height, width, segments, row_start, weights, diagonal, rhs, rows)
