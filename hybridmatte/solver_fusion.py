"""The best answer without torch: boosted trees that correct the best solver by what the others say."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from hybridmatte._check import check_choice
from hybridmatte.boosted_trees import sum_of_trees
from hybridmatte.bundled import bundled_trees
from hybridmatte.fusion_features import (
    FEATURES,
    MARGIN,
    SOLVERS,
    TRUSTED,
    Solved,
    fusion_features,
    known_distances,
)
from hybridmatte.solver.system import check_problem

__all__ = ["QUALITIES", "check_way", "corrected", "disputed", "first_alpha", "fuse_solved", "matte", "matte_by",
           "solve_all"]

QUALITIES = {
    "best": "several solvers, and boosted trees that correct the best of them in each pixel",
    "fast": "information flow, the best single solver, in a third of the time",
}
AGREED = 1 / 255  # solvers that differ by no more agree
TILE = 128  # pixels of a tile's side; MARGIN more are seen around it


def matte(image, trimap, *, quality="best"):
    """Estimate alpha from an image and a trimap, as well as this library can.

    With ``quality="best"`` closed form, KNN, information flow and shared sampling solve for alpha, and boosted trees
    that come with the package correct information flow in each pixel, by what the solvers say there and around it and
    how well the colours explain it.

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
    from hybridmatte.alpha import solve

    check_choice(quality, "quality", list(QUALITIES))
    if quality == "fast":
        return solve(image, trimap, TRUSTED)
    problem = check_problem(image, trimap)
    bundled_trees()  # what is damaged is found before the solvers run
    if not problem.is_unknown.any():
        return problem.known_alpha
    return fuse_solved(solve_all(problem))


def matte_by(image, trimap, method=None, quality=None):
    """Return alpha by a method of `hybridmatte.METHODS` or else by a quality of `matte`, "best" if neither is given."""
    from hybridmatte.alpha import solve

    method, quality = check_way(method, quality)
    return matte(image, trimap, quality=quality) if method is None else solve(image, trimap, method=method)


def check_way(method, quality):
    """Return method and quality, of which just one is not None, checked."""
    from hybridmatte.alpha import METHODS

    if method is None:
        return None, check_choice("best" if quality is None else quality, "quality", list(QUALITIES))
    if quality is not None:
        raise ValueError(f"quality is {quality!r} and method {method!r}, expected one of the two")
    return check_choice(method, "method", list(METHODS)), None


def solve_all(problem):
    """Return what every solver says of a checked problem with unknown pixels, as `Solved`."""
    from hybridmatte.alpha import solve
    from hybridmatte.alpha.flow import SAMPLE_WEIGHT
    from hybridmatte.sampling import expand_and_sample, refine_samples
    from hybridmatte.solver._threads import threads_for

    known = np.where(problem.is_unknown, np.float32(0.5), problem.known_alpha)
    with threads_for(problem.is_unknown.sum()):
        expanded, samples = expand_and_sample(problem)
        sampled = refine_samples(expanded, samples, refine=True, sample_weight=SAMPLE_WEIGHT, rtol=1e-5, maxiter=500)
    if samples is None:
        samples = sampled, np.ones_like(sampled), problem.image, problem.image
    mattes = [sampled if name == "sampling" else solve(problem.image, known, name) for name in SOLVERS]
    return Solved(problem.image, known, np.dstack(mattes), np.dstack(samples), known_distances(known))


def fuse_solved(solved):
    """Return alpha (H, W) float32 of `Solved`: the trusted solver's, where others differ by the package's trees."""
    from numba import get_num_threads

    trees, alpha, is_open = bundled_trees(), first_alpha(solved), disputed(solved)
    tiles = [tile for rows in _spans(is_open.any(axis=1)) for columns in _spans(is_open[slice(*rows)].any(axis=0))
             if is_open[tile := (slice(*rows), slice(*columns))].any()]
    with ThreadPoolExecutor(get_num_threads()) as pool:
        for tile, found in zip(tiles, pool.map(partial(_fuse_tile, solved, is_open, trees), tiles), strict=True):
            alpha[tile][is_open[tile]] = found
    return alpha


def first_alpha(solved):
    """Return alpha (H, W) before it is corrected: the trusted solver's, exact on known pixels."""
    return np.where(solved.known == 0.5, solved.mattes[:, :, SOLVERS.index(TRUSTED)], solved.known)


def disputed(solved):
    """Return where (H, W) the solvers do not agree on an unknown pixel: elsewhere nothing is to be corrected."""
    ranges = solved.mattes.max(axis=2) - solved.mattes.min(axis=2)
    return (solved.known == 0.5) & (ranges > AGREED)


def corrected(trees, rows, trusted=TRUSTED):
    """Return alpha (n,) of rows of features (n, len(FEATURES)), a candidate's with the error that trees find added."""
    return (rows[:, FEATURES.index(trusted)] + sum_of_trees(trees, rows)).clip(0, 1)


def _fuse_tile(solved, is_open, trees, tile):
    """Return alpha (n,) of a tile's open pixels."""
    seen = tuple(slice(max(part.start - MARGIN, 0), min(part.stop + MARGIN, side))
                 for part, side in zip(tile, is_open.shape, strict=True))
    chosen = np.zeros_like(is_open[seen])
    chosen[tuple(slice(part.start - around.start, part.stop - around.start)
                 for part, around in zip(tile, seen, strict=True))] = is_open[tile]
    return corrected(trees, fusion_features(solved.part(*seen), chosen))


def _spans(is_wanted):
    """Return (start, end) of at most TILE that cover what is wanted of a line, none if nothing is."""
    wanted = np.flatnonzero(is_wanted)
    if not len(wanted):
        return []
    start, end = int(wanted[0]), int(wanted[-1]) + 1
    edges = np.linspace(start, end, -(-(end - start) // TILE) + 1).round().astype(int).tolist()
    return list(zip(edges[:-1], edges[1:], strict=True))
