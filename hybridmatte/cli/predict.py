"""``predict``: alpha by a network."""

from __future__ import annotations

from hybridmatte.cli.network_inputs import load_matting_network, network_sources
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Bits,
    DropGps,
    Force,
    Json,
    MaxPixels,
    Network,
    NetworkTrimap,
    Output,
    Photograph,
    Quiet,
    TilePixels,
)
from hybridmatte.cli.reports import begin_report
from hybridmatte.cli.streams import destination


def predict(
    network: Network,
    image: Photograph,
    trimap: NetworkTrimap = None,
    *,
    output: Output,
    bits: Bits = 8,
    max_pixels: MaxPixels = MAX_PIXELS,
    tile_pixels: TilePixels = None,
    drop_gps: DropGps = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
) -> None:
    """Estimate alpha by a network."""
    from hybridmatte.io.metadata import check_turning, read_photograph
    from hybridmatte.io.pictures import read_trimap, write_alpha
    from hybridmatte.networks import predict_alpha
    from hybridmatte.networks.prediction import TILE_PIXELS

    begin_report(image, output)
    inputs = network_sources(image, trimap)
    target = destination(output, inputs, bits=bits, force=force)
    loaded = load_matting_network(network)
    photograph, metadata = read_photograph(inputs[0], max_pixels=max_pixels, gps=not drop_gps)
    planes = [read_trimap(file, max_pixels=max_pixels) for file in inputs[1:]]
    for file, plane in zip(inputs[1:], planes, strict=True):
        check_turning(inputs[0], photograph.shape, metadata.orientation, file, plane.shape, "trimap")
    alpha = predict_alpha(loaded, photograph, *planes, max_pixels=tile_pixels or TILE_PIXELS)
    write_alpha(target, alpha, bits=bits, exif=metadata.exif, resolution=metadata.resolution)
