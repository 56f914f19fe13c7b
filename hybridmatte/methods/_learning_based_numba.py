"""Kernel of the learning-based Laplacian; used by ``learning_based.py``."""

from hybridmatte.linalg._spd_numba import invert_spd
from hybridmatte.linalg.threads import inlined, kernel
from hybridmatte.methods._window_numba import mark_windows, store_row, window_moments


@inlined
def learning_based_window(moments, epsilon, workspace, out):
    """Write the quadratic form of a window of learning-based matting into out (13,), as in ``_window_numba.py``.

    Let X (9, 4) have the rows (1, colour - mean), M = X' X, and R the ridge |w|^2 + b^2 on the weights w and the offset
    b of the original features (1, colour), written for X as R = Q' Q. Ridge regression is F = X S X' with S = (M +
    epsilon R)^-1, and (Id - F)' (Id - F) = Id - X T X' with T = S + epsilon S R S. T also equals 2 S - S M S, but that
    form loses all digits where the colours lie on a line.

    moments (9,) are those of `window_moments`; workspace (4, 4, 4) is overwritten.
    """
    system, lower, inverse, ridged = workspace[0], workspace[1], workspace[2], workspace[3]
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
    invert_spd(system, 1e-14, lower, inverse)
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
    `UnknownLayout`; epsilon, the weight of the ridge. Written are weights (12, n_cells), the entries to later unknown
    neighbours, diagonal (n_cells,) and the right-hand side rhs (n_cells,). If rows (n_cells, 25) is not empty, only
    rows is written: the whole 5 x 5 stencil, known neighbours included.

    `scratch` is as ``windows.py`` allocates it, arrays with an entry for each band. `windows` holds the windows centred
    in the last three rows of the image, so that each window is computed once in a band.
    """
    width = is_unknown.shape[1]
    windows, needed, moments, row = scratch[0][first], scratch[1][first], scratch[2][first], scratch[3][first]
    workspace = scratch[4][first]
    for band in range(first, last):
        for y in range(max(bands[band] - 1, 0), bands[band + 1] + 1):
            mark_windows(is_unknown, y, needed)
            for x in range(width):
                if needed[x]:
                    window_moments(image, y, x, moments)
                    learning_based_window(moments, epsilon, workspace, windows[y % 3, x])
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
