"""Exact nearest neighbours by tensor operations alone, on any device: boxes of like points instead of a tree's paths.

Points are ordered by halving them again and again along the widest side of their box, so that consecutive ones are
near each other. A group of consecutive queries is compared with the blocks of points whose boxes are nearest; the
answer is final if no other box is nearer than its last neighbour, and otherwise more blocks are taken.
"""

from typing import NamedTuple

import torch

__all__ = ["TensorTree", "build_tensor_tree", "search_tensor_tree"]

LEAF = 64  # points in a block, at most
GROUP = 32  # queries searched for together
FIRST_BLOCKS = 16  # taken for a group at first
BUDGET = 1 << 26  # distances held at a time


class TensorTree(NamedTuple):
    """order (n,) int64 of the points; blocks (B, LEAF, D) of them, filled up with infinities; lows, highs (B, D)."""

    order: torch.Tensor
    blocks: torch.Tensor
    lows: torch.Tensor
    highs: torch.Tensor


def build_tensor_tree(points):
    """Return the `TensorTree` of points (n, D), float32."""
    n_points, n_features = points.shape
    depth = max(-(-n_points // LEAF) - 1, 0).bit_length()
    size = -(-n_points >> depth)
    # what fills up the last node repeats the last point, and is found again by its index
    order = torch.arange(size << depth, device=points.device)[None]
    for _ in range(depth):
        members = points[order.clamp(max=n_points - 1)]
        widest = (members.amax(dim=1) - members.amin(dim=1)).argmax(dim=1)
        keys = members.gather(2, widest[:, None, None].expand(-1, order.shape[1], 1))[..., 0]
        order = order.gather(1, keys.argsort(dim=1, stable=True)).reshape(2 * len(order), -1)
    members = points[order.clamp(max=n_points - 1)]
    is_filling = order >= n_points
    blocks = torch.where(is_filling[..., None], torch.inf, members)
    return TensorTree(order, blocks, members.amin(dim=1), members.amax(dim=1))


def search_tensor_tree(tree, queries, n_neighbors):
    """Return (squared distances, indices), both (m, n_neighbors), of the points nearest to each query (m, D).

    Exact in float32, ascending. Queries that lie near each other should follow each other, as in the tree's order.
    """
    n_queries, n_features = queries.shape
    n_groups = -(-n_queries // GROUP)
    filled = torch.arange(n_groups * GROUP, device=queries.device).clamp(max=n_queries - 1)
    groups = queries[filled].reshape(n_groups, GROUP, n_features)
    squared = torch.empty((n_groups, GROUP, n_neighbors), device=queries.device)
    found = torch.empty(squared.shape, dtype=torch.int64, device=queries.device)
    n_blocks, size = tree.blocks.shape[:2]
    wanted = torch.arange(n_groups, device=queries.device)
    taken = min(max(FIRST_BLOCKS, -(-n_neighbors // size) + 1), n_blocks)  # the filled block may hold one point only
    while len(wanted):
        at_once = max(1, BUDGET // max(GROUP * taken * size, n_blocks * n_features))
        open_groups = []
        for some in wanted.split(at_once):
            squared[some], found[some], is_final = _search_blocks(tree, groups[some], taken, n_neighbors)
            open_groups.append(some[~is_final])
        wanted, taken = torch.cat(open_groups), min(2 * taken, n_blocks)
    return squared.reshape(-1, n_neighbors)[:n_queries], found.reshape(-1, n_neighbors)[:n_queries]


def _search_blocks(tree, groups, taken, n_neighbors):
    """Search the nearest blocks of each group; return distances, indices, and which groups need no others."""
    lows, highs = groups.amin(dim=1)[:, None], groups.amax(dim=1)[:, None]
    apart = (tree.lows - highs).maximum(lows - tree.highs).clamp_(min=0.0).square_().sum(dim=2)
    n_blocks = apart.shape[1]
    nearest = apart.topk(min(taken + 1, n_blocks), dim=1, largest=False)
    blocks = nearest.indices[:, :taken]
    candidates = tree.blocks[blocks].flatten(1, 2)
    distances = torch.zeros((*groups.shape[:2], candidates.shape[1]), device=groups.device)
    for d in range(groups.shape[2]):
        distances += (groups[:, :, None, d] - candidates[:, None, :, d]).square_()
    kept = distances.topk(n_neighbors, dim=2, largest=False)
    indices = tree.order[blocks].flatten(1).gather(1, kept.indices.flatten(1)).reshape(kept.indices.shape)
    if taken >= n_blocks:
        is_final = torch.ones(len(groups), dtype=torch.bool, device=groups.device)
    else:
        is_final = kept.values[..., -1].amax(dim=1) <= nearest.values[:, -1]
    return kept.values, indices, is_final
