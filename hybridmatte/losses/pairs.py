"""Losses over pairs of similar pixels: distance consistency (DC), its directional form (DDC), and the DDC hinge."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from hybridmatte.losses import _pairs_numba as kernels
from hybridmatte.losses._similar import Similarity, find_similar, has_kernels, neighbor_alpha, sum_over_pairs
from hybridmatte.similarity.window import Padding

__all__ = ["dc_loss", "ddc_hinge_loss", "ddc_loss"]


class PairPenalty(NamedTuple):
    """The penalty of a pair whose alphas differ by x and whose colours are a distance d apart."""

    code: int  # of the same penalty in the Numba kernel
    formula: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

    def __call__(self, x: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        """Return the penalties of pairs, by torch."""
        return self.formula(x, d)


FORMS = {
    "dc": PairPenalty(kernels.DC, lambda x, d: (x.abs() - d).abs()),
    "ddc": PairPenalty(kernels.DDC, lambda x, d: (x - d).abs()),
    "symmetric_ddc": PairPenalty(kernels.SYMMETRIC_DDC, lambda x, d: x.abs().maximum(d)),
    "hinge": PairPenalty(kernels.HINGE, lambda x, d: (x.abs() - d).clamp(min=0)),
}


def dc_loss(
    alpha: torch.Tensor,
    image: torch.Tensor,
    *,
    window_size: int = 11,
    padding: Padding = "cut",
    similarity: Similarity | None = None,
) -> torch.Tensor:
    """Penalise similar pixels whose alphas do not differ by their colour distance: distance consistency.

    Mean over the K selected pairs (i, j) of every pixel i of the batch, with x = a_i - a_j and
    d = ||I_i - I_j||_2, of ``| |x| - d |``. The loss asks alpha to vary wherever the image varies, also inside the
    foreground, and it is not convex. `ddc_loss` and `ddc_hinge_loss` have neither fault.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it. Half precision is computed in float32; the loss keeps alpha's dtype.
    image : (B, 3, H, W) tensor
        RGB in [0, 1], of alpha's dtype and device, without a gradient.
    window_size : int, default 11
        Side K of the window in pixels, odd, at least 3; the K most similar pixels of a window are its pairs.
    padding : {"cut", "zeros"}, default "cut"
        "cut" ends windows at the border; "zeros" surrounds image and alpha with zeros, as the authors do.
    similarity : WindowTopK, optional
        Result of ``window_topk(image)``, which saves the search when an image is used again. Its own window_size and
        padding apply then. Offsets that lead out of the image are refused on the CPU; on CUDA they make the loss NaN.

    Returns
    -------
    loss : scalar tensor
        At least 0, of alpha's dtype.

    Raises
    ------
    ValueError
        If shapes or devices differ, the image is not in [0, 1] or requires a gradient, or an option is out of range.
    TypeError
        If an input is not a tensor, or dtypes differ.

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
    return _mean_penalty(FORMS["dc"], alpha, *find_similar(alpha, image, window_size, padding, similarity))


def ddc_loss(
    alpha: torch.Tensor,
    image: torch.Tensor,
    *,
    window_size: int = 11,
    symmetric: bool = False,
    padding: Padding = "cut",
    similarity: Similarity | None = None,
) -> torch.Tensor:
    """Penalise similar pixels whose alphas differ by more than their colours: directional distance consistency (DDC).

    Mean over the K selected pairs (i, j) of every pixel i of the batch, with x = a_i - a_j and
    d = ||I_i - I_j||_2, of ``|x - d|``. With `symmetric` the mean is of ``(|x - d| + |-x - d|) / 2 = max(|x|, d)``, as
    if every pair were selected in both directions. About three pairs in four are; a pair selected in one direction
    only rewards x = d, and that sign has no meaning. The loss is convex in alpha. Where all pairs are mutual, its
    minimum is the mean of d, not 0.

    Parameters
    ----------
    alpha, image, window_size, padding, similarity
        As in `dc_loss`.
    symmetric : bool, default False
        Whether each pair counts in both directions.

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
    >>> ddc_loss(image[:, :1], image, window_size=3).item()  # alpha is constant where the colour is
    0.0
    """
    form = FORMS["symmetric_ddc" if symmetric else "ddc"]
    return _mean_penalty(form, alpha, *find_similar(alpha, image, window_size, padding, similarity))


def ddc_hinge_loss(
    alpha: torch.Tensor,
    image: torch.Tensor,
    *,
    window_size: int = 11,
    padding: Padding = "cut",
    similarity: Similarity | None = None,
) -> torch.Tensor:
    """Penalise alpha differences that exceed the colour distance.

    Mean over the K selected pairs (i, j) of every pixel i of the batch, with x = a_i - a_j and
    d = ||I_i - I_j||_2, of ``max(|x| - d, 0)``. This is the symmetric `ddc_loss` minus its minimum. The loss is convex
    in alpha, and 0 exactly where alpha is 1-Lipschitz along the selected pairs.

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
    return _mean_penalty(FORMS["hinge"], alpha, *find_similar(alpha, image, window_size, padding, similarity))


def _mean_penalty(form: PairPenalty, alpha: torch.Tensor, values: torch.Tensor, similarity: Similarity) -> torch.Tensor:
    """Return the mean penalty of the pairs in alpha's dtype: by a kernel where there is one, else by torch."""
    if not has_kernels(values):
        return penalty_by_tensors(form, values, similarity).to(alpha.dtype)
    total = sum_over_pairs(values, similarity, "pair_loss", form.code)
    return (total / similarity.offsets.numel()).to(alpha.dtype)


def penalty_by_tensors(form: PairPenalty, alpha: torch.Tensor, similarity: Similarity) -> torch.Tensor:
    """Return the mean penalty of the selected pairs by tensor operations alone, on any device."""
    difference = alpha[:, 0, :, :, None] - neighbor_alpha(alpha, similarity)
    return form(difference, similarity.distances.to(alpha.dtype)).mean()
