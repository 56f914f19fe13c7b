"""Losses against a true alpha: L1, squares, composition, and mining of the hardest pixels."""

from hybridmatte._validation import check_number
from hybridmatte._validation_torch import check_together, promote
from hybridmatte.losses._region import checked, region_mean, region_of

__all__ = ["composition_loss", "hard_mining_loss", "l1_loss", "l2_loss"]


def l1_loss(alpha, target, *, region=None):
    """Charge the difference from a true alpha: mean over the region's pixels of ``|a_i - t_i|``.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it.
    target : (B, 1, H, W) tensor
        The true alpha, of alpha's dtype and device.
    region : (B, 1, H, W) tensor, optional
        Pixels that count are True, or have a value above 0.5; all by default. The mean is over the whole batch's.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if no pixel counts.

    Raises
    ------
    ValueError
        If shapes or devices disagree, a value is not in [0, 1], or target or region require a gradient.
    TypeError
        If an input is not a floating-point tensor, or dtypes disagree.

    Examples
    --------
    >>> import torch
    >>> l1_loss(torch.tensor([[[[0.25, 1.0]]]]), torch.tensor([[[[0.0, 1.0]]]])).item()
    0.125
    """
    values, target, region = checked(alpha, target=target, region=region)
    return region_mean((values - target).abs(), region_of(region, values)).to(alpha.dtype)


def l2_loss(alpha, target, *, region=None):
    """Charge the square of the difference from a true alpha: mean over the region's pixels of ``(a_i - t_i)^2``.

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

    Examples
    --------
    >>> import torch
    >>> l2_loss(torch.tensor([[[[0.5, 1.0]]]]), torch.tensor([[[[0.0, 1.0]]]])).item()
    0.125
    """
    values, target, region = checked(alpha, target=target, region=region)
    return region_mean((values - target).square(), region_of(region, values)).to(alpha.dtype)


def composition_loss(alpha, image, foreground, background, *, region=None):
    """Charge the difference between the image and what alpha composes of its true layers.

    Mean over the region's pixels and the three channels of ``|a F + (1 - a) B - I|``.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it.
    image, foreground, background : (B, 3, H, W) tensors
        RGB in [0, 1], of alpha's dtype and device. A gradient may flow to foreground and background.
    region : (B, 1, H, W) tensor, optional
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
    .. [1] N. Xu, B. Price, S. Cohen, T. Huang. Deep image matting. CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> white, black = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)
    >>> composition_loss(torch.full((1, 1, 1, 1), 0.75), white, white, black).item()
    0.25
    """
    values, image, region = checked(alpha, image=image, region=region)
    layers = [_checked_layer(alpha, layer, name) for name, layer in
              (("foreground", foreground), ("background", background))]
    composed = values * layers[0] + (1 - values) * layers[1]
    return region_mean((composed - image).abs(), region_of(region, values)).to(alpha.dtype)


def _checked_layer(alpha, layer, name):
    """Return a layer that fits alpha, promoted; unlike the other inputs it may carry a gradient."""
    check_together(alpha=alpha, **{name: layer})
    return promote(layer)


def hard_mining_loss(alpha, target, *, percent=50.0, region=None):
    """Charge the hardest pixels: mean of ``|a_i - t_i|`` over the given percentage of the region's largest errors.

    The percentage is of the whole batch's pixels in the region, rounded up.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.
    percent : float, default 50
        Share of the region's pixels that count, above 0, at most 100.

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
    .. [1] Semantic-guided Automatic Natural Image Matting with Trimap Generation Network and Light-weight Non-local
       Attention. Section 3.2.1.

    Examples
    --------
    >>> import torch
    >>> error = torch.tensor([[[[0.1, 0.2, 0.6, 0.8]]]])
    >>> round(hard_mining_loss(error, torch.zeros(1, 1, 1, 4)).item(), 6)
    0.7
    """
    percent = check_number(percent, "percent", above=0, high=100)
    values, target, region = checked(alpha, target=target, region=region)
    errors = (values - target).abs()[region_of(region, values)]
    if errors.numel() == 0:
        return (values * 0).sum().to(alpha.dtype)
    n_hard = -int(-errors.numel() * percent // 100)
    return errors.topk(n_hard).values.mean().to(alpha.dtype)
