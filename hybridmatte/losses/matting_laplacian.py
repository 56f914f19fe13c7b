"""The quadratic form of the closed-form matting Laplacian, in torch, without building the matrix."""

import torch

from hybridmatte._validation import check_number
from hybridmatte._validation_torch import check_image_batch, check_together
from hybridmatte.methods._closed_form_torch import closed_form_product

__all__ = ["matting_laplacian_loss"]


def matting_laplacian_loss(alpha: torch.Tensor, image: torch.Tensor, *, epsilon: float = 1e-7) -> torch.Tensor:
    """Penalise alpha that is not affine in colour within 3 x 3 windows: ``a' L a / N`` over the N pixels of the batch.

    L is the matrix of `closed_form_laplacian`. Each window contributes the squared error of fitting its alphas by an
    affine function of its colours, plus epsilon times the squared slope of that function. The loss is computed in
    float64 from the moments of the windows; time and memory are linear in the number of pixels.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it.
    image : (B, 3, H, W) tensor
        RGB in [0, 1], of alpha's dtype and device, without a gradient.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.

    Returns
    -------
    loss : scalar tensor
        At least 0, up to rounding, of alpha's dtype; 0 if the image has no 3 x 3 window.

    Raises
    ------
    ValueError, TypeError
        As in `dc_loss`.

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.

    Examples
    --------
    >>> import torch
    >>> image = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    >>> bool(matting_laplacian_loss(image[:, :1].clone(), image) < 1e-6)  # affine in the colours
    True
    """
    epsilon = check_number(epsilon, "epsilon", above=0)
    check_together(alpha=alpha, image=image)
    image = check_image_batch(image)
    return (closed_form_product(alpha, alpha, image, epsilon).sum() / alpha.numel()).to(alpha.dtype)
