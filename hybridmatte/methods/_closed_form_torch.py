"""Closed-form matting of tensors: the differentiable solve, and the Laplacian by tensor operations on any device."""

from __future__ import annotations

from functools import partial

import torch

from hybridmatte.linalg._devices_torch import runs_triton
from hybridmatte.linalg._grid_torch import LATER
from hybridmatte.methods.closed_form import closed_form_system
from hybridmatte.methods.windows import REACH
from hybridmatte.systems._stencil_torch import TensorStencilSystem, masked_entries
from hybridmatte.systems.differentiable import ArraySolver, SolveLayer, TensorSolver, solve_batch
from hybridmatte.systems.problem import Problem
from hybridmatte.systems.solve import ProblemSolver, check_stopping

__all__ = ["closed_form_layer", "closed_form_product", "closed_form_weights", "solve_cf_batch"]


def solve_cf_batch(
    image: torch.Tensor,
    trimap: torch.Tensor,
    prior: torch.Tensor | None,
    confidence: torch.Tensor | float | None,
    *,
    epsilon: float,
    rtol: float,
    maxiter: int,
) -> torch.Tensor:
    """Solve a batch of tensors by closed-form matting; see `solve_cf`."""
    on_device = image.device.type != "cpu"
    layer = closed_form_layer(epsilon, rtol=rtol, maxiter=maxiter, on_device=on_device)
    return solve_batch(layer, image, trimap, prior, confidence)


def closed_form_layer(epsilon: float, *, rtol: float, maxiter: int, on_device: bool) -> SolveLayer:
    """Return the differentiable solve: by the NumPy side, or by tensor operations on the tensors' device."""
    rtol, maxiter = check_stopping(rtol, maxiter)
    form = partial(closed_form_product, epsilon=epsilon)

    def solver(problem: Problem) -> ProblemSolver:
        build = partial(closed_form_system, epsilon=epsilon)
        return ProblemSolver(problem, build, method="closed_form", reach=REACH, rtol=rtol, maxiter=maxiter)

    def system(
        image: torch.Tensor, is_unknown: torch.Tensor, known_alpha: torch.Tensor, confidence: torch.Tensor | None
    ) -> TensorStencilSystem:
        given = is_unknown, known_alpha, confidence
        if runs_triton(image.device):
            from hybridmatte.methods._closed_form_triton import closed_form_entries

            entries = closed_form_entries(image, epsilon, *given)
        else:
            entries = masked_entries(*closed_form_weights(image, epsilon), *given)
        return TensorStencilSystem(entries, image, is_unknown, method="closed_form")

    if on_device:
        return SolveLayer(partial(TensorSolver, system, rtol=rtol, maxiter=maxiter, method="closed_form"), form)
    return SolveLayer(partial(ArraySolver, solver), form)


def closed_form_product(left: torch.Tensor, right: torch.Tensor, image: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Return ``left' L right`` for each image of a batch, (B,) float64, differentiable in all three.

    left and right are (B, 1, H, W), the image is (B, 3, H, W). The matrix L is never formed.
    """
    if min(image.shape[2:]) < 3:
        return (left.double() * right.double()).sum(dim=(1, 2, 3)) * 0.0
    left, right, image = _centered(left), _centered(right), _centered(image)
    covariance = torch.einsum("pbihw,pbjhw->bhwij", image, image) / 9
    covariance = covariance + torch.eye(3, dtype=image.dtype, device=image.device) * (epsilon / 9)
    from_left = torch.einsum("pbihw,pbjhw->bhwij", image, left) / 9
    from_right = torch.einsum("pbihw,pbjhw->bhwij", image, right) / 9
    slopes = torch.linalg.solve(covariance, from_right)
    squares = (left * right).sum(dim=(0, 2))
    return (squares - 9 * (from_left * slopes).sum(dim=(3, 4))).sum(dim=(1, 2))


def _centered(values: torch.Tensor) -> torch.Tensor:
    """Return the 9 pixels of each window minus the window's mean, (9, B, C, H - 2, W - 2) float64."""
    height, width = values.shape[2] - 2, values.shape[3] - 2
    values = values.double()
    windows = torch.stack([values[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)])
    return windows - windows.mean(dim=0)


def closed_form_weights(image: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the closed-form Laplacian of an image (3, H, W), float64.

    It is given by the entries from each pixel to the 12 later ones of its 5 x 5 neighbourhood, (12, H, W), and the
    diagonal (H, W).
    """
    height, width = image.shape[1:]
    weights = torch.zeros((len(LATER), height, width), dtype=torch.float64, device=image.device)
    diagonal = torch.zeros((height, width), dtype=torch.float64, device=image.device)
    rows, columns = height - 2, width - 2
    places = [divmod(p, 3) for p in range(9)]
    windows = torch.stack([image[:, y : y + rows, x : x + columns].double() for y, x in places])
    windows = windows - windows.mean(dim=0)
    covariance = torch.einsum("pihw,pjhw->hwij", windows, windows) / 9
    covariance += torch.eye(3, dtype=torch.float64, device=image.device) * (epsilon / 9)
    weighted = torch.einsum("hwij,pjhw->pihw", torch.linalg.inv(covariance), windows)
    for p, (y, x) in enumerate(places):
        for q in range(p, 9):
            entry = (1.0 + (windows[p] * weighted[q]).sum(dim=0)) / 9.0
            here = (slice(y, y + rows), slice(x, x + columns))
            if p == q:
                diagonal[here] += 1.0 - entry
            else:
                step = (places[q][0] - y, places[q][1] - x)
                weights[LATER.index(step)][here] -= entry
    return weights, diagonal
