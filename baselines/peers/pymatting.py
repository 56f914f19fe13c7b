"""PyMatting's solvers and its foreground estimation at their default settings.

The descriptions are of version 1.1.16. All solvers except `sampling` solve ``(L + lambda C) a = lambda C t``, where C
is the diagonal matrix of the known pixels. These are soft constraints over the whole image, so known pixels change a
little, unless the solver eliminates them, as closed form does.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pymatting


def closed_form(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of Levin's closed form: the paper's Laplacian on the unknown pixels and their surroundings.

    The solver is conjugate gradients with a thresholded incomplete Cholesky factorisation. On some images this breaks
    down and is repeated with a shifted matrix and a warning. The Laplacian equals our oracle's up to rounding.
    """
    return _run(pymatting.estimate_alpha_cf, image, trimap)


def knn(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of KNN matting: 20 neighbours at spatial weight 2.0 and 10 at 0.1, binary kernel.

    Differences from the paper: the colours are RGB without hue, there are two sets of neighbours, and the rows of the
    affinity are normalised to sum 1, so that conjugate gradients run on an unsymmetric matrix. lambda is 100, so known
    pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_knn, image, trimap)


def learning_based(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of learning based matting with 3 x 3 windows.

    Every pixel of a window is predicted; the paper predicts the centre only. The matrix differs from our oracle's by
    the rounding of an explicit inverse (4e-8 with entries up to 7). Known pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_lbdm, image, trimap)


def random_walk(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of Grady's random walk on the 8-neighbourhood.

    The documented ``sigma`` of ``rw_laplacian`` has no effect: the weights are exp(-900 |dI|^2) for any value. The rows
    of the affinity, with a weight of 1 for the centre, are normalised to sum 1, so that conjugate gradients run on an
    unsymmetric matrix. Known pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_rw, image, trimap)


def large_kernel(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of the large-kernel closed form with windows of 21 pixels.

    All windows have one size; the paper adapts it. The operator equals our oracle's up to rounding and is applied by
    box filters, in conjugate gradients with a diagonal preconditioner. Known pixels are not exact.
    """
    return _run(pymatting.estimate_alpha_lkm, image, trimap)


def sampling(image: npt.ArrayLike, trimap: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the alpha of shared sampling (Gastal & Oliveira 2010) up to its local smoothing.

    The optional final Laplacian step of the paper is not included. The space energy E_p of a candidate pair uses the
    horizontal step twice; the paper uses the steps along both axes.
    """
    return _run(pymatting.estimate_alpha_sm, image, trimap)


def estimate_layers(
    image: npt.ArrayLike, alpha: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the foreground and background colours of the multi-level estimation (Germer et al. 2020).

    Levels grow by the same factor along both axes, by at most 2. Pixels are updated in place, row by row. Colours also
    change at pixels whose alpha is 0 or 1, where the alpha of a neighbouring pixel differs.
    """
    image, alpha = np.asarray(image, dtype=np.float32), np.asarray(alpha, dtype=np.float32)
    return pymatting.estimate_foreground_ml(image, alpha, return_background=True)  # pyright: ignore[reportReturnType]


def _run(
    estimate: Callable[..., npt.NDArray[np.float64]], image: npt.ArrayLike, trimap: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return the peer's alpha clipped to [0, 1]; its input is float64, for which the peer is fastest."""
    alpha = estimate(np.asarray(image, dtype=np.float64), np.asarray(trimap, dtype=np.float64))
    return np.clip(alpha, 0.0, 1.0)
