"""Losses on the spatial gradients of alpha."""

import torch
from torch.nn.functional import pad

from hybridmatte._validation import check_number
from hybridmatte.losses._region import checked, convolve, region_mean, region_of

__all__ = ["gradient_loss", "gradient_penalty_loss"]

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def gradient_loss(alpha, target, *, region=None):
    """Charge differences in slope: mean over the region's pixels of ``|Sx a - Sx t| + |Sy a - Sy t|``.

    Sx and Sy are Sobel's filters, divided by 8, so that a ramp of slope s gives s; the image is continued at the
    border by its edge pixels.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        As in `l1_loss`.

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Eq. 5.

    Examples
    --------
    >>> import torch
    >>> ramp = torch.arange(5.0).repeat(5, 1)[None, None] / 8
    >>> interior = torch.zeros(1, 1, 5, 5)
    >>> interior[..., 1:-1] = 1
    >>> gradient_loss(ramp, torch.zeros_like(ramp), region=interior).item()
    0.125
    """
    values, target, region = checked(alpha, target=target, region=region)
    slopes = sobel(values - target).abs().sum(dim=1, keepdim=True)
    return region_mean(slopes, region_of(region, values)).to(alpha.dtype)


def gradient_penalty_loss(alpha, target, *, weight=0.01, region=None):
    """Charge differences between forward steps, and steps as such.

    Mean over the steps between horizontal neighbours of ``|Da - Dt| + weight |Da|``, plus the same of vertical ones;
    the second term keeps alpha flat where the true alpha is. A step counts if both its pixels are in the region.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.
    weight : float, default 0.01
        Weight of the steps as such, at least 0.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if no step counts.

    Raises
    ------
    ValueError, TypeError
        As in `l1_loss`.

    References
    ----------
    .. [1] J. Yao, X. Wang, S. Yang, B. Wang. ViTMatte: boosting image matting with pre-trained plain vision
       transformers. Information Fusion 2024.

    Examples
    --------
    >>> import torch
    >>> step = torch.tensor([[[[0.0, 1.0]]]])
    >>> round(gradient_penalty_loss(step, step).item(), 6)
    0.01
    """
    weight = check_number(weight, "weight", low=0)
    values, target, region = checked(alpha, target=target, region=region)
    is_counted = region_of(region, values)
    total = 0.0
    for dim in (3, 2):
        steps, wanted = values.diff(dim=dim), target.diff(dim=dim)
        length = values.shape[dim] - 1
        both = is_counted.narrow(dim, 0, length) & is_counted.narrow(dim, 1, length)
        total = total + region_mean((steps - wanted).abs() + weight * steps.abs(), both)
    return total.to(alpha.dtype)


def sobel(values):
    """Return the horizontal and vertical slopes (B, 2, H, W) of values (B, 1, H, W) by Sobel's filters."""
    horizontal = torch.tensor(SOBEL, dtype=values.dtype, device=values.device) / 8
    filters = torch.stack([horizontal, horizontal.T])[:, None]
    return convolve(pad(values, (1, 1, 1, 1), mode="replicate"), filters)
