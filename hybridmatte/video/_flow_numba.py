"""How well forward and backward flow agree, and colours along the flow; used by ``flow.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel
from hybridmatte.video._interpolation_numba import channel_at, leads_out, neighbours


@kernel
def compare_rows(first, last, flow, back, frame, other, distance, moved, sums):
    """Write the distance (H, W) after a round trip and the other frame's colours along the flow (H, W, 3).

    sums (H, 2, 3) gets the sums of the colours of both frames over the pixels of each row whose distance is at most a
    pixel. Only rows first to last - 1 are written.
    """
    height, width = distance.shape
    for y in range(first, last):
        sums[y, :, :] = 0
        for x in range(width):
            along_x, along_y = flow[y, x, 0], flow[y, x, 1]
            across = neighbours(x + along_x, width)
            down = neighbours(y + along_y, height)
            trip_x = along_x + channel_at(back, 0, across, down)
            trip_y = along_y + channel_at(back, 1, across, down)
            trip = np.sqrt(trip_x * trip_x + trip_y * trip_y)
            distance[y, x] = trip
            for k in range(3):
                moved[y, x, k] = channel_at(other, k, across, down)
            if trip <= 1:
                for k in range(3):
                    sums[y, 0, k] += frame[y, x, k]
                    sums[y, 1, k] += moved[y, x, k]


@kernel
def change_rows(first, last, frame, moved, light, change):
    """Write the distance (H, W) of a frame's colours (H, W, 3) from those that moved, under a change of light (3,)."""
    for y in range(first, last):
        for x in range(change.shape[1]):
            total = np.float32(0)
            for k in range(3):
                gap = frame[y, x, k] - light[k] * moved[y, x, k]
                total += gap * gap
            change[y, x] = np.sqrt(total)


@kernel
def exponent_rows(first, last, flow, distance, change, round_trip, colour_change, exponent):
    """Write the exponent (H, W) of the reliability: 0 where all agrees, -inf where the flow leaves the frame."""
    height, width = exponent.shape
    for y in range(first, last):
        for x in range(width):
            at_x, at_y = x + flow[y, x, 0], y + flow[y, x, 1]
            if leads_out(at_x, at_y, height, width):
                exponent[y, x] = -np.inf
            else:
                trip, gap = distance[y, x] / round_trip, change[y, x] / colour_change
                exponent[y, x] = -0.5 * (trip * trip + gap * gap)
