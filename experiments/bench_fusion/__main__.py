"""Time `matte` and each solver that it calls on the twelve photographs, one after the other."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from experiments.common import (
    add_data_argument,
    alphamatting_cases,
    environment,
    merge_results,
    positive_int,
    time_call,
    write_block,
)
from hybridmatte import matte, solve
from hybridmatte.solver_fusion import SOLVERS

FOLDER = Path(__file__).parent


def main():
    """Measure, record, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--rounds", type=positive_int, default=1)
    arguments = parser.parse_args()
    cases, metadata = list(alphamatting_cases(arguments.data)), environment(arguments.threads)
    times_of(cases[0])  # compiles
    for case in cases:
        document = merge_results(FOLDER / "result.json", metadata, times_of(case, arguments.rounds))
    write_report(document)


def times_of(case, rounds=1):
    """Return the rows of one photograph: median seconds of every solver, and of `matte`."""
    image = np.float32(case.image)
    ways = {name: partial(solve, image, case.trimap, name) for name in SOLVERS} | {
        "best": partial(matte, image, case.trimap)}
    rows = []
    for name, run in ways.items():
        timing = time_call(run, warm_up=0, repeats=rounds)
        rows.append({"method": name, "subject": f"{case.name} {case.trimap_name}", "size": [*case.alpha.shape],
                     "median_s": timing.median_s, "iqr_s": timing.iqr_s, "peak_mib": None, "error": None})
    return rows


def write_report(document):
    """Write the table: mean and largest seconds, and the fused answer's ratio to the solvers' sum."""
    about, seconds = document["metadata"], {}
    for row in document["results"]:
        seconds.setdefault(row["subject"], {})[row["method"]] = row["median_s"]
    lines = [f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} threads. Seconds "
             f"of {len(seconds)} pairs of photograph and trimap.", "",
             "| | mean | least | most |", "| --- | --- | --- | --- |"]
    found = {name: [own[name] for own in seconds.values()] for name in (*SOLVERS, "best")}
    found["best over the sum of the four"] = [own["best"] / sum(own[name] for name in SOLVERS)
                                              for own in seconds.values()]
    lines += [f"| {name} | {np.mean(values):.2f} | {min(values):.2f} | {max(values):.2f} |"
              for name, values in found.items()]
    write_block(FOLDER / "README.md", lines)


if __name__ == "__main__":
    main()
