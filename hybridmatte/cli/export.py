"""``export``: a network as an ONNX file."""

from __future__ import annotations

from hybridmatte.cli.network_inputs import image_and_trimap, load_matting_network, network_sources
from hybridmatte.cli.options import MAX_PIXELS, Force, MaxPixels, Network, NetworkTrimap, Output, Photograph
from hybridmatte.cli.streams import note, refuse_overwriting


def export(
    network: Network,
    image: Photograph,
    trimap: NetworkTrimap = None,
    *,
    output: Output,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
) -> None:
    """Write a network as an ONNX file, and compare its alpha with torch's on a photograph."""
    from hybridmatte.networks import export_onnx

    refuse_overwriting([output], force=force)
    pixels = image_and_trimap(network_sources(image, trimap), max_pixels)
    difference = export_onnx(load_matting_network(network), output, *pixels)
    note(f"{output} gives the same alpha to {difference:.1e}")
