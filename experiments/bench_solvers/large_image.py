"""One side of a pair on a large image, in a fresh process that loads nothing else: time and peak memory."""

from pathlib import Path

import numpy as np

from experiments.bench_solvers.pairs import Pair, ours, theirs
from experiments.fresh_process import peak_mib
from experiments.results import Row, make_row
from experiments.timing import summarise


def measure_mosaic(pair: Pair, package: str, folder: str, subject: str, rounds: int, max_seconds: float) -> Row:
    """Return the row of one side of a pair on the saved mosaic."""
    is_ours = package == "hybridmatte"
    run = ours(pair.method) if is_ours else theirs(pair)
    # Each package gets what its own reader returns: float32 from ours, float64 from PyMatting's.
    kind = np.float32 if is_ours else np.float64
    image, trimap = (np.load(Path(folder, f"{name}.npy")) for name in ("image", "trimap"))
    image, trimap = image.astype(kind) / kind(255), trimap.astype(kind) / kind(255)
    n_unknown = int(np.count_nonzero((trimap > 0.1) & (trimap < 0.9)))
    run(*_warm_up_crop(image, trimap))
    before, seconds = peak_mib(), []
    while len(seconds) < rounds and sum(seconds) <= max_seconds:
        seconds.append(run(image, trimap)[1])
    peak, timing = peak_mib(), summarise(seconds)
    return {
        "bench": "mosaic",
        "package": package,
        "peer": pair.peer,
        **make_row(
            pair.method,
            subject,
            trimap.shape,
            median_s=timing.median_s,
            iqr_s=timing.iqr_s,
            count=timing.count,
            peak_mib=peak,
            added_mib=peak - before,
            unknown=n_unknown,
        ),
    }


def _warm_up_crop(image, trimap):
    """Return a 300 x 300 piece around an edge of the unknown region, with foreground and background in it."""
    for top in range(0, trimap.shape[0] - 299, 100):
        for left in range(0, trimap.shape[1] - 299, 100):
            piece = np.ascontiguousarray(trimap[top : top + 300, left : left + 300])
            if min(np.mean(piece <= 0.1), np.mean(piece >= 0.9), np.mean((piece > 0.1) & (piece < 0.9))) > 0.1:
                return np.ascontiguousarray(image[top : top + 300, left : left + 300]), piece
    raise ValueError("trimap has no 300 x 300 piece with a tenth each of foreground, background and unknown")
