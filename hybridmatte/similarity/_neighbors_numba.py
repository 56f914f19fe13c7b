"""Kernels of the exact nearest-neighbour search: a bucketed kd-tree.

Points are permuted into leaves of LEAF consecutive slots, stored dimension by dimension so that a leaf is scanned in
vector registers. Node 1 is the root, nodes 2k and 2k + 1 are the children of node k, each with the box of its points;
the nodes of the last level hold one leaf each, or none (an empty box, infinitely far). A query scans its own leaf
first, which with the neighbours of the query before bounds the walk from the root that follows: queries that are near
each other should follow each other.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

LEAF = 32
CHUNK = 5
BLOCKS = 64
SUBTREE = 7
_SAMPLE = 63


@inlined
def _leaf_range(n_leaves, node, level):
    """Return the leaves [a, b) under a node of a level."""
    i = node - (1 << level)
    return (i * n_leaves) >> level, ((i + 1) * n_leaves) >> level


@kernel
def _select(key, perm, key_out, perm_out, lo, hi, rank, sample):
    """Reorder so that key[lo:rank] <= key[rank:hi], keeping the order of points where possible."""
    is_stuck = False
    while hi - lo > 24:
        # two values that most likely enclose the one of the given rank; equal ones if stuck
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
        low, high = sample[max(at - margin, 0)], sample[min(at + margin, n - 1)]
        # stably into below low, between, above high
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
        is_stuck = a == lo and c == hi
        if rank < a:
            hi = a
        elif rank > c:
            lo = c
        elif rank == a or rank == c or low == high:
            return
        else:
            lo, hi = a, c
    for i in range(lo + 1, hi):  # by insertion
        k, v = key[i], perm[i]
        j = i - 1
        while j >= lo and key[j] > k:
            key[j + 1] = key[j]
            perm[j + 1] = perm[j]
            j -= 1
        key[j + 1] = k
        perm[j + 1] = v


@kernel
def _split_node(columns, perm, key, key_out, perm_out, sample, n_leaves, node, level, offset):
    """Split a node of a level at the leaf boundary in its middle; `offset` leaves lie before the first of perm."""
    first, last = _leaf_range(n_leaves, node, level)
    middle = _leaf_range(n_leaves, 2 * node + 1, level + 1)[0]
    if not first < middle < last:
        return
    lo, hi = (first - offset) * LEAF, min((last - offset) * LEAF, perm.size)
    step = max((hi - lo) // 64, 1)
    best, widest = np.float32(-1.0), 0
    for d in range(columns.shape[0]):  # the dimension in which a sample of the points extends furthest
        low = high = columns[d, perm[lo]]
        for i in range(lo, hi, step):
            v = columns[d, perm[i]]
            low = min(low, v)
            high = max(high, v)
        if high - low > best:
            best, widest = high - low, d
    for j in range(lo, hi):
        key[j] = columns[widest, perm[j]]
    _select(key, perm, key_out, perm_out, lo, hi, (middle - offset) * LEAF, sample)


@kernel
def _split_level(first, last, columns, perm, key, key_out, perm_out, n_leaves, level, offset):
    """Split the nodes first to last of a level, of which `offset` leaves lie before perm."""
    sample = np.empty(_SAMPLE, np.float32)
    for i in range(first, last):
        _split_node(columns, perm, key, key_out, perm_out, sample, n_leaves, (1 << level) + i, level, offset)


@kernel
def _split_subtrees(first, last, columns, perm, leaf_points, low, high, level, depth):
    """Split the nodes of a level down to the leaves, each with a copy of its points, which fits the cache."""
    n_dims, n_leaves = columns.shape[0], leaf_points.shape[0]
    room = LEAF * ((n_leaves >> level) + 1)
    points = np.empty((n_dims, room), np.float32)
    ids, order, order_out = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    key, key_out, sample = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(_SAMPLE, np.float32)
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
                        leaf_points[leaf, d, p] = v if p < size else np.float32(np.inf)  # missing slots
                        least = min(least, v)
                        greatest = max(greatest, v)
                    low[node, d] = least
                    high[node, d] = greatest
        for j in range(n):
            perm[a * LEAF + j] = ids[order[j]]


def _bound_nodes(low, high, depth):
    """Bound every inner node by its children."""
    for level in range(depth - 1, -1, -1):
        nodes, children = slice(1 << level, 2 << level), slice(2 << level, 4 << level)
        low[nodes] = np.minimum(low[children][::2], low[children][1::2])
        high[nodes] = np.maximum(high[children][::2], high[children][1::2])


def build_tree(columns):
    """Return (perm, leaf_points, low, high, depth) for points given as (D, n) float32 columns, D >= CHUNK.

    Slot s of leaf l holds point perm[l * LEAF + s].
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
    leaf_points = np.empty((n_leaves, n_dims, LEAF), np.float32)
    low = np.full((2 << depth, n_dims), np.inf, np.float32)
    high = -low
    run_pieces(_split_subtrees, 1 << top, columns, perm, leaf_points, low, high, top, depth, cost=100 * LEAF << SUBTREE)
    _bound_nodes(low, high, depth)
    return perm, leaf_points, low, high, depth


@kernel
def _scan_leaf(leaf_points, leaf, query, q, scratch, nearer, best, slots):
    """Enter the points of one leaf that are nearer than the last of best (ascending squared distances)."""
    q0, q1, q2, q3, q4 = query[q, 0], query[q, 1], query[q, 2], query[q, 3], query[q, 4]
    for p in range(LEAF):
        d0 = leaf_points[leaf, 0, p] - q0
        d1 = leaf_points[leaf, 1, p] - q1
        d2 = leaf_points[leaf, 2, p] - q2
        d3 = leaf_points[leaf, 3, p] - q3
        d4 = leaf_points[leaf, 4, p] - q4
        scratch[p] = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4
    for d in range(CHUNK, leaf_points.shape[1]):
        for p in range(LEAF):
            gap = leaf_points[leaf, d, p] - query[q, d]
            scratch[p] += gap * gap
    last = best.shape[1] - 1
    bound = best[q, last]
    n_nearer = np.int32(0)
    for p in range(LEAF):
        n_nearer += np.int32(scratch[p] < bound)
    if n_nearer == 0:
        return
    n = 0
    for p in range(LEAF):  # without a branch: which are nearer cannot be foreseen
        nearer[n] = p
        n += scratch[p] < bound
    for i in range(n):
        v = scratch[nearer[i]]
        if v < best[q, last]:
            j = last
            while j > 0 and best[q, j - 1] > v:
                best[q, j] = best[q, j - 1]
                slots[q, j] = slots[q, j - 1]
                j -= 1
            best[q, j] = v
            slots[q, j] = leaf * LEAF + nearer[i]


@inlined
def _box_gaps(low, high, node, query, q):
    """Return the squared distances between a query and the boxes of two sibling nodes, node and node + 1."""
    left = right = np.float32(0.0)
    for d in range(low.shape[1]):
        v = query[q, d]
        gap = max(max(low[node, d] - v, v - high[node, d]), np.float32(0.0))
        left += gap * gap
        gap = max(max(low[node + 1, d] - v, v - high[node + 1, d]), np.float32(0.0))
        right += gap * gap
    return left, right


@kernel
def _search(first_block, last_block, leaf_points, low, high, depth, leaves, queries, scale, best, slots):
    n_queries, kth = best.shape[0], best.shape[1] - 1
    stack, stack_gap = np.empty(depth + 2, np.int32), np.empty(depth + 2, np.float32)
    scratch, nearer = np.empty(LEAF, np.float32), np.empty(LEAF, np.int32)
    for i in range(first_block, last_block):
        block = (i % (BLOCKS // 2)) * 2 + i // (BLOCKS // 2)  # neighbouring blocks to different threads: even load
        first = n_queries * block // BLOCKS
        for q in range(first, n_queries * (block + 1) // BLOCKS):
            reach = np.float32(np.inf)
            if q > first:  # a distance below which a query has K points: those of the one before; the triangle's
                step = np.float32(0.0)  # inequality, with more room than rounding takes
                for d in range(queries.shape[1]):
                    step += (queries[q, d] - queries[q - 1, d]) ** 2
                reach = np.sqrt(step) + np.sqrt(best[q - 1, kth])
                reach = scale * (reach * reach * np.float32(1.0001) + np.float32(1e-30))
            for k in range(kth + 1):
                best[q, k] = reach
            own = np.int64(leaves[q])
            _scan_leaf(leaf_points, own, queries, q, scratch, nearer, best, slots)
            node, gap, size = 1, np.float32(0.0), 0
            while True:  # the leaves nearer than the last neighbour found, near ones first
                while scale * gap < best[q, kth] and node < 1 << depth:
                    node *= 2
                    gap, right = _box_gaps(low, high, node, queries, q)
                    far = node + 1
                    if right < gap:
                        gap, right = right, gap
                        far = node
                        node += 1
                    stack[size] = far
                    stack_gap[size] = right
                    size += scale * right < best[q, kth]
                if scale * gap < best[q, kth]:
                    leaf = ((node - (1 << depth)) * leaf_points.shape[0]) >> depth
                    if leaf != own:
                        _scan_leaf(leaf_points, leaf, queries, q, scratch, nearer, best, slots)
                if size == 0:
                    break
                size -= 1
                node, gap = np.int64(stack[size]), stack_gap[size]


def search(leaf_points, low, high, depth, leaves, queries, n_neighbors, epsilon):
    """Return (squared distances, slots) of the points nearest to queries, given a leaf near each query.

    Any leaf will do, and any order; the work is quickest when the leaf is the one that holds the query, and the query
    before is near. With epsilon > 0 the k-th point returned may be up to 1 + epsilon times as far as the true
    one; 0 is exact.
    """
    best = np.empty((len(queries), n_neighbors), np.float32)
    slots = np.empty((len(queries), n_neighbors), np.int32)
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
        cost=1000 * len(queries) / BLOCKS,
    )
    return best, slots


@kernel
def _locate(first, last, low, high, depth, n_leaves, queries, leaves):
    for q in range(first, last):
        node = 1
        while node < 1 << depth:
            left, right = _box_gaps(low, high, 2 * node, queries, q)
            node = 2 * node + (right < left)
        leaves[q] = ((node - (1 << depth)) * n_leaves) >> depth


def locate(low, high, depth, n_leaves, queries):
    """Return a leaf near each query, by going down to the nearer child."""
    leaves = np.empty(len(queries), np.int32)
    run_pieces(_locate, len(queries), low, high, depth, n_leaves, queries, leaves, cost=100)
    return leaves


def gather(columns, indices):
    """Return some of the points given as (D, n) columns as rows (m, D)."""
    return np.ascontiguousarray(columns[:, indices].T)
