"""The memory of one prediction, in a fresh process."""

import numpy as np
import torch

from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph
from experiments.fresh_process import peak_mib
from experiments.results import Row, make_row
from hybridmatte import networks, read_image, read_trimap
from hybridmatte._validation import to_float

MAKERS = {
    "unet resnet18": lambda: networks.unet("resnet18", trimap=True),
    "vitmatte small": lambda: networks.vitmatte("small", trimap=True),
}


def measure(method: str, megapixels: float, tile: float) -> Row:
    """Repeat the demo's photograph to a size and predict it by an untrained network, in tiles if it is larger."""
    torch.set_num_threads(torch.get_num_threads())
    torch.manual_seed(0)
    network = MAKERS[method]()
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    image, trimap = mosaic(height, round(height * 1.5))
    networks.predict_alpha(network, image[:64, :64], np.full((64, 64), 0.5, np.float32))
    before = peak_mib()
    alpha = networks.predict_alpha(network, image, trimap, max_pixels=int(tile * 1e6))
    subject = "whole" if tile >= megapixels * 1.01 else f"tiles of {tile:g} MP"
    return make_row(
        method, f"{megapixels:g} MP, {subject}", alpha.shape, peak_mib=peak_mib(), added_mib=peak_mib() - before
    )


def mosaic(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the demo's photograph and trimap, repeated."""
    image, trimap = to_float(read_image(flower_photograph()), "image"), read_trimap(FLOWER_TRIMAP)
    times = [-(-side // own) for side, own in zip((height, width), trimap.shape, strict=True)]
    return (
        np.ascontiguousarray(np.tile(image, (*times, 1))[:height, :width]),
        np.ascontiguousarray(np.tile(trimap, times)[:height, :width]),
    )
