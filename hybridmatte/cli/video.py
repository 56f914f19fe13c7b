"""``video``: the cut-out, composite or alpha of a clip."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated, Any

import typer

from hybridmatte.cli.auto import SegmenterName
from hybridmatte.cli.options import Background, Bits, FitOption, Force, Output, Quality, Quiet, Weights
from hybridmatte.cli.streams import NoteConsole, complain, note, refuse_overwriting

Resume = Annotated[
    bool, typer.Option("--resume", help="Continue an interrupted run: frames that are finished are not solved again.")
]
Planes = Annotated[str | None, typer.Option("--masks", metavar="FOLDER|VIDEO", help="A mask of each frame.")]
Trimaps = Annotated[str | None, typer.Option("--trimaps", metavar="FOLDER|VIDEO", help="A trimap of each frame.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="FRAME=FILE", help="Trimap or mask of a key frame; may be repeated."),
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
    bits: Bits = 8,
    resume: Resume = False,
    force: Force = False,
    _quiet: Quiet = False,
) -> None:
    """Cut the object out of a clip, without flicker.

    hybridmatte video clip.mp4 -o cutout.mov --key 0=first.png --key 60=later.png
    """
    from hybridmatte.correction.matting import check_method_or_quality
    from hybridmatte.correction.weights import check_weights
    from hybridmatte.video.jobs import Look, Source, run_clip
    from hybridmatte.video.points import parse_point

    if sum(map(bool, (masks, trimaps, key, segmenter))) > 1:
        raise ValueError("several of --masks, --trimaps, --key and --segmenter are given, expected one")
    refuse_overwriting([output], force=force or resume)
    behind, how = _behind(background, fit)
    points = {"start": parse_point(start, "--start"), "end": parse_point(end, "--end")}
    source = Source(clip, masks, trimaps, _keys(key), segmenter, rate=rate, **points)
    look = Look(matte, behind, how, linear, premultiplied, codec, bits, not no_sound)
    if matte and background is not None:
        raise ValueError(f"--background is {background}, expected none with --matte")
    if background is None and not matte:
        note(f"colours are {'multiplied by alpha' if premultiplied or output.endswith('.exr') else 'straight'}")
    chosen = check_method_or_quality(None, quality)[1]
    run = partial(run_clip, source, output, look, quality=chosen, weights=check_weights(weights))
    _run_with_progress(partial(run, resume=resume, force=force))


def _keys(given: list[str] | None) -> dict[int, str] | None:
    """Return the files of key frames by their numbers."""
    keys: dict[int, str] = {}
    for text in given or ():
        number, separator, path = text.partition("=")
        if not separator or not number.isdigit() or not path:
            raise ValueError(f"--key is {text!r}, expected FRAME=FILE, such as 0=first.png")
        keys[int(number)] = path
    return keys or None


def _behind(background: str | None, fit: str | None) -> tuple[Any, Any]:
    """Return the background as a colour or a path, and the way to fit it."""
    from hybridmatte.batch.backgrounds import check_colour
    from hybridmatte.cli.backgrounds import checked_background
    from hybridmatte.video.image_sequences import is_sequence

    if background is not None and is_sequence(background):
        return background, fit or "cover"
    name, how = checked_background(background, fit)
    return name if name is None or os.path.exists(name) else check_colour(name), how


def _run_with_progress(run: Any) -> None:
    """Run with a progress bar; Ctrl-C says how to continue."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn

    from hybridmatte.cli.reports import is_quiet
    from hybridmatte.errors import is_interrupt

    class _Speed(ProgressColumn):
        def render(self, task: Any) -> str:
            return "" if task.speed is None else f"{task.speed:.2f} frames/s"

    console, state = NoteConsole(), {"done": 0, "folder": ""}
    columns = (BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=is_quiet() or not console.is_terminal) as progress:
        task = progress.add_task("frames", total=None)

        def begin(total: int, done: int, folder: str) -> None:
            state["folder"] = folder
            progress.update(task, total=total)
            if done:
                note(f"{done} of {total} frames are finished already, in {folder}", progress.console)

        def advance() -> None:
            state["done"] += 1
            progress.advance(task)

        try:
            count = run(on_begin=begin, on_frame=advance)
        except (KeyboardInterrupt, Exception) as error:
            if not is_interrupt(error):
                raise
            complain(f"interrupted; finished frames are in {state['folder']}, and --resume continues from there")
            raise typer.Exit(130) from None
    note(f"{count} frames written")
