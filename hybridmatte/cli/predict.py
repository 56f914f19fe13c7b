"""``predict``: alpha, or a trimap, by a network."""

from __future__ import annotations

from typing import Any

from hybridmatte.cli.network_inputs import load_chosen, network_sources, refuse_missing_mask, takes_mask
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Bits,
    Coarse,
    DropGps,
    Force,
    FusionOption,
    Json,
    MaxPixels,
    Network,
    NetworkTrimap,
    Output,
    Photograph,
    Quiet,
    Side,
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
    side: Side = None,
    tile_pixels: TilePixels = None,
    fusion: FusionOption = None,
    coarse: Coarse = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    drop_gps: DropGps = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
) -> None:
    """Estimate alpha by a network; Net-T estimates a trimap."""
    from hybridmatte.automatic.mask_checks import INVERT, fit_mask
    from hybridmatte.io.metadata import check_turning, read_photograph
    from hybridmatte.io.pictures import read_plane, read_trimap, write_alpha

    begin_report(image, output)
    inputs = network_sources(image, trimap)
    target = destination(output, inputs, bits=bits, force=force)
    loaded = load_chosen(network, fusion=fusion, coarse=coarse)
    refuse_missing_mask(loaded, network, trimap)
    photograph, metadata = read_photograph(inputs[0], max_pixels=max_pixels, gps=not drop_gps)
    has_mask = takes_mask(loaded)
    planes = [
        read_plane(file, "mask", max_pixels=max_pixels) if has_mask else read_trimap(file, max_pixels=max_pixels)
        for file in inputs[1:]
    ]
    for file, plane in zip(inputs[1:], planes, strict=True):
        check_turning(
            inputs[0], photograph.shape, metadata.orientation, file, plane.shape, "mask" if has_mask else "trimap"
        )
    if has_mask:
        planes = [fit_mask(plane, photograph.shape[:2], advice=INVERT) for plane in planes]
    alpha = _estimate(loaded, photograph, planes, side=side, tile_pixels=tile_pixels)
    write_alpha(target, alpha, bits=bits, exif=metadata.exif, resolution=metadata.resolution)


def _estimate(network: Any, image: Any, planes: list[Any], *, side: int | None, tile_pixels: int | None) -> Any:
    """Return alpha, or Net-T's trimap."""
    from hybridmatte.networks import JointInference, TrimapNetwork, predict_alpha
    from hybridmatte.networks.joint_inference import predict_trimap
    from hybridmatte.networks.prediction import TILE_PIXELS

    if side and takes_mask(network):
        raise ValueError(f"--side {side} came, expected none: the network takes a mask, which is not shrunk")
    if isinstance(network, JointInference):
        return network.predict(image, planes[0], max_pixels=tile_pixels or TILE_PIXELS)[0]
    if isinstance(network, TrimapNetwork):
        if tile_pixels is not None:
            raise ValueError(f"--tile-pixels {tile_pixels} came, expected none: Net-T sees the image as a whole")
        return predict_trimap(network, image, planes[0])
    return predict_alpha(network, image, *planes, max_pixels=tile_pixels or TILE_PIXELS, side=side)
