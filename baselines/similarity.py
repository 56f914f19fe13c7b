"""Window top-K and whole-set nearest neighbours by brute force."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt


class WindowTopK(NamedTuple):
    """Colour distances (H, W, K), float64 in [0, sqrt 3], and offsets from the centre in pixels, (H, W, K) int."""

    distances: npt.NDArray[np.float64]
    dy: npt.NDArray[np.int_]
    dx: npt.NDArray[np.int_]


def window_topk(
    image: npt.ArrayLike,
    window_size: int = 11,
    n_neighbors: int | None = None,
    padding: Literal["cut", "zeros"] = "cut",
) -> WindowTopK:
    """Return the K = n_neighbors most similar pixels of the window centred at each pixel; K = window_size by default.

    The centre counts as one of them. They are sorted by distance, and ties by row-major order of the window. At the
    border the window is cut to the image; with padding="zeros" pixels outside the image count as black pixels.

    References
    ----------
    .. [1] Training matting models without alpha labels. 2024. Eq. 2, 7, 8.
    """
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape[:2]
    radius, n_similar = window_size // 2, n_neighbors or window_size
    result = WindowTopK(np.empty((height, width, n_similar)), *np.empty((2, height, width, n_similar), dtype=int))
    for y in range(height):
        for x in range(width):
            found = []
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    is_inside = 0 <= y + dy < height and 0 <= x + dx < width
                    if is_inside or padding == "zeros":
                        color = image[y + dy, x + dx] if is_inside else np.zeros(3)
                        found.append((np.sqrt(np.sum((image[y, x] - color) ** 2)), dy, dx))
            found.sort(key=lambda entry: entry[0])  # Python's sort is stable: ties keep row-major order
            if len(found) < n_similar:
                raise ValueError(f"image is {height} x {width}, expected {n_similar} pixels in every cut window")
            for k, entry in enumerate(found[:n_similar]):
                result.distances[y, x, k], result.dy[y, x, k], result.dx[y, x, k] = entry
    return result


def nearest_neighbors(
    features: npt.ArrayLike, n_neighbors: int, queries: npt.ArrayLike | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the Euclidean nearest points of each query as (distances, indices), both (M, n_neighbors).

    `features` is (N, F) and `queries` is (M, F); by default the queries are the features, and a point is then its own
    first neighbour. Neighbours are sorted by distance, and ties by index.
    """
    features = np.asarray(features, dtype=np.float64)
    queries = features if queries is None else np.asarray(queries, dtype=np.float64)
    distances = np.empty((len(queries), n_neighbors))
    indices = np.empty((len(queries), n_neighbors), dtype=np.int64)
    for i, query in enumerate(queries):
        distance = np.sqrt(np.sum((features - query) ** 2, axis=1))
        indices[i] = np.argsort(distance, kind="stable")[:n_neighbors]
        distances[i] = distance[indices[i]]
    return distances, indices
