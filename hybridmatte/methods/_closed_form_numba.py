"""Kernel of the closed-form Laplacian; used by ``closed_form.py``."""

from hybridmatte.linalg.threads import inlined, kernel
from hybridmatte.methods._window_numba import factor_covariance, mark_windows, store_row, window_moments


@inlined
def closed_form_window(moments, epsilon, out):
    """Write the quadratic form of a window for Levin et al. 2008, Eq. 12, into out (13,).

    It is the mean colour (3) and T = diag(1, (Sigma + epsilon / 9)^-1) / 9 (10, upper triangle by rows), as described
    in ``_window_numba.py``; moments (9,) are those of `window_moments`.
    """
    l10, l20, l21, d0, d1, d2 = factor_covariance(
        moments[3], moments[4], moments[5], moments[6], moments[7], moments[8], epsilon / 9.0
    )
    m20 = l10 * l21 - l20  # entry of the inverse of the triangular factor
    out[0] = moments[0]
    out[1] = moments[1]
    out[2] = moments[2]
    out[3] = 1.0 / 9.0
    out[4] = 0.0
    out[5] = 0.0
    out[6] = 0.0
    out[7] = (1.0 / d0 + l10 * l10 / d1 + m20 * m20 / d2) / 9.0
    out[8] = (-l10 / d1 - l21 * m20 / d2) / 9.0
    out[9] = m20 / d2 / 9.0
    out[10] = (1.0 / d1 + l21 * l21 / d2) / 9.0
    out[11] = -l21 / d2 / 9.0
    out[12] = 1.0 / d2 / 9.0


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
    scratch,
):
    """Assemble the Laplacian over the unknown pixels of the bands first to last - 1.

    Inputs: image (H, W, 3) float32, is_unknown (H, W), known_alpha (H, W); segments, row_start and bands of the
    `UnknownLayout`; epsilon, the regularisation. Written are weights (12, n_cells), the entries to later unknown
    neighbours, diagonal (n_cells,) and the right-hand side rhs (n_cells,). If rows (n_cells, 25) is not empty, only
    rows is written: the whole 5 x 5 stencil, known neighbours included.

    `scratch` is as ``windows.py`` allocates it, arrays with an entry for each band. `windows` holds the windows centred
    in the last three rows of the image, so that each window is computed once in a band.
    """
    width = is_unknown.shape[1]
    windows, needed, moments, row = scratch[0][first], scratch[1][first], scratch[2][first], scratch[3][first]
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
