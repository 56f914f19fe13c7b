"""Large images made of the twelve: time and peak memory of closed form, each size and package in a fresh process."""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from experiments.bench_solvers.pairs import PAIRS, ours, theirs
from experiments.common import alphamatting_cases, peak_mib, run_fresh, summarise

TILE = (600, 800)  # pixels; images are cropped or mirrored to it
SIZES = {"1.5 MP": 1.5, "6 MP": 6.0, "24 MP": 24.0}


def make_mosaic(data, subject, trimap_name="trimap1", planes=("image", "trimap")):
    """Return the planes as uint8: 4 x 3 tiles (2400 x 2400 pixels), a quarter of them, or 2 x 2 of the whole."""
    cases, made = list(alphamatting_cases(data, trimaps=(trimap_name,))), []
    for plane in planes:
        tiles = [_fit(np.rint(255 * getattr(case, plane)).astype(np.uint8)) for case in cases]
        rows = [np.concatenate(tiles[start:start + 3], axis=1) for start in range(0, len(tiles), 3)]
        mosaic = np.concatenate(rows, axis=0)
        if subject == "1.5 MP":
            mosaic = mosaic[:mosaic.shape[0] // 2, :mosaic.shape[1] // 2]
        elif subject == "24 MP":
            mosaic = np.tile(mosaic, (2, 2) + (1,) * (mosaic.ndim - 2))
        made.append(np.ascontiguousarray(mosaic))
    return made


def run_mosaics(data, subjects, methods, config):
    """Yield the rows of every method, size and package; a peer is left out above the configured size."""
    with tempfile.TemporaryDirectory() as folder:
        for subject in subjects:
            image, trimap = make_mosaic(data, subject)
            np.save(Path(folder, "image.npy"), image)
            np.save(Path(folder, "trimap.npy"), trimap)
            del image, trimap
            for index, pair in enumerate(PAIRS):
                if pair.method not in methods or pair.peer not in ("PyMatting", None):
                    continue
                sides = ["ours", "theirs"] if SIZES[subject] <= config.mosaic_peer_limit_mp and pair.peer else ["ours"]
                for side in sides:
                    arguments = [index, side, folder, subject, config.rounds, config.max_seconds]
                    yield from run_fresh("experiments.bench_solvers.mosaic", arguments, threads=config.threads)


def main():
    """Run one side of one pair on the saved mosaic and print its row."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("pair", type=int, help="index into PAIRS")
    parser.add_argument("side", choices=["ours", "theirs"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("subject")
    parser.add_argument("rounds", type=int)
    parser.add_argument("max_seconds", type=float)
    arguments = parser.parse_args()
    pair = PAIRS[arguments.pair]
    is_ours = arguments.side == "ours"
    run = ours(pair.method) if is_ours else theirs(pair)
    # Each package gets what its own reader returns: float32 from ours, float64 from PyMatting's.
    kind = np.float32 if is_ours else np.float64
    image, trimap = (np.load(arguments.folder / f"{name}.npy") for name in ("image", "trimap"))
    image, trimap = image.astype(kind) / kind(255), trimap.astype(kind) / kind(255)
    n_unknown = int(np.count_nonzero((trimap > 0.1) & (trimap < 0.9)))
    run(*_warm_up_crop(image, trimap))
    before, seconds = peak_mib(), []
    while len(seconds) < arguments.rounds and sum(seconds) <= arguments.max_seconds:
        seconds.append(run(image, trimap)[1])
    peak, timing = peak_mib(), summarise(seconds)
    row = {"bench": "mosaic", "method": pair.method, "package": "hybridmatte" if is_ours else pair.peer,
           "peer": pair.peer, "subject": arguments.subject, "size": list(trimap.shape), "unknown": n_unknown,
           "median_s": timing.median_s, "iqr_s": timing.iqr_s, "count": timing.count, "peak_mib": peak,
           "added_mib": peak - before, "error": None}
    print(json.dumps(row), flush=True)


def _warm_up_crop(image, trimap):
    """Return a 300 x 300 piece around an edge of the unknown region, with foreground and background in it."""
    for top in range(0, trimap.shape[0] - 299, 100):
        for left in range(0, trimap.shape[1] - 299, 100):
            piece = np.ascontiguousarray(trimap[top:top + 300, left:left + 300])
            if min(np.mean(piece <= 0.1), np.mean(piece >= 0.9), np.mean((piece > 0.1) & (piece < 0.9))) > 0.1:
                return np.ascontiguousarray(image[top:top + 300, left:left + 300]), piece
    raise ValueError("trimap has no 300 x 300 piece with a tenth each of foreground, background and unknown")


def _fit(plane):
    """Crop or mirror a plane to the size of a tile, at the lower and right border."""
    plane = plane[:TILE[0], :TILE[1]]
    missing = [(0, TILE[0] - plane.shape[0]), (0, TILE[1] - plane.shape[1]), (0, 0)][:plane.ndim]
    return np.pad(plane, missing, mode="symmetric")


if __name__ == "__main__":
    main()
