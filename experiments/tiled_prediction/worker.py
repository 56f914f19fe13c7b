"""One fresh process: predict one image by one network; prints one row."""

import argparse
import json

import numpy as np
import torch

from experiments.common import peak_mib
from experiments.demo import IMAGE, TRIMAP
from hybridmatte import networks, read_image, read_trimap
from hybridmatte._validation import to_float

MAKERS = {"unet resnet18": lambda: networks.unet("resnet18", trimap=True),
          "vitmatte small": lambda: networks.vitmatte("small", trimap=True)}


def main():
    """Repeat the demo's photograph to the size asked for, and predict it; known pixels stay known."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("method", choices=MAKERS)
    parser.add_argument("--megapixels", type=float, required=True)
    parser.add_argument("--tile", type=float, required=True, help="megapixels")
    arguments = parser.parse_args()
    torch.set_num_threads(torch.get_num_threads())
    torch.manual_seed(0)
    network = MAKERS[arguments.method]()
    height = round((arguments.megapixels * 1e6 * 2 / 3) ** 0.5)
    image, trimap = mosaic(height, round(height * 1.5))
    networks.predict_alpha(network, image[:64, :64], np.full((64, 64), 0.5, np.float32))
    before = peak_mib()
    alpha = networks.predict_alpha(network, image, trimap, max_pixels=int(arguments.tile * 1e6))
    tile = "whole" if arguments.tile >= arguments.megapixels * 1.01 else f"tiles of {arguments.tile:g} MP"
    print(json.dumps({"method": arguments.method, "subject": f"{arguments.megapixels:g} MP, {tile}",
                      "size": list(alpha.shape), "median_s": None, "iqr_s": None, "peak_mib": peak_mib(),
                      "added_mib": peak_mib() - before, "error": None}))


def mosaic(height, width):
    """Return the demo's photograph and trimap, repeated."""
    image, trimap = to_float(read_image(IMAGE), "image"), read_trimap(TRIMAP)
    times = [-(-side // own) for side, own in zip((height, width), trimap.shape, strict=True)]
    return (np.ascontiguousarray(np.tile(image, (*times, 1))[:height, :width]),
            np.ascontiguousarray(np.tile(trimap, times)[:height, :width]))


if __name__ == "__main__":
    main()
