"""The known loss: alpha against the known pixels of a trimap."""

import torch

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses._region import check_inputs, region_mean

__all__ = ["known_loss"]


def known_loss(alpha: torch.Tensor, trimap: torch.Tensor) -> torch.Tensor:
    """Penalise the difference from the trimap on its known pixels.

    Mean over all known pixels of the batch of ``|a_i - t_i|``, where t is 0 in the background and 1 in the foreground.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it.
    trimap : (B, 1, H, W) tensor
        Background at most 0.1, foreground at least 0.9, the rest unknown; of alpha's dtype and device.

    Returns
    -------
    loss : scalar tensor
        0 if no pixel is known.

    Raises
    ------
    ValueError
        If shapes or devices differ, or the trimap has values outside [0, 1] or requires a gradient.
    TypeError
        If an input is not a floating-point tensor, or dtypes differ.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Section "Learning semantics from trimaps".

    Examples
    --------
    >>> import torch
    >>> trimap = torch.tensor([[[[0.0, 0.5, 1.0]]]])
    >>> known_loss(torch.tensor([[[[0.5, 0.5, 1.0]]]]), trimap).item()
    0.25
    """
    values, promoted_trimap = check_inputs(alpha, trimap=trimap)
    is_foreground, is_background, _ = split_planes(promoted_trimap)
    error = (values - is_foreground.to(values.dtype)).abs()
    return region_mean(error, is_foreground | is_background).to(alpha.dtype)
