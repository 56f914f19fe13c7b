"""Large images made of the twelve: time and peak memory, each method, size and package in a fresh process."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.bench_solvers import MOSAICS, Options
from experiments.bench_solvers.config import Config
from experiments.bench_solvers.large_image import measure_mosaic
from experiments.bench_solvers.pairs import PAIRS
from experiments.data_sets import alphamatting_cases
from experiments.fresh_process import call_fresh
from experiments.results import Row

TILE = (600, 800)  # pixels; images are cropped or mirrored to it


def make_mosaic(
    data: Path, subject: str, trimap_name: str = "trimap1", planes: Sequence[str] = ("image", "trimap")
) -> list[np.ndarray]:
    """Return the planes as uint8: 4 x 3 tiles (2400 x 2400 pixels), a quarter of them, or 2 x 2 of the whole."""
    cases, made = list(alphamatting_cases(data, trimaps=(trimap_name,))), []
    for plane in planes:
        tiles = [_fit(np.rint(255 * getattr(case, plane)).astype(np.uint8)) for case in cases]
        rows = [np.concatenate(tiles[start : start + 3], axis=1) for start in range(0, len(tiles), 3)]
        mosaic = np.concatenate(rows, axis=0)
        if subject == "1.5 MP":
            mosaic = mosaic[: mosaic.shape[0] // 2, : mosaic.shape[1] // 2]
        elif subject == "24 MP":
            mosaic = np.tile(mosaic, (2, 2) + (1,) * (mosaic.ndim - 2))
        made.append(np.ascontiguousarray(mosaic))
    return made


def run_mosaics(options: Options, methods: Sequence[str], config: Config) -> Iterator[list[Row]]:
    """Yield the row of every method, size and package; a peer is left out above the configured size."""
    with tempfile.TemporaryDirectory() as folder:
        for subject in options.mosaics:
            image, trimap = make_mosaic(options.data, subject)
            np.save(Path(folder, "image.npy"), image)
            np.save(Path(folder, "trimap.npy"), trimap)
            del image, trimap
            for pair in PAIRS:
                if pair.method not in methods or pair.peer not in ("PyMatting", None):
                    continue
                is_small = MOSAICS[subject] <= config.mosaic_peer_limit_mp
                for package in ("hybridmatte", pair.peer) if is_small and pair.peer else ("hybridmatte",):
                    yield [
                        call_fresh(
                            measure_mosaic,
                            pair,
                            package,
                            folder,
                            subject,
                            options.rounds or config.rounds,
                            config.max_seconds,
                            threads=options.threads,
                        )
                    ]


def _fit(plane):
    """Crop or mirror a plane to the size of a tile, at the lower and right border."""
    plane = plane[: TILE[0], : TILE[1]]
    missing = [(0, TILE[0] - plane.shape[0]), (0, TILE[1] - plane.shape[1]), (0, 0)][: plane.ndim]
    return np.pad(plane, missing, mode="symmetric")
