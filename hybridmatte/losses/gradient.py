"""Losses on the spatial gradients of alpha."""

import torch
from torch.nn.functional import pad

from hybridmatte._validation import check_number
from hybridmatte.losses._region import check_with_region, convolve, region_mean

__all__ = ["gradient_loss", "gradient_penalty_loss"]

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def gradient_loss(alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
    """Penalise differences of the Sobel gradients: mean over the region's pixels of ``|Sx a - Sx t| + |Sy a - Sy t|``.

    Sx and Sy are Sobel's filters divided by 8, so that a ramp of slope s has the gradient s. At the border the edge
    pixels are repeated.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.

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
    values, promoted_target, is_counted = check_with_region(alpha, region, target=target)
    slopes = sobel(values - promoted_target).abs().sum(dim=1, keepdim=True)
    return region_mean(slopes, is_counted).to(alpha.dtype)


def gradient_penalty_loss(
    alpha: torch.Tensor, target: torch.Tensor, *, weight: float = 0.01, region: torch.Tensor | None = None
) -> torch.Tensor:
    """Penalise differences of the forward differences of alpha and target, and the forward differences of alpha.

    With D the difference of two horizontal neighbours, the mean over these pairs of ``|Da - Dt| + weight |Da|``, plus
    the same mean over vertical neighbours. The second term keeps alpha flat where the target is flat. A pair counts if
    both pixels are in the region.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.
    weight : float, default 0.01
        Weight of the second term, at least 0.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if no pair of neighbours is in the region.

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
    values, promoted_target, is_counted = check_with_region(alpha, region, target=target)
    total = values.new_zeros(())
    for dim in (3, 2):
        difference, wanted = values.diff(dim=dim), promoted_target.diff(dim=dim)
        length = values.shape[dim] - 1
        both = is_counted.narrow(dim, 0, length) & is_counted.narrow(dim, 1, length)
        total = total + region_mean((difference - wanted).abs() + weight * difference.abs(), both)
    return total.to(alpha.dtype)


def sobel(values: torch.Tensor) -> torch.Tensor:
    """Return the horizontal and vertical slopes (B, 2, H, W) of values (B, 1, H, W) by Sobel's filters."""
    horizontal = torch.tensor(SOBEL, dtype=values.dtype, device=values.device) / 8
    filters = torch.stack([horizontal, horizontal.T])[:, None]
    return convolve(pad(values, (1, 1, 1, 1), mode="replicate"), filters)
