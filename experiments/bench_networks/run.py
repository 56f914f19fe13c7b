"""Measure frames a second of the U-Net's three sizes at 512 x 512, by torch and by ONNX Runtime."""

from collections.abc import Iterator

import torch

from experiments.bench_networks import SIZES
from experiments.options import Options
from experiments.results import Row, make_row
from hybridmatte.networks import measure_speed, unet

SIDE, FRAMES = 512, 20


def run(options: Options) -> Iterator[list[Row]]:
    """Measure each size with both runtimes; the networks are untrained, which does not change the time."""
    torch.set_num_threads(options.threads)
    for name, (encoder, width, _) in SIZES.items():
        network = unet(encoder, width=width).eval()
        speed = measure_speed(network, size=SIDE, count=FRAMES)
        parameters = sum(p.numel() for p in network.parameters())
        yield [
            make_row(name, runtime, [SIDE, SIDE], {"parameters": parameters}, median_s=1 / rate)
            for runtime, rate in zip(("torch", "onnxruntime"), speed[:2], strict=True)
        ]
