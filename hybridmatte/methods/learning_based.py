"""The learning-based Laplacian: alpha is predicted from colour by ridge regression in every 3 x 3 window."""

from hybridmatte._validation import check_image, check_number, check_unknown
from hybridmatte.methods.windows import stencil_csr, stencil_system

__all__ = ["learning_based_laplacian", "learning_based_system"]

SHRINKAGE = 2e-6


def learning_based_laplacian(image, *, epsilon=1e-7, is_unknown=None):
    """Return the learning-based (local linear model) Laplacian of an image as a sparse matrix.

    Differs from the closed form in its regularisation, which also holds the regression's offset, and so squares
    the residual instead of penalising the slope. Same pattern and cost.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted. Never modified.
    epsilon : float, default 1e-7
        Ridge of the regression, in squared RGB units summed over the 9 pixels of a window.
    is_unknown : (H, W) bool array, optional
        Pixels whose rows are wanted; the other rows stay empty. All by default.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are asked for; row sums are of the order of `epsilon`, not
        zero, because the ridge holds the offset too.

    Raises
    ------
    ValueError
        If a value is not finite or outside [0, 1], or is_unknown does not fit the image.

    Notes
    -----
    With X_k = (1, colour) of the 9 pixels of window k and ``F_k = X_k X_k' (X_k X_k' + epsilon)^-1``,
    ``L = sum_k (Id - F_k)' (Id - F_k)``.

    References
    ----------
    .. [1] Y. Zheng, C. Kambhamettu. Learning based digital matting. ICCV 2009. Eq. 9 to 13.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = learning_based_laplacian(np.random.default_rng(0).random((5, 6, 3)))
    >>> laplacian.shape, bool(abs(laplacian.sum(axis=1)).max() < 1e-6)
    ((30, 30), True)
    """
    from hybridmatte.methods._learning_based_numba import assemble

    image = check_image(image)
    epsilon = check_number(epsilon, "epsilon", above=0)
    return stencil_csr(image, check_unknown(is_unknown, image), assemble, epsilon)


def learning_based_system(image, is_unknown, known_alpha, *, epsilon=1e-7):
    """Return the `StencilSystem` of the learning-based Laplacian with the known pixels eliminated.

    The squared residual leaves alphas that the colours explain almost uncharged, down to the rounding of the
    Laplacian itself, so the unknown pixels are drawn to 0 with the weight `SHRINKAGE`: what nothing determines is
    background.
    """
    from hybridmatte.methods._learning_based_numba import assemble

    epsilon = check_number(epsilon, "epsilon", above=0)
    system = stencil_system(image, is_unknown, known_alpha, assemble, epsilon)
    system.diagonal += SHRINKAGE * (system.layout.pixels >= 0)
    return system
