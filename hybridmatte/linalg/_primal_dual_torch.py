"""The primal-dual iterations of `minimize_links` by tensor operations, on any device."""

import torch

from hybridmatte.linalg.primal_dual import BALANCE, CHECK_EVERY, RELAXATION, PrimalDualResult
from hybridmatte.similarity.window import window_topk


class TensorLinks:
    """The links of one image between pixels of which at least one is unknown, as `make_links` finds them.

    Values are numbered as the unknown pixels first, then a known background and a known foreground.
    """

    def __init__(self, image, trimap_value, is_unknown, window_size):
        topk = window_topk(image[None], window_size)
        self.n = int(is_unknown.sum())
        number = torch.where(trimap_value.ravel() > 0.5, self.n + 1, self.n)
        number[is_unknown.ravel()] = torch.arange(self.n, device=image.device)
        tails = torch.arange(is_unknown.numel(), device=image.device)[:, None].expand(-1, topk.offsets.shape[3]).ravel()
        heads = tails + topk.offsets.ravel().long()
        wanted = (tails != heads) & ((number[tails] < self.n) | (number[heads] < self.n))
        self.tails, self.heads = number[tails[wanted]], number[heads[wanted]]
        self.lengths = topk.distances.ravel()[wanted].double()
        self._known = torch.tensor([0.0, 1.0], dtype=torch.float64, device=image.device)
        self.degrees = self.divergence(torch.ones_like(self.lengths), arriving=1.0)[:self.n].clamp(min=1)

    def differences(self, alpha):
        """Return the alpha at each link's tail less that at its head."""
        values = torch.cat([alpha, self._known])
        return values[self.tails] - values[self.heads]

    def divergence(self, dual, arriving=-1.0):
        """Return the sum of the duals of the links that leave each value, with those that arrive times a factor."""
        total = torch.zeros(self.n + 2, dtype=torch.float64, device=dual.device)
        return total.index_add_(0, self.tails, dual).index_add_(0, self.heads, dual, alpha=arriving)


def charge_of(links, alpha, form, weight, prior):
    """Return the charge of alpha, over the links and to the prior."""
    x, d = links.differences(alpha), links.lengths
    charges = (x - d).abs() if form == "ddc" else (x.abs() - d).clamp(min=0)
    return (charges.sum() + 0.5 * (weight * (alpha - prior).square()).sum()).item()


def bound_of(links, dual, form, weight, prior):
    """Return the dual's lower bound of the charge of any alpha in [0, 1]."""
    slope = links.divergence(dual)
    free = slope[:links.n]
    best = torch.where(weight > 0, (prior - free / weight.clamp(min=1e-300)).clamp(0.0, 1.0), (free < 0).double())
    paid = links.lengths * (dual if form == "ddc" else dual.abs())
    own = free * best + 0.5 * weight * (best - prior).square()
    return (own.sum() + slope[links.n + 1] - paid.sum()).item()


def minimize_tensor_links(links, form, *, start, weight, prior, gap, maxiter):
    """Do what `minimize_links` does; tensors are float64 on one device."""
    sigma, tau = 0.5 / BALANCE, BALANCE / links.degrees
    alpha, dual = start.clone(), torch.zeros_like(links.lengths)
    charge, bound, iteration = float("inf"), float("-inf"), 0
    while iteration < maxiter:
        step = alpha - tau * links.divergence(dual)[:links.n]
        step = ((step + tau * weight * prior) / (1 + tau * weight)).clamp(0.0, 1.0)
        ahead = 2 * step - alpha
        alpha = alpha + RELAXATION * (step - alpha)
        moved = dual + sigma * links.differences(ahead)
        if form == "ddc":
            moved -= sigma * links.lengths
        else:
            moved = moved.sign() * (moved.abs() - sigma * links.lengths).clamp(min=0)
        dual = dual + RELAXATION * (moved.clamp(-1.0, 1.0) - dual)
        iteration += 1
        if iteration % CHECK_EVERY == 0 or iteration == maxiter:
            inside = alpha.clamp(0.0, 1.0)
            charge = charge_of(links, inside, form, weight, prior)
            bound = max(bound, bound_of(links, dual.clamp(-1.0, 1.0), form, weight, prior))
            if charge - bound <= gap * max(len(links.lengths), 1):
                break
    return PrimalDualResult(inside, charge, bound, iteration)
