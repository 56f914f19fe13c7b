"""The neighbours of the losses over similar pixels, and two ways to sum over them: a Numba kernel, and torch alone."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from hybridmatte._validation_torch import check_no_gradient, check_together, promote, torch_threads
from hybridmatte.losses._pairs_numba import farthest_row
from hybridmatte.similarity.window import Padding, WindowTopK, window_topk

MIN_BAND_ROWS = 8  # see _pairs_numba
Similarity: TypeAlias = WindowTopK[torch.Tensor]


def find_similar(
    alpha: torch.Tensor, image: torch.Tensor, window_size: int, padding: Padding, similarity: Similarity | None
) -> tuple[torch.Tensor, Similarity]:
    """Check the inputs of a loss; return alpha in float32 or float64, and the similar pixels of the image."""
    check_together(alpha=alpha, image=image)
    if similarity is None:
        return promote(alpha), window_topk(image, window_size, padding=padding)
    check_no_gradient(image, "image")
    return promote(alpha), _check_similarity(similarity, alpha)


def _check_similarity(similarity: Similarity, alpha: torch.Tensor) -> Similarity:
    """Return a similarity that fits alpha; refuse any other."""
    if not isinstance(similarity, WindowTopK) or not isinstance(similarity.offsets, torch.Tensor):
        raise TypeError(
            f"similarity is a {type(similarity).__name__}, expected a WindowTopK of tensors, from window_topk(image)"
        )
    if similarity.distances.shape != similarity.offsets.shape or similarity.distances.dtype != torch.float32:
        raise ValueError(
            f"similarity has distances of shape {tuple(similarity.distances.shape)} and dtype "
            f"{similarity.distances.dtype}, expected float32 and the shape of its offsets, "
            f"{tuple(similarity.offsets.shape)}"
        )
    expected = (alpha.shape[0], *alpha.shape[2:])
    if tuple(similarity.offsets.shape[:3]) != expected:
        raise ValueError(
            f"similarity has shape {tuple(similarity.offsets.shape)}, expected {expected} and K, as "
            f"alpha has shape {tuple(alpha.shape)}"
        )
    if similarity.offsets.device != alpha.device:
        raise ValueError(
            f"similarity is on {similarity.offsets.device} but alpha is on {alpha.device}, expected one device"
        )
    return similarity


def sum_over_pairs(
    alpha: torch.Tensor, similarity: Similarity, kernel: Callable[..., float], *options: Any
) -> torch.Tensor:
    """Return the sum that a kernel of ``_pairs_numba`` computes of alpha (B, 1, H, W) on the CPU, differentiable."""
    planes = pad(alpha[:, 0], (similarity.margin,) * 4)
    return _KernelSum.apply(planes, similarity, kernel, options)


def neighbor_alpha(alpha: torch.Tensor, similarity: Similarity) -> torch.Tensor:
    """Return alpha at the similar pixels of each pixel, (B, H, W, K), by torch alone; it is 0 outside the image."""
    margin = similarity.margin
    planes = pad(alpha[:, 0], (margin,) * 4)
    rows, columns = (torch.arange(side, device=alpha.device) + margin for side in alpha.shape[2:])
    places = (rows[:, None] * planes.shape[2] + columns)[:, :, None] + similarity.offsets.long()
    return planes.flatten(1).gather(1, places.flatten(1)).view(places.shape)


class _KernelSum(Function):
    """The sum of a kernel that returns its value and writes its gradient in the same pass."""

    @staticmethod
    def forward(ctx, planes, similarity, kernel, options):
        """Return the sum over the padded planes of alpha (B, H, W); keep its gradient."""
        values = planes.detach().contiguous().flatten(1).numpy()
        offsets, stride = similarity.offsets.numpy(), planes.shape[2]
        gradient = torch.zeros_like(planes, memory_format=torch.contiguous_format)
        with torch_threads():
            reach = farthest_row(offsets, values.shape[1], stride, similarity.margin)
            if reach < 0:
                raise ValueError(
                    "similarity has offsets that lead out of the image, expected those that window_topk found"
                )
            total = kernel(
                values,
                similarity.distances.numpy(),
                offsets,
                stride,
                similarity.margin,
                max(2 * reach, MIN_BAND_ROWS),
                *options,
                gradient.flatten(1).numpy(),
            )
        ctx.save_for_backward(gradient)
        return planes.new_tensor(total)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the kept gradient times the gradient of the result."""
        (gradient,) = ctx.saved_tensors
        return grad_output * gradient, None, None, None
