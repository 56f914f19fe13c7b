"""The system of a neighbour graph by tensor operations alone, on any device.

Preconditioned by its diagonal: links between distant pixels carry values over the image in a few steps. On two
photographs `GraphAggregation`, in tensors, took 41 and 48 iterations where this takes 67 and 103, each of which is a
product and little else.
"""

import torch

__all__ = ["DeviceGraph"]


class DeviceGraph:
    """``diagonal * x - W x = rhs`` on the unknown pixels of one image; vectors (n,) in the order of `pixels`.

    Parameters
    ----------
    pixels, rows, columns, weights : tensors
        Links of the unknown pixels, as of `knn_tensor_links`.
    known_alpha : (H, W) tensor, 0 on unknown pixels
    is_unknown : (H, W) bool tensor
    confidence : (H, W) tensor or None
    """

    def __init__(self, pixels, rows, columns, weights, *, known_alpha, is_unknown, confidence):
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
        self._links = torch.sparse_coo_tensor(links, weights[inner], (n, n), check_invariants=False).coalesce()

    def multiply(self, x):
        """Return A x in float64."""
        return self.diagonal * x - self._links @ x

    def precondition(self, residual):
        """Return an approximation of A^-1 residual."""
        return residual / self.diagonal

    def gather(self, plane):
        """Return the unknown pixels of a plane (H, W)."""
        return plane.flatten()[self._pixels].double()

    def scatter(self, x, plane):
        """Return a plane (H, W) with x on the unknown pixels."""
        return plane.flatten().index_copy(0, self._pixels, x).reshape(plane.shape)
