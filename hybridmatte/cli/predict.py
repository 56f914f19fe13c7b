"""``predict``: alpha by a network."""

from __future__ import annotations

from hybridmatte.cli.network_inputs import image_and_trimap, load_matting_network, network_sources
from hybridmatte.cli.options import MAX_PIXELS, Bits, MaxPixels, Network, NetworkTrimap, Output, Photograph
from hybridmatte.cli.streams import destination


def predict(
    network: Network,
    image: Photograph,
    trimap: NetworkTrimap = None,
    *,
    output: Output,
    bits: Bits = 8,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Estimate alpha by a network."""
    from hybridmatte.io.pictures import write_alpha
    from hybridmatte.networks import predict_alpha

    inputs = network_sources(image, trimap)
    target = destination(output, inputs, bits=bits)
    loaded = load_matting_network(network)
    write_alpha(target, predict_alpha(loaded, *image_and_trimap(inputs, max_pixels)), bits=bits)
