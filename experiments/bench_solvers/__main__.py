"""Run the benchmark: ours and the peers in turn, accuracy first, then time, memory and start-up."""

import argparse
import subprocess
import sys
from pathlib import Path

from experiments.bench_solvers import mosaic, startup
from experiments.bench_solvers.pairs import FOLDER, PAIRS, Config, is_available
from experiments.bench_solvers.report import draw, make_report, write_readme
from experiments.common import (
    add_data_argument,
    alphamatting_names,
    check_results,
    environment,
    load_config,
    merge_results,
    positive_int,
    run_fresh,
)

KEYS = ("bench", "method", "package", "peer", "subject")


def main():
    """Run what was asked for and write result.json, the tables of README.md and speed.png."""
    arguments = _parse()
    config = load_config(FOLDER / "config.toml", Config)
    failed, done = [], []
    if not arguments.report:
        metadata = environment(config.threads)
        for rows in _run(arguments, config, failed):
            done += rows
            if arguments.output is not None:
                merge_results(arguments.output / "result.json", metadata, rows, KEYS)
    if arguments.output is None:
        print(make_report(check_results({"metadata": metadata, "results": done})))
    elif (arguments.output / "result.json").exists():
        _write(arguments.output)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _parse():
    """Read the command line."""
    from hybridmatte import METHODS

    names = list(dict.fromkeys(pair.method for pair in PAIRS))
    parser = argparse.ArgumentParser(prog="python -m experiments.bench_solvers", description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--methods", nargs="+", choices=names, help="default: all (for --mosaic: cf)")
    parser.add_argument("--images", nargs="+", help="stems such as GT02; default: all twelve")
    parser.add_argument("--trimaps", nargs="+", choices=["trimap1", "trimap2"], default=["trimap1", "trimap2"])
    parser.add_argument("--rounds", type=positive_int, help="timed calls a case; default: config.toml")
    parser.add_argument("--quick", action="store_true", help="one image, trimap1, one round; prints, records nothing")
    parser.add_argument("--mosaic", nargs="*", choices=list(mosaic.SIZES), help="large images instead; default: all")
    parser.add_argument("--import-time", action="store_true", help="import time instead")
    parser.add_argument("--compile-time", action="store_true", help="first call on an empty cache instead")
    parser.add_argument("--report", action="store_true", help="only write tables and picture again")
    parser.add_argument("--output", type=Path, help="folder of result.json; default: this experiment's own")
    arguments = parser.parse_args()
    missing = [name for name in arguments.methods or [] if name not in METHODS]
    if missing:
        parser.error(f"hybridmatte has no method {', '.join(missing)}")
    if arguments.output is None and (arguments.report or not arguments.quick):
        arguments.output = FOLDER
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
    arguments.available = [name for name in arguments.methods or names if name in METHODS]
    return arguments


def _run(arguments, config, failed):
    """Yield lists of rows, one list a finished part, so that what is done is recorded."""
    if arguments.mosaic is not None:
        subjects = arguments.mosaic or list(mosaic.SIZES)
        methods = arguments.methods or ["cf"]
        for row in mosaic.run_mosaics(arguments.data, subjects, methods, config):
            print(row["package"], row["method"], row["subject"], f"{row['median_s']:.2f} s, {row['peak_mib']:.0f} MiB")
            yield [row]
    elif arguments.import_time:
        yield startup.import_rows(config)
    elif arguments.compile_time:
        for row in startup.compile_rows(arguments.available, config):
            yield [row]
    else:
        yield from _run_pairs(arguments, config, failed)


def _run_pairs(arguments, config, failed):
    """Yield the rows of each method pair, every pair in a fresh process; a failing pair stops no other."""
    images = arguments.images or alphamatting_names(arguments.data)
    trimaps, rounds = arguments.trimaps, arguments.rounds or config.rounds
    if arguments.quick:
        images, trimaps, rounds = images[:1], trimaps[:1], 1
    for index, pair in enumerate(PAIRS):
        title = f"{pair.method} and {pair.peer}"
        if pair.method not in arguments.available:
            continue
        if not is_available(pair):
            print(f"{title}: left out, not available here")
            continue
        print(f"{title}: {len(images)} images, {len(trimaps)} trimaps, {rounds} rounds", flush=True)
        options = ["--data", arguments.data, index, "--rounds", rounds, "--max-seconds", config.max_seconds,
                   "--images", *images, "--trimaps", *trimaps]
        if pair.method == "cf":
            options += ["--direct", *config.direct]
        try:
            yield run_fresh("experiments.bench_solvers.worker", options, threads=config.threads)
        except subprocess.CalledProcessError:
            failed.append(title)


def _write(output):
    """Write the tables and the picture of the recorded results."""
    import json

    document = check_results(json.loads((output / "result.json").read_text(encoding="utf-8")))
    readme = output / "README.md"
    if readme.exists():
        write_readme(readme, document)
    else:
        print(make_report(document))
    draw(output / "speed.png", document)


if __name__ == "__main__":
    main()
