"""A stencil system by tensor operations, on any device: dense planes instead of lists of unknown pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hybridmatte.linalg._multigrid_torch import LATER, TensorMultigrid, shifted

__all__ = ["TensorStencilSystem"]


class TensorStencilSystem:
    """``A x = rhs`` on the unknown pixels of one image, with its preconditioner; planes (H, W), 0 on known pixels.

    Parameters
    ----------
    weights : (12, H, W) float64 tensor
        Entries of the Laplacian from each pixel to the 12 later ones of its 5 x 5 neighbourhood; overwritten.
    diagonal : (H, W) float64 tensor
        Diagonal of the Laplacian.
    image : (3, H, W) tensor
        The colours, which span the near-null space of the preconditioner together with the constant.
    is_unknown : (H, W) bool tensor
    known_alpha : (H, W) tensor, 0 on unknown pixels
    confidence : (H, W) tensor or None
    method : str
        Name for messages.

    Raises
    ------
    ValueError
        If no window inside the image reaches an unknown pixel.
    """

    mask: torch.Tensor
    diagonal: torch.Tensor
    known_rhs: torch.Tensor
    precondition: TensorMultigrid

    def __init__(
        self,
        weights: torch.Tensor,
        diagonal: torch.Tensor,
        image: torch.Tensor,
        is_unknown: torch.Tensor,
        known_alpha: torch.Tensor,
        confidence: torch.Tensor | None,
        *,
        method: str,
    ) -> None:
        self._weights = weights
        self.mask = is_unknown.double()
        self.known_rhs = -self._apply(weights, torch.zeros_like(diagonal), known_alpha.double()) * self.mask
        for index, step in enumerate(LATER):
            weights[index] *= self.mask * shifted(self.mask, step)
        self.diagonal = torch.where(is_unknown, diagonal + (0.0 if confidence is None else confidence), 1.0)
        if (is_unknown & (self.diagonal <= 0.0)).any():
            raise ValueError(
                f"trimap has unknown pixels that no window of {method} inside the image reaches, expected none"
            )
        self.precondition = TensorMultigrid(self, image)

    def matvec(self, x: torch.Tensor) -> torch.Tensor:
        """Return A x in float64."""
        return self._apply(self._weights, self.diagonal, x)

    def gather(self, plane: torch.Tensor) -> torch.Tensor:
        """Return a plane (H, W) with zeros on known pixels."""
        return plane * self.mask

    def scatter(self, x: torch.Tensor, plane: torch.Tensor) -> torch.Tensor:
        """Return a plane (H, W) with x on the unknown pixels."""
        return torch.where(self.mask > 0.0, x, plane)

    def single(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function that multiplies in float32."""
        weights, diagonal = self._weights.float(), self.diagonal.float()
        return lambda x: self._apply(weights, diagonal, x)

    def weights_to(self, step: tuple[int, int]) -> torch.Tensor:
        """Return the entries from each pixel to the one `step` away, in either direction, float32."""
        if step in LATER:
            return self._weights[LATER.index(step)].float()
        back = (-step[0], -step[1])
        return shifted(self._weights[LATER.index(back)], step).float()

    @staticmethod
    def _apply(weights: torch.Tensor, diagonal: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        result = diagonal * x
        for index, step in enumerate(LATER):
            result += weights[index] * shifted(x, step)
            result += shifted(weights[index] * x, (-step[0], -step[1]))
        return result
