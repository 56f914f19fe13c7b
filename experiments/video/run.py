"""Score the methods on clips with true alpha, one row for each clip, method and spacing of key frames."""

import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from experiments.fusion.photographs import photograph_names
from experiments.results import Row, make_row, read_results
from experiments.timing import summarise
from experiments.video import AVERAGED, CHOSEN, CONTROL, CUT, EXPERIMENT, PEER, TIMED_METHODS, Options
from experiments.video.methods import CARRYING, RUN, Alphas, averaged, counted
from experiments.video.real import motion, score_real
from experiments.video.scenes import Clip, hair_names, key_frames, moving_scene
from hybridmatte import dtssd, messddt, mse, sad

CUTS = 3  # clips with a cut
TIMED, TIMED_FRAMES, TIMED_HEIGHT, ROUNDS = 2, 30, 480, 2  # clips, frames, height in pixels, rounds
WARM_UP = 4  # frames
SEED = 0
WARM: set[str] = set()  # methods that have run in this process


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of each clip as soon as a method has run on it; rows that are recorded are left out."""
    names = options.scenes or (*photograph_names(options.data)[CHOSEN:], *hair_names())
    done = set() if options.again else recorded(options)
    if "clips" in options.parts:
        for name in names:
            yield from score_clip(name, options, options.spacings, done)
    if "cuts" in options.parts:
        for name in names[:CUTS]:
            yield from score_clip(name + CUT, options, (1, options.frames // 2), done)
    if "time" in options.parts:
        yield from time_clips(names[:TIMED], options)
    if "real" in options.parts:
        if options.clip is None:
            raise FileNotFoundError("clip is not given, expected a video file as --clip")
        yield from score_real(options)


def recorded(options: Options) -> set[tuple]:
    """Return the keys of the rows that are recorded with this number of frames and this height."""
    path = options.output / f"{EXPERIMENT.name}.json"
    rows = read_results(path)["results"] if path.exists() else []
    wanted = [options.frames, *size_of(options.height)]
    return {tuple(row[key] for key in EXPERIMENT.keys) for row in rows if row["size"] == wanted}


def size_of(height: int) -> tuple[int, int]:
    """Return height and width of a frame."""
    return height, 4 * height // 3


def score_clip(name: str, options: Options, spacings: Sequence[int], done: set[tuple]) -> Iterator[list[Row]]:
    """Yield the rows of one clip; it is rendered only if a row is missing."""
    missing = [
        (method, spacing)
        for method in options.methods
        for spacing in spacings
        if (spacing == 1 or method in CARRYING) and (method, name, spacing) not in done
    ]
    if not missing:
        return
    clip = moving_scene(
        name.removesuffix(CUT),
        SEED,
        options.frames,
        size_of(options.height),
        data=options.data,
        cut=name.endswith(CUT),
    )
    warm_up({method for method, _ in missing} - {AVERAGED}, clip)
    alphas: dict[tuple[str, int], Alphas] = {}
    for method, spacing in missing:
        keys = key_frames(clip.trimaps, spacing)
        start = time.process_time()
        with counted() as count:
            if method == AVERAGED:
                control = alphas.get((CONTROL, spacing)) or RUN[CONTROL](clip.frames, keys)
                found = averaged(control, keys)
            else:
                found = RUN[method](clip.frames, keys)
        alphas[method, spacing] = found
        seconds = time.process_time() - start
        cost = {} if method == AVERAGED else {"cpu_s": seconds}
        if method not in (AVERAGED, PEER):
            cost |= {"iterations": count.iterations, "work": count.work}
        errors = errors_of(found, clip) | {key: value / len(found) for key, value in cost.items()}
        yield [make_row(method, name, [len(found), *clip.alphas[0].shape], errors, spacing=spacing)]


def warm_up(methods: set[str], clip: Clip) -> None:
    """Compile what a method needs before its time is taken."""
    for method in sorted(methods - WARM):
        RUN[method](clip.frames[:2], key_frames(clip.trimaps[:2], 1))
        WARM.add(method)


def errors_of(alphas: Alphas, clip: Clip) -> dict[str, float]:
    """Return the errors of a clip's alphas, over all pixels and over the pixels that the true trimaps leave unknown."""
    errors = {}
    for region, end in (("whole", ""), ("unknown", "_unknown")):
        planes = list(zip(alphas, clip.alphas, clip.trimaps, strict=True))
        errors["sad" + end] = float(np.mean([sad(*three, region=region) for three in planes]))
        errors["mse" + end] = float(np.mean([mse(*three, region=region) for three in planes]))
        errors["dtssd" + end] = dtssd(alphas, clip.alphas, clip.trimaps, region=region)
        errors["messddt" + end] = messddt(alphas, clip.alphas, clip.trimaps, region=region)
    return errors | {"dtssd_moved": dtssd_of_moved(alphas, clip)}


def dtssd_of_moved(alphas: Alphas, clip: Clip) -> float:
    """Return the dtSSD over all pixels if each frame's errors only moved with the picture to the next frame.

    It is not 0, as dtSSD compares pixels in place. The motion is the optical flow of the images.
    """
    errors, found = [alpha - true for alpha, true in zip(alphas, clip.alphas, strict=True)], []
    for error, image, following in zip(errors, clip.frames, clip.frames[1:], strict=False):
        moved = cv2.remap(error, motion(following, image), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found.append(np.sqrt(np.square(moved - error).mean(dtype=np.float64)))
    return float(np.mean(found))


def time_clips(names: Sequence[str], options: Options) -> Iterator[list[Row]]:
    """Yield rows of the seconds a frame takes, of `matte` and `matte_sequence` in turn, after a short run of each."""
    for name in names:
        clip = moving_scene(name, SEED, TIMED_FRAMES, size_of(TIMED_HEIGHT), data=options.data)
        seconds = {method: [] for method in TIMED_METHODS}
        for round_number in range(ROUNDS + 1):
            count = TIMED_FRAMES if round_number > 0 else WARM_UP
            for method, found in seconds.items():
                start = time.perf_counter()
                RUN[method](clip.frames[:count], key_frames(clip.trimaps[:count], 1))
                if round_number > 0:
                    found.append((time.perf_counter() - start) / count)
        size = [TIMED_FRAMES, *size_of(TIMED_HEIGHT)]
        for method, found in seconds.items():
            timing = summarise(found)
            yield [
                make_row(
                    method,
                    f"{name}, time",
                    size,
                    median_s=timing.median_s,
                    iqr_s=timing.iqr_s,
                    spacing=1,
                    count=timing.count,
                )
            ]
