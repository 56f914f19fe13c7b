"""The most similar pixels in the window around each pixel."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_image, check_integer, check_window_size, is_torch
from hybridmatte.similarity._window_numba import fill_topk

if sys.version_info >= (3, 11):
    from typing import NamedTuple
else:
    from typing_extensions import NamedTuple  # Python 3.10's own cannot be generic

if TYPE_CHECKING:
    import torch

__all__ = ["WindowTopK", "window_topk"]

ArrayT = TypeVar("ArrayT")
Padding = Literal["cut", "zeros"]


class WindowTopK(NamedTuple, Generic[ArrayT]):
    """The most similar pixels of each window, as `window_topk` returns them: arrays or tensors.

    distances are (H, W, K) float32 in [0, sqrt 3], ascending; offsets are (H, W, K) int32. Tensors have a leading batch
    dimension B. window_size and padding are the options of the search.
    """

    distances: ArrayT
    offsets: ArrayT
    window_size: int
    padding: Padding

    @property
    def margin(self) -> int:
        """Pixels of padding on each side of the image; the offsets refer to rows of the padded image."""
        return self.window_size // 2 if self.padding == "zeros" else 0


@overload
def window_topk(
    image: torch.Tensor, window_size: int = 11, *, n_neighbors: int | None = None, padding: Padding = "cut"
) -> WindowTopK[torch.Tensor]: ...
@overload
def window_topk(
    image: npt.ArrayLike, window_size: int = 11, *, n_neighbors: int | None = None, padding: Padding = "cut"
) -> WindowTopK[npt.NDArray[Any]]: ...
def window_topk(
    image: npt.ArrayLike | torch.Tensor,
    window_size: int = 11,
    *,
    n_neighbors: int | None = None,
    padding: Padding = "cut",
) -> WindowTopK[npt.NDArray[Any]] | WindowTopK[torch.Tensor]:
    """Return, for each pixel, the most similar pixels of the window centred at it.

    Similarity is measured by the Euclidean distance between colours. The result is exact. Ties go to the first pixel in
    row-major window order. The centre counts as one of the pixels. Time grows with the square of the window size.
    Memory is 8 bytes for each pixel and neighbour; the unfolded image is never stored.

    Parameters
    ----------
    image : (H, W, 3) array or (B, 3, H, W) tensor
        RGB in [0, 1]; uint8 and uint16 arrays are scaled. Never modified. The result is on the image's device.
    window_size : int, default 11
        Side of the window in pixels, odd, at least 3. A larger window finds similar pixels farther away.
    n_neighbors : int, optional
        Number of pixels K returned for each window; by default `window_size`. At most the number of pixels in the
        smallest window, which is that of a corner with padding "cut".
    padding : {"cut", "zeros"}, default "cut"
        "cut": windows end at the border of the image. "zeros": pixels outside the image count as black pixels.

    Returns
    -------
    topk : WindowTopK
        `distances` (H, W, K) float32, ascending. `offsets` (H, W, K) int32: the flat index of the neighbour minus the
        flat index of the pixel. With "cut", `values.ravel()[arange(H * W).reshape(H, W, 1) + offsets]` gathers the
        neighbours' values. With "zeros", both indices refer to the image padded by `window_size // 2` pixels on each
        side, whose rows have `W + window_size - 1` pixels. For a tensor, both are tensors (B, H, W, K) with exactly
        the values of the arrays.

    Raises
    ------
    ValueError
        If the image has another shape, has values outside [0, 1] or requires a gradient, or an option is outside its
        range.

    See Also
    --------
    hybridmatte.similarity.neighbors.nearest_neighbors : neighbours anywhere in the image.

    Notes
    -----
    For pixel i, the pixels j of its window are sorted by ``||I_i - I_j||_2`` (Eq. 7 of [1]_). The authors' code pads
    the image with zeros, which makes a dark border similar to pixels that do not exist; "cut" avoids that.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 2, 7, 8.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((5, 7, 3), np.uint8)
    >>> image[:, 3:] = 255
    >>> window_topk(image, 3).offsets[2, 3].tolist()  # the first three white pixels of the window
    [-7, -6, 0]
    """
    if is_torch(image):
        from hybridmatte._validation_torch import check_image_batch
        from hybridmatte.similarity._window_torch import topk_batch

        batch = check_image_batch(image).float()
        height, width = batch.shape[2:]
        window_size, margin, n_neighbors = _check_options(height, width, window_size, n_neighbors, padding)
        return WindowTopK(*topk_batch(batch, window_size, margin, n_neighbors), window_size, padding)
    image = check_image(image)
    height, width = image.shape[:2]
    window_size, margin, n_neighbors = _check_options(height, width, window_size, n_neighbors, padding)
    return WindowTopK(*_topk_array(image, window_size, margin, n_neighbors), window_size, padding)


def _check_options(
    height: int, width: int, window_size: int, n_neighbors: int | None, padding: Padding
) -> tuple[int, int, int]:
    """Return the window size, the image's margin in pixels, and the number of neighbours."""
    window_size = check_window_size(window_size)
    check_choice(padding, "padding", ("cut", "zeros"))
    half = window_size // 2
    n_fewest = window_size**2
    if padding == "cut":
        n_fewest = min(half + 1, height) * min(half + 1, width)
    if n_neighbors is None and window_size > n_fewest:
        raise ValueError(
            f"window_size is {window_size}, expected at most {n_fewest} for an image of {height} x "
            f"{width} pixels, the number of pixels in the window of a corner"
        )
    n_neighbors = window_size if n_neighbors is None else n_neighbors
    n_neighbors = check_integer(n_neighbors, "n_neighbors", low=1, high=n_fewest)
    return window_size, half if padding == "zeros" else 0, n_neighbors


def _topk_array(
    image: npt.NDArray[np.float32], window_size: int, margin: int, n_neighbors: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Return distances and flat offsets (H, W, K) of a float32 image (H, W, 3) padded by a margin of black pixels."""
    planes = np.pad(np.moveaxis(image, 2, 0), ((0, 0), (margin, margin), (margin, margin)))
    distances = np.empty((*image.shape[:2], n_neighbors), np.float32)
    offsets = np.empty(distances.shape, np.int32)
    fill_topk(np.ascontiguousarray(planes), window_size, margin, distances, offsets)
    return distances, offsets
