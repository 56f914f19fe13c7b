"""The neighbours of the losses over similar pixels, and the ways to sum over them: by kernels, and by torch alone."""

from typing import TypeAlias

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from hybridmatte._validation_torch import check_no_gradient, check_together, promote, torch_threads
from hybridmatte.linalg._devices_torch import runs_triton
from hybridmatte.losses import _pairs_numba
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


def has_kernels(alpha: torch.Tensor) -> bool:
    """Return whether kernels sum over the pairs of this alpha: on the CPU, and in float32 on CUDA with Triton."""
    return alpha.device.type == "cpu" or (alpha.dtype == torch.float32 and runs_triton(alpha.device))


def sum_over_pairs(alpha: torch.Tensor, similarity: Similarity, kernel: str, option: float) -> torch.Tensor:
    """Return the sum that a kernel computes of alpha (B, 1, H, W), differentiable once; see `has_kernels`.

    Kernels have the same names in ``_pairs_numba`` and ``_pairs_triton``, and one option.
    """
    planes = pad(alpha[:, 0], (similarity.margin,) * 4)
    return _KernelSum.apply(planes, similarity, kernel, option)


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
    def forward(ctx, planes, similarity, kernel, option):
        """Return the sum over the padded planes of alpha (B, H, W); keep its gradient."""
        total, gradient = (_sum_cpu if planes.device.type == "cpu" else _sum_cuda)(planes, similarity, kernel, option)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the kept gradient times the gradient of the result."""
        (gradient,) = ctx.saved_tensors
        return grad_output * gradient, None, None, None


def _sum_cpu(
    planes: torch.Tensor, similarity: Similarity, kernel: str, option: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of a Numba kernel and its gradient."""
    values = planes.detach().contiguous().flatten(1).numpy()
    offsets, stride = similarity.offsets.numpy(), planes.shape[2]
    gradient = torch.zeros_like(planes, memory_format=torch.contiguous_format)
    with torch_threads():
        reach = _pairs_numba.farthest_row(offsets, values.shape[1], stride, similarity.margin)
        if reach < 0:
            raise ValueError("similarity has offsets that lead out of the image, expected those that window_topk found")
        total = getattr(_pairs_numba, kernel)(
            values,
            similarity.distances.numpy(),
            offsets,
            stride,
            similarity.margin,
            max(2 * reach, MIN_BAND_ROWS),
            option,
            gradient.flatten(1).numpy(),
        )
    return planes.new_tensor(total), gradient


def _sum_cuda(
    planes: torch.Tensor, similarity: Similarity, kernel: str, option: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of a Triton kernel and its gradient."""
    from hybridmatte.losses import _pairs_triton

    return getattr(_pairs_triton, kernel)(planes.detach(), similarity, option)
