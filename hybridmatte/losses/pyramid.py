"""The Laplacian pyramid loss."""

import torch
from torch.nn.functional import pad

from hybridmatte._validation import check_integer
from hybridmatte.losses._region import checked, convolve, region_of

__all__ = ["laplacian_pyramid_loss"]

BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def laplacian_pyramid_loss(alpha, target, *, levels=5, region=None):
    """Charge differences band by band: weighted sum over the levels of mean ``|L_s(a) - L_s(t)|``.

    The bands are those of a Laplacian pyramid with the 5 x 5 binomial filter; band s counts 2^s times, as a coarse
    pixel covers more. Each mean is over the batch's pixels of that level, weighted by the share of the region in
    them; differences outside the region count as none. The last, coarsest image is a band too.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.
    levels : int, default 5
        Number of bands, at least 1; fewer if a side comes down to one pixel before.

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
    values, target, region = checked(alpha, target=target, region=region)
    is_counted = region_of(region, values)
    share = is_counted.to(values.dtype)
    difference = torch.where(is_counted, values - target, 0.0)  # the pyramid is linear
    total = values.new_zeros(())
    for level in range(levels):
        is_last = level == levels - 1 or min(difference.shape[2:]) == 1
        coarse = difference if is_last else _halved(difference)
        band = difference if is_last else difference - _doubled(coarse, difference.shape[2:])
        weight = torch.where(share.sum() > 0, share.sum(), 1.0)
        total = total + 2**level * (share * band.abs()).sum() / weight
        if is_last:
            break
        difference, share = coarse, _halved(share)
    return total.to(alpha.dtype)


def _blurred(values):
    """Blur by the binomial filter, the border continued by its edge pixels."""
    line = torch.tensor(BINOMIAL, dtype=values.dtype, device=values.device) / sum(BINOMIAL)
    return convolve(pad(values, (2, 2, 2, 2), mode="replicate"), torch.outer(line, line)[None, None])


def _halved(values):
    return _blurred(values)[:, :, ::2, ::2]


def _doubled(values, shape):
    """Put the values on the even pixels of a plane twice as large and blur, by weights that add up to one."""
    sparse = values.new_zeros((*values.shape[:2], *shape))
    places = torch.zeros_like(sparse[:1, :1])
    sparse[:, :, ::2, ::2], places[:, :, ::2, ::2] = values, 1.0
    return _blurred(sparse) / _blurred(places)
