"""Values between pixels, interpolated; used by the kernels of this package."""

import numpy as np

from hybridmatte.linalg.threads import inlined

SHARPNESS = -0.75  # of cubic interpolation: its slope, as in OpenCV


@inlined
def neighbours(x, size):
    """Return the pixels before and after a place along an axis, and the weight of the one after.

    Places outside the axis are moved to its nearest pixel.
    """
    inside = min(max(x, 0.0), size - 1.0)
    before = int(inside)
    return before, min(before + 1, size - 1), inside - before


@inlined
def value_at(plane, across, down):
    """Return the value of a plane (H, W) at a place, given `neighbours` along x and along y."""
    upper = plane[down[0], across[0]] + across[2] * (plane[down[0], across[1]] - plane[down[0], across[0]])
    lower = plane[down[1], across[0]] + across[2] * (plane[down[1], across[1]] - plane[down[1], across[0]])
    return upper + down[2] * (lower - upper)


@inlined
def channel_at(planes, channel, across, down):
    """Return what `value_at` does, of a channel of planes (H, W, C) of floating-point numbers or unsigned integers."""
    one, two = float(planes[down[0], across[0], channel]), float(planes[down[0], across[1], channel])
    three, four = float(planes[down[1], across[0], channel]), float(planes[down[1], across[1], channel])
    upper = one + across[2] * (two - one)
    lower = three + across[2] * (four - three)
    return upper + down[2] * (lower - upper)


@inlined
def leads_out(x, y, height, width):
    """Return whether a place lies outside the frame by more than half a pixel."""
    return x < -0.5 or x > width - 0.5 or y < -0.5 or y > height - 0.5


@inlined
def cubic_shares(share):
    """Return the weights of four pixels in a row, given how far the place is from the second to the third one."""
    first = ((SHARPNESS * (share + 1) - 5 * SHARPNESS) * (share + 1) + 8 * SHARPNESS) * (share + 1) - 4 * SHARPNESS
    second = ((SHARPNESS + 2) * share - (SHARPNESS + 3)) * share * share + 1
    rest = 1 - share
    third = ((SHARPNESS + 2) * rest - (SHARPNESS + 3)) * rest * rest + 1
    return first, second, third, 1 - first - second - third


@inlined
def cubic_at(plane, x, y):
    """Return the value of a plane (H, W) of alphas at a place, by cubic interpolation, which blurs hair less.

    Outside the plane, its border is repeated; the value is in [0, 1].
    """
    height, width = plane.shape
    left, above = int(np.floor(x)), int(np.floor(y))
    across, down = cubic_shares(x - left), cubic_shares(y - above)
    total = 0.0
    if 1 <= left < width - 2 and 1 <= above < height - 2:
        for j in range(4):
            row = above + j - 1
            upper = across[0] * plane[row, left - 1] + across[1] * plane[row, left]
            total += down[j] * (upper + across[2] * plane[row, left + 1] + across[3] * plane[row, left + 2])
    else:
        for j in range(4):
            row = min(max(above + j - 1, 0), height - 1)
            for i in range(4):
                total += down[j] * across[i] * plane[row, min(max(left + i - 1, 0), width - 1)]
    return min(max(total, 0.0), 1.0)
