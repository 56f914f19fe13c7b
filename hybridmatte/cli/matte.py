"""``matte``: alpha from an image and a trimap."""

from __future__ import annotations

from functools import partial
from typing import Any

from hybridmatte.cli.confidence_maps import check_confidence_map
from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Bits,
    ConfidenceMap,
    DropGps,
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


def matte(
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
    confidence_map: ConfidenceMap = None,
) -> None:
    """Estimate alpha, the share of the foreground in every pixel, from an image and a trimap.

    hybridmatte matte cat.jpg cat_trimap.png -o cat_alpha.png

    hybridmatte matte photos "trimaps/{stem}.png" -o alphas --recursive
    """
    from hybridmatte.batch.work import FileOptions, matte_file
    from hybridmatte.correction.matting import check_method_or_quality, weights_of
    from hybridmatte.correction.weights import check_weights

    output, default_output = output_or_default(output, image, "alpha")
    method, quality = check_method_or_quality(method, quality)
    kind = check_weights(weights)
    check_confidence_map(confidence_map, method, quality, kind)
    options: dict[str, Any] = {"method": method, "quality": quality, "weights": kind}
    work = partial(matte_file, **options, files=FileOptions(bits, max_pixels, drop_gps))
    tasks = (method or quality or "best",)
    request = Request(
        image,
        trimap,
        output,
        bits=bits,
        workers=workers,
        resume=resume,
        tasks=tasks,
        force=force,
        recursive=recursive,
        default_output=default_output,
        confidence_map=confidence_map,
        weights=weights_of(method, quality, kind),
    )
    run(request, work)
