"""Time `matte`, the solvers that it calls and the best of them on the twelve photographs, one after the other."""

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
    summarise,
    time_call,
    write_block,
)
from hybridmatte import matte
from hybridmatte.correction.matting import solve_all
from hybridmatte.systems.problem import check_problem

WAYS = ("fast", "solvers", "best")  # information flow; it and the samples; and their correction
FOLDER = Path(__file__).parent


def main():
    """Measure, record, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--rounds", type=positive_int, default=3)
    arguments = parser.parse_args()
    cases, metadata = list(alphamatting_cases(arguments.data)), environment(arguments.threads)
    times_of(cases[0], 1)  # compiles
    for case in cases:
        document = merge_results(FOLDER / "result.json", metadata, times_of(case, arguments.rounds))
    write_report(document)


def times_of(case, rounds):
    """Return the rows of one photograph: median seconds of every way, taken in turn."""
    image = np.float32(case.image)
    calls = (partial(matte, image, case.trimap, quality="fast"), lambda: solve_all(check_problem(image, case.trimap)),
             partial(matte, image, case.trimap))
    seconds = [[time_call(run, warm_up=0, repeats=1).median_s for run in calls] for _ in range(rounds)]
    timings = map(summarise, zip(*seconds, strict=True))
    return [{"method": name, "subject": f"{case.name} {case.trimap_name}", "size": [*case.alpha.shape],
             "median_s": timing.median_s, "iqr_s": timing.iqr_s, "peak_mib": None, "error": None}
            for name, timing in zip(WAYS, timings, strict=True)]


def write_report(document):
    """Write the table: mean, least and most seconds, and ratios."""
    about, seconds = document["metadata"], {}
    for row in document["results"]:
        seconds.setdefault(row["subject"], {})[row["method"]] = row["median_s"]
    lines = [f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} threads. Seconds "
             f"of {len(seconds)} pairs of photograph and trimap.", "",
             "| | mean | least | most |", "| --- | --- | --- | --- |"]
    found = {name: [own[name] for own in seconds.values()] for name in WAYS}
    found |= {f"{one} over {other}": [own[one] / own[other] for own in seconds.values()]
              for one, other in (("best", "solvers"), ("fast", "best"))}
    lines += [f"| {name} | {np.mean(values):.2f} | {min(values):.2f} | {max(values):.2f} |"
              for name, values in found.items()]
    write_block(FOLDER / "README.md", lines)


if __name__ == "__main__":
    main()
