"""Values between pixels, interpolated linearly; used by the kernels of this package."""

from hybridmatte.linalg.threads import inlined


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
