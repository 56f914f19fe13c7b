"""The Laplacian pyramid loss."""

import torch
from torch.nn.functional import pad

from hybridmatte._validation import check_integer
from hybridmatte.losses._region import check_with_region, convolve

__all__ = ["laplacian_pyramid_loss"]

BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def laplacian_pyramid_loss(
    alpha: torch.Tensor, target: torch.Tensor, *, levels: int = 5, region: torch.Tensor | None = None
) -> torch.Tensor:
    """Penalise differences of the Laplacian pyramids: weighted sum over the levels of mean ``|L_s(a) - L_s(t)|``.

    The pyramid uses the 5 x 5 binomial filter. Level s has the weight 2^s, as one of its pixels covers more of the
    image. The mean of a level is over the batch's pixels of that level, each weighted by its share of the region;
    the difference outside the region is set to 0. The coarsest image is the last level.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.
    levels : int, default 5
        Number of levels, at least 1; fewer are used if a side shrinks to one pixel before.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if the region is empty.

    Raises
    ------
    ValueError, TypeError
        As in `l1_loss`.

    References
    ----------
    .. [1] S. Niklaus, F. Liu. Context-aware synthesis for video frame interpolation. CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> alpha = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> laplacian_pyramid_loss(alpha, alpha.clone()).item()
    0.0
    """
    levels = check_integer(levels, "levels", low=1)
    values, promoted_target, is_counted = check_with_region(alpha, region, target=target)
    share = is_counted.to(values.dtype)
    # the pyramid is linear: that of the difference is the difference of the pyramids
    difference = torch.where(is_counted, values - promoted_target, 0.0)
    total = values.new_zeros(())
    for level in range(levels):
        is_last = level == levels - 1 or min(difference.shape[2:]) == 1
        coarse = difference if is_last else downsample(difference)
        band = difference if is_last else difference - upsample(coarse, difference.shape[2:])
        weight = torch.where(share.sum() > 0, share.sum(), 1.0)
        total = total + 2**level * (share * band.abs()).sum() / weight
        if is_last:
            break
        difference, share = coarse, downsample(share)
    return total.to(alpha.dtype)


def _blur(values: torch.Tensor) -> torch.Tensor:
    """Return values (B, 1, H, W) blurred by the binomial filter; at the border the edge pixels are repeated."""
    line = torch.tensor(BINOMIAL, dtype=values.dtype, device=values.device) / sum(BINOMIAL)
    return convolve(pad(values, (2, 2, 2, 2), mode="replicate"), torch.outer(line, line)[None, None])


def downsample(values: torch.Tensor) -> torch.Tensor:
    """Return the next coarser level: every second pixel of the blurred values."""
    return _blur(values)[:, :, ::2, ::2]


def upsample(values: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Return values of a coarser level at the shape (H, W) of the finer one.

    The values are put on the even pixels of a plane of zeros and blurred, by weights normalised to the sum 1.
    """
    sparse = values.new_zeros((*values.shape[:2], *shape))
    is_filled = torch.zeros_like(sparse[:1, :1])
    sparse[:, :, ::2, ::2], is_filled[:, :, ::2, ::2] = values, 1.0
    return _blur(sparse) / _blur(is_filled)
