"""The classical solvers: alpha from an image and a trimap."""

from hybridmatte._validation import check_choice
from hybridmatte.methods.flow_solvers import solve_information_flow, solve_sampling
from hybridmatte.methods.graph_solvers import solve_knn, solve_nonlocal
from hybridmatte.methods.window_solvers import solve_cf, solve_large_kernel, solve_learning_based, solve_random_walk

__all__ = ["DEFAULT_METHOD", "METHODS", "solve", "solve_cf", "solve_information_flow", "solve_knn",
           "solve_large_kernel", "solve_learning_based", "solve_nonlocal", "solve_random_walk", "solve_sampling"]

METHODS = {
    "cf": "closed form: alpha affine in colour in 3 x 3 windows; the safe first choice",
    "knn": "KNN: like alpha for like colours, near or far; gaps, holes and spotted backgrounds",
    "information_flow": "information flow: mixtures, known colours and neighbours together; best single answer, slower",
    "sampling": "shared sampling: colours sampled from the known regions; wide unknown regions, distinct colours",
    "nonlocal": "nonlocal: like alpha for like pixels of a window; textures that repeat, small gaps",
    "learning_based": "learning based: closed form with another regularisation; slightly smoother",
    "large_kernel": "large kernel: closed form over 21 x 21 windows; carries alpha further, loses fine detail",
    "random_walk": "random walk: few assumptions; for hard edges and flat colours, not for hair",
}
DEFAULT_METHOD = "cf"


def solve(image, trimap, method=DEFAULT_METHOD, *, prior=None, confidence=None):
    """Estimate alpha with the method of the given name, at its default settings.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels, of RGBA the fourth
        channel is dropped. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    method : str, default "cf"
        A key of `METHODS`.
    prior, confidence : optional
        See `solve_cf`.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        If the method is unknown, or an input is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 20)[None, :, None] * np.ones((5, 1, 3))
    >>> trimap = np.full((5, 20), 0.5)
    >>> trimap[:, 0], trimap[:, -1] = 0, 1
    >>> solve(image, trimap, "cf")[2, [0, 10, 19]].round(2)
    array([0.  , 0.53, 1.  ], dtype=float32)
    """
    check_choice(method, "method", METHODS)
    return globals()[f"solve_{method}"](image, trimap, prior=prior, confidence=confidence)
