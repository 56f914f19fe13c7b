"""The best answer without torch: a small network that corrects the best solver pixel by pixel."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock

import numpy as np

from hybridmatte._validation import check_choice, check_plane
from hybridmatte.correction.features import FEATURES, MARGIN, TRUSTED, Solved, fusion_features, known_distances
from hybridmatte.correction.network import answer
from hybridmatte.correction.weights import bundled_fusion
from hybridmatte.errors import warn_caller
from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems.problem import check_problem
from hybridmatte.trimap import split_trimap

__all__ = ["QUALITIES", "check_way", "corrected", "fuse_solved", "matte", "matte_by", "solve_all"]

QUALITIES = {
    "best": "information flow and samples, and a small network that corrects it in each pixel",
    "fast": "information flow, the best single solver, in two thirds of the time",
}
EXPANSION = 12.0  # pixels, of the known regions, as in `solve_information_flow`; what it decides is not corrected
TILE = 256  # pixels of a tile's side; MARGIN more are seen around it; up to 140 MB a thread
LOCK = Lock()  # of two limits of BLAS that overlap, the second would restore the first


def matte(image, trimap, *, quality="best"):
    """Estimate alpha from an image and a trimap, as well as this library can.

    With ``quality="best"`` information flow solves for alpha, shared sampling looks for each pixel's foreground and
    background, and a small network that comes with the package says what information flow misses, by what both say in
    the pixel and around it, and how the colours follow. The network takes about a fifth of the solvers' time. 24
    megapixels, of which a ninth is unknown, take 3.6 GB of memory.

    Without an unknown pixel, as of a mask, alpha is the trimap; `trimap_from_mask` makes a trimap of a mask.

    Parameters
    ----------
    image, trimap : (H, W, 3) and (H, W) arrays
        As in `solve_cf`; never modified.
    quality : {"best", "fast"}, default "best"
        "fast" is the best single solver, `solve_information_flow`.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, if there is no such quality, or if the file of weights is damaged.

    Warns
    -----
    UserWarning
        If no pixel is unknown.
    ConvergenceWarning
        If a solver stops early.

    References
    ----------
    .. [1] D. Cho, Y.-W. Tai, I. S. Kweon. Natural image matting using deep convolutional neural networks. ECCV 2016.

    Examples
    --------
    >>> image = np.linspace(0, 1, 64)[None, :, None] * np.ones((32, 1, 3))
    >>> trimap = np.full((32, 64), 0.5)
    >>> trimap[:, :4], trimap[:, -4:] = 0, 1
    >>> alpha = matte(image, trimap)
    >>> alpha[0, 0], alpha[0, -1], bool(np.abs(alpha[:, 32] - 0.5).max() < 0.2)
    (np.float32(0.0), np.float32(1.0), True)
    """
    from hybridmatte.methods.registry import solve

    check_choice(quality, "quality", list(QUALITIES))
    _warn_of_mask(trimap)
    if quality == "fast":
        return solve(image, trimap, TRUSTED)
    problem = check_problem(image, trimap)
    bundled_fusion()  # what is damaged is found before the solvers run
    if not problem.is_unknown.any():
        return problem.known_alpha
    return fuse_solved(solve_all(problem))


def matte_by(image, trimap, method=None, quality=None):
    """Return alpha by a method of `hybridmatte.METHODS` or else by a quality of `matte`, "best" if neither is given."""
    from hybridmatte.methods.registry import solve

    method, quality = check_way(method, quality)
    if method is None:
        return matte(image, trimap, quality=quality)
    _warn_of_mask(trimap)
    return solve(image, trimap, method=method)


def _warn_of_mask(trimap):
    if not split_trimap(check_plane(trimap, "trimap")).is_unknown.any():
        warn_caller("trimap has no unknown pixel, so nothing is solved; a mask is made a trimap by trimap_from_mask, "
                    "or by the command: hybridmatte trimap", UserWarning)


def check_way(method, quality):
    """Return method and quality, of which just one is not None, checked."""
    from hybridmatte.methods.registry import METHODS

    if method is None:
        return None, check_choice("best" if quality is None else quality, "quality", list(QUALITIES))
    if quality is not None:
        raise ValueError(f"quality is {quality!r} and method {method!r}, expected one of the two")
    return check_choice(method, "method", list(METHODS)), None


def solve_all(problem):
    """Return what information flow and samples say of a checked problem with unknown pixels, as `Solved`."""
    from hybridmatte.methods.registry import solve_information_flow
    from hybridmatte.methods.shared_sampling import sample_alpha
    from hybridmatte.systems.expansion import expand_problem

    problem = expand_problem(problem, EXPANSION)
    known = np.where(problem.is_unknown, np.float32(0.5), problem.known_alpha)
    alpha = solve_information_flow(problem.image, known, expansion=0.0)
    with threads_for(problem.is_unknown.sum()):
        samples = sample_alpha(problem.image, known, expansion=0.0)
    return Solved(as_planes(problem.image), known, alpha, as_planes(*samples), known_distances(known))


def as_planes(*arrays):
    """Return float32 arrays (H, W) and (H, W, channels) as planes (all channels, H, W), one after the other."""
    planes = [np.moveaxis(np.atleast_3d(array), 2, 0) for array in arrays]
    return np.concatenate(planes, out=np.empty((sum(map(len, planes)), *planes[0].shape[1:]), np.float32))


def fuse_solved(solved):
    """Return alpha (H, W) float32 of `Solved`, corrected by the package's network."""
    from numba import get_num_threads
    from threadpoolctl import threadpool_limits

    network, alpha, is_open = bundled_fusion(), solved.alpha.copy(), solved.known == 0.5
    with LOCK, threadpool_limits(1, "blas"), ThreadPoolExecutor(get_num_threads()) as pool:
        tiles = _tiles(is_open)
        for tile, found in zip(tiles, pool.map(partial(_fuse_tile, solved, is_open, network), tiles), strict=True):
            alpha[tile][is_open[tile]] = found
    return alpha


def corrected(network, rows, trusted=TRUSTED):
    """Return alpha (n,) of rows of features (n, len(FEATURES)): a candidate's, and what a `Perceptron` adds to it."""
    return (rows[:, FEATURES.index(trusted)] + answer(network, rows)).clip(0, 1)


def _fuse_tile(solved, is_open, network, tile):
    """Return alpha (n,) of a tile's open pixels."""
    seen = tuple(slice(max(part.start - MARGIN, 0), min(part.stop + MARGIN, side))
                 for part, side in zip(tile, is_open.shape, strict=True))
    chosen = np.zeros_like(is_open[seen])
    chosen[tuple(slice(part.start - around.start, part.stop - around.start)
                 for part, around in zip(tile, seen, strict=True))] = is_open[tile]
    return corrected(network, fusion_features(solved.part(*seen), chosen))


def _tiles(is_open):
    """Return tiles no larger than their open pixels need, those with most first: what is left last is quickly done."""
    tiles = []
    for rows in _spans(is_open.any(axis=1)):
        for columns in _spans(is_open[rows].any(axis=0)):
            height, width = (_extent(is_open[rows, columns].any(axis=axis)) for axis in (1, 0))
            if height.stop:
                tiles.append((slice(rows.start + height.start, rows.start + height.stop),
                              slice(columns.start + width.start, columns.start + width.stop)))
    return sorted(tiles, key=lambda tile: -np.count_nonzero(is_open[tile]))


def _extent(is_wanted):
    """Return the slice from the first to the last that is wanted of a line, an empty one if nothing is."""
    wanted = np.flatnonzero(is_wanted)
    return slice(int(wanted[0]), int(wanted[-1]) + 1) if len(wanted) else slice(0, 0)


def _spans(is_wanted):
    """Return slices of at most TILE that cover what is wanted of a line, none if nothing is."""
    extent = _extent(is_wanted)
    start, end = extent.start, extent.stop
    if start == end:
        return []
    edges = np.linspace(start, end, -(-(end - start) // TILE) + 1).round().astype(int).tolist()
    return [slice(*edge) for edge in zip(edges[:-1], edges[1:], strict=True)]
