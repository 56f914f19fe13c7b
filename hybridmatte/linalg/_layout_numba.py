"""Number the pixels of a mask so that a stencil reads contiguous memory; used by ``layout.py``.

Pixels of a row that stand next to each other form a run. A *cell* is the number of a pixel; the pixels of a run have
consecutive cells, and empty cells lie between the runs.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel


def find_segments(mask, gap, pad):
    """Return the runs of True pixels in the rows of a mask (H, W), and the pixels' cells.

    Runs that are at most `gap` pixels apart are joined. `pad` empty cells lie before, between and after the runs.

    Returns
    -------
    segments : (m, 4) int32 array
        Row y, first x, last x + 1 and first cell of each run.
    row_start : (H + 1,) int32 array
        The first run of each row.
    end : int
        Number of cells, with the padding after the last run.
    pixels, cells : (n,) int64 arrays
        Flat indices of the pixels, and their cells.
    """
    height, width = mask.shape
    pixels = np.flatnonzero(mask)
    y = np.repeat(np.arange(height), np.count_nonzero(mask, axis=1))
    x = pixels - width * y
    is_first = np.ones(len(pixels), bool)
    is_first[1:] = (np.diff(x) > gap) | (np.diff(y) != 0)
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(pixels))[: len(first)] - 1
    segments = np.empty((len(first), 4), np.int32)
    segments[:, 0], segments[:, 1], segments[:, 2] = y[first], x[first], x[last] + 1
    lengths = x[last] + 1 - x[first]
    ends = pad + np.cumsum(lengths + pad)
    segments[:, 3] = ends - lengths - pad
    row_start = np.searchsorted(segments[:, 0], np.arange(height + 1)).astype(np.int32)
    cells = x + np.repeat(segments[:, 3] - segments[:, 1], np.diff(np.append(first, len(pixels))))
    return segments, row_start, int(ends[-1]) if len(ends) else pad, pixels, cells


@kernel
def _find_spans(segments, row_start, rows, radius, zero_cell, spans):
    """Write as many spans as `spans` has rows, and return the number of all spans.

    A span starts at a pixel x of a run. For each offset, a binary search finds the first run of the other row whose
    last pixel is at x - radius or later. The span ends where one of these runs, extended by `radius` on both sides,
    starts or ends.
    """
    count = 0
    for s in range(segments.shape[0]):
        y = segments[s, 0]
        x = segments[s, 1]
        while x < segments[s, 2]:
            stop = segments[s, 2]
            for d in range(rows.shape[0]):
                other = y + rows[d]
                cell = zero_cell
                if 0 <= other < row_start.shape[0] - 1:
                    low = row_start[other]
                    high = row_start[other + 1]
                    while low < high:
                        middle = (low + high) // 2
                        if segments[middle, 2] + radius <= x:
                            low = middle + 1
                        else:
                            high = middle
                    if low < row_start[other + 1]:  # such a run exists
                        if segments[low, 1] - radius <= x:
                            stop = min(stop, segments[low, 2] + radius)
                            cell = segments[low, 3] + x - segments[low, 1]
                        else:
                            stop = min(stop, segments[low, 1] - radius)
                if count < spans.shape[0]:
                    spans[count, 2 + d] = cell
            if count < spans.shape[0]:
                spans[count, 0] = segments[s, 3] + x - segments[s, 1]
                spans[count, 1] = stop - x
            count += 1
            x = stop
    return count


def find_spans(segments, row_start, rows, radius, zero_cell):
    """Cut the runs into spans along which the given rows above and below are contiguous, too.

    `rows` are offsets in y. A span is int32 (first cell, length, one cell for each offset): the cell at that offset
    from the span's first pixel. Where that row has no run within `radius` columns, the cell is `zero_cell`, the first
    of a stretch of empty cells.
    """
    spans = np.empty((4 * len(segments) + 16, 2 + len(rows)), np.int32)
    count = _find_spans(segments, row_start, rows, radius, zero_cell, spans)
    if count > len(spans):
        spans = np.empty((count, 2 + len(rows)), np.int32)
        _find_spans(segments, row_start, rows, radius, zero_cell, spans)
    return spans[:count].copy()
