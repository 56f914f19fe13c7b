"""Exact nearest neighbours by tensor operations alone, on any device.

The points are sorted so that consecutive points are near each other: a range of points is halved again and again, each
time at the median along the longest side of its bounding box. The ranges that remain are the blocks of points. A group
of consecutive queries is compared with all points of the blocks whose boxes are nearest. The result of a group is final
if no other box is nearer than the group's farthest neighbour. Otherwise the group is searched again with more blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["TensorTree", "build_tensor_tree", "search_tensor_tree"]

LEAF = 64  # largest number of points in a block
GROUP = 32  # queries that are searched together
FIRST_BLOCKS = 16  # blocks with which a group is compared at first
BUDGET = 1 << 26  # number of distances held in memory together


class TensorTree(NamedTuple):
    """Sorted points in blocks, and the box of each block.

    order (B, S) int64 holds the indices of the points in B blocks of S <= LEAF slots; an index of n or more marks an
    empty slot. blocks (B, S, D) holds the points themselves, infinite in empty slots. lows and highs (B, D) are the
    corners of the blocks' boxes.
    """

    order: torch.Tensor
    blocks: torch.Tensor
    lows: torch.Tensor
    highs: torch.Tensor


def build_tensor_tree(points: torch.Tensor) -> TensorTree:
    """Return the `TensorTree` of points (n, D), float32."""
    n_points = len(points)
    depth = max(-(-n_points // LEAF) - 1, 0).bit_length()
    size = -(-n_points >> depth)
    # Empty slots are copies of the last point while points are sorted; their indices tell them apart afterwards.
    order = torch.arange(size << depth, device=points.device)[None]
    for _ in range(depth):
        members = points[order.clamp(max=n_points - 1)]
        longest = (members.amax(dim=1) - members.amin(dim=1)).argmax(dim=1)
        keys = members.gather(2, longest[:, None, None].expand(-1, order.shape[1], 1))[..., 0]
        order = order.gather(1, keys.argsort(dim=1, stable=True)).reshape(2 * len(order), -1)
    members = points[order.clamp(max=n_points - 1)]
    is_empty = order >= n_points
    blocks = torch.where(is_empty[..., None], torch.inf, members)
    return TensorTree(order, blocks, members.amin(dim=1), members.amax(dim=1))


def search_tensor_tree(tree: TensorTree, queries: torch.Tensor, n_neighbors: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (squared distances, indices), both (m, n_neighbors), of the points nearest to each query (m, D).

    Exact in float32, ascending. The search is fast where consecutive queries are near each other.
    """
    n_queries, n_features = queries.shape
    n_groups = -(-n_queries // GROUP)
    padded = torch.arange(n_groups * GROUP, device=queries.device).clamp(max=n_queries - 1)
    groups = queries[padded].reshape(n_groups, GROUP, n_features)
    squared = torch.empty((n_groups, GROUP, n_neighbors), device=queries.device)
    found = torch.empty(squared.shape, dtype=torch.int64, device=queries.device)
    n_blocks, size = tree.blocks.shape[:2]
    open_groups = torch.arange(n_groups, device=queries.device)
    n_compared = min(max(FIRST_BLOCKS, -(-n_neighbors // size) + 1), n_blocks)  # one more: a block may hold 1 point
    while len(open_groups):
        at_once = max(1, BUDGET // max(GROUP * n_compared * size, n_blocks * n_features))
        not_final = []
        for some in open_groups.split(at_once):
            squared[some], found[some], is_final = _search_blocks(tree, groups[some], n_compared, n_neighbors)
            not_final.append(some[~is_final])
        open_groups, n_compared = torch.cat(not_final), min(2 * n_compared, n_blocks)
    return squared.reshape(-1, n_neighbors)[:n_queries], found.reshape(-1, n_neighbors)[:n_queries]


def _search_blocks(
    tree: TensorTree, groups: torch.Tensor, n_compared: int, n_neighbors: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compare groups (G, GROUP, D) of queries with the points of each group's nearest blocks.

    Return the squared distances and indices (G, GROUP, n_neighbors), and which groups are final (G,).
    """
    lows, highs = groups.amin(dim=1)[:, None], groups.amax(dim=1)[:, None]
    box_distances = (tree.lows - highs).maximum(lows - tree.highs).clamp_(min=0.0).square_().sum(dim=2)
    n_blocks = box_distances.shape[1]
    nearest = box_distances.topk(min(n_compared + 1, n_blocks), dim=1, largest=False)
    blocks = nearest.indices[:, :n_compared]
    candidates = tree.blocks[blocks].flatten(1, 2)
    distances = torch.zeros((*groups.shape[:2], candidates.shape[1]), device=groups.device)
    for d in range(groups.shape[2]):
        distances += (groups[:, :, None, d] - candidates[:, None, :, d]).square_()
    kept = distances.topk(n_neighbors, dim=2, largest=False)
    indices = tree.order[blocks].flatten(1).gather(1, kept.indices.flatten(1)).reshape(kept.indices.shape)
    if n_compared >= n_blocks:
        is_final = torch.ones(len(groups), dtype=torch.bool, device=groups.device)
    else:
        is_final = kept.values[..., -1].amax(dim=1) <= nearest.values[:, -1]
    return kept.values, indices, is_final
