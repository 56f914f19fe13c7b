"""KNN matting of tensors: the differentiable solve, and the graph by tensor operations, exact at any image size."""

from __future__ import annotations

from functools import partial

import torch

from hybridmatte.methods.knn import ADJACENT_WEIGHT, KNOWN_FACTOR, KnnOptions, knn_system
from hybridmatte.similarity._neighbors_torch import build_tensor_tree, search_tensor_tree
from hybridmatte.similarity.features import pixel_positions
from hybridmatte.systems._graph_torch import TensorGraphSystem
from hybridmatte.systems.differentiable import ArraySolver, SolveLayer, TensorSolver, solve_batch
from hybridmatte.systems.problem import Problem
from hybridmatte.systems.solve import ProblemSolver, check_stopping

__all__ = ["knn_layer", "knn_tensor_links", "solve_knn_batch"]


def solve_knn_batch(
    image: torch.Tensor,
    trimap: torch.Tensor,
    prior: torch.Tensor | None,
    confidence: torch.Tensor | float | None,
    options: KnnOptions,
    *,
    rtol: float,
    maxiter: int,
) -> torch.Tensor:
    """Solve a batch of tensors by KNN matting; see `solve_knn`."""
    layer = knn_layer(options, rtol=rtol, maxiter=maxiter, on_device=image.device.type != "cpu")
    return solve_batch(layer, image, trimap, prior, confidence)


def knn_layer(options: KnnOptions, *, rtol: float, maxiter: int, on_device: bool) -> SolveLayer:
    """Return the differentiable solve: by the NumPy side, or by tensor operations on the tensors' device."""
    rtol, maxiter = check_stopping(rtol, maxiter)

    def solver(problem: Problem) -> ProblemSolver:
        return ProblemSolver(problem, partial(knn_system, options=options), method="knn", rtol=rtol, maxiter=maxiter)

    def system(
        image: torch.Tensor, is_unknown: torch.Tensor, known_alpha: torch.Tensor, confidence: torch.Tensor | None
    ) -> TensorGraphSystem:
        links = knn_tensor_links(image, is_unknown, options)
        return TensorGraphSystem(*links, is_unknown=is_unknown, known_alpha=known_alpha, confidence=confidence)

    if on_device:
        return SolveLayer(partial(TensorSolver, system, rtol=rtol, maxiter=maxiter, method="knn"), None)
    return SolveLayer(partial(ArraySolver, solver), None)


def knn_tensor_links(
    image: torch.Tensor, is_unknown: torch.Tensor, options: KnnOptions
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the links of the unknown pixels: (pixels, rows, columns, weights), all on the image's device.

    pixels (n,) int64 are the flat indices of the unknown pixels, in an order in which consecutive ones are similar.
    Link i leads from the unknown pixel pixels[rows[i]] to the pixel columns[i]; weights are float32. The weights are
    those of ``W = A + A'``: links between unknown pixels are listed in both directions, links to known ones count
    twice.
    """
    pixels, columns, weights = None, [], []
    for n, spatial_weight in zip(options.n_neighbors, options.spatial_weights, strict=True):
        features = _features(image, spatial_weight)
        tree = build_tensor_tree(features)
        order = tree.order.flatten()
        order = order[order < len(features)]
        queried = order[is_unknown.flatten()[order]]
        pixels = queried if pixels is None else pixels
        _, found = search_tensor_tree(tree, features[pixels], min(n, len(features)))
        columns.append(found)
        weights.append(_weights(features, pixels, found, options.kernel))
    adjacent = _adjacent(pixels, *is_unknown.shape)
    columns = torch.cat([*columns, adjacent], dim=1)
    weights = torch.cat([*weights, torch.full(adjacent.shape, ADJACENT_WEIGHT / 2, device=image.device)], dim=1)
    return pixels, *_both_ways(pixels, columns, weights, is_unknown.flatten())


def _features(image: torch.Tensor, spatial_weight: float) -> torch.Tensor:
    """Return `pixel_features` of an image (3, H, W) as (H * W, 5) float32."""
    positions = torch.from_numpy(pixel_positions(*image.shape[1:], spatial_weight)).to(image.device)
    return torch.cat([image.float().flatten(1), positions.flatten(1)]).T.contiguous()


def _weights(features: torch.Tensor, pixels: torch.Tensor, found: torch.Tensor, kernel: str) -> torch.Tensor:
    """Return the weights of the links to the neighbours found, see `knn_laplacian`."""
    if kernel == "binary":
        return torch.ones(found.shape, device=features.device)
    total = sum((column[found] - column[pixels, None]).abs() for column in features.T)
    return (1.0 - total / features.shape[1]).clamp_(min=0.0)


def _adjacent(pixels: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return the 4 adjacent pixels; the pixel itself where there is none."""
    y, x = pixels // width, pixels % width
    steps = ((x > 0, -1), (x < width - 1, 1), (y > 0, -width), (y < height - 1, width))
    return torch.stack([torch.where(is_inside, pixels + step, pixels) for is_inside, step in steps], dim=1)


def _both_ways(
    pixels: torch.Tensor, columns: torch.Tensor, weights: torch.Tensor, is_unknown: torch.Tensor
) -> tuple[torch.Tensor, ...]:
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
