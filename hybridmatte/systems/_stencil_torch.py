"""A stencil system on tensors, on any device: dense planes instead of lists of unknown pixels."""

from __future__ import annotations

from typing import NamedTuple

import torch

from hybridmatte.linalg._grid_torch import LATER, TensorGrid, shifted
from hybridmatte.linalg._multigrid_torch import TensorMultigrid

__all__ = ["StencilEntries", "TensorStencilSystem", "masked_entries"]


class StencilEntries(NamedTuple):
    """The entries of a system on the unknown pixels of one image; weights are 0 at known pixels.

    weights (12, H, W) float64 are the entries from each pixel to the 12 later ones of its 5 x 5 neighbourhood,
    single_weights the same in float32. diagonal (H, W) float64 includes the confidence and is 1 on known pixels.
    known_rhs (H, W) float64 is the right-hand side that the known alphas give.
    """

    grid: TensorGrid
    weights: torch.Tensor
    single_weights: torch.Tensor
    diagonal: torch.Tensor
    known_rhs: torch.Tensor


def masked_entries(
    weights: torch.Tensor,
    diagonal: torch.Tensor,
    is_unknown: torch.Tensor,
    known_alpha: torch.Tensor,
    confidence: torch.Tensor | None,
) -> StencilEntries:
    """Return the entries of the system of a Laplacian; its weights (12, H, W) are overwritten.

    known_alpha (H, W) is 0 on unknown pixels.
    """
    grid, mask = TensorGrid(is_unknown), is_unknown.double()
    known_rhs = -grid.product(weights, torch.zeros_like(diagonal), known_alpha.double()) * mask
    for index, step in enumerate(LATER):
        weights[index] *= mask * shifted(mask, step)
    diagonal = torch.where(is_unknown, diagonal + (0.0 if confidence is None else confidence), 1.0)
    return StencilEntries(grid, weights, weights.float(), diagonal, known_rhs)


class TensorStencilSystem:
    """``A x = rhs`` on the unknown pixels of one image, with its preconditioner; planes (H, W), 0 on known pixels.

    Parameters
    ----------
    entries : StencilEntries
    image : (3, H, W) tensor
        The colours, which span the near-null space of the preconditioner together with the constant.
    is_unknown : (H, W) bool tensor
    method : str
        Name for messages.

    Raises
    ------
    ValueError
        If no window inside the image reaches an unknown pixel.
    """

    grid: TensorGrid
    mask: torch.Tensor
    diagonal: torch.Tensor
    single_weights: torch.Tensor
    known_rhs: torch.Tensor
    precondition: TensorMultigrid

    def __init__(self, entries: StencilEntries, image: torch.Tensor, is_unknown: torch.Tensor, *, method: str) -> None:
        self.grid, self._weights, self.single_weights, self.diagonal, self.known_rhs = entries
        self.mask = is_unknown.double()
        if (is_unknown & (self.diagonal <= 0.0)).any():
            raise ValueError(
                f"trimap has unknown pixels that no window of {method} inside the image reaches, expected none"
            )
        self.precondition = TensorMultigrid(self, image)

    def matvec(self, x: torch.Tensor) -> torch.Tensor:
        """Return A x in float64."""
        return self.grid.product(self._weights, self.diagonal, x)

    def gather(self, plane: torch.Tensor) -> torch.Tensor:
        """Return a plane (H, W) with zeros on known pixels."""
        return plane * self.mask

    def scatter(self, x: torch.Tensor, plane: torch.Tensor) -> torch.Tensor:
        """Return a plane (H, W) with x on the unknown pixels."""
        return torch.where(self.mask > 0.0, x, plane)
