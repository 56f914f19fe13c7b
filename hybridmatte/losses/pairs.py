"""Losses over pairs of similar pixels: distance consistency (DC), its directional form (DDC), and the hinge."""

from hybridmatte._validation import check_choice
from hybridmatte.losses._similar import find_similar, neighbor_alpha, sum_over_pairs

__all__ = ["dc_loss", "ddc_hinge_loss", "ddc_loss"]


def dc_loss(alpha, image, *, window_size=11, padding="cut", similarity=None):
    """Charge similar pixels whose alphas differ by another amount than their colours: distance consistency.

    Mean over the K selected pairs (i, j) of every pixel i of the batch, with x = a_i - a_j and
    d = ||I_i - I_j||_2, of ``| |x| - d |``. It wants alpha to vary where the image does, also inside the foreground,
    and is not convex; `ddc_loss` and `ddc_hinge_loss` mend both.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it. Half precision is computed in single and returned as it came.
    image : (B, 3, H, W) tensor
        RGB in [0, 1], of alpha's dtype and device; carries no gradient.
    window_size : int, default 11
        Side K of the window in pixels, odd, at least 3; the K most similar pixels of a window count.
    padding : {"cut", "zeros"}, default "cut"
        "cut" ends windows at the border; "zeros" surrounds image and alpha with zeros, as the authors do.
    similarity : WindowTopK, optional
        From ``window_topk(image)``, to spare the search when an image is used again; its own window_size and padding
        count then.

    Returns
    -------
    loss : scalar tensor
        At least 0, of alpha's dtype.

    Raises
    ------
    ValueError
        If shapes or devices disagree, the image is not in [0, 1] or requires a gradient, or an option is out of range.
    TypeError
        If an input is not a tensor, or dtypes disagree.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 7.

    Examples
    --------
    >>> import torch
    >>> image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> bool(dc_loss(image[:, :1], image, window_size=3) > 0)
    True
    """
    return _mean_charge("dc", alpha, image, window_size, padding, similarity)


def ddc_loss(alpha, image, *, window_size=11, symmetric=False, padding="cut", similarity=None):
    """Charge similar pixels whose alphas differ by more than their colours: directional distance consistency.

    Mean over the K selected pairs (i, j) of every pixel i of the batch, with x = a_i - a_j and
    d = ||I_i - I_j||_2, of ``|x - d|``; with `symmetric`, of ``(|x - d| + |-x - d|) / 2 = max(|x|, d)``, as though
    every pair were selected both ways. Three in four are; the others, one way only, reward x = d, a direction without
    meaning. Convex in alpha. Where all pairs are mutual its least value is the mean of d, not 0.

    Parameters
    ----------
    alpha, image, window_size, padding, similarity
        As in `dc_loss`.
    symmetric : bool, default False
        Whether each pair counts both ways.

    Returns
    -------
    loss : scalar tensor
        At least 0, of alpha's dtype.

    Raises
    ------
    ValueError, TypeError
        As in `dc_loss`.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 8 and 9.

    Examples
    --------
    >>> import torch
    >>> image = torch.zeros(1, 3, 4, 4)
    >>> image[..., 2:] = 1
    >>> ddc_loss(image[:, :1], image, window_size=3).item()  # alpha keeps to the colours
    0.0
    """
    form = "symmetric_ddc" if symmetric else "ddc"
    return _mean_charge(form, alpha, image, window_size, padding, similarity)


def ddc_hinge_loss(alpha, image, *, window_size=11, padding="cut", similarity=None):
    """Charge similar pixels only for what their alphas differ beyond their colours.

    Mean over the K selected pairs (i, j) of every pixel i of the batch, with x = a_i - a_j and
    d = ||I_i - I_j||_2, of ``max(|x| - d, 0)``: symmetric `ddc_loss` less its least value. Convex; 0 exactly where
    alpha is 1-Lipschitz along the selected pairs.

    Parameters
    ----------
    alpha, image, window_size, padding, similarity
        As in `dc_loss`.

    Returns
    -------
    loss : scalar tensor
        At least 0, of alpha's dtype.

    Raises
    ------
    ValueError, TypeError
        As in `dc_loss`.

    Examples
    --------
    >>> import torch
    >>> image = torch.full((1, 3, 4, 4), 0.5)
    >>> ddc_hinge_loss(torch.full((1, 1, 4, 4), 0.3), image, window_size=3).item()
    0.0
    """
    return _mean_charge("hinge", alpha, image, window_size, padding, similarity)


FORMS = {
    "dc": lambda x, d: (x.abs() - d).abs(),
    "ddc": lambda x, d: (x - d).abs(),
    "symmetric_ddc": lambda x, d: x.abs().maximum(d),
    "hinge": lambda x, d: (x.abs() - d).clamp(min=0),
}


def _mean_charge(form, alpha, image, window_size, padding, similarity):
    """Return the mean charge of the selected pairs: by the kernel on the CPU, by tensor operations elsewhere."""
    check_choice(form, "form", list(FORMS))
    values, similarity = find_similar(alpha, image, window_size, padding, similarity)
    if values.device.type != "cpu":
        return charge_by_tensors(form, values, similarity).to(alpha.dtype)
    from hybridmatte.losses import _pairs_numba as kernels

    code = {"dc": kernels.DC, "ddc": kernels.DDC, "symmetric_ddc": kernels.SYMMETRIC_DDC, "hinge": kernels.HINGE}[form]
    total = sum_over_pairs(values, similarity, kernels.pair_loss, code)
    return (total / similarity.offsets.numel()).to(alpha.dtype)


def charge_by_tensors(form, alpha, similarity):
    """Return the mean charge of the selected pairs by tensor operations alone, on any device."""
    difference = alpha[:, 0, :, :, None] - neighbor_alpha(alpha, similarity)
    return FORMS[form](difference, similarity.distances.to(alpha.dtype)).mean()
