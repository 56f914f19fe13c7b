"""Numba kernels that build the tree of the exact nearest-neighbour search: a kd-tree with buckets.

Used by ``neighbors.py``, and by KNN and nonlocal matting in ``hybridmatte/methods``; ``_tree_search_numba.py`` searches
the tree.

The tree is built as a binary, complete tree. Node 1 is the root, and nodes 2k and 2k + 1 are the children of node k.
From the root down, each node splits its points at the median along the dimension of their largest extent
(`_split_node`). The top levels are split in place; each subtree below is split in a copy of its points that fits the
processor's cache (`_split_subtrees`). A node of the last level holds one leaf or none. A leaf holds LEAF points in
consecutive slots, stored dimension by dimension, so that a scan of the leaf vectorises.

A search visits one in four levels only: a node of the search has FAN = 16 children, which are leaves on the last level
(`_bound_nodes`). The root has fewer if the number of levels is no multiple of four. Nodes are numbered level by level
from 0, the root. boxes (nodes, D, 2, FAN) has the lower and upper corners of the children's bounding boxes. A child
that does not exist, or has no points, has an empty box, at infinite distance.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_alone, run_pieces
from hybridmatte.similarity._selection_numba import SAMPLE, select
from hybridmatte.similarity._tree_search_numba import FAN, LEAF, first_child, sum_of_squares, tree_shape

SUBTREE = 7  # levels of a subtree that is split in a copy of its points


@inlined
def _leaf_range(n_leaves, node, level):
    """Return the range [a, b) of the leaves below a node of a level."""
    i = node - (1 << level)
    return (i * n_leaves) >> level, ((i + 1) * n_leaves) >> level


@kernel
def _split_node(columns, perm, key, key_out, perm_out, sample, n_leaves, node, level, offset):
    """Split the points of a node at the leaf boundary in the middle, along the dimension of largest extent.

    The points of leaf `l` are perm[(l - offset) * LEAF:][:LEAF]. The extents are estimated from about 24 of the points.
    """
    first, last = _leaf_range(n_leaves, node, level)
    middle = _leaf_range(n_leaves, 2 * node + 1, level + 1)[0]
    if not first < middle < last:
        return
    lo, hi = (first - offset) * LEAF, min((last - offset) * LEAF, perm.size)
    step = max((hi - lo) // 24, 1)
    best, widest = np.float32(-1.0), 0
    for d in range(columns.shape[0]):  # estimate the dimension of largest extent
        low = high = columns[d, perm[lo]]
        for i in range(lo, hi, step):
            v = columns[d, perm[i]]
            low = min(low, v)
            high = max(high, v)
        if high - low > best:
            best, widest = high - low, d
    for j in range(lo, hi):
        key[j] = columns[widest, perm[j]]
    select(key, perm, key_out, perm_out, lo, hi, (middle - offset) * LEAF, sample)


@kernel(allocates=True)
def _split_level(first, last, columns, perm, key, key_out, perm_out, n_leaves, level, offset):
    """Split the nodes first to last - 1 of a level; `offset` is as in `_split_node`."""
    sample = np.empty(SAMPLE, np.float32)
    for i in range(first, last):
        _split_node(columns, perm, key, key_out, perm_out, sample, n_leaves, (1 << level) + i, level, offset)


@kernel(allocates=True)
def _split_subtrees(first, last, columns, perm, leaf_points, boxes, level, depth):
    """Split the nodes first to last - 1 of a level down to the leaves, each in a copy of its points.

    Each leaf is stored, and its box in `boxes` (nodes, D, 2, FAN), those of leaves; unused slots lie at infinity.
    """
    n_dims, n_leaves = columns.shape[0], leaf_points.shape[0]
    room = LEAF * ((n_leaves >> level) + 1)
    points = np.empty((n_dims, room), np.float32)
    ids, order, order_out = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    key, key_out, sample = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(SAMPLE, np.float32)
    for i in range(first, last):
        a, b = _leaf_range(n_leaves, (1 << level) + i, level)
        n = min(b * LEAF, perm.size) - a * LEAF
        for j in range(n):
            ids[j] = perm[a * LEAF + j]
            order[j] = j
        for d in range(n_dims):
            for j in range(n):
                points[d, j] = columns[d, ids[j]]
        for sub in range(level, depth):
            for node in range(((1 << level) + i) << (sub - level), ((1 << level) + i + 1) << (sub - level)):
                _split_node(points, order[:n], key, key_out, order_out, sample, n_leaves, node, sub, a)
        for node in range(((1 << level) + i) << (depth - level), ((1 << level) + i + 1) << (depth - level)):
            leaf, end = _leaf_range(n_leaves, node, depth)
            if leaf < end:
                start = (leaf - a) * LEAF
                size = min(LEAF, n - start)
                for d in range(n_dims):
                    least = greatest = points[d, order[start]]
                    for p in range(LEAF):
                        v = points[d, order[start + p]] if p < size else least
                        leaf_points[leaf, d, p] = v if p < size else np.float32(np.inf)  # unused slots
                        least = min(least, v)
                        greatest = max(greatest, v)
                    place = node - (1 << depth)
                    boxes[place // FAN, d, 0, place % FAN] = least
                    boxes[place // FAN, d, 1, place % FAN] = greatest
        for j in range(n):
            perm[a * LEAF + j] = ids[order[j]]


@kernel
def _bound_nodes(boxes, n_first, n_inner):
    """Set the boxes of all nodes above the parents of leaves to the unions of their children's boxes."""
    for node in range(n_inner - 1, -1, -1):
        for p in range(n_first if node == 0 else FAN):
            child = first_child(node, n_first) + p
            for d in range(boxes.shape[1]):
                least, greatest = boxes[child, d, 0, 0], boxes[child, d, 1, 0]
                for k in range(1, FAN):
                    least = min(least, boxes[child, d, 0, k])
                    greatest = max(greatest, boxes[child, d, 1, k])
                boxes[node, d, 0, p] = least
                boxes[node, d, 1, p] = greatest


def build_tree(columns):
    """Return the tree of points given as (D, n) float32 columns, D at least CHUNK.

    Returns
    -------
    perm : (n,) int32 array
        The points in the order of the slots: slot s of leaf l holds point perm[l * LEAF + s].
    leaf_points : (n_leaves, D, LEAF) float32 array
        The points of each leaf.
    boxes : (nodes, D, 2, FAN) float32 array
        The corners of the boxes of each node's children.
    depth : int
        Level of the leaves in the binary tree; the root has level 0.
    """
    n_dims, n_points = columns.shape
    n_leaves = -(-n_points // LEAF)
    depth = max(n_leaves - 1, 0).bit_length()
    perm = np.arange(n_points, dtype=np.int32)
    key, key_out = np.empty(n_points, np.float32), np.empty(n_points, np.float32)
    perm_out = np.empty(n_points, np.int32)
    top = max(depth - SUBTREE, 0)
    for level in range(top):
        run_pieces(_split_level, 1 << level, columns, perm, key, key_out, perm_out, n_leaves, level, 0)
    del key, key_out, perm_out  # before more is allocated
    leaf_points = np.empty((n_leaves, n_dims, LEAF), np.float32)
    n_first, n_nodes, n_inner = tree_shape(depth)
    boxes = np.full((n_nodes, n_dims, 2, FAN), np.inf, np.float32)
    boxes[:, :, 1] = -np.inf
    run_pieces(
        _split_subtrees,
        1 << top,
        columns,
        perm,
        leaf_points,
        boxes[n_inner:],
        top,
        depth,
        cost=100 * LEAF << SUBTREE,
    )
    run_alone(_bound_nodes, boxes, n_first, n_inner)
    return perm, leaf_points, boxes, depth


@kernel
def _gather(first, last, columns, indices, points):
    """Write points first to last - 1."""
    for i in range(first, last):
        for d in range(columns.shape[0]):
            points[i, d] = columns[d, indices[i]]


def gather(columns, indices):
    """Return the points at `indices` (m,) of the columns (D, n) as rows (m, D)."""
    points = np.empty((len(indices), len(columns)), columns.dtype)
    run_pieces(_gather, len(indices), columns, indices, points, cost=10)
    return points


@kernel
def _name_slots(first, last, slots, names, seeds, out):
    """Write rows first to last - 1 of the names."""
    for q in range(first, last):
        for k in range(slots.shape[1]):
            out[q, k] = names[slots[q, k]] if slots[q, k] >= 0 else seeds[q, -1 - slots[q, k]]


def name_slots(slots, names, seeds):
    """Return the names (M, K) of slots (M, K): names[slot], or seeds[q, s] of query q for slot -1 - s."""
    out = np.empty(slots.shape, np.int32)
    run_pieces(_name_slots, len(slots), slots, names, seeds, out, cost=20)
    return out


@kernel
def _squared_distances(first, last, image, columns, rows, pixels, neighbors, out):
    """Write rows first to last - 1 of the squared distances."""
    width = columns.size
    for q in range(first, last):
        own = pixels[q]
        for k in range(neighbors.shape[1]):
            other = neighbors[q, k]
            d0 = image[other, 0] - image[own, 0]
            d1 = image[other, 1] - image[own, 1]
            d2 = image[other, 2] - image[own, 2]
            d3 = columns[other % width] - columns[own % width]
            d4 = rows[other // width] - rows[own // width]
            out[q, k] = sum_of_squares(d0, d1, d2, d3, d4)


def squared_distances(image, columns, rows, pixels, neighbors):
    """Return the squared distances (M, K) between pixels (M,) and neighbours (M, K), to the bit as a search.

    image (H W, 3) are the colours, columns (W,) and rows (H,) the positions of the columns and rows.
    """
    out = np.empty(neighbors.shape, np.float32)
    run_pieces(_squared_distances, len(pixels), image, columns, rows, pixels, neighbors, out, cost=50)
    return out
