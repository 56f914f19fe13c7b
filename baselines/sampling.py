"""Shared sampling, pixel by pixel."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from baselines.known_expansion import expand_known

Array: TypeAlias = npt.NDArray[np.float64]
Pixel: TypeAlias = tuple[int, ...]  # row and column
Gathered: TypeAlias = tuple[Array, Array, float, float]  # F, B and their variances
Refined: TypeAlias = tuple[Array, Array, float, float]  # F, B, alpha and confidence

TIE = 1e-9  # errors that differ by less are equal
TINY = 1e-7  # added to factors of the objective: a factor of 0 would make all other factors irrelevant


def sample_alpha(
    image: npt.ArrayLike, trimap: npt.ArrayLike, n_rays: int = 4, expansion: float = 12.0
) -> tuple[Array, Array, Array, Array]:
    """Return (alpha, confidence, foreground, background) of shared sampling; a pixel takes milliseconds.

    Differences from the paper: the allowed colour distance in the expansion of the known regions falls with the
    distance in pixels. A pixel whose colour is within the variance of both layers keeps the alpha of the mean layers,
    with almost no confidence.

    References
    ----------
    .. [1] E. Gastal, M. Oliveira. Shared sampling for real-time alpha matting. Eurographics 2010. Section 3.
    """
    image = np.asarray(image, dtype=np.float64)
    trimap = expand_known(image, trimap, expansion, expansion / 255)
    unknown = [tuple(pixel) for pixel in np.argwhere(trimap == 0.5)]
    gathered = {pixel: gather(image, trimap, pixel, n_rays) for pixel in unknown}
    refined = {pixel: refine(image, trimap, gathered, pixel) for pixel in unknown}
    alpha, confidence = np.where(trimap == 1.0, 1.0, 0.0), np.ones(trimap.shape)
    foreground, background = image.copy(), image.copy()
    for pixel in unknown:
        alpha[pixel], confidence[pixel], foreground[pixel], background[pixel] = smooth(image, trimap, refined, pixel)
    return alpha, confidence, foreground, background


def project(color: Array, fore: Array, back: Array) -> tuple[float, float]:
    """Return the alpha in [0, 1] whose mixture of two layers is closest to a colour, and the remaining distance."""
    line = fore - back
    alpha = np.clip((color - back) @ line / (line @ line + 1e-9), 0.0, 1.0)
    return alpha, np.linalg.norm(color - alpha * fore - (1 - alpha) * back)


def project_single(color: Array, fore: Array, back: Array) -> np.float32:
    """Return the square of the remaining distance, in single precision and summed from left to right."""
    color, fore, back = (np.float32(values) for values in (color, fore, back))
    line, rest = fore - back, color - back
    along, length = (a[0] * line[0] + a[1] * line[1] + a[2] * line[2] for a in (rest, line))
    inverse = np.float32(1 + 1e-6) / (length + np.float32(1e-9))  # a little too large, so that an alpha of 1 is exact
    alpha = np.clip(along * inverse, np.float32(0), np.float32(1))
    rest = rest - alpha * line
    return rest[0] * rest[0] + rest[1] * rest[1] + rest[2] * rest[2]


def window(shape: Pixel, pixel: Pixel, radius: int) -> list[Pixel]:
    """Return the pixels of the square window around a pixel, cut to the image."""
    rows, columns = (range(max(p - radius, 0), min(p + radius + 1, n)) for p, n in zip(pixel, shape, strict=True))
    return [(y, x) for y in rows for x in columns]


def disk(shape: Pixel, pixel: Pixel, area: float) -> list[tuple[Pixel, int]]:
    """Return the pixels of a disk of about `area` pixels around a pixel, with their squared distances."""
    pixels = window(shape, pixel, int(np.ceil(np.sqrt(area / np.pi))))
    squared = [(y - pixel[0]) ** 2 + (x - pixel[1]) ** 2 for y, x in pixels]
    return [(q, d) for q, d in zip(pixels, squared, strict=True) if d <= area / np.pi + 0.5]


def ray_turn(shape: Pixel, pixel: Pixel) -> int:
    """Return the turn of a pixel's rays: 0 to 8 over 3 x 3 pixels, and negative, modulo 9, in a mirrored octant."""
    down, right = (2 * p - (n - 1) for p, n in zip(pixel, shape, strict=True))
    low, high = sorted((abs(down), abs(right)))
    if low == 0 or low == high:
        return 0
    turn = low // 2 % 3 * 3 + high // 2 % 3
    n_mirrored = sum(map(bool, (down < 0, right < 0, abs(down) < abs(right))))
    return turn if n_mirrored % 2 == 0 else -turn % 9


def follow_rays(image: Array, trimap: Array, pixel: Pixel, n_rays: int) -> dict[float, list[tuple[Pixel, float]]]:
    """Return, by label, the first known pixel on each ray with the colour energy of the path to it."""
    found = {0.0: [], 1.0: []}
    turn = ray_turn(trimap.shape, pixel)
    for ray in range(n_rays):
        angle = 2 * np.pi * (turn + 9 * ray) / (9 * n_rays)
        direction = np.array([np.sin(angle), np.cos(angle)])
        direction /= np.abs(direction).max()
        energy, before, seen, k = 0.0, pixel, set(), 0
        while len(seen) < 2:
            k += 1
            moved = np.sign(direction) * np.floor(np.abs(k * direction) + 0.5 + 1e-12)
            place = tuple(int(v) for v in np.array(pixel) + moved)
            if not (0 <= place[0] < trimap.shape[0] and 0 <= place[1] < trimap.shape[1]):
                break
            energy += ((image[place] - image[before]) ** 2).sum() / np.hypot(*direction)
            before, label = place, trimap[place]
            if label != 0.5 and label not in seen:
                seen.add(label)
                found[label].append((place, energy))
    return found


def gather(image: Array, trimap: Array, pixel: Pixel, n_rays: int) -> Gathered | None:
    """Return (F, B, variance of F, variance of B) of the pair with the least objective g_SS, or None.

    Pairs with the same objective are averaged.
    """
    found = follow_rays(image, trimap, pixel, n_rays)
    if not found[0.0] or not found[1.0]:
        return None
    to_fore, to_back = (min(energy for _, energy in found[label]) for label in (1.0, 0.0))
    probability = to_back / (to_fore + to_back) if to_fore + to_back > 0 else 0.5
    costs = {}
    for f, _ in found[1.0]:
        for b, _ in found[0.0]:
            around = window(trimap.shape, pixel, 1)
            mixture = sum(project(image[q], image[f], image[b])[1] ** 2 for q in around) + TINY
            alpha = project(image[pixel], image[f], image[b])[0]
            doubt = probability + (1 - 2 * probability) * alpha + TINY
            far_f, far_b = (np.hypot(q[0] - pixel[0], q[1] - pixel[1]) for q in (f, b))
            costs[f, b] = mixture**3 * doubt**2 * far_f * far_b**4
    best = [pair for pair, cost in costs.items() if cost <= min(costs.values()) * (1 + TIE)]
    colors = [np.mean([image[pair[side]] for pair in best], axis=0) for side in (0, 1)]
    spreads = [np.mean([spread(image, pair[side]) for pair in best]) for side in (0, 1)]
    return *colors, *spreads


def spread(image: Array, pixel: Pixel) -> float:
    """Return the mean squared distance of the colours around a pixel from its own."""
    return np.mean([((image[q] - image[pixel]) ** 2).sum() for q in window(image.shape[:2], pixel, 2)])


def refine(image: Array, trimap: Array, gathered: Mapping[Pixel, Gathered | None], pixel: Pixel) -> Refined:
    """Return (F, B, alpha, confidence) from the three neighbouring samples that explain the pixel's colour best.

    Of samples that are equally good, the nearest count first, and those that are equally far are averaged. Samples with
    one foreground and several backgrounds are equally good where alpha is 1, up to rounding; so the errors are those of
    single precision.
    """
    color = image[pixel]
    around = [(gathered[q], squared) for q, squared in disk(trimap.shape, pixel, 200) if gathered.get(q) is not None]
    ranks = {}  # by mixture error and distance
    for sample, squared in around:
        error = project_single(color, sample[0], sample[1])
        ranks.setdefault((error, squared), []).append(np.hstack(sample))
    best = [np.mean(ranks[rank], axis=0) for rank in sorted(ranks) for _ in ranks[rank]][:3]
    if best:
        best += [best[-1]] * (3 - len(best))
        fore, back, (spread_f, spread_b) = np.split(sum(best) / 3, [3, 6])
    else:
        fore, back = (image[trimap == label].mean(axis=0) for label in (1.0, 0.0))
        spread_f = spread_b = 0.0
    alpha, error = project(color, fore, back)
    near_f, near_b = ((color - fore) ** 2).sum() <= spread_f, ((color - back) ** 2).sum() <= spread_b
    layers = color if near_f else fore, color if near_b else back
    if near_f and near_b:
        return *layers, alpha, 1e-8
    return *layers, project(color, *layers)[0], np.exp(-10 * error)


def smooth(
    image: Array, trimap: Array, refined: Mapping[Pixel, Refined], pixel: Pixel
) -> tuple[float, float, Array, Array]:
    """Return alpha, confidence, F and B, smoothed over the neighbouring pixels."""
    own = refined[pixel][2]
    fore, back, contrast, low = np.zeros(4), np.zeros(4), np.zeros(2), np.zeros(2)
    for q, squared in disk(trimap.shape, pixel, 100):
        near = np.exp(-squared * 9 * np.pi / 200)
        f, b, alpha, trust = refined.get(q, (image[q], image[q], trimap[q], 1.0))
        weight = near * trust * (1.0 if q == pixel else abs(own - alpha))
        fore += weight * alpha * np.append(f, 1.0)
        back += weight * (1 - alpha) * np.append(b, 1.0)
        contrast += trust * alpha * (1 - alpha) * np.array([np.linalg.norm(f - b), 1.0])
        low += (near * trust + (q not in refined)) * np.array([alpha, 1.0])
    fore = fore[:3] / fore[3] if fore[3] > 0 else refined[pixel][0]
    back = back[:3] / back[3] if back[3] > 0 else refined[pixel][1]
    alpha, error = project(image[pixel], fore, back)
    confidence = np.exp(-10 * error)
    if contrast[0] > 0:
        confidence *= min(1.0, np.linalg.norm(fore - back) * contrast[1] / contrast[0])
    share = confidence if ((fore - back) ** 2).sum() > 1e-6 else 0.0  # layers of the same colour have no alpha
    return share * alpha + (1 - share) * low[0] / max(low[1], 1e-12), confidence, fore, back
