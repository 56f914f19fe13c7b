"""Numba kernels of the exact nearest-neighbour search: a kd-tree with buckets.

The tree is binary and complete. Node 1 is the root, and nodes 2k and 2k + 1 are the children of node k. Each node has
the bounding box of its points. A node of the last level holds one leaf or none; a node without points has an empty box,
at infinite distance. A leaf holds LEAF points in consecutive slots, stored dimension by dimension, so that a scan of
the leaf vectorises.

Building: from the root down, each node splits its points at the median along the dimension of their largest extent
(`_split_node`). The top levels are split in place; each subtree below is split in a copy of its points that fits the
processor's cache (`_split_subtrees`). The boxes of the leaves are then merged upwards (`_bound_nodes`).

Searching: a query first scans one leaf near it. The neighbours found there, and those of the previous query, bound the
distance of its K-th neighbour. The query then walks the tree from the root and skips every box beyond that bound. Hence
the search is fast where consecutive queries are near each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Floats = npt.NDArray[np.float32]

LEAF = 32  # points in a leaf
CHUNK = 5  # dimensions that a leaf scan computes together; points have at least as many
BLOCKS = 64  # blocks of consecutive queries, each searched by one thread
SUBTREE = 7  # levels of a subtree that is split in a copy of its points
_SAMPLE = 63  # largest sample from which pivots are chosen


@njit(cache=True)
def _leaf_range(n_leaves, node, level):
    """Return the range [a, b) of the leaves below a node of a level."""
    i = node - (1 << level)
    return (i * n_leaves) >> level, ((i + 1) * n_leaves) >> level


@njit(cache=True)
def _insertion_sort(key, perm, lo, hi):
    """Sort key[lo:hi] in place, and reorder perm[lo:hi] with it."""
    for i in range(lo + 1, hi):
        k, v = key[i], perm[i]
        j = i - 1
        while j >= lo and key[j] > k:
            key[j + 1] = key[j]
            perm[j + 1] = perm[j]
            j -= 1
        key[j + 1] = k
        perm[j + 1] = v


@njit(cache=True)
def _choose_pivots(key, lo, hi, rank, is_stuck, sample):
    """Return two values that probably enclose the value of the given rank in key[lo:hi].

    They are taken from a sorted sample of key[lo:hi], on both sides of the rank. If the previous pivots did not shorten
    the range (`is_stuck`), both pivots are one value, which shortens the range or ends the selection.
    """
    n = min(max((hi - lo) // 16, 9), _SAMPLE)
    margin = 0 if is_stuck else 1 + n // 16
    for i in range(n):
        k = key[lo + ((hi - lo - 1) * i) // (n - 1)]
        j = i - 1
        while j >= 0 and sample[j] > k:
            sample[j + 1] = sample[j]
            j -= 1
        sample[j + 1] = k
    at = (rank - lo) * n // (hi - lo)
    return sample[max(at - margin, 0)], sample[min(at + margin, n - 1)]


@njit(cache=True)
def _partition(key, perm, key_out, perm_out, lo, hi, low, high):
    """Partition key[lo:hi], and perm with it, into values below `low`, between, and above `high`.

    Each part keeps its order. Return the starts of the second and third part.
    """
    a, b, c = lo, lo, hi
    for i in range(lo, hi):
        k, v = key[i], perm[i]
        key[a] = k
        perm[a] = v
        key_out[b] = k
        perm_out[b] = v
        key_out[c - 1] = k
        perm_out[c - 1] = v
        below, above = k < low, k > high
        a += below
        b += (not below) & (not above)
        c -= above
    for i in range(lo, b):
        key[a + i - lo] = key_out[i]
        perm[a + i - lo] = perm_out[i]
    for i in range(c, hi):
        key[hi - 1 - (i - c)] = key_out[i]
        perm[hi - 1 - (i - c)] = perm_out[i]
    return a, c


@njit(cache=True)
def _select(key, perm, key_out, perm_out, lo, hi, rank, sample):
    """Reorder key[lo:hi], and perm with it, so that key[lo:rank] <= key[rank:hi] (quickselect with two pivots)."""
    is_stuck = False
    while hi - lo > 24:
        low, high = _choose_pivots(key, lo, hi, rank, is_stuck, sample)
        a, c = _partition(key, perm, key_out, perm_out, lo, hi, low, high)
        is_stuck = a == lo and c == hi
        if rank < a:
            hi = a
        elif rank > c:
            lo = c
        elif rank == a or rank == c or low == high:
            return
        else:
            lo, hi = a, c
    _insertion_sort(key, perm, lo, hi)


@njit(cache=True)
def _widest_dimension(columns, perm, lo, hi):
    """Return the dimension of the largest extent of the points perm[lo:hi], estimated from about 64 of them."""
    step = max((hi - lo) // 64, 1)
    best, widest = np.float32(-1.0), 0
    for d in range(columns.shape[0]):
        low = high = columns[d, perm[lo]]
        for i in range(lo, hi, step):
            v = columns[d, perm[i]]
            low = min(low, v)
            high = max(high, v)
        if high - low > best:
            best, widest = high - low, d
    return widest


@njit(cache=True)
def _split_node(columns, perm, key, key_out, perm_out, sample, n_leaves, node, level, offset):
    """Split the points of a node at the leaf boundary in the middle, along the dimension of largest extent.

    The points of leaf `l` are perm[(l - offset) * LEAF:][:LEAF].
    """
    first, last = _leaf_range(n_leaves, node, level)
    middle = _leaf_range(n_leaves, 2 * node + 1, level + 1)[0]
    if not first < middle < last:
        return
    lo, hi = (first - offset) * LEAF, min((last - offset) * LEAF, perm.size)
    column = columns[_widest_dimension(columns, perm, lo, hi)]
    for j in range(lo, hi):
        key[j] = column[perm[j]]
    _select(key, perm, key_out, perm_out, lo, hi, (middle - offset) * LEAF, sample)


@njit(cache=True, parallel=True)
def _split_level(columns, perm, key, key_out, perm_out, n_leaves, level):
    """Split every node of a level, in parallel."""
    for i in prange(1 << level):
        _split_node(columns, perm, key, key_out, perm_out, np.empty(_SAMPLE, np.float32), n_leaves, (1 << level) + i,
                    level, 0)


@njit(cache=True)
def _write_leaf(points, order, start, n, leaf, node, leaf_points, low, high):
    """Store the points order[start:start + n] as a leaf, and their box in its node; unused slots lie at infinity."""
    for d in range(points.shape[0]):
        column = points[d]
        least = greatest = column[order[start]]
        for p in range(n):
            v = column[order[start + p]]
            leaf_points[leaf, d, p] = v
            least = min(least, v)
            greatest = max(greatest, v)
        for p in range(n, LEAF):
            leaf_points[leaf, d, p] = np.inf
        low[node, d] = least
        high[node, d] = greatest


@njit(cache=True, parallel=True)
def _split_subtrees(columns, perm, leaf_points, low, high, level, depth):
    """Split the nodes of a level down to the leaves, in parallel, each in a copy of its points that fits the cache."""
    n_dims, n_leaves = columns.shape[0], leaf_points.shape[0]
    for i in prange(1 << level):
        a, b = _leaf_range(n_leaves, (1 << level) + i, level)
        ids = perm[a * LEAF : min(b * LEAF, perm.size)].copy()
        n = ids.size
        points = np.empty((n_dims, n), np.float32)
        for d in range(n_dims):
            for j in range(n):
                points[d, j] = columns[d, ids[j]]
        order, order_out = np.arange(n).astype(np.int32), np.empty(n, np.int32)
        key, key_out, sample = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(_SAMPLE, np.float32)
        for sub in range(level, depth):
            for node in range(((1 << level) + i) << (sub - level), ((1 << level) + i + 1) << (sub - level)):
                _split_node(points, order, key, key_out, order_out, sample, n_leaves, node, sub, a)
        for node in range(((1 << level) + i) << (depth - level), ((1 << level) + i + 1) << (depth - level)):
            leaf, last = _leaf_range(n_leaves, node, depth)
            if leaf < last:
                start = (leaf - a) * LEAF
                _write_leaf(points, order, start, min(LEAF, n - start), leaf, node, leaf_points, low, high)
        for j in range(n):
            perm[a * LEAF + j] = ids[order[j]]


@njit(cache=True)
def _bound_nodes(low, high, n_inner):
    """Set the box of every inner node to the union of its children's boxes."""
    for node in range(n_inner - 1, 0, -1):
        for d in range(low.shape[1]):
            low[node, d] = min(low[2 * node, d], low[2 * node + 1, d])
            high[node, d] = max(high[2 * node, d], high[2 * node + 1, d])


def build_tree(columns: Floats) -> tuple[npt.NDArray[np.int32], Floats, Floats, Floats, int]:
    """Return the tree of points given as (D, n) float32 columns, D at least CHUNK.

    Returns
    -------
    perm : (n,) int32 array
        The points in the order of the slots: slot s of leaf l holds point perm[l * LEAF + s].
    leaf_points : (n_leaves, D, LEAF) float32 array
        The points of each leaf.
    low, high : (2 << depth, D) float32 arrays
        The corners of each node's box.
    depth : int
        Level of the leaves; the root has level 0.
    """
    n_dims, n_points = columns.shape
    n_leaves = -(-n_points // LEAF)
    depth = max(n_leaves - 1, 0).bit_length()
    perm = np.arange(n_points, dtype=np.int32)
    key, key_out = np.empty(n_points, np.float32), np.empty(n_points, np.float32)
    perm_out = np.empty(n_points, np.int32)
    top = max(depth - SUBTREE, 0)
    for level in range(top):
        _split_level(columns, perm, key, key_out, perm_out, n_leaves, level)
    leaf_points = np.empty((n_leaves, n_dims, LEAF), np.float32)
    low = np.full((2 << depth, n_dims), np.inf, np.float32)
    high = -low
    _split_subtrees(columns, perm, leaf_points, low, high, top, depth)
    _bound_nodes(low, high, 1 << depth)
    return perm, leaf_points, low, high, depth


@njit(cache=True)
def _scan_leaf(leaf_points, leaf, query, scratch, best, slots):
    """Insert the points of a leaf that are nearer than the K-th neighbour into the query's neighbours.

    best (K,) holds the squared distances of the neighbours in ascending order, slots (K,) their slots. scratch is two
    arrays (LEAF,): the squared distances of the leaf's points, and the points that are near enough.
    """
    points, (distance, nearer) = leaf_points[leaf], scratch
    q0, q1, q2, q3, q4 = query[0], query[1], query[2], query[3], query[4]
    for p in range(LEAF):
        d0 = points[0, p] - q0
        d1 = points[1, p] - q1
        d2 = points[2, p] - q2
        d3 = points[3, p] - q3
        d4 = points[4, p] - q4
        distance[p] = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4
    for d in range(CHUNK, points.shape[0]):
        for p in range(LEAF):
            gap = points[d, p] - query[d]
            distance[p] += gap * gap
    last = best.shape[0] - 1
    bound = best[last]
    n_nearer = np.int32(0)
    for p in range(LEAF):
        n_nearer += np.int32(distance[p] < bound)
    if n_nearer == 0:
        return
    n = 0
    for p in range(LEAF):  # without a branch, which the processor could not predict
        nearer[n] = p
        n += distance[p] < bound
    for i in range(n):
        v = distance[nearer[i]]
        if v < best[last]:
            j = last
            while j > 0 and best[j - 1] > v:
                best[j] = best[j - 1]
                slots[j] = slots[j - 1]
                j -= 1
            best[j] = v
            slots[j] = leaf * LEAF + nearer[i]


@njit(cache=True)
def _box_distances(low, high, node, query):
    """Return the squared distances from a query to the boxes of two siblings, node and node + 1; 0 inside a box."""
    left = right = np.float32(0.0)
    for d in range(low.shape[1]):
        v = query[d]
        gap = max(max(low[node, d] - v, v - high[node, d]), np.float32(0.0))
        left += gap * gap
        gap = max(max(low[node + 1, d] - v, v - high[node + 1, d]), np.float32(0.0))
        right += gap * gap
    return left, right


@njit(cache=True)
def _walk_tree(leaf_points, low, high, depth, query, own, scale, stack, stack_gap, scratch, best, slots):
    """Scan every leaf whose box is nearer than the query's K-th neighbour, except the leaf `own`.

    The walk goes down to the nearer child first and stacks the other, with its squared distance. `scale` multiplies a
    box's squared distance before the comparison with the K-th neighbour's: 1 is exact.
    """
    kth = best.shape[0] - 1
    node, gap, size = 1, np.float32(0.0), 0
    while True:
        while scale * gap < best[kth] and node < 1 << depth:
            node *= 2
            gap, right = _box_distances(low, high, node, query)
            far = node + 1
            if right < gap:
                gap, right = right, gap
                far = node
                node += 1
            stack[size] = far
            stack_gap[size] = right
            size += scale * right < best[kth]
        if scale * gap < best[kth]:
            leaf = ((node - (1 << depth)) * leaf_points.shape[0]) >> depth
            if leaf != own:
                _scan_leaf(leaf_points, leaf, query, scratch, best, slots)
        if size == 0:
            return
        size -= 1
        node, gap = stack[size], stack_gap[size]


@njit(cache=True)
def _distance_bound(previous, farthest, query):
    """Return an upper bound on the squared distance of a query's K-th neighbour.

    The K neighbours of the previous query lie within sqrt(farthest) of it. Hence, by the triangle inequality, they lie
    within |query - previous| + sqrt(farthest) of this query. The bound is a little larger, to allow for rounding, and
    above 0.
    """
    step = np.float32(0.0)
    for d in range(query.shape[0]):
        step += (query[d] - previous[d]) ** 2
    bound = np.sqrt(step) + np.sqrt(farthest)
    return bound * bound * np.float32(1.0001) + np.float32(1e-30)


@njit(cache=True, parallel=True)
def search(leaf_points, low, high, depth, leaves, queries, n_neighbors, epsilon):
    """Return the nearest points of queries (M, D): squared distances, ascending, and slots, both (M, K).

    leaves (M,) is the leaf that each query scans first. Any leaf and any order of the queries give the same distances;
    the search is fastest where the leaf is the nearest one and the previous query is near. With epsilon = 0 the search
    is exact; otherwise the k-th point found may be up to 1 + epsilon times as far as the true k-th neighbour.
    """
    scale = np.float32((1.0 + epsilon) ** 2)
    n_queries = queries.shape[0]
    best = np.empty((n_queries, n_neighbors), np.float32)
    slots = np.empty((n_queries, n_neighbors), np.int32)
    for i in prange(BLOCKS):
        # All even blocks, then all odd ones: each of two threads gets blocks from everywhere, an even load.
        block = (i % (BLOCKS // 2)) * 2 + i // (BLOCKS // 2)
        stack, stack_gap = np.empty(depth + 2, np.int32), np.empty(depth + 2, np.float32)
        scratch = np.empty(LEAF, np.float32), np.empty(LEAF, np.int32)
        first = n_queries * block // BLOCKS
        for q in range(first, n_queries * (block + 1) // BLOCKS):
            best[q] = np.inf
            if q > first:  # multiplied by `scale` as box distances are, so that no point within the bound is skipped
                best[q] = scale * _distance_bound(queries[q - 1], best[q - 1, n_neighbors - 1], queries[q])
            _scan_leaf(leaf_points, leaves[q], queries[q], scratch, best[q], slots[q])
            _walk_tree(leaf_points, low, high, depth, queries[q], leaves[q], scale, stack, stack_gap, scratch, best[q],
                       slots[q])
    return best, slots


@njit(cache=True, parallel=True)
def locate(low, high, depth, n_leaves, queries):
    """Return a leaf near each query (M, D), found by going down from the root to the nearer child."""
    leaves = np.empty(queries.shape[0], np.int32)
    for q in prange(queries.shape[0]):
        node = 1
        while node < 1 << depth:
            left, right = _box_distances(low, high, 2 * node, queries[q])
            node = 2 * node + (right < left)
        leaves[q] = ((node - (1 << depth)) * n_leaves) >> depth
    return leaves


@njit(cache=True, parallel=True)
def gather(columns, indices):
    """Return the points at `indices` (m,) of the columns (D, n) as rows (m, D)."""
    rows = np.empty((indices.size, columns.shape[0]), np.float32)
    for i in prange(indices.size):
        for d in range(columns.shape[0]):
            rows[i, d] = columns[d, indices[i]]
    return rows
