"""``auto``: alpha or a cut-out without a trimap, from a mask or from the image alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from hybridmatte.batch.pairing import is_many
from hybridmatte.cli.backgrounds import checked_background
from hybridmatte.cli.confidence_maps import check_confidence_map
from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Background,
    BandDilate,
    BandErode,
    Bits,
    ConfidenceMap,
    DropGps,
    FitOption,
    Force,
    Image,
    Json,
    Label,
    MaxPixels,
    Method,
    OutputOrFolder,
    Quality,
    Quiet,
    Recursive,
    Resume,
    Weights,
    Workers,
)
from hybridmatte.cli.streams import destination, output_or_default

if TYPE_CHECKING:
    from hybridmatte.automatic.finding import Segmenter
    from hybridmatte.automatic.from_mask import AutomaticResult
    from hybridmatte.correction.weights import WeightsKind

BUILT_IN_NETWORK = "people"  # old name of the default of --segmenter, given as --network
DEFAULT_SEGMENTER = "bundled"

NetworkName = Annotated[
    str | None,
    typer.Option(
        "--network",
        help="Folder of a network, or OWNER/NAME on the Hugging Face hub: with --mask a joint network, "
        "without it a network that needs only the image. Default: the solver of --method, with the mask of --mask or "
        "of --segmenter.",
    ),
]
SegmenterName = Annotated[
    str | None,
    typer.Option(
        "--segmenter",
        metavar="NAME",
        help="What finds the object without a mask: bundled (default), rembg:MODEL, onnx:FILE, transformers:MODEL, "
        "mediapipe:FILE or a plug-in; hybridmatte segmenters lists them.",
    ),
]
SegmenterOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--segmenter-option",
        metavar="KEY=VALUE",
        help="Option of the segmenter, such as size=1024 for onnx:FILE; may be repeated.",
    ),
]
BoxText = Annotated[
    str | None,
    typer.Option("--box", metavar="X0,Y0,X1,Y1", help="Box around the object in pixels, for a segmenter such as SAM."),
]
PointTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="X,Y[,0]",
        help="Point on the object in pixels, for a segmenter such as SAM; with 0 behind it, a point beside the object. "
        "May be repeated.",
    ),
]


def auto(
    image: Image,
    output: OutputOrFolder = None,
    mask: Annotated[
        str | None,
        typer.Option(
            "--mask",
            metavar="MASK",
            help="Mask, white where the object is, from a segmenter or drawn, at any size of the same aspect ratio: "
            "a grey picture, a cut-out, labels, a palette or a .npy array; or one for all photographs, a folder or "
            "quoted pattern of masks with the same file stems, or a name pattern ('{stem}_mask.png'). Without a mask, "
            "a segmenter finds the object. A small network corrects either mask; see --trust-mask.",
        ),
    ] = None,
    matte: Annotated[bool, typer.Option("--matte", help="Write alpha instead of the cut-out.")] = False,
    trimap: Annotated[
        str | None,
        typer.Option("--trimap", metavar="FILE", help="Also write the trimap that was found; for a single image."),
    ] = None,
    segmenter: SegmenterName = None,
    segmenter_option: SegmenterOptions = None,
    box: BoxText = None,
    point: PointTexts = None,
    network: NetworkName = None,
    method: Method = None,
    quality: Quality = None,
    weights: Weights = "research",
    erode: BandErode = None,
    dilate: BandDilate = None,
    label: Label = None,
    mask_square: Annotated[
        bool,
        typer.Option(
            "--mask-square", help="The mask is a network's square output for the stretched image; stretch it back."
        ),
    ] = False,
    invert: Annotated[bool, typer.Option("--invert", help="The mask is white where the object is not.")] = False,
    trust_mask: Annotated[
        bool,
        typer.Option(
            "--trust-mask",
            help="Do not correct the mask by the bundled network: for masks that are right but for their edges. "
            "--erode and --dilate imply it. Without it, the command says how much of the mask was corrected.",
        ),
    ] = False,
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
    """Cut the object out without a trimap: by a rough mask, or by a segmenter that finds the object.

    hybridmatte auto cat.jpg --mask cat_mask.png -o cat.png --background "#20a040"

    hybridmatte auto "photos/*.jpg" --mask "{stem}_mask.png" -o cutouts
    """
    from hybridmatte.batch.work import FileOptions, automatic_file

    output, default_output = output_or_default(output, image, "alpha" if matte else "cutout")
    background, how = _background(background, fit, alpha_only=matte)
    network, kind = _checked_network(network, mask, weights)
    solver = _solver_options(method, quality, erode, dilate, trust_mask, confidence_map)
    _refuse_options_without_effect(mask, network, trimap, solver, invert, label, mask_square)
    trimap_output = _trimap_destination(trimap, image, mask, (output, confidence_map), force or resume)
    find, finder = _finder(mask, network, segmenter, segmenter_option, box, point, kind)
    estimate, description = _estimator(mask is not None, finder, network, solver, kind)
    reading = {"invert": invert, "label": label, "square": mask_square}
    work = partial(
        automatic_file,
        estimate=estimate,
        find=find,
        **reading,
        **_work_flags(network, solver, kind, alpha_only=matte),
        trimap_output=trimap_output,
        files=FileOptions(bits, max_pixels, drop_gps, how),
    )
    request = Request(
        image,
        mask,
        output,
        "mask",
        bits,
        not matte and background is None,
        workers,
        resume,
        description,
        _tasks(network, method or quality or "best", erode is None and dilate is None, matte),
        force,
        background=background,
        recursive=recursive,
        default_output=default_output,
        confidence_map=confidence_map,
        weights=_weights_used(network, finder, solver, kind),
    )
    run(request, work)


def _background(background: str | None, fit: str | None, *, alpha_only: bool) -> tuple[Any, Any]:
    """Return the checked background and the way to fit it; refuse one where only alpha is written."""
    if alpha_only and background is not None:
        raise ValueError(f"--background is {background}, expected none with --matte")
    return checked_background(background, fit)


def _solver_options(
    method: str | None,
    quality: str | None,
    erode: float | None,
    dilate: float | None,
    trust_mask: bool,
    confidence_map: str | None,
) -> dict[str, Any]:
    """Return the options of the solver and its band by name, None where they are not given."""
    band = {"erode": erode, "dilate": dilate, "trust_mask": "given" if trust_mask else None}
    return {"method": method, "quality": quality, **band, "confidence_map": confidence_map}


def _checked_network(network: str | None, mask: str | None, weights: str) -> tuple[str | None, WeightsKind]:
    """Return the network of ``--network``, None for the bundled segmenter, and the kind of weights.

    Refuse a network that comes with the package with free weights.
    """
    from hybridmatte.correction.weights import check_weights

    kind = check_weights(weights)
    if network is None or mask is None and network == BUILT_IN_NETWORK:
        return None, kind
    from hybridmatte.correction.weights import refuse_research_network

    refuse_research_network(network, kind)
    return network, kind


def _weights_used(
    network: str | None, finder: Segmenter | None, solver: dict[str, Any], weights: WeightsKind
) -> WeightsKind | None:
    """Return the kind of weights that a job uses: to find the object, to correct its mask, or to solve."""
    from hybridmatte.automatic.registry import is_bundled
    from hybridmatte.correction.matting import weights_of

    if network is not None:
        return None
    if finder is not None and is_bundled(finder) or _is_corrected(solver, weights):
        return weights
    return weights_of(solver["method"], solver["quality"], weights)


def _is_corrected(solver: dict[str, Any], weights: WeightsKind) -> bool:
    """Return whether the bundled network corrects the mask, if a solver estimates alpha."""
    from hybridmatte.automatic.from_mask import is_mask_corrected

    return is_mask_corrected(solver["erode"], solver["dilate"], solver["trust_mask"] is not None, weights)


def _work_flags(
    network: str | None, solver: dict[str, Any], weights: WeightsKind, *, alpha_only: bool
) -> dict[str, bool]:
    """Return what is written, whether a solver estimates alpha, and whether the bundled network corrects the mask."""
    has_solver = network is None
    is_corrected = has_solver and _is_corrected(solver, weights)
    return {"alpha_only": alpha_only, "has_solver": has_solver, "is_corrected": is_corrected}


def _refuse_options_without_effect(
    mask: str | None,
    network: str | None,
    trimap: str | None,
    solver: dict[str, Any],
    invert: bool,
    label: int | None,
    square: bool,
) -> None:
    """Refuse options that the given mask and network leave without effect."""
    without_effect = []
    if mask is None:
        options = (("--invert", "given" if invert else None), ("--label", label))
        options += (("--mask-square", "given" if square else None),)
        without_effect += [(name, value, "without --mask") for name, value in options]
    if network is not None:
        without_effect += [("--" + name.replace("_", "-"), value, "with --network") for name, value in solver.items()]
        if mask is None:
            without_effect.append(("--trimap", trimap, "with a --network that needs no --mask"))
    for name, value, where in without_effect:
        if value is not None:
            raise ValueError(f"{name} is {value}, expected none {where}")


def _refuse_segmenter(given: dict[str, str | list[str] | None], where: str) -> None:
    """Refuse a segmenter and what only it takes, if a mask or a network takes its place."""
    for name, value in given.items():
        if value:
            shown = ", ".join(value) if isinstance(value, list) else value
            raise ValueError(f"{name} is {shown}, expected none with {where}")


def _finder(
    mask: str | None,
    network: str | None,
    segmenter: str | None,
    options: list[str] | None,
    box: str | None,
    points: list[str] | None,
    weights: WeightsKind,
) -> tuple[Callable[..., Any] | None, Segmenter | None]:
    """Return the function that finds the mask, and the segmenter; refuse mistakes before anything is written.

    None if a mask or a network is given.
    """
    if mask is not None or network is not None:
        given = {"--segmenter": segmenter, "--segmenter-option": options, "--box": box, "--point": points}
        _refuse_segmenter(given, "--mask" if mask is not None else "--network")
        return None, None
    from hybridmatte.automatic.registry import refuse_bundled
    from hybridmatte.batch.segmenter_work import find_by_name, segmenter_by_name

    texts = tuple(options or ())
    loaded = segmenter_by_name(segmenter or DEFAULT_SEGMENTER, texts)
    refuse_bundled(loaded, weights)
    corners = None if box is None else _numbers(box, "--box", (4,), "X0,Y0,X1,Y1")
    places = [_numbers(text, "--point", (2, 3), "X,Y or X,Y,0") for text in points or []] or None
    loaded.check_prompts(corners, places)
    return partial(find_by_name, name=loaded.name, options=texts, box=corners, points=places), loaded


def _numbers(text: str, option: str, counts: tuple[int, ...], expected: str) -> tuple[float, ...]:
    """Return the numbers of an option, separated by commas."""
    from hybridmatte._validation import numbers_in

    numbers = numbers_in(text, counts)
    if numbers is None:
        raise ValueError(f"{option} is {text!r}, expected {expected}")
    return numbers


def _estimator(
    has_mask: bool,
    segmenter: Segmenter | None,
    network: str | None,
    solver: dict[str, Any],
    weights: WeightsKind,
) -> tuple[Callable[..., AutomaticResult], str]:
    """Return the function that estimates alpha, and its description; load a network before anything is written."""
    from hybridmatte.automatic.from_image import describe_found, matte_found
    from hybridmatte.automatic.from_mask import describe_method, left_out_correction, matte_given
    from hybridmatte.correction.matting import check_method_or_quality, weights_of

    if network is None:
        method, quality = check_method_or_quality(solver["method"], solver["quality"])
        check_confidence_map(solver["confidence_map"], method, quality, weights)
        options = {"method": method, "quality": quality, "erode": solver["erode"], "dilate": solver["dilate"]}
        options["weights"] = weights
        options["trust_mask"], options["with_confidence"] = (
            solver[name] is not None for name in ("trust_mask", "confidence_map")
        )
        used = weights_of(method, quality, weights)
        said: dict[str, Any] = {"may_be_corrected": _is_corrected(solver, weights), "weights": used}
        is_left_out = _is_corrected(solver, "research") and not said["may_be_corrected"]
        end = f"; {left_out_correction()}" if is_left_out else ""
        if segmenter is not None:
            description = describe_found(segmenter.name, method, quality, **said)
            return partial(matte_found, segmenter=segmenter.name, **options), description + end
        return partial(matte_given, **options), describe_method(method, quality, **said) + end
    from hybridmatte.batch import network_work  # imports torch

    if has_mask:
        network_work.load_mask_network(network)
        estimate = partial(network_work.matte_by_mask_network, network=network)
    else:
        network_work.load_image_network(network)
        estimate = partial(network_work.matte_by_image_network, network=network)
    return estimate, describe_method(None, has_network=True, has_mask=has_mask)


def _tasks(network: str | None, method: str, may_widen: bool, alpha_only: bool) -> tuple[str, ...]:
    """Return what a job does, see `hybridmatte.batch.budget.Budget`; closed-form matting widens the band."""
    last = "reading" if alpha_only else "decontaminate"
    if network is not None:
        return "reading", last
    return (method, "cf", last) if may_widen else (method, last)


def _trimap_destination(
    trimap: str | None, image: str, mask: str | None, outputs: tuple[str, str | None], force: bool
) -> Path | BinaryIO | None:
    """Return the file for the trimap; refuse it for a folder, and if it is another file of the command.

    outputs are the file of the result, and that of the confidence map if there is one.
    """
    if trimap is None:
        return None
    if is_many(image):
        raise ValueError(f"--trimap is {trimap}, expected none for a folder of images")
    for name, output in zip(("output", "confidence map"), outputs, strict=True):
        if output is not None and Path(trimap).absolute() == Path(output).absolute():
            raise ValueError(f"--trimap is {trimap}, expected another file than the {name}")
    return destination(trimap, [Path(name) for name in (image, mask) if name not in (None, "-")], force=force)
