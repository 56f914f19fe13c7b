"""``benchmark-network``: frames a second of a network."""

from __future__ import annotations

from typing import Annotated

import typer

from hybridmatte.cli.network_inputs import load_chosen
from hybridmatte.cli.options import Network
from hybridmatte.cli.streams import note


def benchmark_network(
    network: Network,
    size: Annotated[int, typer.Option("--size", min=32, help="Side of the image in pixels.")] = 512,
    threads: Annotated[int, typer.Option("--threads", min=0, help="Number of processor threads; 0 for all.")] = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of frames to time.")] = 10,
) -> None:
    """Measure how many frames a second a network computes on this processor, by torch and by ONNX Runtime."""
    from hybridmatte.networks import measure_speed  # raises MissingExtraError if torch is missing

    loaded = load_chosen(network)
    import torch

    if threads:
        torch.set_num_threads(threads)
    speed = measure_speed(loaded, size=size, count=count)
    note(
        f"{size} x {size}, {torch.get_num_threads()} threads, median of {count} frames: {speed.torch:.2f} frames a "
        f"second by torch, {speed.onnxruntime:.2f} by ONNX Runtime"
    )
