"""The classical solvers: alpha from an image and a trimap."""

from hybridmatte._check import check_choice, check_number
from hybridmatte.solver._threads import threads_for
from hybridmatte.solver.system import check_problem, check_stopping, finish_alpha

__all__ = ["METHODS", "solve", "solve_cf", "solve_information_flow", "solve_knn", "solve_large_kernel",
           "solve_learning_based", "solve_random_walk", "solve_sampling"]

METHODS = {
    "cf": "closed form: alpha affine in colour in 3 x 3 windows; the safe first choice",
    "knn": "KNN: like alpha for like colours, near or far; gaps, holes and spotted backgrounds",
    "information_flow": "information flow: mixtures, known colours and neighbours together; best single answer, slower",
    "sampling": "shared sampling: colours sampled from the known regions; wide unknown regions, distinct colours",
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


def solve_cf(image, trimap, *, epsilon=1e-7, prior=None, confidence=None, rtol=1e-7, maxiter=500):
    """Estimate alpha by closed-form matting.

    Alpha is taken to be affine in colour within every 3 x 3 window, which holds where foreground and background vary
    along one line each in colour space. The safe first choice: hair, fur and soft edges; narrow unknown regions. It
    spreads alpha only between neighbours, so it fails where known colours lie beyond a gap of other colours (then
    `solve_knn` or `solve_information_flow`).

    Exact to the residual `rtol`: at the default, within 1e-3 of a direct solve. Time is linear in the unknown pixels,
    about 2 microseconds each on two cores; memory about 700 bytes each.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels, of RGBA the fourth
        channel is dropped. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.
    prior : (H, W) array, optional
        Alpha in [0, 1] that unknown pixels are drawn to: a network's output, a mask, the previous frame.
    confidence : float or (H, W) array, optional
        Weight of the prior, at least 0, on the Laplacian's scale (diagonal about 5); 0.1 if there is a prior.
    rtol : float, default 1e-7
        Wanted residual relative to the right-hand side.
    maxiter : int, default 500
        Most iterations of conjugate gradients; photographs take 15 to 30.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, a value is not finite or out of range, the trimap leaves the
        answer undefined, or an unknown pixel lies in no 3 x 3 window.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    Notes
    -----
    Minimises ``a' L a + (a - prior)' diag(confidence) (a - prior)`` with the known pixels fixed, then clips.

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 20)[None, :, None] * np.ones((5, 1, 3))
    >>> trimap = np.full((5, 20), 0.5)
    >>> trimap[:, 0], trimap[:, -1] = 0, 1
    >>> solve_cf(image, trimap)[2, [0, 5, 19]].round(2)
    array([0.  , 0.26, 1.  ], dtype=float32)
    """
    from hybridmatte.laplacian.closed_form import closed_form_system

    return _solve_local(closed_form_system, image, trimap, prior, confidence, rtol, maxiter, epsilon=epsilon)


def solve_learning_based(image, trimap, *, epsilon=1e-7, prior=None, confidence=None, rtol=1e-7, maxiter=500):
    """Estimate alpha by learning-based matting (local linear model).

    Alpha of each 3 x 3 window is predicted from colour by ridge regression, and prediction errors are charged. Close
    to `solve_cf`, a little smoother in flat regions; time and memory are the same. Unknown pixels are drawn to the
    background with a weight of 2e-6, without which some are determined by rounding alone.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`.
    epsilon : float, default 1e-7
        Ridge of the regression, in squared RGB units; larger is smoother.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] Y. Zheng, C. Kambhamettu. Learning based digital matting. ICCV 2009.
    """
    from hybridmatte.laplacian.learning_based import learning_based_system

    return _solve_local(learning_based_system, image, trimap, prior, confidence, rtol, maxiter, epsilon=epsilon)


def solve_random_walk(image, trimap, *, sigma=0.025, prior=None, confidence=None, rtol=1e-6, maxiter=1000):
    """Estimate alpha by random walks.

    Alpha is the probability that a walk which prefers steps between like colours meets the foreground before the
    background. Robust on hard edges and flat colours; it draws hair and fur as a smooth ramp. Answers on any image,
    however small. Its weights span five orders of magnitude, so it takes more iterations than `solve_cf`, 60 to 200.
    Unknown pixels are drawn to the background with a weight of 3e-7 of their own (see `random_walk_system`).

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; weights are at most 1 for each of 8 neighbours.
    sigma : float, default 0.025
        Colour distance, in RGB units, at which a weight has fallen to 1 / e.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that any image is large enough.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] L. Grady, T. Schiwietz, S. Aharon, R. Westermann. Random walks for interactive alpha-matting. VIIP 2005.
    """
    from hybridmatte.laplacian.random_walk import random_walk_system

    return _solve_local(random_walk_system, image, trimap, prior, confidence, rtol, maxiter, sigma=sigma)


def solve_large_kernel(image, trimap, *, window_size=21, epsilon=1e-7, prior=None, confidence=None, rtol=1e-6,
                       maxiter=1000):
    """Estimate alpha by closed-form matting with large windows.

    The model of `solve_cf`, alpha affine in colour, over windows of 21 x 21 pixels: alpha travels further in a step,
    so wide unknown regions and holes fare better, and details smaller than the window worse. Running sums make the
    cost independent of the window; about 7 microseconds per unknown pixel on two cores, 600 bytes per pixel within
    `window_size - 1` of an unknown one.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; the Laplacian's diagonal is about `window_size` squared, so give confidence on that scale.
    window_size : int, default 21
        Side of the windows in pixels, odd, at least 3.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`; the image must hold at least one window.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] K. He, J. Sun, X. Tang. Fast matting using large kernel matting Laplacian matrices. CVPR 2010.
    """
    from hybridmatte.laplacian.large_kernel import large_kernel_system

    return _solve_local(large_kernel_system, image, trimap, prior, confidence, rtol, maxiter, epsilon=epsilon,
                        window_size=window_size)


def solve_knn(image, trimap, *, n_neighbors=(20, 10), spatial_weights=(2.0, 0.1), kernel="binary", prior=None,
              confidence=None, rtol=1e-5, maxiter=1000):
    """Estimate alpha by KNN matting.

    Every pixel is linked to those most like it in colour and position, which then have like alpha. Alpha jumps over
    gaps that stop `solve_cf`: holes, foliage, spotted backgrounds. Where foreground and background share colours it
    errs far from any edge. For images of more than 65,536 pixels the graph is approximate, see `knn_laplacian`.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; each pixel has about 60 links of weight 1, so give confidence on that scale.
    n_neighbors : sequence of int, default (20, 10)
        Neighbours in each set, the pixel itself counted; more is smoother and slower.
    spatial_weights : sequence of float, default (2.0, 0.1)
        For each set, the length of the image's sides in units of colour.
    kernel : {"binary", "soft"}, default "binary"
        Weight of a link: 1, or falling with the distance in feature space.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that any image is large enough.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] Q. Chen, D. Li, C.-K. Tang. KNN matting. TPAMI 2013.
    """
    from hybridmatte.laplacian.knn import knn_system
    from hybridmatte.solver.graph import solve_graph

    return _solve(knn_system, solve_graph, image, trimap, prior, confidence, rtol, maxiter, n_neighbors=n_neighbors,
                  spatial_weights=spatial_weights, kernel=kernel)


def solve_information_flow(image, trimap, *, known_weight=0.05, expansion=12.0, prior=None, confidence=None,
                           rtol=1e-4, maxiter=1000):
    """Estimate alpha by information flow.

    Four ties at once: each colour as a mixture of like colours, known colours to unknown pixels, like unknown pixels to
    each other, and neighbours by the closed form. The best single answer on photographs, in several times the time.

    Parameters
    ----------
    image, trimap, prior, confidence, maxiter
        As in `solve_cf`.
    known_weight : float, default 0.05
        Weight of what the known colours say of each unknown pixel, at least 0.
    expansion : float, default 12
        Radius in pixels of `expand_known`, which comes first, and 255 times its colour distance; 0 skips it. Pixels
        with a positive confidence stay unknown.
    rtol : float, default 1e-4
        As in `solve_cf`; the system is well conditioned, and 1e-4 leaves the errors' third digit alone.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that any image is large enough.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] Y. Aksoy, T. O. Aydin, M. Pollefeys. Designing effective inter-pixel information flow for natural image
       matting. CVPR 2017.
    """
    from hybridmatte.solver.information_flow import solve_flow

    problem = check_problem(image, trimap, prior, confidence)
    rtol, maxiter = check_stopping(rtol, maxiter)
    known_weight = check_number(known_weight, "known_weight", low=0)
    expansion = check_number(expansion, "expansion", low=0)
    with threads_for(problem.is_unknown.sum()):
        return solve_flow(problem, expansion=expansion, known_weight=known_weight, rtol=rtol, maxiter=maxiter)


def solve_sampling(image, trimap, *, refine=True, sample_weight=0.03, prior=None, confidence=None, rtol=1e-7,
                   maxiter=500):
    """Estimate alpha by shared sampling and matte refinement.

    Each unknown pixel tries pairs of colours from the known regions around it and keeps the pair that explains it best
    (`sample_alpha`); a closed-form solve with these samples as its prior then smooths along the image's own edges. Good
    where foreground and background differ in colour, also in wide unknown regions and behind gaps.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; the samples are a second prior beside the given one.
    refine : bool, default True
        Whether to solve at all, or to return the samples' alpha (joined with the prior by confidence).
    sample_weight : float, default 0.03
        Confidence in a sample that explains its pixel perfectly, at least 0.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`; a prior does not replace a missing foreground or background.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] E. Gastal, M. Oliveira. Shared sampling for real-time alpha matting. Eurographics 2010.
    """
    from hybridmatte.sampling import solve_samples

    problem = check_problem(image, trimap, prior, confidence)
    rtol, maxiter = check_stopping(rtol, maxiter)
    sample_weight = check_number(sample_weight, "sample_weight", low=0)
    with threads_for(problem.is_unknown.sum()):
        return solve_samples(problem, refine=refine, sample_weight=sample_weight, rtol=rtol, maxiter=maxiter)


def _solve_local(build, *arguments, **parameter):
    """Check, assemble and solve for a Laplacian of windows."""
    from hybridmatte.solver.local import solve_local

    return _solve(build, solve_local, *arguments, **parameter)


def _solve(build, finish, image, trimap, prior, confidence, rtol, maxiter, **parameter):
    """Check the inputs, build the system of the unknown pixels, and let `finish` solve it."""
    problem = check_problem(image, trimap, prior, confidence)
    rtol, maxiter = check_stopping(rtol, maxiter)
    if not problem.is_unknown.any():
        return finish_alpha(problem, problem.known_alpha)
    with threads_for(problem.is_unknown.sum()):
        system = build(problem.image, problem.is_unknown, problem.known_alpha, **parameter)
        return finish(problem, system, rtol=rtol, maxiter=maxiter, method=build.__name__.removesuffix("_system"))
