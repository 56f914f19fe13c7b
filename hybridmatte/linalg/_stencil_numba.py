"""Products with a 5 x 5 stencil over the cells of an `UnknownLayout`.

A span reads its own row and two rows above and below as straight runs; the weights of earlier neighbours are read at
those neighbours, which store them as later ones. Small sums of five terms keep each loop a plain vector loop.
"""

from numba import njit, prange

FLAGS = {"contract"}  # fused multiply-add only: no reordering


@njit(cache=True, fastmath=FLAGS)
def multiply_span(span, weights, diagonal, x, out):
    """Write A x on the cells of one span into out (its length)."""
    first = span[0]
    n = span[1]
    d = diagonal[first : first + n]
    w0 = weights[0, first : first + n]
    w1 = weights[1, first : first + n]
    v0 = weights[0, first - 1 : first - 1 + n]
    v1 = weights[1, first - 2 : first - 2 + n]
    near = x[first - 2 : first + n + 2]
    for t in range(n):
        out[t] = d[t] * near[t + 2] + w0[t] * near[t + 3] + w1[t] * near[t + 4] + v0[t] * near[t + 1] + v1[t] * near[t]
    for row in range(2):
        at = span[4 + row]
        k = 2 + 5 * row
        w0 = weights[k, first : first + n]
        w1 = weights[k + 1, first : first + n]
        w2 = weights[k + 2, first : first + n]
        w3 = weights[k + 3, first : first + n]
        w4 = weights[k + 4, first : first + n]
        near = x[at - 2 : at + n + 2]
        for t in range(n):
            out[t] += (w0[t] * near[t] + w1[t] * near[t + 1] + w2[t] * near[t + 2] + w3[t] * near[t + 3]
                       + w4[t] * near[t + 4])
    for row in range(2):
        at = span[3 - row]
        k = 2 + 5 * row
        w0 = weights[k + 4, at - 2 : at - 2 + n]
        w1 = weights[k + 3, at - 1 : at - 1 + n]
        w2 = weights[k + 2, at : at + n]
        w3 = weights[k + 1, at + 1 : at + 1 + n]
        w4 = weights[k, at + 2 : at + 2 + n]
        near = x[at - 2 : at + n + 2]
        for t in range(n):
            out[t] += (w0[t] * near[t] + w1[t] * near[t + 1] + w2[t] * near[t + 2] + w3[t] * near[t + 3]
                       + w4[t] * near[t + 4])


@njit(cache=True, parallel=True, fastmath=FLAGS)
def multiply(spans, chunks, weights, diagonal, x, out):
    """Write A x into out; cells outside the spans keep their value."""
    for chunk in prange(chunks.shape[0] - 1):
        for s in range(chunks[chunk], chunks[chunk + 1]):
            multiply_span(spans[s], weights, diagonal, x, out[spans[s, 0] : spans[s, 0] + spans[s, 1]])


@njit(cache=True, parallel=True, fastmath=FLAGS)
def subtract_product(spans, chunks, weights, diagonal, rhs, x, out):
    """Write rhs - A x into out."""
    for chunk in prange(chunks.shape[0] - 1):
        for s in range(chunks[chunk], chunks[chunk + 1]):
            first = spans[s, 0]
            n = spans[s, 1]
            product = out[first : first + n]
            multiply_span(spans[s], weights, diagonal, x, product)
            b = rhs[first : first + n]
            for t in range(n):
                product[t] = b[t] - product[t]


@njit(cache=True, parallel=True, fastmath=FLAGS)
def smooth(spans, chunks, weights, diagonal, step, rhs, x, out):
    """Write one step of damped Jacobi, x + step (rhs - A x), into out, another vector."""
    for chunk in prange(chunks.shape[0] - 1):
        for s in range(chunks[chunk], chunks[chunk + 1]):
            first = spans[s, 0]
            n = spans[s, 1]
            result = out[first : first + n]
            multiply_span(spans[s], weights, diagonal, x, result)
            b = rhs[first : first + n]
            x0 = x[first : first + n]
            scale = step[first : first + n]
            for t in range(n):
                result[t] = x0[t] + scale[t] * (b[t] - result[t])


@njit(cache=True, parallel=True)
def scale_residual(step, residual, rhs, out):
    """Write the residual into rhs and step * residual into out, in their precision: the first smoothing step."""
    for i in prange(residual.shape[0]):
        rhs[i] = residual[i]
        out[i] = step[i] * rhs[i]
