"""The random walk Laplacian: neighbouring pixels of like colour have like alpha."""

from hybridmatte._validation import check_image, check_number, check_unknown
from hybridmatte.methods.windows import stencil_csr, stencil_system

__all__ = ["random_walk_laplacian", "random_walk_system"]

SHRINKAGE = 3e-7


def random_walk_laplacian(image, *, sigma=0.025, is_unknown=None):
    """Return the random walk Laplacian ``D - W`` of an image as a sparse matrix.

    Alpha of a pixel is the probability that a walk starting there, which prefers steps between like colours, meets
    the foreground first.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted. Never modified.
    sigma : float, default 0.025
        Colour distance, in RGB units, at which a weight has fallen to 1 / e.
    is_unknown : (H, W) bool array, optional
        Pixels whose rows are wanted; the other rows stay empty. All by default.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are asked for; rows sum to zero.

    Raises
    ------
    ValueError
        If a value is not finite or outside [0, 1], or is_unknown does not fit the image.

    Notes
    -----
    ``W_ij = max(exp(-|I_i - I_j|^2 / sigma^2), 1e-5)`` over the 8 neighbours j of i, D the row sums of W. The floor
    keeps every pixel tied to its neighbours across the strongest edges, where the exponential underflows.

    References
    ----------
    .. [1] L. Grady, T. Schiwietz, S. Aharon, R. Westermann. Random walks for interactive alpha-matting. VIIP 2005.

    Examples
    --------
    >>> import numpy as np
    >>> random_walk_laplacian(np.zeros((1, 3, 3))).toarray()
    array([[ 1., -1.,  0.],
           [-1.,  2., -1.],
           [ 0., -1.,  1.]])
    """
    from hybridmatte.methods._random_walk_numba import assemble

    image = check_image(image)
    sigma = check_number(sigma, "sigma", above=0)
    return stencil_csr(image, check_unknown(is_unknown, image), assemble, sigma)


def random_walk_system(image, is_unknown, known_alpha, *, sigma=0.025):
    """Return the `StencilSystem` of the random walk Laplacian with the known pixels eliminated.

    At each step the walk ends in the background with a probability of about `SHRINKAGE`: pixels that no weight worth
    the name ties to the foreground are background.
    """
    from hybridmatte.methods._random_walk_numba import assemble

    sigma = check_number(sigma, "sigma", above=0)
    system = stencil_system(image, is_unknown, known_alpha, assemble, sigma)
    system.diagonal += SHRINKAGE * (system.diagonal + (system.layout.pixels >= 0))
    return system
