"""The losses over pairs of similar pixels in their plain form: the image is unfolded into all its windows.

The authors of "Training Matting Models without Alpha Labels" (2024) compute the losses in this way, with zeros around
the image. The unfolded tensor has K^2 times the size of the image. These functions are the oracle of
`hybridmatte.losses` and the control of `experiments/bench_losses`.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import unfold


def unfolded_pairs(
    alpha: torch.Tensor, image: torch.Tensor, window_size: int = 11
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return x = a_i - a_j and d = ||I_i - I_j|| of the K most similar pixels of each window, (B, K, H * W) each.

    Pixels outside the image count as black pixels with alpha 0. torch.topk decides ties, in no particular order.
    """
    batch, _, height, width = alpha.shape
    colors = unfold(image, window_size, padding=window_size // 2).view(batch, 3, window_size**2, height * width)
    distances = torch.linalg.vector_norm(colors - image.flatten(2)[:, :, None], dim=1)
    nearest, places = distances.topk(window_size, dim=1, largest=False)
    others = unfold(alpha, window_size, padding=window_size // 2).gather(1, places)
    return alpha.flatten(2) - others, nearest


def dc_loss(alpha: torch.Tensor, image: torch.Tensor, window_size: int = 11) -> torch.Tensor:
    """Return the mean over the pairs of | |x| - d |."""
    x, d = unfolded_pairs(alpha, image, window_size)
    return (x.abs() - d).abs().mean()


def ddc_loss(alpha: torch.Tensor, image: torch.Tensor, window_size: int = 11) -> torch.Tensor:
    """Return the mean over the pairs of |x - d|."""
    x, d = unfolded_pairs(alpha, image, window_size)
    return (x - d).abs().mean()


def ddc_hinge_loss(alpha: torch.Tensor, image: torch.Tensor, window_size: int = 11) -> torch.Tensor:
    """Return the mean over the pairs of max(|x| - d, 0)."""
    x, d = unfolded_pairs(alpha, image, window_size)
    return (x.abs() - d).clamp(min=0).mean()


def affinity_loss(alpha: torch.Tensor, image: torch.Tensor, window_size: int = 11) -> torch.Tensor:
    """Return the mean over the pixels of |sum_j A_ij a_j - a_i|.

    A_ij is proportional to 1 - d_ij / sqrt(3), and the rows of A sum to 1.
    """
    x, d = unfolded_pairs(alpha, image, window_size)
    weights = 1 - d / 3**0.5
    weights = weights / weights.sum(dim=1, keepdim=True)
    return (weights * (alpha.flatten(2) - x)).sum(dim=1).sub(alpha.flatten(2)[:, 0]).abs().mean()


def pair_losses_by_loops(
    alpha: npt.NDArray[np.floating], distances: npt.NDArray[np.floating], offsets: npt.NDArray[np.integer]
) -> dict[str, float]:
    """Return all losses of one image by name, pair by pair.

    alpha is (H, W); distances and offsets are (H, W, K), the result of `hybridmatte.window_topk` with padding "cut".
    """
    values = alpha.ravel()
    sums = dict.fromkeys(("dc", "ddc", "symmetric_ddc", "hinge", "affinity"), 0.0)
    height, width, n_neighbors = distances.shape
    for i in range(height * width):
        row, mass = 0.0, 0.0
        for d, offset in zip(distances.reshape(-1, n_neighbors)[i], offsets.reshape(-1, n_neighbors)[i], strict=True):
            x, d = float(values[i] - values[i + offset]), float(d)
            sums["dc"] += abs(abs(x) - d)
            sums["ddc"] += abs(x - d)
            sums["symmetric_ddc"] += (abs(x - d) + abs(-x - d)) / 2
            sums["hinge"] += max(abs(x) - d, 0.0)
            row += (1 - d / 3**0.5) * float(values[i + offset])
            mass += 1 - d / 3**0.5
        sums["affinity"] += n_neighbors * abs(row / mass - float(values[i]))
    return {name: total / distances.size for name, total in sums.items()}
