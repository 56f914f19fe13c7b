"""The most similar pixels of the window around each pixel."""

from typing import NamedTuple

import numpy as np

from hybridmatte._validation import check_choice, check_image, check_integer, check_window_size, is_torch

__all__ = ["WindowTopK", "window_topk"]


class WindowTopK(NamedTuple):
    """The most similar pixels of each window, as `window_topk` found them.

    distances are (H, W, K) float32 in [0, sqrt 3], ascending; offsets (H, W, K) int32; of a batch of tensors both
    have a leading B. window_size and padding are those of the search.
    """

    distances: np.ndarray
    offsets: np.ndarray
    window_size: int
    padding: str

    @property
    def margin(self):
        """Pixels by which the image was padded on each side; the offsets count in rows of the padded image."""
        return self.window_size // 2 if self.padding == "zeros" else 0


def window_topk(image, window_size=11, *, n_neighbors=None, padding="cut"):
    """Return, for each pixel, the most similar pixels of the window centred at it.

    Similarity is the Euclidean distance of the colours. The result is exact; ties go to the first in row-major
    window order, and the centre counts as one of the pixels. Time grows with the square of the window, memory is
    8 bytes per pixel and neighbour: the unfolded image is never made.

    Parameters
    ----------
    image : (H, W, 3) array or (B, 3, H, W) tensor
        RGB in [0, 1]; of arrays, uint8 and uint16 are scaled. Never modified. The result lives where the image does.
    window_size : int, default 11
        Side of the window in pixels, odd, at least 3. Larger reaches further.
    n_neighbors : int, default None
        Number of pixels K kept of each window; `window_size` if None. At most the number of pixels in the
        smallest window that the border leaves.
    padding : {"cut", "zeros"}, default "cut"
        "cut": the window ends at the border. "zeros": pixels outside the image count as black ones.

    Returns
    -------
    topk : WindowTopK
        `distances` (H, W, K) float32, ascending; `offsets` (H, W, K) int32, the flat index of the neighbour less
        the flat index of the pixel, so that with "cut" `values.ravel()[arange(H * W) + offsets]` gathers the values
        of the neighbours. With "zeros" both indices count in the image padded by `window_size // 2` pixels on
        each side, whose rows are `W + window_size - 1` long. Of a tensor both are tensors (B, H, W, K), with the
        same values to the bit.

    Raises
    ------
    ValueError
        If the image is not of these shapes, in [0, 1] and without a gradient, or an option is outside its range.

    See Also
    --------
    hybridmatte.similarity.neighbors.nearest_neighbors : neighbours anywhere in the image.

    Notes
    -----
    For pixel i the pixels j of its window are ordered by ``||I_i - I_j||_2`` (Eq. 7 of [1]_). The authors' code
    pads with zeros, which makes a dark border similar to pixels that do not exist; "cut" does not.

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
        from hybridmatte.similarity._window_torch import topk_batch as search

        image = check_image_batch(image).float()
        shape = image.shape[2:]
    else:
        search = _topk_array
        image = check_image(image)
        shape = image.shape[:2]
    window_size = check_window_size(window_size)
    check_choice(padding, "padding", ("cut", "zeros"))
    half = window_size // 2
    n_fewest = window_size**2
    if padding == "cut":
        n_fewest = min(half + 1, shape[0]) * min(half + 1, shape[1])
    if n_neighbors is None and window_size > n_fewest:
        raise ValueError(f"window_size is {window_size}, expected at most {n_fewest} for an image of {shape[0]} x "
                         f"{shape[1]} pixels: so many are in the window of a corner")
    n_neighbors = window_size if n_neighbors is None else n_neighbors
    n_neighbors = check_integer(n_neighbors, "n_neighbors", low=1, high=n_fewest)
    margin = half if padding == "zeros" else 0
    return WindowTopK(*search(image, window_size, margin, n_neighbors), window_size, padding)


def _topk_array(image, window_size, margin, n_neighbors):
    from hybridmatte.similarity._window_numba import fill_topk

    planes = np.pad(np.moveaxis(image, 2, 0), ((0, 0), (margin, margin), (margin, margin)))
    distances = np.empty((*image.shape[:2], n_neighbors), np.float32)
    offsets = np.empty(distances.shape, np.int32)
    fill_topk(np.ascontiguousarray(planes), window_size, margin, distances, offsets)
    return distances, offsets
