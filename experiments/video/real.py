"""A real clip without true alpha: how much alpha changes along the motion, a strip of frames, and changes over time."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from experiments.results import Row, make_row
from experiments.sheets import GREEN, as_grey, make_sheet
from experiments.video import ALONE, FOUND, MASKED, REAL, Options
from experiments.video.methods import RUN, Alphas, Frames
from hybridmatte import (
    composite,
    estimate_foreground,
    find_mask,
    matte_from_image,
    matte_sequence,
    trimap_from_mask,
    write_image,
)

SHOWN = 6  # frames of the strip
LARGE = 16  # factor of the pictures of changes
STILL = 0.25  # pixels: a pixel that moves by less from frame to frame stands still
WITHOUT_TRIMAPS: dict[str, Callable[[Frames], Alphas]] = {
    FOUND: lambda frames: [matte_from_image(frame).alpha for frame in frames],
    ALONE: lambda frames: list(matte_sequence(frames)),
}


def read_clip(path: Path, count: int, first: int = 0) -> list[npt.NDArray[np.uint8]]:
    """Return `count` frames (H, W, 3) of a file, or as many as there are, from a frame on."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while len(frames) < first + count:
        is_read, frame = capture.read()
        if not is_read:
            break
        frames.append(np.ascontiguousarray(frame[:, :, ::-1]))
    capture.release()
    if not frames[first:]:
        raise FileNotFoundError(f"clip {path} has no readable frame {first}, expected a video")
    return frames[first:]


def score_real(options: Options) -> Iterator[list[Row]]:
    """Yield a row for each way of matting the clip, and draw the pictures of all ways at the end."""
    frames = read_clip(options.clip, options.frames, options.first)
    trimaps = [np.uint8(np.rint(255 * trimap_from_mask(find_mask(frame)))) for frame in frames]
    flows = [motion(*pair) for pair in zip(frames[1:], frames, strict=False)]
    ways = {(method, spacing): {} for method, spacing in REAL}
    for method, spacing in ways:
        if method in WITHOUT_TRIMAPS:
            alphas = WITHOUT_TRIMAPS[method](frames)
        else:
            alphas = RUN[method](frames, {index: trimaps[index] for index in range(0, len(frames), spacing)})
        ways[method, spacing] = alphas
        subject = f"{options.clip.name}{MASKED}"
        yield [make_row(method, subject, [len(frames), *alphas[0].shape], changes(alphas, flows), spacing=spacing)]
    draw_strip(frames, ways, options.kept / f"{options.clip.stem}_strip.png")
    draw_changes(ways, flows, options.kept / f"{options.clip.stem}_changes.png")


def motion(frame: npt.NDArray[np.uint8], before: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return where (H, W, 2) each pixel of a frame was in the frame before."""
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (frame, before)]
    return np.float32(np.dstack([x, y]) + flow.calc(*greys, None))


def change_along(alpha: np.ndarray, before: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the absolute change of alpha (H, W) along the motion."""
    return np.abs(alpha - cv2.remap(before, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def changes(alphas: Alphas, flows: Sequence[np.ndarray]) -> dict[str, float]:
    """Return the mean change of alpha along the motion, summed over the pixels of a frame, and what stands still does.

    The latter is the mean absolute difference from the frame before, over pixels that move by less than `STILL`.
    """
    found = [change_along(*three).sum() for three in zip(alphas[1:], alphas, flows, strict=False)]
    still = [
        np.abs(alpha - before)[_speed(places) < STILL]
        for alpha, before, places in zip(alphas[1:], alphas, flows, strict=False)
    ]
    pixels = np.concatenate(still)
    return {"change": float(np.mean(found))} | ({"still": float(np.mean(pixels))} if pixels.size else {})


def _speed(places: np.ndarray) -> np.ndarray:
    """Return the length (H, W) of a motion that is given as places (H, W, 2) in the frame before."""
    y, x = np.mgrid[: places.shape[0], : places.shape[1]]
    return np.linalg.norm(places - np.dstack([x, y]), axis=2)


def draw_strip(frames: Sequence[np.ndarray], ways: dict[tuple[str, int], Alphas], path: Path) -> None:
    """Draw some frames, and below them the alphas of each way and the object over green."""
    shown = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
    rows = [[frames[index] / 255 for index in shown]]
    for alphas in ways.values():
        rows.append([as_grey(alphas[index]) for index in shown])
    last = list(ways.values())[-1]
    layers = [(estimate_foreground(frames[index], last[index]), last[index]) for index in shown]
    rows.append([composite(foreground, alpha, GREEN) for foreground, alpha in layers])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, make_sheet(rows))


def draw_changes(ways: dict[tuple[str, int], Alphas], flows: Sequence[np.ndarray], path: Path) -> None:
    """Draw the mean change of alpha along the motion in each pixel, one picture a way, and one row of pixels over time.

    A line of the pictures over time is a frame, so that flicker shows as horizontal stripes: in the second row of
    alpha, in the third of its difference from the frame before.
    """
    means, slices, differences = [], [], []
    for alphas in ways.values():
        planes = [change_along(*three) for three in zip(alphas[1:], alphas, flows, strict=False)]
        means.append(as_grey((LARGE * np.mean(planes, axis=0)).clip(0, 1)))
        rows = np.stack([alpha[len(alpha) // 3] for alpha in alphas])
        slices.append(as_grey(rows))
        differences.append(as_grey(np.abs(np.diff(rows, axis=0))))
    write_image(path, make_sheet([means, slices, differences]))
