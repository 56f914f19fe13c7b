"""PyMatting's solvers and its foreground estimation at their default settings.

The descriptions hold for version 1.1.16. All solvers but `sampling` solve ``(L + lambda C) a = lambda C t`` with C
marking the known pixels: soft constraints over the whole image, so known pixels move a little unless the solver cuts
them out, as closed form does.
"""

import numpy as np
import pymatting


def closed_form(image, trimap):
    """Return Levin's closed form: the paper's Laplacian, unknown pixels and their surroundings only.

    Conjugate gradients under a thresholded incomplete Cholesky factorisation, which breaks down and is repeated with
    a shifted matrix and a warning on some images. The Laplacian equals our oracle's to rounding.
    """
    return _run(pymatting.estimate_alpha_cf, image, trimap)


def knn(image, trimap):
    """Return KNN matting with 20 neighbours at spatial weight 2.0 and 10 at 0.1, binary kernel.

    Departs from the paper in colour space (RGB, no hue), in the two sets, and in that the affinity's rows are
    normalised to unit sum, which makes the matrix given to conjugate gradients unsymmetric; lambda is 100, so known
    pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_knn, image, trimap)


def learning_based(image, trimap):
    """Return learning based matting with 3 x 3 windows.

    Every pixel of a window is predicted, where the paper predicts its centre. The matrix differs from the oracle's by
    rounding of an explicit inverse (4e-8 of entries up to 7); known pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_lbdm, image, trimap)


def random_walk(image, trimap):
    """Return Grady's random walk over the 8-neighbourhood.

    The documented ``sigma`` of ``rw_laplacian`` changes nothing: the weights are exp(-900 |dI|^2) whatever it is. Rows
    of the affinity, the centre with weight 1 among them, are normalised to unit sum, so conjugate gradients run on an
    unsymmetric matrix; known pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_rw, image, trimap)


def large_kernel(image, trimap):
    """Return the large-kernel closed form with windows of 21 pixels.

    One window size everywhere, where the paper adapts it; the operator equals our oracle's to rounding, applied by box
    filters under conjugate gradients with a diagonal preconditioner; known pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_lkm, image, trimap)


def sampling(image, trimap):
    """Return shared sampling (Gastal & Oliveira 2010) up to its local smoothing.

    Without the final Laplacian step that the paper offers. The space energy E_p of a candidate pair is computed with
    the horizontal step used twice, where the paper steps along both axes.
    """
    return _run(pymatting.estimate_alpha_sm, image, trimap)


def estimate_layers(image, alpha):
    """Return the foreground and background colours of the multi-level estimation (Germer et al. 2020).

    Levels grow by the same factor along both axes, by at most 2; pixels are updated in place, row by row. Colours move
    at pixels whose alpha is 0 or 1 too, where alpha changes beside them.
    """
    image, alpha = np.asarray(image, dtype=np.float32), np.asarray(alpha, dtype=np.float32)
    return pymatting.estimate_foreground_ml(image, alpha, return_background=True)


def _run(estimate, image, trimap):
    """Return the peer's alpha cut to [0, 1]; float64 input, which it is fastest with."""
    alpha = estimate(np.asarray(image, dtype=np.float64), np.asarray(trimap, dtype=np.float64))
    return np.clip(alpha, 0.0, 1.0)
