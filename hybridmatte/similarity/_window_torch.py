"""The window top-K of batches of tensors: by Numba on the CPU, by Triton on CUDA, by tensor operations elsewhere."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import pad

from hybridmatte._validation_torch import torch_threads
from hybridmatte.linalg._devices_torch import runs_triton
from hybridmatte.similarity._window_numba import fill_topk

CHUNK_BYTES = 2**28  # memory for the keys of one strip of rows
MAX_TRITON_NEIGHBORS = 64  # of the Triton kernel, which holds two registers for each of at most 255 a lane
PLACE_BITS = 20  # lowest bits of a key, which hold the place; a window has at most 2**20 places


def topk_batch(
    image: torch.Tensor, window_size: int, margin: int, n_neighbors: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return distances and flat offsets (B, H, W, K) of a float32 image (B, 3, H, W), on its device.

    The image counts as padded by a margin of black pixels. On a CUDA device with Triton, a kernel searches for up to
    MAX_TRITON_NEIGHBORS neighbours. More neighbours, and other devices, go by tensor operations, which need memory for
    the keys of a strip of rows.
    """
    if runs_triton(image.device) and n_neighbors <= MAX_TRITON_NEIGHBORS:
        from hybridmatte.similarity._window_triton import topk_triton

        return topk_triton(image, window_size, margin, n_neighbors)
    if image.device.type != "cpu":
        return topk_shifts(pad(image, (margin,) * 4), window_size, margin, n_neighbors)
    planes = np.pad(image.numpy(), ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    distances = torch.empty((len(image), *image.shape[2:], n_neighbors))
    offsets = torch.empty(distances.shape, dtype=torch.int32)
    with torch_threads():
        for image_planes, image_distances, image_offsets in zip(
            np.ascontiguousarray(planes), distances.numpy(), offsets.numpy(), strict=True
        ):
            fill_topk(image_planes, window_size, margin, image_distances, image_offsets)
    return distances, offsets


def topk_shifts(
    planes: torch.Tensor, window_size: int, margin: int, n_neighbors: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the same as `topk_batch` for images padded by `margin`, by tensor operations alone.

    The image is processed in strips of rows. Each pixel gets one integer key for each place of its window. A key has
    the bits of the squared distance, which sort like the distance, above the number of the place. Hence no two keys are
    equal, and ties go to the first place. The K smallest keys give distances and places.
    """
    half = window_size // 2
    stride = planes.shape[3]
    height, width = planes.shape[2] - 2 * margin, stride - 2 * margin
    framed = pad(planes, (half - margin,) * 4, value=torch.inf)
    n_rows = max(1, CHUNK_BYTES // (8 * window_size**2 * len(planes) * width))
    strips = [
        _strip_keys(framed, start, min(start + n_rows, height), window_size)
        .topk(n_neighbors, dim=3, largest=False, sorted=True)
        .values
        for start in range(0, height, n_rows)
    ]
    keys = torch.cat(strips, dim=1)
    squared = (keys >> PLACE_BITS).int().view(torch.float32)
    distances = squared.double().sqrt().float()  # torch's square root in float32 is not correctly rounded
    places = (keys & (2**PLACE_BITS - 1)).int()
    rows, columns = torch.div(places, window_size, rounding_mode="floor"), places % window_size
    return distances, (rows - half) * stride + columns - half


def _strip_keys(framed: torch.Tensor, start: int, stop: int, window_size: int) -> torch.Tensor:
    """Return the keys (B, rows, W, window_size**2) of the rows start to stop - 1.

    `framed` is the image with a frame of half a window on each side; pixels outside the padded image are infinite.
    """
    half = window_size // 2
    width = framed.shape[3] - 2 * half
    center = framed[:, :, start + half : stop + half, half : half + width]
    keys = torch.empty((len(framed), stop - start, width, window_size**2), dtype=torch.int64, device=framed.device)
    for place in range(window_size**2):
        y, x = divmod(place, window_size)
        r, g, b = (framed[:, :, start + y : stop + y, x : x + width] - center).unbind(1)
        squared = r * r + g * g + b * b
        keys[..., place] = (squared.view(torch.int32).long() << PLACE_BITS) | place
    return keys
