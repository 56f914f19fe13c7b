"""Alphas of networks that were only pre-trained: of photographs, without guidance, and of fused ones (Figs. 6, 8)."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from experiments.data_sets import data_folder
from experiments.sheets import as_grey, make_sheet
from hybridmatte import read_image, write_image
from hybridmatte.data import Augmentation, fuse_photographs
from hybridmatte.io._codec import to_uint8
from hybridmatte.networks import MattingNetwork, predict_alpha

HEIGHT, CONTEXT = 240, 448  # pixels of a picture in the sheet, and of the photograph that the network sees
SHOWN = (("animals", 4), ("portraits", 3))
FUSED = 224  # pixels on a side of a fused pair


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


def draw_ratios(networks: Mapping[float, MattingNetwork], data: Path, path: Path) -> None:
    """Write a sheet with a row for each share of unknown cells: a fused pair, its trimap and alpha, and what is found.

    The pair is the same in each row; the network has learned with that share.
    """
    front, behind = sorted((data_folder(data) / "photos" / "test").glob("*.jpg"))[:2]
    rows = []
    for share, network in networks.items():
        sample = fuse_photographs(
            read_image(front),
            read_image(behind),
            augmentation=Augmentation(crop=FUSED),
            generator=np.random.default_rng(0),
            unknown=share,
            asymmetric=True,
        )
        alpha = predict_alpha(network, sample.image, sample.trimap)
        rows.append([sample.image, *map(as_grey, (sample.trimap, sample.alpha, alpha))])
    write_image(path, make_sheet(rows))
