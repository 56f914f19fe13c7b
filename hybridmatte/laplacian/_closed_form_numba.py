"""Kernel of the closed-form Laplacian: the quadratic form of one window."""

from numba import njit


@njit(cache=True)
def closed_form_window(moments, epsilon, out):
    """Write mean and T = diag(1, (Sigma + epsilon / 9)^-1) / 9 of Levin et al. 2008, Eq. 12."""
    a00 = moments[3] + epsilon / 9.0
    a01 = moments[4]
    a02 = moments[5]
    a11 = moments[6] + epsilon / 9.0
    a12 = moments[7]
    a22 = moments[8] + epsilon / 9.0
    c00 = a11 * a22 - a12 * a12
    c01 = a02 * a12 - a01 * a22
    c02 = a01 * a12 - a02 * a11
    scale = 1.0 / (9.0 * (a00 * c00 + a01 * c01 + a02 * c02))
    out[0] = moments[0]
    out[1] = moments[1]
    out[2] = moments[2]
    out[3] = 1.0 / 9.0
    out[4] = 0.0
    out[5] = 0.0
    out[6] = 0.0
    out[7] = c00 * scale
    out[8] = c01 * scale
    out[9] = c02 * scale
    out[10] = (a00 * a22 - a02 * a02) * scale
    out[11] = (a01 * a02 - a00 * a12) * scale
    out[12] = (a00 * a11 - a01 * a01) * scale
