"""The best answer without torch: a small network that decides, pixel by pixel, which solver to believe."""

from typing import NamedTuple

import numpy as np

from hybridmatte._check import check_choice
from hybridmatte.solver.system import check_problem

__all__ = ["CANDIDATES", "PLANES", "QUALITIES", "SOLVERS", "Solved", "check_way", "fuse_solved", "fusion_planes",
           "known_distances", "matte", "matte_by", "solve_all"]

QUALITIES = {
    "best": "several solvers, and a small network that decides which to believe in each pixel",
    "fast": "information flow, the best single solver, in a third of the time",
}
SOLVERS = ("cf", "knn", "information_flow", "sampling")  # candidates, in the order of the network's planes
FAST = "information_flow"
CANDIDATES = (*SOLVERS, "samples")
PLANES = (*CANDIDATES, "is_foreground", "is_background", "to_foreground", "to_background", "confidence", "contrast",
          *(f"residual_{name}" for name in CANDIDATES))  # of the network's input
TILE, MARGIN = 256, 24  # pixels of a tile's side, and of what is seen around it, which is all that the network looks at
STEP = 4  # pixels between the places where tiles may begin: the network's stride
REACH = 4.0  # distances are log(1 + pixels) over this
RESIDUAL = 3.0  # a colour error of 1 / RESIDUAL fills its plane


class Solved(NamedTuple):
    """What the network judges by, all of one height and width.

    image is (H, W, 3) in [0, 1]; known is (H, W), 0, 0.5 and 1; mattes (H, W, len(SOLVERS)) and samples, (H, W, 8),
    the alpha, confidence, foreground and background of `sample_alpha`, are in [0, 1]; distances (H, W, 2) are those to
    the known foreground and background as log(1 + pixels) / REACH. All are float32.
    """

    image: np.ndarray
    known: np.ndarray
    mattes: np.ndarray
    samples: np.ndarray
    distances: np.ndarray

    def part(self, rows, columns):
        """Return the same of a rectangle, without copies."""
        return Solved(*(plane[rows, columns] for plane in self))


def matte(image, trimap, *, quality="best"):
    """Estimate alpha from an image and a trimap, as well as this library can.

    With ``quality="best"`` closed form, KNN, information flow and shared sampling solve for alpha, and a small network
    that comes with the package and runs without torch takes, in each pixel, a mean of their answers, of the samples',
    and of 0 and 1; how well the colours explain each answer tells it whom to believe.

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
        return solve(image, trimap, FAST)
    problem = check_problem(image, trimap)
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


def known_distances(known):
    """Return the distances (H, W, 2) of `Solved` from a trimap of 0, 0.5 and 1 with both regions."""
    import cv2

    planes = [cv2.distanceTransform(np.uint8(known != value), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for value in (1, 0)]
    return np.log1p(np.dstack(planes)) / np.float32(REACH)


def fusion_planes(solved):
    """Return the network's input (len(PLANES), H, W) float32 of `Solved`.

    The candidates are the mattes and the samples' alpha. Contrast is the distance between the samples' foreground and
    background, and the residual of a candidate the distance of the image's colour from what its alpha makes of them.
    """
    image, known, mattes, samples, distances = solved
    planes = np.empty((len(PLANES), *known.shape), np.float32)
    count = len(CANDIDATES)
    planes[:count - 1], planes[count - 1] = mattes.transpose(2, 0, 1), samples[:, :, 0]
    planes[count], planes[count + 1] = known == 1, known == 0
    planes[count + 2:count + 4], planes[count + 4] = distances.transpose(2, 0, 1), samples[:, :, 1]
    shown, foreground, background = (np.ascontiguousarray(colours.transpose(2, 0, 1))
                                     for colours in (image, samples[:, :, 2:5], samples[:, :, 5:8]))
    difference, shown = foreground - background, shown - background
    planes[count + 5] = _length(difference)
    for candidate, residual in zip(planes[:count], planes[count + 6:], strict=True):
        np.multiply(_length(shown - candidate * difference), np.float32(RESIDUAL), out=residual)
    return planes


def _length(colours):
    """Return the lengths (H, W) of colours (3, H, W)."""
    return np.sqrt((colours**2).sum(axis=0))


def fuse_solved(solved):
    """Return alpha (H, W) float32 of `Solved` by the network of the package, in tiles where pixels are unknown."""
    is_unknown = solved.known == 0.5
    alpha = solved.known.copy()
    height, width = alpha.shape
    for top, bottom in _spans(is_unknown.any(axis=1)):
        for left, right in _spans(is_unknown[top:bottom].any(axis=0)):
            here = slice(top, bottom), slice(left, right)
            seen = [slice(max(part.start - MARGIN, 0), min(part.stop + MARGIN, side))
                    for part, side in zip(here, (height, width), strict=True)]
            found = _mixed(fusion_planes(solved.part(*seen)))
            found = found[top - seen[0].start:, left - seen[1].start:][:bottom - top, :right - left]
            alpha[here] = np.where(is_unknown[here], found, alpha[here])
    return alpha


def _mixed(planes):
    """Return the mean (H, W) of planes' candidates, 0 and 1, with the weights that the network gives them."""
    from hybridmatte.bundled import run_planes

    weights = run_planes("fusion", planes)
    alpha = np.einsum("kij,kij->ij", weights[:-2], planes[:len(weights) - 2])
    return (alpha + weights[-1]).clip(0, 1)


def _spans(is_wanted):
    """Return (start, end) of at most TILE that cover what is wanted of a line, none if nothing is."""
    wanted = np.flatnonzero(is_wanted)
    if not len(wanted):
        return []
    start, end = int(wanted[0]), int(wanted[-1]) + 1
    start -= start % STEP
    count = -(-(end - start) // TILE)
    edges = [*(np.linspace(start, end, count + 1)[:-1] / STEP).round().astype(int) * STEP, end]
    return list(zip(edges[:-1], edges[1:], strict=True))
