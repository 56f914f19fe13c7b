"""The work on one request, in a worker process: from files in memory to results in memory."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image
from hybridmatte.automatic.finding import found_in
from hybridmatte.automatic.found import Findings, summarize_confidence
from hybridmatte.automatic.from_image import matte_found
from hybridmatte.automatic.from_mask import AutomaticResult, check_outline, matte_given, warn_if_inverted
from hybridmatte.automatic.mask_checks import INVERT
from hybridmatte.automatic.refinement import enlarged, refine
from hybridmatte.automatic.registry import find_mask, load_segmenter, refuse_bundled
from hybridmatte.batch.backgrounds import colour_of
from hybridmatte.batch.budget import READING, UNLIMITED, Budget, budget_for
from hybridmatte.correction.confidence import matte_with_confidence
from hybridmatte.correction.matting import check_method_or_quality, matte_by
from hybridmatte.foreground import FITS, Fit, composite, decontaminate, estimate_foreground
from hybridmatte.io._codec import decode
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.masks import check_mask_size, read_mask, read_mask_size
from hybridmatte.io.metadata import Metadata, check_turning, read_photograph
from hybridmatte.io.pictures import open_source, read_alpha, read_opacity, read_size, read_trimap, rgb_profile
from hybridmatte.io.profiles import convert_colours
from hybridmatte.io.sizes import check_similar_sizes, check_sizes
from hybridmatte.linalg.threads import thread_limit
from hybridmatte.server.pictures import File, as_file, checked_files
from hybridmatte.server.work import Result, Work
from hybridmatte.trimap import split_trimap, trimap_from_alpha, trimap_from_mask

__all__ = ["do"]

FloatArray = npt.NDArray[np.float32]
SOLVER = ("method", "quality", "weights")  # options that all solving functions take


class _Request(NamedTuple):
    """The checked files of a request, its options and outputs, and the memory that it may take."""

    files: Mapping[str, File]
    options: Mapping[str, Any]
    outputs: tuple[str, ...]
    budget: Budget = UNLIMITED

    def admit(self, *tasks: str, unknown: int | None = None, part: str = "image") -> None:
        """Refuse work that needs more memory than is free, before the file `part` is decoded or before a solve."""
        file = self.files[part]
        size = read_mask_size(file) if part == "mask" else read_size(file, part)
        colours = {"cutout", "foreground", "composite"} & set(self.outputs)
        self.budget._replace(tasks=(*tasks, *(["decontaminate"] if colours else []))).check(file, size, unknown, part)


class _Computed(NamedTuple):
    """What a command has computed: planes by name, and the photograph that they belong to."""

    planes: dict[str, npt.NDArray[Any]]
    metadata: Metadata | None = None
    image: FloatArray | None = None
    background: tuple[FloatArray, Fit] | None = None
    method: str | None = None
    findings: Findings | None = None
    entries: Mapping[str, Any] = {}


def do(work: Work) -> Result:
    """Do the work of one request."""
    start = time.perf_counter()
    cv2.setNumThreads(work.threads)
    with warnings.catch_warnings(record=True) as caught, thread_limit(work.threads):
        warnings.simplefilter("always")
        files = checked_files(work.uploads, work.max_pixels)
        request = _Request(files, work.options, work.outputs, budget_for(READING, work.at_once))
        computed = COMMANDS[work.command](request)
        planes = {name: _plane(computed, name) for name in work.outputs}
    encoded = {name: as_file(plane, computed.metadata, work.style) for name, plane in planes.items()}
    said = [" ".join(str(warning.message).split()) for warning in caught]
    if computed.findings is not None:
        said += computed.findings.warnings
    height, width = next(iter(planes.values())).shape[:2]
    description = {
        "width": width,
        "height": height,
        "seconds": round(time.perf_counter() - start, 4),
        "method": computed.method,
        "warnings": said,
    }
    return Result(encoded, description | dict(computed.entries))


def _plane(computed: _Computed, name: str) -> npt.NDArray[Any]:
    """Return one output, computed from alpha if that is not done."""
    if name in computed.planes:
        return computed.planes[name]
    image, alpha = computed.image, computed.planes["alpha"]
    assert image is not None  # of the commands that have alpha
    if "foreground" not in computed.planes:
        is_plain = not alpha.any()  # nothing found: colours without a warning that alpha has no object
        cut = np.dstack([estimate_foreground(image, alpha), alpha]) if is_plain else decontaminate(image, alpha)
        computed.planes["foreground"] = np.ascontiguousarray(cut[:, :, :3])
    if name == "foreground":
        return computed.planes["foreground"]
    return _over(np.dstack([computed.planes["foreground"], alpha]), computed.background)


def _over(cut: FloatArray, background: tuple[FloatArray, Fit] | None) -> FloatArray:
    """Return a cut-out, or its picture over a background."""
    if background is None:
        return cut
    return composite(cut[..., :3], cut[..., 3], background[0], fit=background[1])


def _background(request: _Request, profile: bytes | None) -> tuple[FloatArray, Any] | None:
    """Return the background's colours in the photograph's profile and how they fit; None where there is none."""
    files, options = request.files, request.options
    text, fit, file = options.get("background"), options.get("fit"), files.get("background")
    if file is None:
        if fit is not None:
            raise ValueError(f"fit is {fit}, expected none without a picture as background")
        if text is None or text.lower() == "transparent":
            return None
        colours, own, name = colour_of(text), None, text
    else:
        if text is not None:
            raise ValueError(f"background is {text}, expected none beside a picture as background")
        request.admit(*READING, part="background")
        colours, metadata = read_photograph(file)
        own, name = metadata.profile, file.name
    if fit is not None and fit not in FITS:
        raise ValueError(f"fit is {fit!r}, expected {' or '.join(map(repr, FITS))}")
    return convert_colours(colours, own, profile, f"background {name} or its image"), fit or "cover"


def _photograph(
    files: Mapping[str, File], options: Mapping[str, Any], plane: str | None = None
) -> tuple[FloatArray, Metadata]:
    """Return the image and its metadata; the sizes of image and plane are compared before."""
    if plane is not None:
        check_sizes(files["image"], files[plane], plane)
    return read_photograph(files["image"], gps=not options.get("drop_gps"))


def _solver(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in SOLVER if name in options}


def _matte(request: _Request) -> _Computed:
    """Alpha from an image and a trimap."""
    files, options, outputs, _ = request
    method, quality = check_method_or_quality(options["method"], options["quality"])
    with_confidence = _wants_confidence(outputs, method, quality)
    request.admit(method or quality or "best")
    image, metadata = _photograph(files, options, "trimap")
    background = _background(request, metadata.profile)
    trimap = read_trimap(files["trimap"])
    check_turning(files["image"], image.shape, metadata.orientation, files["trimap"], trimap.shape, "trimap")
    request.admit(method or quality or "best", unknown=int(split_trimap(trimap).is_unknown.sum()))
    planes, entries = {"trimap": trimap}, {}
    if outputs == ("trimap",):
        return _Computed(planes, metadata, image, background)
    if with_confidence:
        own = {name: value for name, value in _solver(options).items() if name == "weights"}
        planes["alpha"], planes["confidence"] = matte_with_confidence(image, trimap, **own)
        entries = _summary(planes["confidence"], trimap)
    else:
        planes["alpha"] = matte_by(image, trimap, **_solver(options))
    return _Computed(planes, metadata, image, background, method or f"quality {quality}", entries=entries)


def _wants_confidence(outputs: tuple[str, ...], method: str | None, quality: str | None) -> bool:
    """Return whether confidence is an output; refuse it for what has none."""
    if "confidence" not in outputs:
        return False
    if quality != "best":
        given = f"method {method}" if method is not None else f"quality {quality}"
        raise ValueError(
            f"output is confidence, expected another with {given}: only the quality best says how likely alpha is right"
        )
    return True


def _summary(confidence: FloatArray, trimap: FloatArray) -> dict[str, Any]:
    summary = summarize_confidence(confidence, split_trimap(trimap).is_unknown)
    return Findings(confidence=summary, is_automatic=False).entries


def _auto(request: _Request) -> _Computed:
    """Alpha from a mask, or from the image alone."""
    files, options, outputs, _ = request
    method, quality = check_method_or_quality(options["method"], options["quality"])
    how = {name: options[name] for name in ("erode", "dilate", "trust_mask")} | _solver(options)
    how["with_confidence"] = _wants_confidence(outputs, method, quality)
    how["admit"] = lambda unknown, _is_final: request.admit(method or quality or "best", "cf", unknown=unknown)
    request.admit(method or quality or "best")
    _refuse_without_effect(options, has_mask="mask" in files)
    if "mask" in files:
        check_mask_size(files["image"], files["mask"], square=options["mask_square"])
    image, metadata = _photograph(files, options)
    background = _background(request, metadata.profile)
    if "mask" in files:
        mask, found = _given_mask(files, options, image, metadata), None
        result = matte_given(image, mask, is_inverted=options["invert"], **how)
    else:
        segmenter = load_segmenter(options["segmenter"])
        refuse_bundled(segmenter, how["weights"])
        mask = find_mask(image, segmenter, box=options["box"], points=options["point"])
        found = found_in(mask)
        result = matte_found(image, mask, segmenter=options["segmenter"], **how)
        if not found.share:  # all is unknown to who goes on by hand
            result = result._replace(trimap=np.full(mask.shape, 0.5, np.float32))
    return _automatic(result, Findings(found, result.correction, result.guessed), image, metadata, background)


def _automatic(
    result: AutomaticResult, findings: Findings, image: FloatArray, metadata: Metadata, background: Any
) -> _Computed:
    """Return what `auto` computed, and what it has to say."""
    planes = {"alpha": result.alpha, "trimap": result.trimap, "confidence": result.confidence}
    entries = findings.entries
    if findings.found is not None:
        entries |= {"found": bool(findings.found.share), "share": round(findings.found.share, 4)}
    if result.confidence is not None and result.trimap is not None:
        entries |= _summary(result.confidence, result.trimap)
    planes = {name: plane for name, plane in planes.items() if plane is not None}
    return _Computed(planes, metadata, image, background, result.description, findings, entries)


def _given_mask(
    files: Mapping[str, File], options: Mapping[str, Any], image: FloatArray, metadata: Metadata
) -> FloatArray:
    """Return the mask of a request, white where the object is."""
    mask = read_mask(files["mask"], label=options["label"])
    if not files["mask"].getvalue().startswith(b"\x93NUMPY"):
        check_turning(files["image"], image.shape, metadata.orientation, files["mask"], mask.shape, "mask")
    if options["mask_square"]:
        mask = enlarged(mask, image.shape[:2])
    return 1 - mask if options["invert"] else mask


def _refuse_without_effect(options: Mapping[str, Any], *, has_mask: bool) -> None:
    """Refuse options that a mask, or its absence, leaves without effect."""
    names = ("box", "point") if has_mask else ("invert", "label", "mask_square")
    for name in names:
        if options[name] not in (None, False):
            raise ValueError(f"{name} is {options[name]}, expected none {'with' if has_mask else 'without'} a mask")


def _refine(request: _Request) -> _Computed:
    """An alpha brought to the image's size and edges."""
    files, options, *_ = request
    request.admit("refine")
    check_similar_sizes(files["image"], files["alpha"], "alpha")
    image, metadata = _photograph(files, options, "trimap" if "trimap" in files else None)
    alpha = read_alpha(files["alpha"])
    check_turning(files["image"], image.shape, metadata.orientation, files["alpha"], alpha.shape, "alpha")
    trimap = None
    if "trimap" in files:
        trimap = read_trimap(files["trimap"])
        check_turning(files["image"], image.shape, metadata.orientation, files["trimap"], trimap.shape, "trimap")
    refined = refine(image, alpha, trimap, confidence=options["confidence"])
    return _Computed({"alpha": refined}, metadata, image, None, "refine")


def _trimap(request: _Request) -> _Computed:
    """A trimap from a mask or an alpha."""
    files, options, *_ = request
    request.admit("trimap", part="alpha" if "alpha" in files else "mask")
    widths = {name: options[name] for name in ("erode", "dilate")}
    if "alpha" in files:
        return _Computed({"trimap": trimap_from_alpha(read_alpha(files["alpha"]), **widths)})
    mask = read_mask(files["mask"], label=options["label"])
    check_outline(mask)
    warn_if_inverted(mask, INVERT)
    return _Computed({"trimap": trimap_from_mask(mask, **widths)})


def _composite(request: _Request) -> _Computed:
    """The foreground over another background."""
    files, options, *_ = request
    request.admit("composite")
    image, metadata = _photograph(files, options, "alpha" if "alpha" in files else None)
    background = _background(request, metadata.profile)
    if "alpha" in files:
        alpha = read_alpha(files["alpha"])
        check_turning(files["image"], image.shape, metadata.orientation, files["alpha"], alpha.shape, "alpha")
        cut = np.dstack([estimate_foreground(image, alpha), alpha])
    else:
        cut = np.dstack([image, read_opacity(files["image"])])
    return _Computed({"composite": _over(cut, background)}, metadata)


def _decode(request: _Request) -> _Computed:
    """The image upright, in sRGB, with what the file has of bits a channel and of channels."""
    request.admit(*READING)
    file = request.files["image"]
    data, opened, label = open_source(file, "image", MAX_PIXELS)
    picture, profile = decode(data, opened, label, MAX_PIXELS), rgb_profile(opened)
    entries = {
        "bits": 8 * picture.colour.dtype.itemsize,
        "is_grey": picture.colour.ndim == 2,
        "has_transparency": picture.transparency is not None,
        "has_profile": profile is not None,
        "n_pages": opened.n_pages,
    }
    if picture.colour.dtype == np.uint8 and profile is None:  # as most pictures: no step by floating-point numbers
        plain = picture.colour if picture.colour.ndim == 3 else np.repeat(picture.colour[:, :, None], 3, axis=2)
        return _Computed({"image": plain}, entries=entries)
    colours = check_image(picture.numbers, label)
    return _Computed({"image": convert_colours(colours, profile, None, label)}, entries=entries)


COMMANDS: dict[str, Callable[[_Request], _Computed]] = {
    "auto": _auto,
    "matte": _matte,
    "cutout": _matte,
    "refine": _refine,
    "trimap": _trimap,
    "composite": _composite,
    "decode": _decode,
}
