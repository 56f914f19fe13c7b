"""The DDC program of tensors, by tensor operations on any device."""

from __future__ import annotations

import torch

from hybridmatte._validation_torch import check_image_batch, check_no_gradient, check_together, split_planes
from hybridmatte.linalg._primal_dual_torch import minimize_tensor_links
from hybridmatte.methods.ddc import warn_open_gap
from hybridmatte.similarity.window import window_topk
from hybridmatte.systems._problem_torch import check_prior_batch

__all__ = ["TensorLinks", "solve_ddc_batch"]


class TensorLinks:
    """The links of one image that have an unknown end, as `make_links` returns them.

    The values at their ends are numbered: the unknown pixels first, then the known background and the known foreground.
    """

    def __init__(
        self, image: torch.Tensor, known_alpha: torch.Tensor, is_unknown: torch.Tensor, window_size: int
    ) -> None:
        topk = window_topk(image[None], window_size)
        self.n = int(is_unknown.sum())
        number = torch.where(known_alpha.ravel() > 0.5, self.n + 1, self.n)
        number[is_unknown.ravel()] = torch.arange(self.n, device=image.device)
        tails = torch.arange(is_unknown.numel(), device=image.device)[:, None].expand(-1, topk.offsets.shape[3]).ravel()
        heads = tails + topk.offsets.ravel().long()
        wanted = (tails != heads) & ((number[tails] < self.n) | (number[heads] < self.n))
        self.tails, self.heads = number[tails[wanted]], number[heads[wanted]]
        self.lengths = topk.distances.ravel()[wanted].double()
        self._known = torch.tensor([0.0, 1.0], dtype=torch.float64, device=image.device)
        self.degrees = self.divergence(torch.ones_like(self.lengths), arriving=1.0)[: self.n].clamp(min=1)

    def differences(self, alpha: torch.Tensor) -> torch.Tensor:
        """Return the alpha at each link's tail minus the alpha at its head."""
        values = torch.cat([alpha, self._known])
        return values[self.tails] - values[self.heads]

    def divergence(self, dual: torch.Tensor, arriving: float = -1.0) -> torch.Tensor:
        """Return, for each value, the duals of the links that leave it plus `arriving` times those that enter it."""
        total = torch.zeros(self.n + 2, dtype=torch.float64, device=dual.device)
        return total.index_add_(0, self.tails, dual).index_add_(0, self.heads, dual, alpha=arriving)


def solve_ddc_batch(
    image: torch.Tensor,
    trimap: torch.Tensor,
    prior: torch.Tensor | None,
    confidence: torch.Tensor | float | None,
    *,
    form: str,
    window_size: int,
    gap: float,
    maxiter: int,
) -> torch.Tensor:
    """Solve a batch of tensors on its device; return alpha (B, 1, H, W) in the image's dtype; see `solve_ddc`."""
    check_together(trimap=trimap, image=image, prior=prior)
    weight = check_prior_batch(trimap, prior, confidence)
    colors, planes = check_image_batch(image).float(), []
    given = torch.full_like(trimap, 0.5) if prior is None else prior
    weight = torch.zeros_like(trimap) if weight is None else weight
    for name, tensor in (("trimap", trimap), ("prior", given), ("confidence", weight)):
        check_no_gradient(tensor, name)
    weight = 2.0 * weight.double()
    for index in range(len(image)):
        is_foreground, _, is_unknown = split_planes(trimap[index, 0])
        plane = is_foreground.double()
        if is_unknown.any():
            links = TensorLinks(colors[index], plane, is_unknown, window_size)
            own = {"prior": given[index, 0][is_unknown].double(), "weight": weight[index, 0][is_unknown]}
            result = minimize_tensor_links(links, form, start=own["prior"], gap=gap, maxiter=maxiter, **own)
            warn_open_gap(result, len(links.lengths), gap)
            plane[is_unknown] = result.alpha
        planes.append(plane)
    return torch.stack(planes)[:, None].to(image.dtype)
