"""Numba kernels of the exact nearest-neighbour search: a kd-tree with buckets.

Used by ``neighbors.py``, and by KNN, nonlocal and information flow matting in ``hybridmatte/methods``.

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

Ties: if points beyond the K nearest are exactly as far as the K-th, which of them are found depends on the order of the
points. The search counts the neighbours that are nearer, whose choice does not. Distances sum the first three squares,
and then the sum of the next two, so that they do not change if x and y change places.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces
from hybridmatte.similarity._selection_numba import SAMPLE, select

LEAF = 32  # points in a leaf
CHUNK = 5  # dimensions that a leaf scan computes together; points have at least as many
BLOCKS = 64  # blocks of consecutive queries, each searched by one thread
SUBTREE = 7  # levels of a subtree that is split in a copy of its points
LARGEST = np.float32(3e38)  # larger than any squared distance, and smaller than that of an empty box


@inlined
def _leaf_range(n_leaves, node, level):
    """Return the range [a, b) of the leaves below a node of a level."""
    i = node - (1 << level)
    return (i * n_leaves) >> level, ((i + 1) * n_leaves) >> level


@kernel
def _split_node(columns, perm, key, key_out, perm_out, sample, n_leaves, node, level, offset):
    """Split the points of a node at the leaf boundary in the middle, along the dimension of largest extent.

    The points of leaf `l` are perm[(l - offset) * LEAF:][:LEAF]. The extents are estimated from about 64 of the points.
    """
    first, last = _leaf_range(n_leaves, node, level)
    middle = _leaf_range(n_leaves, 2 * node + 1, level + 1)[0]
    if not first < middle < last:
        return
    lo, hi = (first - offset) * LEAF, min((last - offset) * LEAF, perm.size)
    step = max((hi - lo) // 64, 1)
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
def _split_subtrees(first, last, columns, perm, leaf_points, low, high, level, depth):
    """Split the nodes first to last - 1 of a level down to the leaves, each in a copy of its points.

    Each leaf is stored, and its box in its node; unused slots lie at infinity.
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
                    low[node, d] = least
                    high[node, d] = greatest
        for j in range(n):
            perm[a * LEAF + j] = ids[order[j]]


def _bound_nodes(low, high, depth):
    """Set the box of every inner node to the union of its children's boxes."""
    for level in range(depth - 1, -1, -1):
        nodes, children = slice(1 << level, 2 << level), slice(2 << level, 4 << level)
        low[nodes] = np.minimum(low[children][::2], low[children][1::2])
        high[nodes] = np.maximum(high[children][::2], high[children][1::2])


def build_tree(columns):
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
        run_pieces(_split_level, 1 << level, columns, perm, key, key_out, perm_out, n_leaves, level, 0)
    del key, key_out, perm_out  # before more is allocated
    leaf_points = np.empty((n_leaves, n_dims, LEAF), np.float32)
    low = np.full((2 << depth, n_dims), np.inf, np.float32)
    high = -low
    run_pieces(_split_subtrees, 1 << top, columns, perm, leaf_points, low, high, top, depth, cost=100 * LEAF << SUBTREE)
    _bound_nodes(low, high, depth)
    return perm, leaf_points, low, high, depth


@kernel
def _scan_leaf(leaf_points, leaf, queries, q, distance, nearer, best, slots, is_tied):
    """Insert the points of a leaf that are nearer than the K-th neighbour into the neighbours of query q.

    best (M, K) holds the squared distances of the neighbours in ascending order, slots (M, K) their slots. The buffers
    `distance` and `nearer` (LEAF,) receive the squared distances of the leaf's points, and the points that are near
    enough. Return whether a point that was left out is exactly as far as the K-th neighbour; `is_tied` says so of the
    points before.
    """
    q0, q1, q2, q3, q4 = queries[q, 0], queries[q, 1], queries[q, 2], queries[q, 3], queries[q, 4]
    for p in range(LEAF):
        d0 = leaf_points[leaf, 0, p] - q0
        d1 = leaf_points[leaf, 1, p] - q1
        d2 = leaf_points[leaf, 2, p] - q2
        d3 = leaf_points[leaf, 3, p] - q3
        d4 = leaf_points[leaf, 4, p] - q4
        distance[p] = (d0 * d0 + d1 * d1 + d2 * d2) + (d3 * d3 + d4 * d4)
    for d in range(CHUNK, leaf_points.shape[1]):
        for p in range(LEAF):
            gap = leaf_points[leaf, d, p] - queries[q, d]
            distance[p] += gap * gap
    last = best.shape[1] - 1
    bound = best[q, last]
    n_nearer = np.int32(0)
    for p in range(LEAF):
        n_nearer += np.int32(distance[p] <= bound)
    if n_nearer == 0:
        return is_tied
    n = 0
    for p in range(LEAF):  # without a branch, which the processor could not predict
        nearer[n] = p
        n += distance[p] <= bound
    for i in range(n):
        v = distance[nearer[i]]
        if v == best[q, last]:
            is_tied = True
        elif v < best[q, last]:
            dropped = best[q, last]
            j = last
            while j > 0 and best[q, j - 1] > v:
                best[q, j] = best[q, j - 1]
                slots[q, j] = slots[q, j - 1]
                j -= 1
            best[q, j] = v
            slots[q, j] = leaf * LEAF + nearer[i]
            is_tied = best[q, last] == dropped
    return is_tied


@inlined
def _box_gaps(low, high, node, value, d):
    """Return the distances from a value to the boxes of node and node + 1 along dimension d; 0 inside a box."""
    left = max(max(low[node, d] - value, value - high[node, d]), np.float32(0.0))
    right = max(max(low[node + 1, d] - value, value - high[node + 1, d]), np.float32(0.0))
    return left, right


@inlined
def _box_distances(low, high, node, query, q):
    """Return the squared distances from a query to the boxes of two siblings, node and node + 1; 0 inside a box.

    The order of the sums is that of `_scan_leaf`: so rounding makes no box farther than a point in it.
    """
    left = right = left_two = right_two = np.float32(0.0)
    for d in range(3, CHUNK):
        left_gap, right_gap = _box_gaps(low, high, node, query[q, d], d)
        left_two += left_gap * left_gap
        right_two += right_gap * right_gap
    for d in range(3):
        left_gap, right_gap = _box_gaps(low, high, node, query[q, d], d)
        left += left_gap * left_gap
        right += right_gap * right_gap
    left += left_two
    right += right_two
    for d in range(CHUNK, low.shape[1]):
        left_gap, right_gap = _box_gaps(low, high, node, query[q, d], d)
        left += left_gap * left_gap
        right += right_gap * right_gap
    return left, right


@kernel(allocates=True)
def _search(first_block, last_block, leaf_points, low, high, depth, leaves, queries, scale, best, slots, n_untied):
    """Search for the neighbours of the queries of the blocks first_block to last_block - 1.

    A query starts with an upper bound on the distance of its K-th neighbour: by the triangle inequality, the K
    neighbours of the previous query lie within the distance of the two queries plus that of the previous query's K-th
    neighbour. The bound is a little larger, to allow for rounding, and above 0. `scale` multiplies a box's squared
    distance before it is compared with the K-th neighbour's: 1 is exact. It multiplies the bound, too, so that no point
    within it is skipped.
    """
    n_queries, kth = best.shape[0], best.shape[1] - 1
    stack, stack_gap = np.empty(depth + 2, np.int32), np.empty(depth + 2, np.float32)
    distance, nearer = np.empty(LEAF, np.float32), np.empty(LEAF, np.int32)
    for i in range(first_block, last_block):
        # All even blocks, then all odd ones: each of two threads gets blocks from everywhere, an even load.
        block = (i % (BLOCKS // 2)) * 2 + i // (BLOCKS // 2)
        first = n_queries * block // BLOCKS
        for q in range(first, n_queries * (block + 1) // BLOCKS):
            bound = LARGEST
            if q > first:  # the bound from the previous query
                step = np.float32(0.0)
                for d in range(queries.shape[1]):
                    step += (queries[q, d] - queries[q - 1, d]) ** 2
                bound = np.sqrt(step) + np.sqrt(best[q - 1, kth])
                bound = min(scale * (bound * bound * np.float32(1.0001) + np.float32(1e-30)), LARGEST)
            for k in range(kth + 1):
                best[q, k] = bound
            own = np.int64(leaves[q])
            is_tied = _scan_leaf(leaf_points, own, queries, q, distance, nearer, best, slots, False)
            node, gap, size = 1, np.float32(0.0), 0
            while True:  # go down to the nearer child, and push the other with its squared distance on the stack
                while scale * gap <= best[q, kth] and node < 1 << depth:
                    node *= 2
                    gap, right = _box_distances(low, high, node, queries, q)
                    far = node + 1
                    if right < gap:
                        gap, right = right, gap
                        far = node
                        node += 1
                    stack[size] = far
                    stack_gap[size] = right
                    size += scale * right <= best[q, kth]
                if scale * gap <= best[q, kth]:
                    leaf = ((node - (1 << depth)) * leaf_points.shape[0]) >> depth
                    if leaf != own:
                        is_tied = _scan_leaf(leaf_points, leaf, queries, q, distance, nearer, best, slots, is_tied)
                if size == 0:
                    break
                size -= 1
                node, gap = np.int64(stack[size]), stack_gap[size]
            n = kth + 1
            while is_tied and n > 0 and best[q, n - 1] == best[q, kth]:
                n -= 1
            n_untied[q] = n


def search(leaf_points, low, high, depth, leaves, queries, n_neighbors, epsilon):
    """Return the first two results of `search_untied`: squared distances, ascending, and slots, both (M, K)."""
    return search_untied(leaf_points, low, high, depth, leaves, queries, n_neighbors, epsilon)[:2]


def search_untied(leaf_points, low, high, depth, leaves, queries, n_neighbors, epsilon):
    """Return the nearest points of queries (M, D): squared distances, ascending, slots, both (M, K), and counts (M,).

    leaves (M,) is the leaf that each query scans first. Any leaf and any order of the queries give the same distances;
    the search is fastest where the leaf is the nearest one and the previous query is near. With epsilon = 0 the search
    is exact; otherwise the k-th point found may be up to 1 + epsilon times as far as the true k-th neighbour. The count
    is that of the neighbours whose choice no tie decides: K, or the number of those nearer than the K-th, if a point
    that was left out is exactly as far as the K-th.
    """
    best = np.empty((len(queries), n_neighbors), np.float32)
    slots = np.empty((len(queries), n_neighbors), np.int32)
    n_untied = np.empty(len(queries), np.int32)
    scale = np.float32((1.0 + epsilon) ** 2)
    run_pieces(
        _search,
        BLOCKS,
        leaf_points,
        low,
        high,
        depth,
        leaves,
        queries,
        scale,
        best,
        slots,
        n_untied,
        cost=1000 * len(queries) / BLOCKS,
    )
    return best, slots, n_untied


@kernel
def _locate(first, last, low, high, depth, n_leaves, queries, leaves):
    """Write the leaves of the queries first to last - 1."""
    for q in range(first, last):
        node = 1
        while node < 1 << depth:
            left, right = _box_distances(low, high, 2 * node, queries, q)
            node = 2 * node + (right < left)
        leaves[q] = ((node - (1 << depth)) * n_leaves) >> depth


def locate(low, high, depth, n_leaves, queries):
    """Return a leaf near each query (M, D), found by going down from the root to the nearer child."""
    leaves = np.empty(len(queries), np.int32)
    run_pieces(_locate, len(queries), low, high, depth, n_leaves, queries, leaves, cost=100)
    return leaves


def gather(columns, indices):
    """Return the points at `indices` (m,) of the columns (D, n) as rows (m, D)."""
    return np.ascontiguousarray(columns[:, indices].T)
