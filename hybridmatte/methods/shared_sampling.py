"""Shared sampling: alpha, foreground and background colours of each pixel from samples of the known regions."""

from functools import partial
from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_image, check_integer, check_plane
from hybridmatte.methods.closed_form import closed_form_system
from hybridmatte.similarity.known_expansion import expand_known
from hybridmatte.systems.expansion import expand_problem
from hybridmatte.systems.local import solve_local
from hybridmatte.systems.problem import finish_alpha
from hybridmatte.trimap import split_trimap

__all__ = ["Samples", "sample_alpha", "solve_samples"]

SHARED = 200  # pixels that share their samples
SMOOTHED = 100  # pixels over which layers are smoothed
REFINED_EXPANSION = 12.0  # pixels
EPSILON = 1e-7  # of the closed-form Laplacian
SHARPNESS = 10.0  # confidence falls to 1 / e at a colour error of 1 / SHARPNESS


class Samples(NamedTuple):
    """What sampling found.

    alpha and confidence are (H, W) float32 in [0, 1], 0 or 1 and 1 on known pixels; foreground and background are
    (H, W, 3) float32 colours, the image's own on known pixels.
    """

    alpha: np.ndarray
    confidence: np.ndarray
    foreground: np.ndarray
    background: np.ndarray


def sample_alpha(image, trimap, *, n_rays=4, expansion=12.0):
    """Return alpha, its confidence, and the layers' colours by shared sampling.

    Each unknown pixel looks along a few rays for known foreground and background, keeps the pair that explains its
    colour best, compares it with its neighbours' pairs, and smooths. It sees colours far away that propagation cannot
    reach, and needs no linear system; where foreground and background colours overlap it is noisy, which the matte
    refinement of `solve_sampling` mends. Time is linear in the unknown pixels for a given width of the region, about 4
    microseconds each on two cores; memory about 220 bytes each, and 16 a pixel of the
    image.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels, of RGBA the fourth
        channel is dropped. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    n_rays : int, default 4
        Rays from each pixel; more find more samples, and time grows with their square.
    expansion : float, default 12
        Radius in pixels of `expand_known`, which comes first, and 255 times its colour distance; 0 skips it.

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
    hybridmatte.alpha.solve_sampling : the same with its matte refinement.

    Notes
    -----
    As in the paper, but for the known regions' expansion, whose colour distance shrinks with the distance. Where no
    ray of a pixel or of those sharing with it meets a region, the region's mean colour stands in.

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
    pixels = np.flatnonzero(labels < 0)
    if len(pixels):
        layers, values, confidence = _sample(image, labels, pixels, n_rays)
        for plane, result in zip(samples, (values, confidence, layers[:, :3], layers[:, 3:]), strict=True):
            plane.reshape(labels.size, -1)[pixels] = np.clip(result, 0.0, 1.0).reshape(len(pixels), -1)
    return samples


def solve_samples(problem, *, refine, sample_weight, rtol, maxiter):
    """Return alpha (H, W) float32 of a checked problem; see `hybridmatte.alpha.solve_sampling`.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.
    """
    problem, samples = expand_and_sample(problem)
    return refine_samples(problem, samples, refine=refine, sample_weight=sample_weight, rtol=rtol, maxiter=maxiter)


def expand_and_sample(problem):
    """Return a checked problem with its known regions expanded, and its `Samples`; None if all is known then."""
    problem = expand_problem(problem, REFINED_EXPANSION)
    trimap = np.where(problem.is_unknown, np.float32(0.5), problem.known_alpha)
    return problem, sample_alpha(problem.image, trimap, expansion=0.0) if problem.is_unknown.any() else None


def refine_samples(problem, samples, *, refine, sample_weight, rtol, maxiter):
    """Return alpha (H, W) float32 of what `expand_and_sample` returned."""
    if samples is None:
        return finish_alpha(problem, problem.known_alpha)
    problem = _join_priors(problem, samples.alpha, sample_weight * samples.confidence)
    if not refine:
        return finish_alpha(problem, problem.prior)
    build = partial(closed_form_system, epsilon=EPSILON)
    return solve_local(problem, build, reach=2, rtol=rtol, maxiter=maxiter, method="sampling")


def _check_regions(regions):
    """Refuse a trimap that has unknown pixels but lacks a region."""
    if regions.is_unknown.any():
        for name, region in (("foreground", regions.is_foreground), ("background", regions.is_background)):
            if not region.any():
                raise ValueError(f"trimap has no {name} pixel, expected one to take samples from; with a prior, "
                                 "solve_cf can answer")


def _sample(image, labels, pixels, n_rays):
    """Return layers (n, 6), alpha (n,) and confidence (n,) of the unknown pixels (n,)."""
    import cv2

    from hybridmatte.methods import _sampling_numba as rays
    from hybridmatte.methods import _sharing_numba as sharing

    index = np.full(labels.shape, -1, np.int32)
    index.ravel()[pixels] = np.arange(len(pixels))
    boxes = np.array([_box(labels == side) for side in (0, 1)])
    samples = rays.gather(image, index, rays.edge_energies(image), _distances(labels), boxes,
                          _rays(n_rays, labels.shape), n_rays, len(pixels))
    means = [cv2.mean(image, np.uint8(labels == side))[:3] for side in (1, 0)]
    fallback = np.concatenate([*means, [0.0, 0.0]]).astype(np.float32)
    starts = np.searchsorted(pixels, np.arange(labels.shape[0] + 1) * labels.shape[1])
    offsets, _ = _disk(SHARED)
    chosen = sharing.three_best(image, index, pixels, starts, samples, offsets)
    shares = sharing.share(image, pixels, samples, chosen, fallback, np.float32(SHARPNESS))
    offsets, squared = _disk(SMOOTHED)
    near = np.exp(-squared / (2.0 * SMOOTHED / (9.0 * np.pi))).astype(np.float32)
    return sharing.smooth(image, labels, index, pixels, starts, shares, offsets, near, np.float32(SHARPNESS))


def _distances(labels):
    """Return distances (H W, 2) uint8 to the background and the foreground, the larger of both axes, at most 255."""
    import cv2

    found = (cv2.distanceTransform(np.uint8(labels != side), cv2.DIST_C, 3) for side in (0, 1))
    return np.stack([np.minimum(distance, 255).astype(np.uint8).ravel() for distance in found], axis=1)


def _box(region):
    """Return the first and last row and column of a region."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


def _rays(n_rays, shape):
    """Return the rays around the circle that `gather` follows, as many for each turn.

    Directions (D, 2) int32 in fixed point, the largest component 1; where the first K steps lead, (D, K) int32 flat
    pixels counted from the first; the `edge_energies` they cross, (D, K) int32 likewise; and steps per pixel (D,).
    """
    from hybridmatte.methods._sampling_numba import N_TURNS, ONE, SHIFT

    angles = np.arange(n_rays * N_TURNS) * (2.0 * np.pi / (n_rays * N_TURNS))
    directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    directions = np.rint(directions / np.abs(directions).max(axis=1, keepdims=True) * ONE).astype(np.int32)
    paths, edges = np.empty((2, len(directions), max(shape)), np.int32)
    for direction, path, edge in zip(directions, paths, edges, strict=True):  # one by one, for less memory
        y, x = (ONE // 2 + direction[:, None] * np.arange(max(shape))) >> SHIFT
        dy, dx = np.diff(y, prepend=0), np.diff(x, prepend=0)
        path[:] = y * shape[1] + x
        is_forward = (dy > 0) | ((dy == 0) & (dx > 0))  # the earlier pixel of a step has its edge
        edge[:] = 4 * path + np.where(is_forward, np.where(dy > 0, dx + 2, 0) - 4 * (dy * shape[1] + dx),
                                      np.where(dy < 0, 2 - dx, 0))
    return directions, paths, edges, ONE / np.hypot(*directions.T.astype(np.float64))


def _disk(area):
    """Return the offsets of a disk of about `area` pixels by distance, and their squared distances."""
    radius = int(np.ceil(np.sqrt(area / np.pi)))
    offsets = np.stack(np.mgrid[-radius:radius + 1, -radius:radius + 1], axis=2).reshape(-1, 2)
    squared = (offsets**2).sum(axis=1)
    order = np.lexsort((offsets[:, 1], offsets[:, 0], squared))
    order = order[squared[order] <= area / np.pi + 0.5]
    return offsets[order], squared[order]


def _join_priors(problem, alpha, weight):
    """Return the problem with a second prior beside its own: the weighted mean, and the sum of the weights."""
    if problem.prior is None:
        return problem._replace(prior=alpha, confidence=weight)
    total = problem.confidence + weight
    mean = np.divide(problem.confidence * problem.prior + weight * alpha, total, out=alpha.copy(), where=total > 0)
    return problem._replace(prior=mean, confidence=total)
