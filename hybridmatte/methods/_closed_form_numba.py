"""Kernel of the closed-form Laplacian; used by ``closed_form.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel
from hybridmatte.methods._assembly_numba import assemble_bands
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
    factor_covariance,
)


@kernel(noalias=True, fastmath=FLAGS)
def closed_form_windows(moments, n, epsilon, _workspace, form):
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
def assemble(first, last, *arguments):
    """Assemble the Laplacian over the unknown pixels of the bands first to last - 1; see `assemble_bands`."""
    assemble_bands(first, last, arguments, closed_form_windows)
