"""What attention looks at, and people before and after adaptation."""

import cv2
import numpy as np

from hybridmatte import composite, estimate_foreground, write_image
from hybridmatte.data.segmentation import soft_segmentation
from hybridmatte.networks.prediction import as_batch

HEIGHT = 220  # pixels of each picture on a sheet
SCALE = 0.4  # of the paper's pixels, as in real.toml


def draw_attention(network, sample, path):
    """Show where three places of an image look, unknown, in the foreground and in the background, and what comes of it.

    The last picture is the attention's result, as the mean size of its channels (Fig. 1).
    """
    seen = []
    handle = network.attention.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
    with network.predicting():
        planes = network.prepared(*as_batch(sample.image, sample.trimap))
        network.estimate(planes)
        weights, result = network.attention.weights(*seen[0])[0], network.attention(*seen[0])[0]
    handle.remove()
    height, width = (side // 8 for side in planes.shape[2:])
    tiles = [sample.image, np.repeat(sample.trimap[:, :, None], 3, axis=2)]
    for value in (0.5, 1.0, 0.0):
        rows, columns = np.nonzero(sample.trimap[4:-4:8, 4:-4:8] == value)
        middle = len(rows) // 2
        weight = weights[rows[middle] * width + columns[middle]].view(height // 4, width // 4).numpy()
        tiles.append(marked(sample.image, weight, 8 * rows[middle] + 4, 8 * columns[middle] + 4))
    rebuilt = result.abs().mean(dim=0).numpy()
    rebuilt = cv2.resize(rebuilt / rebuilt.max(), None, fx=8, fy=8, interpolation=cv2.INTER_LINEAR)
    tiles.append(np.repeat(rebuilt[:sample.image.shape[0], :sample.image.shape[1], None], 3, axis=2))
    write_image(path, sheet([tiles]))


def marked(image, weight, row, column):
    """Return an image lit by attention, the place that looks in a red box."""
    weight = cv2.resize(weight / weight.max(), None, fx=32, fy=32, interpolation=cv2.INTER_NEAREST)
    lit = image * (0.15 + 0.85 * weight[:image.shape[0], :image.shape[1], None])
    lit = np.ascontiguousarray(lit, np.float32)
    cv2.rectangle(lit, (int(column) - 8, int(row) - 8), (int(column) + 8, int(row) + 8), (1, 0, 0), 2)
    return lit


def draw_people(joints, people, portraits, path):
    """Show photographs, what they come with, and both networks' objects over a plain and a textured background."""
    texture = np.random.default_rng(0).random((60, 80, 3)).astype(np.float32)
    rows = []
    for sample in [*people, *portraits]:
        mask = soft_segmentation(sample.alpha if sample.mask is None else sample.mask, erode=20 * SCALE,
                                 blur=31 * SCALE)
        tiles = [sample.image, np.repeat(mask[:, :, None], 3, axis=2)]
        behind = cv2.resize(texture, mask.shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
        for joint in joints:
            alpha, _ = joint.predict(sample.image, mask)
            foreground = estimate_foreground(sample.image, alpha)
            tiles += [composite(foreground, alpha, np.float32([0.2, 0.7, 0.3])), composite(foreground, alpha, behind)]
        rows.append(tiles)
    write_image(path, sheet(rows))


def sheet(rows):
    """Return rows of pictures side by side, each of one height, widened to the widest row."""
    lines = [np.concatenate([cv2.resize(np.float32(tile), (round(HEIGHT * tile.shape[1] / tile.shape[0]), HEIGHT),
                                        interpolation=cv2.INTER_AREA) for tile in tiles], axis=1) for tiles in rows]
    width = max(line.shape[1] for line in lines)
    return np.concatenate([np.pad(line, ((0, 4), (0, width - line.shape[1]), (0, 0)), constant_values=1)
                           for line in lines]).clip(0, 1)
