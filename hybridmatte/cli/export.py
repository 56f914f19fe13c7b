"""``export``: a network as an ONNX file."""

from __future__ import annotations

from typing import Any

from hybridmatte.cli.network_inputs import image_and_plane, load_chosen, network_sources, refuse_missing_mask
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Coarse,
    Force,
    FusionOption,
    MaxPixels,
    Network,
    NetworkTrimap,
    Output,
    Photograph,
)
from hybridmatte.cli.streams import note, refuse_overwriting


def export(
    network: Network,
    image: Photograph,
    trimap: NetworkTrimap = None,
    *,
    output: Output,
    fusion: FusionOption = None,
    coarse: Coarse = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
) -> None:
    """Write a network as an ONNX file, and compare its alpha with torch's on a photograph."""
    from hybridmatte.networks import TrimapNetwork, export_onnx

    refuse_overwriting([output], force=force)
    inputs = network_sources(image, trimap)
    loaded = load_chosen(network, fusion=fusion, coarse=coarse)
    refuse_missing_mask(loaded, network, trimap)
    pixels = image_and_plane(loaded, inputs, max_pixels)
    difference = export_onnx(loaded, output, *pixels)
    result = "probabilities" if isinstance(loaded, TrimapNetwork) else "alpha"
    note(f"{output} gives the same {result} to {difference:.1e}; {_sizes(loaded, pixels[0].shape)}")


def _sizes(network: Any, shape: tuple[int, ...]) -> str:
    """Say which images the file of a network accepts, after an export with an image of that shape."""
    if not network.has_fixed_size:
        return f"it takes images of any size, height and width multiples of {network.stride}"
    height, width = (side + -side % network.stride for side in shape[:2])
    return f"it takes images of {width} x {height} pixels alone, one at a time: export again for another size"
