"""The list of methods: each with its name, its function, what it does and when to use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice
from hybridmatte.methods.closed_form import solve_cf
from hybridmatte.methods.information_flow import solve_information_flow
from hybridmatte.methods.knn import solve_knn
from hybridmatte.methods.large_kernel import solve_large_kernel
from hybridmatte.methods.learning_based import solve_learning_based
from hybridmatte.methods.nonlocal_means import solve_nonlocal
from hybridmatte.methods.random_walk import solve_random_walk
from hybridmatte.methods.shared_sampling import solve_sampling

__all__ = ["DEFAULT_METHOD", "METHODS", "Method", "solve"]


class Method(NamedTuple):
    """A matting method.

    name is the name by which `solve` and the command line know it; solve is its function, called as
    ``solve(image, trimap, prior=..., confidence=...)``; summary says what it assumes, and when says when to use it.
    """

    name: str
    solve: Callable[..., npt.NDArray[np.float32]]
    summary: str
    when: str


METHODS = {
    method.name: method
    for method in (
        Method(
            "cf",
            solve_cf,
            "closed form: alpha is affine in colour in 3 x 3 windows",
            "the safe first choice: hair, fur, soft edges, narrow unknown regions",
        ),
        Method(
            "knn",
            solve_knn,
            "KNN: similar colours have similar alpha, near or far",
            "gaps, holes, foliage and spotted backgrounds",
        ),
        Method(
            "information_flow",
            solve_information_flow,
            "information flow: colour mixtures, known colours and neighbours together",
            "the most accurate single method on average; slower",
        ),
        Method(
            "sampling",
            solve_sampling,
            "shared sampling: pairs of colours from the known regions explain each pixel",
            "wide unknown regions, if foreground and background differ in colour",
        ),
        Method(
            "nonlocal",
            solve_nonlocal,
            "nonlocal: alpha is the mean over similar pixels of a window",
            "textures that repeat, small gaps",
        ),
        Method(
            "learning_based",
            solve_learning_based,
            "learning based: closed form with another regularisation",
            "as cf; slightly smoother",
        ),
        Method(
            "large_kernel",
            solve_large_kernel,
            "large kernel: closed form in 21 x 21 windows",
            "wide unknown regions with little fine detail",
        ),
        Method(
            "random_walk",
            solve_random_walk,
            "random walk: neighbours of similar colour have similar alpha",
            "hard edges and flat colours, any image size; not for hair",
        ),
    )
}
DEFAULT_METHOD = "cf"


def solve(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    method: str = DEFAULT_METHOD,
    *,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float32]:
    """Estimate alpha with the method of the given name, at its default settings.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels; the fourth channel of RGBA is
        dropped. Never modified.
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
    options: dict[str, Any] = {"prior": prior, "confidence": confidence}
    return METHODS[check_choice(method, "method", list(METHODS))].solve(image, trimap, **options)
