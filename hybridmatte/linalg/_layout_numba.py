"""Kernels that number the unknown pixels so that stencils read memory in straight runs."""

import numpy as np
from numba import njit


@njit(cache=True)
def count_segments(mask, gap):
    """Count the runs of True in the rows of `mask`, runs at most `gap` pixels apart joined."""
    height, width = mask.shape
    count = 0
    for y in range(height):
        last = -gap - 2
        for x in range(width):
            if mask[y, x]:
                if x - last > gap:
                    count += 1
                last = x
    return count


@njit(cache=True)
def find_segments(mask, gap, pad, count):
    """List the runs as rows (y, first x, last x + 1, first cell); `pad` empty cells lie between runs."""
    height, width = mask.shape
    segments = np.empty((count, 4), np.int32)
    row_start = np.empty(height + 1, np.int32)
    k = -1
    for y in range(height):
        row_start[y] = k + 1
        last = -gap - 2
        for x in range(width):
            if mask[y, x]:
                if x - last > gap:
                    k += 1
                    segments[k, 0] = y
                    segments[k, 1] = x
                segments[k, 2] = x + 1
                last = x
    row_start[height] = k + 1
    cell = pad
    for s in range(count):
        segments[s, 3] = cell
        cell += segments[s, 2] - segments[s, 1] + pad
    return segments, row_start, cell


@njit(cache=True)
def find_cell(segments, row_start, y, x):
    """Return the cell of pixel (y, x), which must lie in a run."""
    low = row_start[y]
    high = row_start[y + 1]
    while low < high:
        middle = (low + high) // 2
        if segments[middle, 2] <= x:
            low = middle + 1
        else:
            high = middle
    return segments[low, 3] + x - segments[low, 1]


@njit(cache=True)
def _neighbor_run(segments, row_start, y, x, radius):
    """Find the run of row y within `radius` of column x: (run or -1, column where that answer ends)."""
    if y < 0 or y >= row_start.shape[0] - 1:
        return -1, np.int32(2**31 - 1)
    low = row_start[y]
    high = row_start[y + 1]
    while low < high:
        middle = (low + high) // 2
        if segments[middle, 2] + radius <= x:
            low = middle + 1
        else:
            high = middle
    if low == row_start[y + 1]:
        return -1, np.int32(2**31 - 1)
    if segments[low, 1] - radius <= x:
        return low, segments[low, 2] + radius
    return -1, segments[low, 1] - radius


@njit(cache=True)
def find_spans(segments, row_start, rows, radius, zero):
    """Cut the runs into spans under and over which the given rows (offsets in y) are straight runs too.

    A span is (first cell, length, one cell for each offset): the cell at that offset from the span's first pixel.
    Where that row has no run within `radius` columns, the cell is `zero`, in an empty zone.
    """
    spans = np.empty((4 * segments.shape[0] + 16, 2 + rows.shape[0]), np.int32)
    count = 0
    for s in range(segments.shape[0]):
        y = segments[s, 0]
        x = segments[s, 1]
        while x < segments[s, 2]:
            if count == spans.shape[0]:
                longer = np.empty((2 * count, spans.shape[1]), np.int32)
                for k in range(count):
                    for d in range(spans.shape[1]):
                        longer[k, d] = spans[k, d]
                spans = longer
            stop = segments[s, 2]
            for d in range(rows.shape[0]):
                run, end = _neighbor_run(segments, row_start, y + rows[d], x, radius)
                stop = min(stop, end)
                spans[count, 2 + d] = zero if run < 0 else segments[run, 3] + x - segments[run, 1]
            spans[count, 0] = segments[s, 3] + x - segments[s, 1]
            spans[count, 1] = stop - x
            count += 1
            x = stop
    return spans[:count].copy()


@njit(cache=True)
def find_pixels(mask, segments, n_cells):
    """Return the flat pixel index of every cell, -1 for cells that hold no unknown pixel."""
    pixels = np.full(n_cells, -1, np.int32)
    width = mask.shape[1]
    for s in range(segments.shape[0]):
        y = segments[s, 0]
        for x in range(segments[s, 1], segments[s, 2]):
            if mask[y, x]:
                pixels[segments[s, 3] + x - segments[s, 1]] = y * width + x
    return pixels
