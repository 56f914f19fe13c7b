"""Kernels of the large kernel Laplacian; used by ``large_kernel.py``.

A product L p takes these steps on the windows of w = 2 radius + 1 pixels a side that hold an unknown pixel: sum p and
p I over each window (`color_products`, `box_sums`), fit p = b + a . I in each window (`fit_lines`), sum the
coefficients of all windows that hold a pixel (`box_sums`), and subtract their line, evaluated at the pixel's colour
(`subtract_lines`).

Planes by cell are (n_cells,) in an `UnknownLayout` of the windows. I is a colour, t is the known alpha, 0 on unknown
pixels.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces, short_kernel
from hybridmatte.methods._window_numba import factor_covariance


@kernel
def _add_row(image, known_alpha, y, sign, columns):
    """Add sign (1 or -1) times row y to the column sums (W, 13) of I (3), I I' (6, upper triangle), t and t I (3).

    All are int64, so no digit is lost, and a sum does not depend on the pixels that have left it.
    """
    for x in range(image.shape[1]):
        t = known_alpha[y, x] * sign
        k = 3
        for a in range(3):
            color = image[y, x, a]
            columns[x, a] += sign * color
            columns[x, 10 + a] += t * color
            for b in range(a, 3):
                columns[x, k] += sign * color * image[y, x, b]
                k += 1
        columns[x, 9] += t


@kernel
def _store_window(sums, area, epsilon, unit, cell, forms, lines):
    """Write the mean colour (3) and the factors (6) of a window, and its sums of t and t I (4).

    The factors are the three entries of L and the three pivots of E, where ``V = (S + epsilon / area)^-1 / area`` is
    ``L^-T E L^-1`` with a unit lower triangular L. V itself would lose the digits that tell the colours' line from
    other directions. S is the covariance of the window's colours, whose integers are multiples of `unit`; sums (13,)
    are as in `_add_row`.
    """
    m0 = unit * sums[0] / area
    m1 = unit * sums[1] / area
    m2 = unit * sums[2] / area
    square = unit * unit
    l10, l20, l21, d0, d1, d2 = factor_covariance(
        square * sums[3] / area - m0 * m0,
        square * sums[4] / area - m0 * m1,
        square * sums[5] / area - m0 * m2,
        square * sums[6] / area - m1 * m1,
        square * sums[7] / area - m1 * m2,
        square * sums[8] / area - m2 * m2,
        epsilon / area,
    )
    forms[0, cell] = m0
    forms[1, cell] = m1
    forms[2, cell] = m2
    forms[3, cell] = l10
    forms[4, cell] = l20
    forms[5, cell] = l21
    forms[6, cell] = 1.0 / (area * d0)
    forms[7, cell] = 1.0 / (area * d1)
    forms[8, cell] = 1.0 / (area * d2)
    lines[0, cell] = sums[9]
    for k in range(3):
        lines[1 + k, cell] = unit * sums[10 + k]


@kernel(allocates=True)
def _window_forms(
    first_band,
    last_band,
    image,
    known_alpha,
    radius,
    epsilon,
    unit,
    segments,
    row_start,
    bands,
    is_window,
    forms,
    lines,
):
    """Compute the windows centred in the bands first_band to last_band - 1, from sliding column sums.

    The column sums move down from the previous row, or start anew if more than `radius` rows lie between. Running sums
    along the row then give the sums over each window.
    """
    height, width = image.shape[:2]
    area = (2.0 * radius + 1.0) ** 2
    columns = np.empty((width, 13), np.int64)
    running = np.empty((width + 1, 13), np.int64)
    sums = np.empty(13, np.int64)
    for k in range(13):
        running[0, k] = 0
    for band in range(first_band, last_band):
        top = -4 * radius
        for y in range(max(bands[band] - radius, radius), min(bands[band + 1] - radius, height - radius)):
            first = row_start[y + radius]
            last = row_start[y + radius + 1]
            if first == last:
                continue
            if y - top > radius:
                columns[:] = 0
                for row in range(y - radius, y + radius + 1):
                    _add_row(image, known_alpha, row, 1, columns)
            else:
                for row in range(top + 1, y + 1):
                    _add_row(image, known_alpha, row - radius - 1, -1, columns)
                    _add_row(image, known_alpha, row + radius, 1, columns)
            top = y
            for x in range(width):
                for k in range(13):
                    running[x + 1, k] = running[x, k] + columns[x, k]
            for s in range(first, last):
                for x in range(max(segments[s, 1], radius), min(segments[s, 2], width - radius)):
                    cell = segments[s, 3] + x - segments[s, 1]
                    if is_window[cell]:
                        for k in range(13):
                            sums[k] = running[x + radius + 1, k] - running[x - radius, k]
                        _store_window(sums, area, epsilon, unit, cell, forms, lines)


def window_forms(image, known_alpha, radius, epsilon, unit, segments, row_start, bands, is_window, forms, lines):
    """Write the forms (9, n_cells) of the windows, and their sums lines (4, n_cells) of t and t I.

    A form is the mean colour (3) and the factors of V (6); see `_store_window`. Row y of the layout is row
    y - radius of the image. `is_window` (n_cells,) tells at which cells a window is centred. The colours (H, W, 3)
    int64 are multiples of `unit`, and known_alpha (H, W) int64 is 0 or 1.
    """
    run_pieces(
        _window_forms,
        len(bands) - 1,
        image,
        known_alpha,
        radius,
        epsilon,
        unit,
        segments,
        row_start,
        bands,
        is_window,
        forms,
        lines,
    )


@short_kernel
def _fit_lines(first, last, forms, area, is_window, lines):
    """Replace the sums by coefficients at the cells first to last - 1; by 0 where there is no window."""
    for cell in range(np.uint64(first), np.uint64(last)):
        if not is_window[cell]:
            for k in range(4):
                lines[k, cell] = 0.0
            continue
        total = lines[0, cell]
        d0 = lines[1, cell] - total * forms[0, cell]
        d1 = lines[2, cell] - total * forms[1, cell]
        d2 = lines[3, cell] - total * forms[2, cell]
        d1 -= forms[3, cell] * d0
        d2 -= forms[4, cell] * d0 + forms[5, cell] * d1
        a2 = forms[8, cell] * d2
        a1 = forms[7, cell] * d1 - forms[5, cell] * a2
        a0 = forms[6, cell] * d0 - forms[3, cell] * a1 - forms[4, cell] * a2
        lines[0, cell] = total / area - a0 * forms[0, cell] - a1 * forms[1, cell] - a2 * forms[2, cell]
        lines[1, cell] = a0
        lines[2, cell] = a1
        lines[3, cell] = a2


def fit_lines(forms, area, is_window, lines):
    """Replace each window's sums of p and p I, lines (4, n_cells), by the coefficients of its fit p = b + a . I."""
    run_pieces(_fit_lines, len(is_window), forms, area, is_window, lines, cost=10)


@kernel
def _sum_row(segments, first, last, radius, source, out):
    """Write the sums over 2 radius + 1 cells along each of the runs first to last - 1."""
    for s in range(first, last):
        start = segments[s, 3]
        n = segments[s, 2] - segments[s, 1]
        total = 0.0
        for t in range(min(radius, n)):
            total += source[start + t]
        for t in range(n):
            if t + radius < n:
                total += source[start + t + radius]
            if t > radius:
                total -= source[start + t - radius - 1]
            out[start + t] = total


@short_kernel
def _box_sums(first_channel, last_channel, segments, row_start, spans, radius, planes, scratch):
    """Compute the box sums of the channels first_channel to last_channel - 1.

    Sums along the rows come first. Each row of boxes is then the row above, plus the row sums that enter at the bottom,
    minus those that leave at the top.
    """
    for channel in range(first_channel, last_channel):
        out = planes[channel]
        source = scratch[channel]
        _sum_row(segments, 0, row_start[-1], radius, out, source)
        for s in range(spans.shape[0]):
            first = spans[s, 0]
            n = spans[s, 1]
            above = out[spans[s, 2] : spans[s, 2] + n]
            entering = source[spans[s, 3] : spans[s, 3] + n]
            leaving = source[spans[s, 4] : spans[s, 4] + n]
            result = out[first : first + n]
            for t in range(n):
                result[t] = above[t] + entering[t] - leaving[t]


def box_sums(segments, row_start, spans, radius, planes, scratch):
    """Replace each of the planes (channels, n_cells) by its sums over boxes of 2 radius + 1 pixels a side.

    A channel is a piece of work. The sums are correct if all values within `radius` of the border of the runs are zero;
    values at the sides and the bottom of the image may be nonzero. Each of the spans holds the cells 1 row above,
    `radius` rows below, and `radius` + 1 rows above. `scratch` has the shape of the planes.
    """
    run_pieces(_box_sums, len(planes), segments, row_start, spans, radius, planes, scratch)


@short_kernel
def _color_products(first, last, pixels, colors, values, lines):
    """Write p and p I at the cells first to last - 1."""
    for cell in range(np.uint64(first), np.uint64(last)):
        value = values[cell] if pixels[cell] >= 0 else 0.0
        lines[0, cell] = value
        for c in range(3):
            lines[1 + c, cell] = value * colors[c, cell]


def color_products(pixels, colors, values, lines):
    """Write p and p I of the unknown pixels into the planes lines (4, n_cells); 0 elsewhere."""
    run_pieces(_color_products, len(pixels), pixels, colors, values, lines, cost=5)


@short_kernel
def _subtract_lines(first, last, pixels, colors, counts, values, lines, out):
    """Write the cells first to last - 1 of counts * values - (b + a . I)."""
    for cell in range(np.uint64(first), np.uint64(last)):
        out[cell] = 0.0
        if pixels[cell] >= 0:
            line = lines[0, cell]
            for c in range(3):
                line += lines[1 + c, cell] * colors[c, cell]
            out[cell] = counts[cell] * values[cell] - line


def subtract_lines(pixels, colors, counts, values, lines, out):
    """Write counts * values - (b + a . I) on the unknown pixels into out (n_cells,); 0 elsewhere.

    counts (n_cells,) is the number of windows that hold the pixel, lines (4, n_cells) the sum of their coefficients (b,
    a).
    """
    run_pieces(_subtract_lines, len(pixels), pixels, colors, counts, values, lines, out, cost=5)
