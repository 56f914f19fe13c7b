"""The KNN graph by tensor operations alone, on any device: `knn_system`, exact in images of any size."""

import torch

from hybridmatte.methods.knn import ADJACENT_WEIGHT, KNOWN_FACTOR, check_options
from hybridmatte.similarity._neighbors_torch import build_tensor_tree, search_tensor_tree
from hybridmatte.similarity.features import pixel_positions

__all__ = ["knn_tensor_links"]


def knn_tensor_links(image, is_unknown, *, n_neighbors, spatial_weights, kernel):
    """Return the links of the unknown pixels: (pixels, rows, columns, weights), all on the image's device.

    pixels (n,) int64 are the flat indices of the unknown pixels in an order in which consecutive ones are alike. Link
    i leads from the unknown pixel pixels[rows[i]] to the pixel columns[i]; weights float32. Weights are those of
    ``W = A + A'``: an unknown pixel's links to unknown ones are listed both ways, those to known ones count twice.
    """
    n_neighbors, spatial_weights, kernel, _ = check_options(n_neighbors, spatial_weights, kernel, "rgb")
    pixels, columns, weights = None, [], []
    for n, spatial_weight in zip(n_neighbors, spatial_weights, strict=True):
        features = _features(image, spatial_weight)
        tree = build_tensor_tree(features)
        order = tree.order.flatten()
        order = order[order < len(features)]
        queried = order[is_unknown.flatten()[order]]
        pixels = queried if pixels is None else pixels
        _, found = search_tensor_tree(tree, features[pixels], min(n, len(features)))
        columns.append(found)
        weights.append(_weights(features, pixels, found, kernel))
    adjacent = _adjacent(pixels, *is_unknown.shape)
    columns = torch.cat([*columns, adjacent], dim=1)
    weights = torch.cat([*weights, torch.full(adjacent.shape, ADJACENT_WEIGHT / 2, device=image.device)], dim=1)
    return pixels, *_both_ways(pixels, columns, weights, is_unknown.flatten())


def _features(image, spatial_weight):
    """Return `pixel_features` of an image (3, H, W) as (H * W, 5) float32."""
    positions = torch.from_numpy(pixel_positions(*image.shape[1:], spatial_weight)).to(image.device)
    return torch.cat([image.float().flatten(1), positions.flatten(1)]).T.contiguous()


def _weights(features, pixels, found, kernel):
    """Return the weights of the links to the neighbours found, see `knn_laplacian`."""
    if kernel == "binary":
        return torch.ones(found.shape, device=features.device)
    total = sum((column[found] - column[pixels, None]).abs() for column in features.T)
    return (1.0 - total / features.shape[1]).clamp_(min=0.0)


def _adjacent(pixels, height, width):
    """Return the 4 adjacent pixels; the pixel itself where there is none."""
    y, x = pixels // width, pixels % width
    steps = ((x > 0, -1), (x < width - 1, 1), (y > 0, -width), (y < height - 1, width))
    return torch.stack([torch.where(is_inside, pixels + step, pixels) for is_inside, step in steps], dim=1)


def _both_ways(pixels, columns, weights, is_unknown):
    """Return (rows, columns, weights) of ``A + A'``, without links from a pixel to itself."""
    rows = torch.arange(len(pixels), device=pixels.device)[:, None].expand(columns.shape)
    kept = columns != pixels[:, None]
    rows, columns, weights = rows[kept], columns[kept], weights[kept]
    row_of = torch.zeros(is_unknown.shape, dtype=torch.int64, device=pixels.device)
    row_of[pixels] = torch.arange(len(pixels), device=pixels.device)
    mutual = is_unknown[columns]
    weights = torch.where(mutual, weights, KNOWN_FACTOR * weights)
    back = row_of[columns[mutual]], pixels[rows[mutual]], weights[mutual]
    return tuple(torch.cat(pair) for pair in zip((rows, columns, weights), back, strict=True))
