"""Kernel of the learning-based Laplacian; used by ``learning_based.py``."""

from hybridmatte.linalg._spd_numba import invert_spd
from hybridmatte.linalg.threads import kernel
from hybridmatte.methods._assembly_numba import assemble_bands
from hybridmatte.methods._window_numba import BLOCK


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
def assemble(first, last, *arguments):
    """Assemble the Laplacian over the unknown pixels of the bands first to last - 1; see `assemble_bands`."""
    assemble_bands(first, last, arguments, learning_based_windows)
