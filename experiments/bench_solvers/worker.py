"""One method pair in a process of its own; prints one JSON row a line. Started by the benchmark, not by hand."""

import argparse
import json
import time
import warnings

import numpy as np

from experiments.bench_solvers.pairs import PAIRS, ours, theirs
from experiments.common import add_data_argument, alphamatting_cases, summarise
from hybridmatte.metrics import mse, sad

PAUSE = 0.5  # s before each call, until no thread of the last one is left spinning


def main():
    """Run ours and the peer in turn on every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("pair", type=int, help="index into PAIRS")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--max-seconds", type=float, required=True)
    parser.add_argument("--images", nargs="*")
    parser.add_argument("--trimaps", nargs="+", required=True)
    parser.add_argument("--direct", nargs="*", default=[])
    arguments = parser.parse_args()
    pair = PAIRS[arguments.pair]
    sides = {"hybridmatte": ours(pair.method)}
    if pair.peer is not None:
        sides[pair.peer] = theirs(pair)
    is_warm = False
    for case in alphamatting_cases(arguments.data, arguments.images or None, arguments.trimaps):
        if not is_warm:
            run_in_turn(sides, case, 1, 0.0)
            is_warm = True
        runs = run_in_turn(sides, case, arguments.rounds, arguments.max_seconds)
        for package, (alpha, seconds, said) in runs.items():
            row = make_row(pair, package, case, alpha, seconds, said)
            if package == "hybridmatte" and case.name in arguments.direct and case.trimap_name == "trimap1":
                row["error"]["direct"] = direct_difference(case, alpha)
            print(json.dumps(row), flush=True)


def make_row(pair, package, case, alpha, seconds, said):
    """Return the result row of one side on one case."""
    if not (np.isfinite(alpha).all() and alpha.min() >= 0.0 and alpha.max() <= 1.0):
        raise ValueError(f"alpha of {package} {pair.method} on {case.name} is not finite or outside [0, 1]")
    timing = summarise(seconds)
    error = {"sad": sad(alpha, case.alpha, case.trimap), "mse": mse(alpha, case.alpha, case.trimap)}
    return {"bench": "photographs", "method": pair.method, "package": package, "peer": pair.peer,
            "subject": f"{case.name} {case.trimap_name}", "size": int(count_unknown(case.trimap)),
            "median_s": timing.median_s, "iqr_s": timing.iqr_s, "count": timing.count, "peak_mib": None,
            "error": error, "warnings": said}


def direct_difference(case, alpha):
    """Return the largest difference from the direct solve of the oracle's closed-form system."""
    from baselines.closed_form import closed_form_laplacian
    from baselines.solve import solve_system
    from hybridmatte.trimap import split_trimap

    laplacian = closed_form_laplacian(case.image, is_unknown=split_trimap(case.trimap).is_unknown)
    return float(np.abs(solve_system(laplacian, case.trimap) - alpha).max())


def count_unknown(trimap):
    """Return the number of unknown pixels."""
    from hybridmatte.trimap import split_trimap

    return np.count_nonzero(split_trimap(trimap).is_unknown)


def run_in_turn(sides, case, rounds, max_seconds):
    """Return {package: (first alpha, seconds of every round, kinds of warnings)}; ours first in each round."""
    alphas, seconds, said = {}, {package: [] for package in sides}, {package: set() for package in sides}
    for _ in range(rounds):
        for package, run in sides.items():
            time.sleep(PAUSE)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                alpha, spent = run(case.image, case.trimap)
            said[package].update(f"{entry.category.__name__}: {str(entry.message)[:80]}" for entry in caught)
            alphas.setdefault(package, np.asarray(alpha))
            seconds[package].append(spent)
        if sum(map(sum, seconds.values())) > max_seconds:
            break
    return {package: (alphas[package], seconds[package], sorted(said[package])) for package in sides}


if __name__ == "__main__":
    main()
