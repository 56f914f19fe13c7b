"""The window top-K of batches of tensors: on the CPU the Numba kernel, elsewhere shifted images and integer keys."""

import numpy as np
import torch
from torch.nn.functional import pad

from hybridmatte._validation_torch import torch_threads

CHUNK_BYTES = 2**28  # of the keys held at a time on a device
PLACE_BITS = 20  # of a key, below the bits of the squared distance; a window has at most 2^20 pixels


def topk_batch(image, window_size, margin, n_neighbors):
    """Return distances and flat offsets (B, H, W, K) of a float32 image (B, 3, H, W), on its device."""
    from hybridmatte.similarity._window_numba import fill_topk

    if image.device.type != "cpu":
        return topk_shifts(pad(image, (margin,) * 4), window_size, margin, n_neighbors)
    planes = np.pad(image.numpy(), ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    distances = torch.empty((len(image), *image.shape[2:], n_neighbors))
    offsets = torch.empty(distances.shape, dtype=torch.int32)
    with torch_threads():
        for filled in zip(np.ascontiguousarray(planes), distances.numpy(), offsets.numpy(), strict=True):
            fill_topk(filled[0], window_size, margin, *filled[1:])
    return distances, offsets


def topk_shifts(planes, window_size, margin, n_neighbors):
    """Return the same as the kernel with tensor operations alone, in strips of rows.

    A key holds the bits of a squared distance, which order like the distance, above the place in the window, so
    that ties go to the first place and no two keys are equal.
    """
    half = window_size // 2
    stride = planes.shape[3]
    height, width = planes.shape[2] - 2 * margin, stride - 2 * margin
    framed = pad(planes, (half - margin,) * 4, value=torch.inf)
    n_rows = max(1, CHUNK_BYTES // (8 * window_size**2 * len(planes) * width))
    strips = [_strip_keys(framed, start, min(start + n_rows, height), window_size).topk(
        n_neighbors, dim=3, largest=False, sorted=True).values for start in range(0, height, n_rows)]
    keys = torch.cat(strips, dim=1)
    squared = (keys >> PLACE_BITS).int().view(torch.float32)
    distances = squared.double().sqrt().float()  # torch's roots in single precision are not rounded correctly
    places = (keys & (2**PLACE_BITS - 1)).int()
    rows, columns = torch.div(places, window_size, rounding_mode="floor"), places % window_size
    return distances, (rows - half) * stride + columns - half


def _strip_keys(framed, start, stop, window_size):
    """Return the keys (B, rows, W, window_size^2) of the rows start ... stop - 1."""
    half = window_size // 2
    width = framed.shape[3] - 2 * half
    center = framed[:, :, start + half:stop + half, half:half + width]
    keys = torch.empty((len(framed), stop - start, width, window_size**2), dtype=torch.int64, device=framed.device)
    for place in range(window_size**2):
        y, x = divmod(place, window_size)
        r, g, b = (framed[:, :, start + y:stop + y, x:x + width] - center).unbind(1)
        squared = r * r + g * g + b * b
        keys[..., place] = (squared.view(torch.int32).long() << PLACE_BITS) | place
    return keys
