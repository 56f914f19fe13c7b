"""The error measures of alpha, pixel by pixel."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


def absolute_difference(alpha: Array, target: Array, is_region: Mask) -> tuple[float, float]:
    """Return the sum over the region of |alpha - target| (SAD), and the mean over the region (MAD)."""
    total, count = 0.0, 0
    for y, x in zip(*np.nonzero(is_region), strict=True):
        total += abs(float(alpha[y, x]) - float(target[y, x]))
        count += 1
    return total, total / count


def squared_difference(alpha: Array, target: Array, is_region: Mask) -> float:
    """Return the mean over the region of (alpha - target)^2 (MSE)."""
    total, count = 0.0, 0
    for y, x in zip(*np.nonzero(is_region), strict=True):
        total += (float(alpha[y, x]) - float(target[y, x])) ** 2
        count += 1
    return total / count


def gradient_magnitude(alpha: Array, sigma: float = 1.4) -> npt.NDArray[np.float64]:
    """Return the magnitude of the convolution of an (H, W) alpha with the derivatives of a Gaussian.

    The two-dimensional filter extends as far as the Gaussian is at least 1e-2 (4 pixels for sigma = 1.4). Its squared
    values sum to 1. Outside the image the nearest border pixel is repeated.
    """
    reach = int(np.ceil(sigma * np.sqrt(-2.0 * np.log(np.sqrt(2.0 * np.pi) * sigma * 1e-2))))
    offsets = range(-reach, reach + 1)
    gauss = {u: np.exp(-(u**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi)) for u in offsets}
    filter_x = {(v, u): gauss[v] * -u * gauss[u] / sigma**2 for v in offsets for u in offsets}
    norm = np.sqrt(sum(value**2 for value in filter_x.values()))
    height, width = alpha.shape
    magnitude = np.empty(alpha.shape)
    for y in range(height):
        for x in range(width):
            along_x = along_y = 0.0
            for v in offsets:
                for u in offsets:
                    value = float(alpha[min(max(y - v, 0), height - 1), min(max(x - u, 0), width - 1)])
                    along_x += filter_x[v, u] / norm * value
                    along_y += filter_x[u, v] / norm * value
            magnitude[y, x] = np.hypot(along_x, along_y)
    return magnitude


def gradient_error(alpha: Array, target: Array, is_region: Mask, sigma: float = 1.4) -> float:
    """Return the sum over the region of the squared difference of gradient magnitudes."""
    difference = gradient_magnitude(alpha, sigma) - gradient_magnitude(target, sigma)
    return float(np.sum(difference[is_region] ** 2))


def largest_component(is_inside: Mask) -> Mask:
    """Return the largest 4-connected component of a mask by flood fill; of equal ones the first in row-major order."""
    height, width = is_inside.shape
    is_seen, best = np.zeros(is_inside.shape, dtype=bool), []
    for start in zip(*np.nonzero(is_inside), strict=True):
        if is_seen[start]:
            continue
        is_seen[start] = True
        component, position = [start], 0
        while position < len(component):
            y, x = component[position]
            position += 1
            for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= row < height and 0 <= column < width and is_inside[row, column] and not is_seen[row, column]:
                    is_seen[row, column] = True
                    component.append((row, column))
        best = max(best, component, key=len)  # the first of equal size
    result = np.zeros(is_inside.shape, dtype=bool)
    for pixel in best:
        result[pixel] = True
    return result


def connectivity_error(
    alpha: npt.ArrayLike, target: npt.ArrayLike, is_region: Mask, step: float = 0.1, theta: float = 0.15
) -> float:
    """Return the sum over the region of the absolute difference of the connectedness of alpha and target.

    For each level 0, step, ..., 1, take the largest region in which both alpha and target are at least the level. Let
    l be the last level before a pixel first leaves these regions, and d = alpha - l. The connectedness of the pixel is
    1 - d if d is at least theta, else 1.
    """
    alpha, target = np.asarray(alpha, np.float32), np.asarray(target, np.float32)
    n_levels = round(1 / step)
    last = np.full(alpha.shape, np.nan, dtype=np.float32)
    for i in range(1, n_levels + 1):
        level = np.float32(i / n_levels)
        is_connected = largest_component((alpha >= level) & (target >= level))
        last[np.isnan(last) & ~is_connected] = np.float32((i - 1) / n_levels)
    last[np.isnan(last)] = 1.0
    total = 0.0
    for y, x in zip(*np.nonzero(is_region), strict=True):
        first, second = alpha[y, x] - last[y, x], target[y, x] - last[y, x]
        phi = 1.0 - float(first) * (first >= np.float32(theta))
        phi_target = 1.0 - float(second) * (second >= np.float32(theta))
        total += abs(phi - phi_target)
    return total


def change_over_time(alphas: list[Array], targets: list[Array], regions: list[Mask]) -> float:
    """Return dtSSD: for each pair of frames the root of the mean squared difference of their changes, then the mean."""
    errors = []
    for t in range(len(alphas) - 1):
        total, count = 0.0, 0
        for y, x in zip(*np.nonzero(regions[t]), strict=True):
            change = float(alphas[t + 1][y, x]) - float(alphas[t][y, x])
            true_change = float(targets[t + 1][y, x]) - float(targets[t][y, x])
            total += (change - true_change) ** 2
            count += 1
        if count:
            errors.append((total / count) ** 0.5)
    return sum(errors) / len(errors)


def change_along_motion(alphas: list[Array], targets: list[Array], flows: list[Array], regions: list[Mask]) -> float:
    """Return MESSDdt: for each pair of frames the mean change of the squared error along the motion, then the mean."""
    errors, (height, width) = [], alphas[0].shape
    for t in range(len(alphas) - 1):
        total, count = 0.0, 0
        for y, x in zip(*np.nonzero(regions[t]), strict=True):
            to_x, to_y = x + round(float(flows[t][y, x, 0])), y + round(float(flows[t][y, x, 1]))
            if 0 <= to_x < width and 0 <= to_y < height:
                before = (float(alphas[t][y, x]) - float(targets[t][y, x])) ** 2
                after = (float(alphas[t + 1][to_y, to_x]) - float(targets[t + 1][to_y, to_x])) ** 2
                total += abs(before - after)
                count += 1
        if count:
            errors.append(total / count)
    return sum(errors) / len(errors)
