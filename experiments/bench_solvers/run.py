"""Run ours and the peers in turn: accuracy first, then time, memory and start-up."""

import subprocess
from collections.abc import Iterator

from experiments.bench_solvers import METHODS, Options, mosaic, startup
from experiments.bench_solvers.config import FILE, Config
from experiments.bench_solvers.pairs import PAIRS, is_available
from experiments.bench_solvers.photographs import compare
from experiments.configs import load_config
from experiments.data_sets import alphamatting_names
from experiments.fresh_process import call_fresh
from experiments.results import Row


def run(options: Options) -> Iterator[list[Row]]:
    """Measure the parts asked for; rows come after each pair, so that what is done is recorded."""
    config = load_config(FILE, Config)
    if "photographs" in options.parts:
        yield from run_pairs(options, config)
    if "mosaic" in options.parts:
        yield from mosaic.run_mosaics(options, options.methods or ("cf",), config)
    if "import" in options.parts:
        yield startup.import_rows(options.threads, config.import_repeats)
    if "compile" in options.parts:
        yield from startup.compile_rows(options.threads, options.methods or METHODS)


def run_pairs(options: Options, config: Config) -> Iterator[list[Row]]:
    """Yield the rows of each method pair, each pair in a fresh process; a pair that fails does not stop the others."""
    images, failed = options.images or tuple(alphamatting_names(options.data)), []
    for pair in PAIRS:
        title = f"{pair.method} and {pair.peer}"
        if pair.method not in (options.methods or METHODS):
            continue
        if not is_available(pair):
            print(f"{title}: left out, not available here")
            continue
        print(f"{title}: {len(images)} images, {len(options.trimaps)} trimaps", flush=True)
        direct = config.direct if pair.method == "cf" else ()
        try:
            yield call_fresh(
                compare,
                pair,
                options.data,
                images,
                options.trimaps,
                options.rounds or config.rounds,
                config.max_seconds,
                direct,
                threads=options.threads,
            )
        except subprocess.CalledProcessError:
            failed.append(title)
    if failed:
        raise RuntimeError(f"failed: {', '.join(failed)}")
