"""The system of a neighbour graph by tensor operations, on any device.

It is preconditioned by its diagonal, because links between distant pixels carry values over the image in a few
iterations. On two photographs this takes 67 and 103 iterations, each little more than a product; `GraphAggregation` by
tensor operations took 41 and 48, each of them costlier.
"""

from __future__ import annotations

import torch
from torch.sparse import check_sparse_tensor_invariants

__all__ = ["TensorGraphSystem"]


class TensorGraphSystem:
    """``diagonal * x - W x = rhs`` on the unknown pixels of one image; vectors (n,) are in the order of `pixels`.

    Parameters
    ----------
    pixels, rows, columns, weights : tensors
        Links of the unknown pixels, as of `knn_tensor_links`.
    known_alpha : (H, W) tensor, 0 on unknown pixels
    is_unknown : (H, W) bool tensor
    confidence : (H, W) tensor or None
    """

    diagonal: torch.Tensor
    known_rhs: torch.Tensor

    def __init__(
        self,
        pixels: torch.Tensor,
        rows: torch.Tensor,
        columns: torch.Tensor,
        weights: torch.Tensor,
        *,
        known_alpha: torch.Tensor,
        is_unknown: torch.Tensor,
        confidence: torch.Tensor | None,
    ) -> None:
        self._pixels, n = pixels, len(pixels)
        weights = weights.double()
        zeros = torch.zeros(n, dtype=torch.float64, device=pixels.device)
        self.known_rhs = zeros.index_add(0, rows, weights * known_alpha.flatten()[columns])
        self.diagonal = zeros.index_add(0, rows, weights)
        if confidence is not None:
            self.diagonal += self.gather(confidence)
        row_of = torch.zeros(is_unknown.numel(), dtype=torch.int64, device=pixels.device)
        row_of[pixels] = torch.arange(n, device=pixels.device)
        inner = is_unknown.flatten()[columns]
        links = torch.stack([rows[inner], row_of[columns[inner]]])
        with check_sparse_tensor_invariants(enable=False):  # also those of what coalesce makes
            self._links = torch.sparse_coo_tensor(links, weights[inner], (n, n)).coalesce()

    def matvec(self, x: torch.Tensor) -> torch.Tensor:
        """Return A x in float64."""
        return self.diagonal * x - self._links @ x

    def precondition(self, residual: torch.Tensor) -> torch.Tensor:
        """Return an approximation of A^-1 residual."""
        return residual / self.diagonal

    def gather(self, plane: torch.Tensor) -> torch.Tensor:
        """Return the unknown pixels of a plane (H, W)."""
        return plane.flatten()[self._pixels].double()

    def scatter(self, x: torch.Tensor, plane: torch.Tensor) -> torch.Tensor:
        """Return a plane (H, W) with x on the unknown pixels."""
        return plane.flatten().index_copy(0, self._pixels, x).reshape(plane.shape)
