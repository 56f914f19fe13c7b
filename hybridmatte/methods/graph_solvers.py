"""Solvers of graphs: like pixels have like alpha, wherever they lie."""

from hybridmatte._validation import is_torch
from hybridmatte.systems.pipeline import method_name, solve_with

__all__ = ["solve_knn", "solve_nonlocal"]


def solve_knn(image, trimap, *, n_neighbors=(20, 10), spatial_weights=(2.0, 0.1), kernel="binary", prior=None,
              confidence=None, rtol=2e-6, maxiter=1000):
    """Estimate alpha by KNN matting.

    Every pixel is linked to those most like it in colour and position, which then have like alpha. Alpha jumps over
    gaps that stop `solve_cf`: holes, foliage, spotted backgrounds. Where foreground and background share colours it
    errs far from any edge. For images of more than 65,536 pixels the graph is approximate, see
    `knn_laplacian`; tensors on other devices than the CPU have the exact one of their unknown pixels.

    Parameters
    ----------
    image, trimap, prior, confidence, maxiter
        As in `solve_cf`; each pixel has about 60 links of weight 1, so give confidence on that scale.
    rtol : float, default 2e-6
        As in `solve_cf`; at the default within 2e-4 of the converged alpha on the photographs tried.
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
    from hybridmatte.methods.knn import knn_system
    from hybridmatte.systems.graph import solve_graph

    options = {"n_neighbors": n_neighbors, "spatial_weights": spatial_weights, "kernel": kernel}
    if is_torch(image):
        from hybridmatte.methods.differentiable import solve_knn_batch

        return solve_knn_batch(image, trimap, prior, confidence, rtol, maxiter, **options)
    return _solve_graph(knn_system, solve_graph, image, trimap, prior, confidence, rtol, maxiter, **options)


def solve_nonlocal(image, trimap, *, window_size=61, n_neighbors=20, prior=None, confidence=None, rtol=1e-8,
                   maxiter=1000):
    """Estimate alpha by nonlocal matting.

    Alpha of a pixel is the mean of the alphas of the pixels most like it in a window around it. Between `solve_cf` and
    `solve_knn`: it reaches as far as its window, over small gaps, and keeps to the neighbourhood. About 15 microseconds
    per unknown pixel on two cores, most of it the search of the window, and 250 bytes.

    Parameters
    ----------
    image, trimap, prior, confidence, maxiter
        As in `solve_cf`; the Laplacian's diagonal is about 1.
    rtol : float, default 1e-8
        As in `solve_cf`; at the default within 3e-4 of the converged alpha on the photographs tried, at 1e-6 0.1.
    window_size : int, default 61
        Side of the window in pixels, odd, at least 3; time grows with its square.
    n_neighbors : int, default 20
        Pixels kept of each window.

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
    .. [1] P. Lee, Y. Wu. Nonlocal matting. CVPR 2011.
    """
    from hybridmatte.methods.means_solve import solve_means
    from hybridmatte.methods.nonlocal_means import nonlocal_system

    return _solve_graph(nonlocal_system, solve_means, image, trimap, prior, confidence, rtol, maxiter,
                        window_size=window_size, n_neighbors=n_neighbors)


def _solve_graph(build, finish, *inputs, **parameter):
    """Check, build the links between pixels, and solve."""

    def run(problem, **stopping):
        system = build(problem.image, problem.is_unknown, problem.known_alpha, **parameter)
        return finish(problem, system, method=method_name(build), **stopping)

    return solve_with(run, *inputs)
