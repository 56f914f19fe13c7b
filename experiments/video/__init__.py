"""Alphas of clips: how steady, exact and fast they are, against the same frames one by one."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

CHOSEN = 10  # of the twenty photographs: constants of `matte_sequence` were chosen on these, and they are not reported
CONTROL, PEER, SEQUENCE = "matte, frame by frame", "PyMatting closed form", "matte_sequence"
AVERAGED = "matte, mean of three frames"
UNSMOOTHED, FAST = "matte_sequence, no smoothing", "matte_sequence, fast"
METHODS = (CONTROL, PEER, AVERAGED, SEQUENCE, UNSMOOTHED, FAST)
SPACINGS = (1, 15, 60)  # frames from one key frame to the next
CUT = ", cut"  # end of the name of a clip with a cut in the middle
MASKED = ", masks"  # end of the name of a real clip, whose trimaps are made of found masks
FOUND, ALONE = "matte_from_image, frame by frame", "matte_sequence, segmenter alone"
REAL = ((CONTROL, 1), (SEQUENCE, 1), (SEQUENCE, 15), (FOUND, 1), (ALONE, 1))  # methods and spacings on a real clip
TIMED_METHODS = (CONTROL, SEQUENCE, FAST)
PARTS = ("clips", "cuts", "time", "real")
MEASURED = ("clips", "cuts", "time")


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    parts: tuple[str, ...] = option(MEASURED, "what to do; the part real needs a clip", choices=PARTS)
    scenes: tuple[str, ...] = option((), "objects; without any, the last ten photographs and drawn hair")
    methods: tuple[str, ...] = option(METHODS, "methods", choices=METHODS)
    spacings: tuple[int, ...] = option(SPACINGS, "frames from one key frame to the next")
    frames: int = option(60, "frames of a clip", minimum=4)
    height: int = option(240, "pixels; the width is 4 / 3 of it", minimum=48)
    clip: Path | None = option(None, "video file of the part real")
    first: int = option(0, "first frame of the clip of the part real", minimum=0)
    kept: Path = option(Path("video_clips"), "folder of the pictures of the part real")
    again: bool = option(False, "measure what is recorded for these frames and this height too")


EXPERIMENT = Experiment(
    name="video",
    question="How steady, exact and fast is `matte_sequence` on clips, against their frames one by one?",
    cost="about an hour; PyMatting, the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba", "opencv-python-headless", "pymatting"),
    keys=("method", "subject", "spacing"),
)
