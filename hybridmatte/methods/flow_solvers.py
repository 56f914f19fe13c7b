"""Solvers that look far: information flow and sampling of the known regions."""

from functools import partial

from hybridmatte._validation import check_number
from hybridmatte.systems.pipeline import solve_with

__all__ = ["solve_information_flow", "solve_sampling"]

SAMPLE_WEIGHT = 0.03  # confidence in a sample that explains its pixel perfectly


def solve_information_flow(image, trimap, *, known_weight=0.05, expansion=12.0, prior=None, confidence=None,
                           rtol=2e-4, maxiter=1000):
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
    rtol : float, default 2e-4
        As in `solve_cf`; the system is well conditioned, and 2e-4 leaves the errors' third digit alone. Down to 3e-5,
        and without a prior, single precision is used, which is quicker.

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
    from hybridmatte.methods.flow_solve import solve_flow

    known_weight = check_number(known_weight, "known_weight", low=0)
    expansion = check_number(expansion, "expansion", low=0, high=100)
    run = partial(solve_flow, expansion=expansion, known_weight=known_weight)
    return solve_with(run, image, trimap, prior, confidence, rtol, maxiter)


def solve_sampling(image, trimap, *, refine=True, sample_weight=SAMPLE_WEIGHT, prior=None, confidence=None, rtol=1e-5,
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
    from hybridmatte.methods.shared_sampling import solve_samples

    run = partial(solve_samples, refine=refine, sample_weight=check_number(sample_weight, "sample_weight", low=0))
    return solve_with(run, image, trimap, prior, confidence, rtol, maxiter)
