"""Kernel that selects the smallest keys of a range; used by ``_neighbors_numba.py``."""

from hybridmatte.linalg.threads import kernel

SAMPLE = 63  # largest sample from which pivots are chosen


@kernel
def select(key, perm, key_out, perm_out, lo, hi, rank, sample):
    """Reorder key[lo:hi], and perm with it, so that key[lo:rank] <= key[rank:hi] (quickselect with two pivots).

    Each round chooses two pivots from a sorted sample, on both sides of the rank, which probably enclose the value of
    that rank. It partitions the range into values below, between and above the pivots, each part in its old order, and
    goes on with the part that holds the rank. If the pivots did not shorten the range (`is_stuck`), both pivots of the
    next round are one value, which shortens the range or ends the selection. A short range is sorted by insertion.

    key_out and perm_out are buffers of the size of key, `sample` is one of SAMPLE values.
    """
    is_stuck = False
    while hi - lo > 24:
        # choose the pivots low and high
        n = min(max((hi - lo) // 16, 9), SAMPLE)
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
        # partition, each part in its old order
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
    for i in range(lo + 1, hi):  # insertion sort
        k, v = key[i], perm[i]
        j = i - 1
        while j >= lo and key[j] > k:
            key[j + 1] = key[j]
            perm[j + 1] = perm[j]
            j -= 1
        key[j + 1] = k
        perm[j + 1] = v
