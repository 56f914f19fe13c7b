"""Numba kernels that search the nearest points in a tree; ``_neighbors_numba.py`` builds and describes the tree.

A query keeps the nearest points found so far in ascending order, and skips every box that is farther than the K-th of
them. It first scans one leaf near it. Its first bound is the distance of the farthest of the previous query's
neighbours. Hence the search is fast where consecutive queries are near each other. Then it visits the nodes from the
root down, the nearest boxes first. The distances to the boxes of a node's children, and to the points of a leaf, are
computed together, in vectors.

Ties: if points beyond the K nearest are exactly as far as the K-th, which of them are found depends on the order of the
points. The search counts the neighbours that are nearer, whose choice does not. It knows by keeping one more distance
than asked for. Distances sum the first three squares, and then the sum of the next two, so that they do not change if x
and y change places.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces
from hybridmatte.similarity._lanes_numba import LANES, insert_in_lanes, lowest_bit, mask_of_16, mask_of_32

LEAF = 32  # points in a leaf: the numbers that `mask_of_32` compares
FAN = 16  # children of a node: the numbers that `mask_of_16` compares
CHUNK = 5  # dimensions that are computed together; points have at least as many
BLOCKS = 64  # blocks of consecutive queries, each searched by one thread
LARGEST = np.float32(3e38)  # larger than any squared distance, and smaller than that of an empty box


def tree_shape(depth):
    """Return the numbers of children of the root, of nodes, and of nodes above those whose children are leaves.

    2^depth is the number of leaves that the tree has room for.
    """
    n_levels = max(-(-depth // 4), 1)
    n_first = 1 << (depth - 4 * (n_levels - 1))
    sizes = [1] + [n_first << 4 * level for level in range(n_levels - 1)]
    return n_first, sum(sizes), sum(sizes[:-1])


@inlined
def first_child(node, n_first):
    """Return the first child of a node that is not a parent of leaves; the children of the root are 1 to n_first."""
    return 1 if node == 0 else FAN * node + n_first + 1 - FAN


@inlined
def sum_of_squares(d0, d1, d2, d3, d4):
    """Return the sum in the one order in which all distances are added, so that they agree to the bit."""
    return (d0 * d0 + d1 * d1 + d2 * d2) + (d3 * d3 + d4 * d4)


@inlined
def _child_distances(boxes, node, queries, q, distances):
    """Write the squared distances from query q to the boxes of a node's children, 0 inside a box, to distances (FAN,).

    The sums are those of `_leaf_distances`: so rounding makes no box farther than a point in it.
    """
    q0, q1, q2, q3, q4 = queries[q, 0], queries[q, 1], queries[q, 2], queries[q, 3], queries[q, 4]
    zero = np.float32(0.0)
    for p in range(FAN):
        d0 = max(max(boxes[node, 0, 0, p] - q0, q0 - boxes[node, 0, 1, p]), zero)
        d1 = max(max(boxes[node, 1, 0, p] - q1, q1 - boxes[node, 1, 1, p]), zero)
        d2 = max(max(boxes[node, 2, 0, p] - q2, q2 - boxes[node, 2, 1, p]), zero)
        d3 = max(max(boxes[node, 3, 0, p] - q3, q3 - boxes[node, 3, 1, p]), zero)
        d4 = max(max(boxes[node, 4, 0, p] - q4, q4 - boxes[node, 4, 1, p]), zero)
        distances[p] = sum_of_squares(d0, d1, d2, d3, d4)
    for d in range(CHUNK, boxes.shape[1]):
        for p in range(FAN):
            gap = max(max(boxes[node, d, 0, p] - queries[q, d], queries[q, d] - boxes[node, d, 1, p]), zero)
            distances[p] += gap * gap


@inlined
def _leaf_distances(leaf_points, leaf, queries, q, distances):
    """Write the squared distances from query q to the points of a leaf to distances (LEAF,)."""
    q0, q1, q2, q3, q4 = queries[q, 0], queries[q, 1], queries[q, 2], queries[q, 3], queries[q, 4]
    for p in range(LEAF):
        d0 = leaf_points[leaf, 0, p] - q0
        d1 = leaf_points[leaf, 1, p] - q1
        d2 = leaf_points[leaf, 2, p] - q2
        d3 = leaf_points[leaf, 3, p] - q3
        d4 = leaf_points[leaf, 4, p] - q4
        distances[p] = sum_of_squares(d0, d1, d2, d3, d4)
    for d in range(CHUNK, leaf_points.shape[1]):
        for p in range(LEAF):
            gap = leaf_points[leaf, d, p] - queries[q, d]
            distances[p] += gap * gap


@inlined
def _farthest(leaf_points, slots, n, queries, q):
    """Return the largest squared distance from query q to the points in the first n slots."""
    farthest = np.float32(0.0)
    for k in range(n):
        leaf, p = slots[k] // LEAF, slots[k] % LEAF
        d0 = leaf_points[leaf, 0, p] - queries[q, 0]
        d1 = leaf_points[leaf, 1, p] - queries[q, 1]
        d2 = leaf_points[leaf, 2, p] - queries[q, 2]
        d3 = leaf_points[leaf, 3, p] - queries[q, 3]
        d4 = leaf_points[leaf, 4, p] - queries[q, 4]
        distance = sum_of_squares(d0, d1, d2, d3, d4)
        for d in range(CHUNK, queries.shape[1]):
            distance += (leaf_points[leaf, d, p] - queries[q, d]) ** 2
        farthest = max(farthest, distance)
    return farthest


@inlined
def insert(key, label, keys, labels):
    """Insert a key of at least 0 and its label into ascending keys (m LANES,) and their labels, behind equal keys."""
    carried_key, carried_label = np.float32(-1.0), np.int32(0)
    for start in range(0, keys.size, LANES):
        carried_key, carried_label = insert_in_lanes(keys, labels, start, key, label, carried_key, carried_label)


@inlined
def _insert_near(distances, first_slot, kth, nearest, slots):
    """Insert the points of a leaf that are at most as far as the neighbour number `kth` into the neighbours."""
    mask = mask_of_32(distances, 0, nearest[kth])
    while mask != 0:
        p = lowest_bit(mask)
        mask &= mask - 1
        if distances[p] <= nearest[kth]:
            insert(distances[p], np.int32(first_slot + p), nearest, slots)


@inlined
def _push(stack, stack_distances, base, size, entry, distance):
    """Push an entry on a stack whose entries from `base` on are in descending order of distance, and keep the order."""
    j = size
    while j > base and stack_distances[j - 1] < distance:
        stack[j] = stack[j - 1]
        stack_distances[j] = stack_distances[j - 1]
        j -= 1
    stack[j] = entry
    stack_distances[j] = distance


@inlined
def _start(leaf_points, queries, q, is_first, seeds, seed_counts, scale, kth, nearest, slots):
    """Write the first bound of query q, or its seeds, to its neighbours; `slots` has those of the previous query."""
    n_seeds = seeds.shape[1]
    bound = LARGEST
    if n_seeds == 0 and not is_first:  # a little larger, as a point at the bound is not found
        farthest = _farthest(leaf_points, slots, kth + 1, queries, q)
        bound = min(scale * (farthest * np.float32(1.0001) + np.float32(1e-30)), LARGEST)
    for k in range(nearest.size):
        nearest[k] = bound
        slots[k] = 0
    for k in range(n_seeds):
        nearest[k] = seeds[q, k]
        slots[k] = -1 - k
    if n_seeds > 0 and seed_counts[q] < n_seeds:  # a point that was left out is as far as the last seed
        nearest[n_seeds] = nearest[n_seeds - 1]


@kernel(allocates=True)
def _search(
    first_block,
    last_block,
    leaf_points,
    boxes,
    depth,
    shape,
    leaves,
    queries,
    seeds,
    seed_counts,
    scale,
    best,
    places,
    n_untied,
):
    """Search for the neighbours of the queries of the blocks first_block to last_block - 1.

    `scale` multiplies a box's squared distance before it is compared with the K-th neighbour's: 1 is exact.
    """
    n_queries, kth = best.shape[0], best.shape[1] - 1
    n_leaves = leaf_points.shape[0]
    n_kept = (kth + 2 + LANES - 1) // LANES * LANES
    nearest, slots = np.empty(n_kept, np.float32), np.empty(n_kept, np.int32)
    room = FAN * (depth // 4 + 2)
    stack, stack_distances = np.empty(room, np.int32), np.empty(room, np.float32)
    distances, child_distances = np.empty(LEAF, np.float32), np.empty(FAN, np.float32)
    for i in range(first_block, last_block):
        # All even blocks, then all odd ones: each of two threads gets blocks from everywhere, an even load.
        block = (i % (BLOCKS // 2)) * 2 + i // (BLOCKS // 2)
        first = n_queries * block // BLOCKS
        for q in range(first, n_queries * (block + 1) // BLOCKS):
            own = np.int64(leaves[q])
            if own < 0 and q > first:  # the leaf of the previous query's nearest neighbour; -1 if that is a seed
                own = np.int64(max(slots[0], -1) // LEAF)
            _start(leaf_points, queries, q, q == first, seeds, seed_counts, scale, kth, nearest, slots)
            stack[0], stack[1] = 0, ~own  # an entry of the stack is a node, or ~leaf
            stack_distances[0] = stack_distances[1] = np.float32(0.0)
            size = 1 if own < 0 else 2
            while size > 0:
                size -= 1
                node = np.int64(stack[size])
                if scale * stack_distances[size] > nearest[kth]:
                    continue
                if node < 0:
                    _leaf_distances(leaf_points, ~node, queries, q, distances)
                    _insert_near(distances, ~node * LEAF, kth, nearest, slots)
                    continue
                _child_distances(boxes, node, queries, q, child_distances)
                mask = mask_of_16(child_distances, 0, nearest[kth] / scale)
                base = size
                while mask != 0:
                    p = lowest_bit(mask)
                    mask &= mask - 1
                    entry = first_child(node, shape[0]) + p
                    if node >= shape[2]:  # its children are leaves
                        entry = ~(((FAN * (node - shape[2]) + p) * n_leaves) >> depth)
                    if entry != ~own:
                        _push(stack, stack_distances, base, size, entry, child_distances[p])
                        size += 1
            n = kth + 1
            for k in range(n):
                best[q, k] = nearest[k]
                places[q, k] = slots[k]
            while nearest[kth + 1] == nearest[kth] and n > 0 and nearest[n - 1] == nearest[kth]:
                n -= 1
            n_untied[q] = n


def search(leaf_points, boxes, depth, leaves, queries, n_neighbors, epsilon):
    """Return the first two results of `search_untied`: squared distances, ascending, and slots, both (M, K)."""
    return search_untied(leaf_points, boxes, depth, leaves, queries, n_neighbors, epsilon)[:2]


def search_untied(leaf_points, boxes, depth, leaves, queries, n_neighbors, epsilon, seeds=None, seed_counts=None):
    """Return the nearest points of queries (M, D): squared distances, ascending, slots, both (M, K), and counts (M,).

    leaves (M,) is the leaf that each query scans first, or -1 for one where the previous query found its neighbours.
    Any leaf and any order of the queries give the same distances; the search is fastest where the leaf is the nearest
    one and the previous query is near. With epsilon = 0 the search
    is exact; otherwise the k-th point found may be up to 1 + epsilon times as far as the true k-th neighbour. The count
    is that of the neighbours whose choice no tie decides: K, or the number of those nearer than the K-th, if a point
    that was left out is exactly as far as the K-th.

    seeds (M, S), S at most K, are ascending squared distances of points outside the tree, among which the neighbours
    are, too: slot -1 - s stands for seed s. seed_counts (M,) is S, or less if a point that is no seed is exactly as far
    as the last seed.
    """
    best = np.empty((len(queries), n_neighbors), np.float32)
    slots = np.empty((len(queries), n_neighbors), np.int32)
    n_untied = np.empty(len(queries), np.int32)
    seeds = np.empty((len(queries), 0), np.float32) if seeds is None else seeds
    seed_counts = n_untied if seed_counts is None else seed_counts
    scale = np.float32((1.0 + epsilon) ** 2)
    run_pieces(
        _search,
        BLOCKS,
        leaf_points,
        boxes,
        depth,
        tree_shape(depth),
        leaves,
        queries,
        seeds,
        seed_counts,
        scale,
        best,
        slots,
        n_untied,
        cost=500 * len(queries) / BLOCKS,
    )
    return best, slots, n_untied


@kernel(allocates=True)
def _locate(first, last, boxes, depth, shape, n_leaves, queries, leaves):
    """Write the leaves of the queries first to last - 1."""
    distances = np.empty(FAN, np.float32)
    for q in range(first, last):
        node, nearest = 0, 0
        while True:
            _child_distances(boxes, node, queries, q, distances)
            nearest = 0
            for p in range(1, FAN):
                nearest = p if distances[p] < distances[nearest] else nearest
            if node >= shape[2]:
                break
            node = first_child(node, shape[0]) + nearest
        leaves[q] = ((FAN * (node - shape[2]) + nearest) * n_leaves) >> depth


def locate(boxes, depth, n_leaves, queries):
    """Return a leaf near each query (M, D), found by going down from the root to the nearest child."""
    leaves = np.empty(len(queries), np.int32)
    run_pieces(_locate, len(queries), boxes, depth, tree_shape(depth), n_leaves, queries, leaves, cost=100)
    return leaves
