"""``cutout``: the foreground as RGBA, from an image and a trimap."""

from __future__ import annotations

from functools import partial
from typing import Any

from hybridmatte.cli.backgrounds import checked_background
from hybridmatte.cli.confidence_maps import check_confidence_map
from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Background,
    Bits,
    ConfidenceMap,
    DropGps,
    FitOption,
    Force,
    Image,
    Json,
    MaxPixels,
    Method,
    OutputOrFolder,
    Quality,
    Quiet,
    Recursive,
    Resume,
    Trimap,
    Weights,
    Workers,
)
from hybridmatte.cli.streams import output_or_default


def cutout(
    image: Image,
    trimap: Trimap,
    output: OutputOrFolder = None,
    method: Method = None,
    quality: Quality = None,
    weights: Weights = "research",
    bits: Bits = 8,
    workers: Workers = 1,
    resume: Resume = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    drop_gps: DropGps = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
    recursive: Recursive = False,
    background: Background = None,
    fit: FitOption = None,
    confidence_map: ConfidenceMap = None,
) -> None:
    """Cut the foreground out as RGBA, or over a new background; the old background's colours are removed.

    hybridmatte cutout cat.jpg cat_trimap.png -o cat.png

    hybridmatte cutout "photos/*.jpg" "{stem}_trimap.png" -o cutouts --background beach.jpg
    """
    from hybridmatte.batch.work import FileOptions, cutout_file
    from hybridmatte.correction.matting import check_method_or_quality, weights_of
    from hybridmatte.correction.weights import check_weights

    output, default_output = output_or_default(output, image, "cutout")
    method, quality = check_method_or_quality(method, quality)
    kind = check_weights(weights)
    check_confidence_map(confidence_map, method, quality, kind)
    background, how = checked_background(background, fit)
    options: dict[str, Any] = {"method": method, "quality": quality, "weights": kind}
    work = partial(cutout_file, **options, files=FileOptions(bits, max_pixels, drop_gps, how))
    request = Request(
        image,
        trimap,
        output,
        bits=bits,
        transparent=background is None,
        workers=workers,
        resume=resume,
        tasks=(method or quality or "best", "decontaminate"),
        force=force,
        background=background,
        recursive=recursive,
        default_output=default_output,
        confidence_map=confidence_map,
        weights=weights_of(method, quality, kind),
    )
    run(request, work)
