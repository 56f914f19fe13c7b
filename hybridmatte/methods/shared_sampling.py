"""Shared sampling (Gastal and Oliveira 2010): colours sampled from the known regions explain the unknown pixels.

Each unknown pixel samples pairs of colours along rays (``_sampling_numba``), compares its best pair with those of its
neighbours (``_sharing_numba``, ``_refinement_numba``), and smooths the result (``_sharing_numba``). `solve_sampling`
then minimises the closed-form energy with the samples' alpha as a prior.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._trimap_numba import chessboard_distances
from hybridmatte._validation import check_image, check_integer, check_number, check_plane
from hybridmatte.linalg.threads import threads_for
from hybridmatte.methods import _refinement_numba as refinement
from hybridmatte.methods import _sampling_numba as rays
from hybridmatte.methods import _sharing_numba as sharing
from hybridmatte.methods.closed_form import closed_form_system
from hybridmatte.methods.windows import REACH
from hybridmatte.similarity.known_expansion import expand_known
from hybridmatte.systems.expansion import expand_problem
from hybridmatte.systems.problem import Problem, check_problem, finish_alpha
from hybridmatte.systems.solve import check_stopping, solve_problem
from hybridmatte.trimap import Regions, split_trimap

__all__ = ["Samples", "sample_alpha", "sampled_pixels", "solve_sampling"]

SAMPLE_WEIGHT = 0.03  # confidence in a sample that explains its pixel perfectly
N_RAYS = 4
SHARED = 200  # pixels that share their samples
SMOOTHED = 100  # pixels over which layers are smoothed
EXPANSION = 12.0  # pixels, of the known regions before sampling
EPSILON = 1e-7  # of the closed-form Laplacian
SHARPNESS = 10.0  # confidence falls to 1 / e at a colour error of 1 / SHARPNESS


class Samples(NamedTuple):
    """Result of `sample_alpha`.

    alpha and confidence are (H, W) float32 in [0, 1]; on known pixels, alpha is 0 or 1 and the confidence is 1.
    foreground and background are (H, W, 3) float32 colours; on known pixels, they are the image's own.
    """

    alpha: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    foreground: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]


def solve_sampling(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    refine: bool = True,
    sample_weight: float = SAMPLE_WEIGHT,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    rtol: float = 1e-5,
    maxiter: int = 500,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by shared sampling and matte refinement.

    Each unknown pixel compares pairs of colours from the known regions around it, and keeps the pair that explains its
    own colour best (`sample_alpha`). A closed-form solve with these samples as its prior then smooths alpha along the
    edges of the image. The method is good where foreground and background differ in colour, also in wide unknown
    regions and behind gaps.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; the samples are a second prior beside the given one.
    refine : bool, default True
        Whether to solve, or to return the alpha of the samples (averaged with the prior by confidence).
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
    problem = check_problem(image, trimap, prior, confidence)
    sample_weight = check_number(sample_weight, "sample_weight", low=0)
    rtol, maxiter = check_stopping(rtol, maxiter)
    problem = expand_problem(problem, EXPANSION)
    if not problem.is_unknown.any():
        return finish_alpha(problem, problem.known_alpha)
    known = problem.trimap
    _check_regions(split_trimap(known))
    with threads_for(int(problem.is_unknown.sum())):
        pixels, values = sampled_pixels(problem.image, known)
    alpha, weight = problem.known_alpha.copy(), np.zeros_like(problem.known_alpha)
    alpha.ravel()[pixels], weight.ravel()[pixels] = values[:, 0], sample_weight * values[:, 1]
    problem = _join_priors(problem, alpha, weight)
    if not refine:
        return finish_alpha(problem, problem.prior)
    build = partial(closed_form_system, epsilon=EPSILON)
    return solve_problem(problem, build, method="sampling", reach=REACH, rtol=rtol, maxiter=maxiter)


def sample_alpha(
    image: npt.ArrayLike, trimap: npt.ArrayLike, *, n_rays: int = N_RAYS, expansion: float = 12.0
) -> Samples:
    """Estimate alpha, its confidence, and the foreground and background colours by shared sampling.

    Each unknown pixel follows a few rays to the known foreground and background, keeps the pair of colours that
    explains its own colour best, compares it with the pairs of its neighbours, and smooths the result. So it uses
    colours that are too far away for propagation, and needs no linear system. Where foreground and background colours
    overlap, the result is noisy; the matte refinement of `solve_sampling` removes this noise. Time is linear in the
    number of unknown pixels for a given width of the unknown region: 1 to 2 microseconds each on two cores. Memory is
    about 220 bytes for each unknown pixel and 16 bytes for each pixel of the image.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels; the fourth channel of RGBA is
        dropped. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    n_rays : int, default 4
        Rays from each pixel. More rays find more samples; time grows with the square of their number.
    expansion : float, default 12
        The known regions are expanded first, by `expand_known`: radius in pixels, and 255 times the colour distance; 0
        skips this.

    Returns
    -------
    samples : Samples
        alpha, confidence, foreground, background.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, a value is not finite or out of range, or the trimap has unknown
        pixels but no foreground or no background.

    See Also
    --------
    solve_sampling : the same, with matte refinement.

    Notes
    -----
    The method is the paper's, except that the colour distance of the expansion decreases with the distance in the
    image. Where no ray of a pixel, or of the pixels that share samples with it, meets a region, the region's mean
    colour is used.

    References
    ----------
    .. [1] E. Gastal, M. Oliveira. Shared sampling for real-time alpha matting. Eurographics 2010. Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 20)[None, :, None] * np.ones((5, 1, 3))
    >>> trimap = np.full((5, 20), 0.5)
    >>> trimap[:, 0], trimap[:, -1] = 0, 1
    >>> sample_alpha(image, trimap).alpha[2, [0, 5, 19]].round(1)
    array([0. , 0.3, 1. ], dtype=float32)
    """
    image = check_image(image)
    trimap = check_plane(trimap, "trimap", image.shape)
    n_rays = check_integer(n_rays, "n_rays", low=1, high=64)
    _check_regions(split_trimap(trimap))
    trimap = expand_known(image, trimap, radius=expansion, color_distance=expansion / 255)
    labels = np.where(trimap == 0.5, -1, trimap).astype(np.int8)
    alpha = (labels == 1).astype(np.float32)
    samples = Samples(alpha, np.ones_like(alpha), image.copy(), image.copy())
    pixels, values = _sampled_values(image, labels, n_rays)
    for plane, result in zip(samples, np.split(values, (1, 2, 5), axis=1), strict=True):
        plane.reshape(labels.size, -1)[pixels] = result
    return samples


def sampled_pixels(
    image: npt.NDArray[np.float32], known: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the unknown pixels (n,), ascending, and what `sample_alpha` finds for them without expansion, (n, 8).

    The columns are alpha, confidence, and both layers. `image` (H, W, 3) is a checked image, `known` (H, W) a trimap of
    0, 0.5 and 1 with both kinds of known pixels.
    """
    return _sampled_values(image, np.where(known == 0.5, -1, known).astype(np.int8), N_RAYS)


def _sampled_values(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.int8], n_rays: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the unknown pixels (n,), with a negative label, and their alpha, confidence and layers (n, 8)."""
    pixels = np.flatnonzero(labels < 0)
    values = np.empty((len(pixels), 8), np.float32)
    if len(pixels):
        values[:, 2:], values[:, 0], values[:, 1] = _sample(image, labels, pixels, n_rays)
    return pixels, values.clip(0.0, 1.0, out=values)


def _check_regions(regions: Regions) -> None:
    """Refuse a trimap that has unknown pixels but no foreground or no background."""
    if regions.is_unknown.any():
        for name in regions.missing:
            raise ValueError(
                f"trimap has no {name} pixel, expected one to take samples from; with a prior, solve_cf can answer"
            )


def _sample(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.int8], pixels: npt.NDArray[np.int64], n_rays: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return colours (n, 6), alpha (n,) and confidence (n,) of the unknown pixels (n,)."""
    index = np.full(labels.shape, -1, np.int32)
    index.ravel()[pixels] = np.arange(len(pixels))
    sides = [labels == side for side in (0, 1)]
    samples = rays.gather_samples(
        image,
        index,
        rays.edge_energies(image),
        chessboard_distances(labels, 2).reshape(2, -1),
        np.array([_box(side) for side in sides]),
        _rays(n_rays, labels.shape),
        n_rays,
        len(pixels),
    )
    means = [cv2.mean(image, side.view(np.uint8))[:3] for side in reversed(sides)]
    fallback = np.concatenate([*means, [0.0, 0.0]]).astype(np.float32)
    starts = np.searchsorted(pixels, np.arange(labels.shape[0] + 1) * labels.shape[1])
    offsets, squared = _disk(SHARED)
    chosen = sharing.three_best(image, index, pixels, starts, samples, offsets)
    rings = np.searchsorted(squared, np.arange(squared[-1] + 2))
    means = refinement.mean_samples(image, index, pixels, samples, chosen, offsets, rings, fallback)
    refined = refinement.refine_samples(image, pixels, means, np.float32(SHARPNESS))
    offsets, squared = _disk(SMOOTHED)
    proximity = np.exp(-squared / (2.0 * SMOOTHED / (9.0 * np.pi))).astype(np.float32)
    return sharing.smooth(image, labels, index, pixels, starts, refined, offsets, proximity, np.float32(SHARPNESS))


def _box(region: npt.NDArray[np.bool_]) -> tuple[Any, ...]:
    """Return the first and last row, and the first and last column, of a region."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


@lru_cache(maxsize=2)  # pictures of a folder, and both passes of `matte`, often have the same size
def _rays(n_rays: int, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], ...]:
    """Return tables of the rays that `gather_samples` follows, n_rays for each of N_TURNS turns of the first ray.

    The tables hold the directions (D, 2), int32 in fixed point, with a largest component of 1; the flat pixel after
    each step, relative to the first pixel, (D, K) int32; the entry of `edge_energies` that each step crosses, relative
    to that of the first pixel, (D, K) int32; and the steps per pixel of length (D,).
    """
    n_turns, one, shift = rays.N_TURNS, rays.ONE, rays.SHIFT
    angles = np.arange(n_rays * n_turns) * (2.0 * np.pi / (n_rays * n_turns))
    directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    directions = np.rint(directions / np.abs(directions).max(axis=1, keepdims=True) * one).astype(np.int32)
    paths, edges = np.empty((2, len(directions), max(shape)), np.int32)
    for direction, path, edge in zip(directions, paths, edges, strict=True):  # one by one, for less memory
        distance = (one // 2 + np.abs(direction[:, None]) * np.arange(max(shape))) >> shift
        y, x = np.where(direction[:, None] > 0, distance, -distance)
        dy, dx = np.diff(y, prepend=0), np.diff(x, prepend=0)
        path[:] = y * shape[1] + x
        is_forward = (dy > 0) | ((dy == 0) & (dx > 0))  # the earlier pixel of a step has its edge
        edge[:] = 4 * path + np.where(
            is_forward, np.where(dy > 0, dx + 2, 0) - 4 * (dy * shape[1] + dx), np.where(dy < 0, 2 - dx, 0)
        )
    return directions, paths, edges, one / np.sqrt((directions.astype(np.float64) ** 2).sum(axis=1))


def _disk(area: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the offsets of a disk of about `area` pixels, sorted by distance, and their squared distances."""
    radius = int(np.ceil(np.sqrt(area / np.pi)))
    offsets = np.stack(np.mgrid[-radius : radius + 1, -radius : radius + 1], axis=2).reshape(-1, 2)
    squared = (offsets**2).sum(axis=1)
    order = np.lexsort((offsets[:, 1], offsets[:, 0], squared))
    order = order[squared[order] <= area / np.pi + 0.5]
    return offsets[order], squared[order]


def _join_priors(problem: Problem, alpha: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]) -> Problem:
    """Return the problem with a second prior beside its own: the weighted mean, and the sum of the weights."""
    if problem.prior is None or problem.confidence is None:
        return problem._replace(prior=alpha, confidence=weight)
    total = problem.confidence + weight
    mean = np.divide(problem.confidence * problem.prior + weight * alpha, total, out=alpha.copy(), where=total > 0)
    return problem._replace(prior=mean, confidence=total)
