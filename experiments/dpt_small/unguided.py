"""Alphas of a network that was only pre-trained, its trimap all unknown (Fig. 6 of the paper)."""

import cv2
import numpy as np

from experiments.data_sets import data_folder
from hybridmatte import read_image
from hybridmatte.io._codec import to_uint8
from hybridmatte.networks import predict_alpha

HEIGHT, CONTEXT = 240, 448  # pixels of a picture in the sheet, and of the photograph that the network sees
SHOWN = (("animals", 4), ("portraits", 3))


def draw_unguided(network, data, path):
    """Write a sheet: photographs above, alphas below."""
    columns = []
    for folder, count in SHOWN:
        for photograph in sorted((data_folder(data) / folder / "image").glob("*.jpg"))[:count]:
            image = shrunk(read_image(photograph), CONTEXT)
            unknown = np.full(image.shape[:2], 0.5, np.float32)
            alpha = predict_alpha(network, image, unknown if network.takes_trimap else None)
            columns.append(np.vstack([to_uint8(shrunk(part, HEIGHT)) for part in (image, np.dstack([alpha] * 3))]))
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(columns), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


def shrunk(image, height):
    """Return an image of that height."""
    width = round(image.shape[1] * height / image.shape[0])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).clip(0, 1)
