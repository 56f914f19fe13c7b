"""``video``: the cut-out, composite or alpha of a clip."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hybridmatte.cli.auto import SegmenterName
from hybridmatte.cli.options import FitOption, Force, Json, Quality, Quiet, Weights
from hybridmatte.cli.reports import Used, begin_report, finish_report, report_entries
from hybridmatte.cli.streams import note, refuse_overwriting
from hybridmatte.cli.video_progress import run_with_progress

if TYPE_CHECKING:
    from hybridmatte.video.jobs import Look, Source

RESULT = "Video (.mov, .webm, .mkv, .mp4) or pattern of pictures such as 'out.%04d.png' or 'out.####.exr'."
Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help=RESULT)]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue an interrupted run: frames that are finished are not solved again.")
]
Planes = Annotated[str | None, typer.Option("--masks", metavar="FOLDER|VIDEO", help="A mask of each frame.")]
Trimaps = Annotated[str | None, typer.Option("--trimaps", metavar="FOLDER|VIDEO", help="A trimap of each frame.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="FRAME=FILE", help="Trimap or mask of a key frame; may be repeated."),
]
BEHIND = "Colour (white, '#20a040'), picture, video, or folder or pattern of pictures. Clips run in a loop."
Background = Annotated[str | None, typer.Option("--background", "-b", metavar="BACKGROUND", help=BEHIND)]
ClipBits = Annotated[
    int, typer.Option("--bits", help="Bits a channel of pictures: 8, 16 for .png and .tif, 16 or 32 for .exr.")
]


def video(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="Video, folder, or pattern such as 'seq.%04d.exr'.")],
    output: Output,
    masks: Planes = None,
    trimaps: Trimaps = None,
    key: Keys = None,
    segmenter: SegmenterName = None,
    quality: Quality = None,
    weights: Weights = "research",
    smoothing: Annotated[
        int,
        typer.Option(
            "--smoothing", min=0, help="Frames on each side over which alpha is averaged along the motion; 0: none."
        ),
    ] = 2,
    window: Annotated[
        int, typer.Option("--window", min=1, help="Most frames that are held to wait for the next key frame.")
    ] = 16,
    start: Annotated[
        str | None, typer.Option("--start", help="First frame: a number such as 12, or a time such as 1.5s or 0:01.5.")
    ] = None,
    end: Annotated[str | None, typer.Option("--end", help="First frame that is left out, or its time.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Frames a second of an image sequence.")] = None,
    background: Background = None,
    fit: FitOption = None,
    matte: Annotated[bool, typer.Option("--matte", help="Write alpha alone.")] = False,
    linear: Annotated[bool, typer.Option("--linear", help="Composite in linear light.")] = False,
    premultiplied: Annotated[
        bool, typer.Option("--premultiplied", help="Multiply the colours of a video by alpha; default: straight.")
    ] = False,
    codec: Annotated[
        str | None, typer.Option("--codec", help="prores, vp9, ffv1, png, h264 or av1; default: by the extension.")
    ] = None,
    no_sound: Annotated[bool, typer.Option("--no-sound", help="Leave the sound out.")] = False,
    bits: ClipBits = 8,
    resume: Resume = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
) -> None:
    """Cut the object out of a clip, without flicker.

    hybridmatte video clip.mp4 -o cutout.mov --key 0=first.png --key 60=later.png
    """
    from hybridmatte.correction.matting import check_method_or_quality
    from hybridmatte.correction.weights import check_weights
    from hybridmatte.video.jobs import Look, Settings, Source, is_finished, run_clip
    from hybridmatte.video.points import parse_point

    chosen, kind = check_method_or_quality(None, quality)[1] or "best", check_weights(weights)
    begin_report(clip, output, Used(chosen, kind if chosen == "best" or not trimaps else None))
    _refuse_together(masks, trimaps, key, segmenter, matte, background, linear, premultiplied)
    refuse_overwriting([output], force=force or resume)
    behind, how = _behind(background, fit)
    points = {"start": parse_point(start, "--start"), "end": parse_point(end, "--end")}
    source = Source(clip, masks, trimaps, _keys(key), segmenter, rate=rate, **points)
    look = Look(matte, behind, how, linear, premultiplied, codec, bits, not no_sound)
    if resume and not force and is_finished(source, output):
        note(f"output {output} is finished already: --resume does not compare options; --force writes it again")
        finish_report(status="skipped")
        return
    settings = Settings(chosen, kind, smoothing, window)
    run = partial(run_clip, source, output, look, settings, resume=resume, force=force)
    count, begun = run_with_progress(run, _sentences(source, output, look))
    if begun is not None:
        report_entries({"size": list(begun.clip.shape[::-1]), "frames": count})


def _refuse_together(
    masks: str | None,
    trimaps: str | None,
    key: list[str] | None,
    segmenter: str | None,
    matte: bool,
    background: str | None,
    linear: bool,
    premultiplied: bool,
) -> None:
    """Refuse options that exclude each other."""
    if sum(map(bool, (masks, trimaps, key, segmenter))) > 1:
        raise ValueError("several of --masks, --trimaps, --key and --segmenter are given, expected one")
    if matte and background is not None:
        raise ValueError(f"--background is {background}, expected none with --matte")
    if premultiplied and (matte or background is not None):
        raise ValueError("--premultiplied is given, expected it only for an output with alpha")
    if linear and matte:
        raise ValueError("--linear is given, expected none with --matte, which writes no colours")


def _sentences(source: Source, output: str, look: Look) -> list[str]:
    """Return what is said when the work begins."""
    if look.is_alpha or look.background is not None:
        return []
    is_multiplied = look.premultiplied or output.lower().endswith(".exr")
    said = [f"colours are {'multiplied by alpha' if is_multiplied else 'straight'}"]
    if not (source.masks or source.trimaps or source.keys or source.segmenter):
        said.append("without --masks, --trimaps and --key, the segmenter finds the object")
    return said


def _keys(given: list[str] | None) -> dict[int, str] | None:
    """Return the files of key frames by their numbers."""
    keys: dict[int, str] = {}
    for text in given or ():
        number, separator, path = text.partition("=")
        if not separator or not (number.isascii() and number.isdigit()) or not path:
            raise ValueError(f"--key is {text!r}, expected FRAME=FILE, such as 0=first.png")
        if int(number) in keys:
            raise ValueError(f"--key {number} is given twice, expected one trimap or mask for a frame")
        keys[int(number)] = path
    return keys or None


def _behind(background: str | None, fit: str | None) -> tuple[Any, Any]:
    """Return the background as a colour or a path, and the way to fit it."""
    from hybridmatte._validation import check_choice
    from hybridmatte.batch.backgrounds import check_colour
    from hybridmatte.cli.backgrounds import checked_background
    from hybridmatte.foreground import FITS
    from hybridmatte.video.image_sequences import is_sequence

    if background is not None and is_sequence(background):
        return background, cast("Any", check_choice(fit or "cover", "--fit", FITS))
    name, how = checked_background(background, fit)
    return name if name is None or os.path.exists(name) else check_colour(name), how
