"""Solve every photograph by each prior alone; record errors and write the table into the README."""

import argparse
import json
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

from experiments.common import add_data_argument, alphamatting_cases, environment, merge_results, write_block
from experiments.descent import descend
from hybridmatte import mse, sad, solve_cf, solve_ddc, solve_knn, solve_nonlocal

FOLDER = Path(__file__).parent
STEPS, RATE = 400, 0.01
KEYS = ("method", "subject")


def by_descent(prior):
    """Return a solver that descends on a prior by Adam from 0.5, the known pixels fixed."""
    def solve(image, trimap):
        start = np.where(trimap >= 0.9, 1.0, np.where(trimap <= 0.1, 0.0, 0.5))
        return descend(image, trimap, prior, start=start, steps=STEPS, rate=RATE)

    return solve


METHODS = {
    "affinity, descent": by_descent("affinity"),
    "dc, descent": by_descent("dc"),
    "ddc, descent": by_descent("ddc"),
    "hinge, descent": by_descent("hinge"),
    "ddc, solve_ddc": solve_ddc,
    "hinge, solve_ddc": partial(solve_ddc, form="hinge"),
    "closed form": solve_cf,
    "knn": solve_knn,
    "nonlocal": solve_nonlocal,
}


def main():
    """Run what is asked for and write the report."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add_data_argument(parser)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--trimaps", nargs="+", choices=["trimap1", "trimap2"], default=["trimap1"])
    parser.add_argument("--images", nargs="+")
    parser.add_argument("--report", action="store_true", help="only write the table from result.json")
    arguments = parser.parse_args()
    if not arguments.report:
        metadata = environment(2, names=("numpy", "numba", "torch"))
        for name in arguments.methods:
            for case in alphamatting_cases(arguments.data, arguments.images, arguments.trimaps):
                row = run(name, case)
                merge_results(FOLDER / "result.json", metadata, [row], KEYS)
                print(name, row["subject"], row["error"], f"{row['median_s']:.1f} s", *row["warnings"], flush=True)
    write_report()


def run(name, case):
    """Return the row of one method on one case."""
    image = case.image.astype(np.float32)
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        alpha = METHODS[name](image, case.trimap)
    seconds = time.perf_counter() - start
    error = {"sad": sad(alpha, case.alpha, case.trimap), "mse": mse(alpha, case.alpha, case.trimap)}
    return {"method": name, "subject": f"{case.name} {case.trimap_name}", "size": list(case.trimap.shape),
            "median_s": seconds, "iqr_s": None, "peak_mib": None, "error": error,
            "warnings": [str(entry.message) for entry in caught]}


def write_report():
    """Write the table of means into README.md."""
    document = json.loads((FOLDER / "result.json").read_text(encoding="utf-8"))
    about = document["metadata"]
    lines = [f"Latest run: commit {about['commit']}, {about['date']}.", "",
             "| prior, solver | trimap | images | SAD / 1000 | MSE x 1000 | s an image | gap or residual not reached |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for name in METHODS:
        for trimap in ("trimap1", "trimap2"):
            rows = [row for row in document["results"] if row["method"] == name and row["subject"].endswith(trimap)]
            if rows:
                means = [np.mean([row["error"][measure] for row in rows]) for measure in ("sad", "mse")]
                lines.append(f"| {name} | {trimap} | {len(rows)} | {means[0] / 1000:.2f} | {1000 * means[1]:.1f} "
                             f"| {np.mean([row['median_s'] for row in rows]):.1f} "
                             f"| {sum(bool(row['warnings']) for row in rows)} |")
    write_block(FOLDER / "README.md", lines)


if __name__ == "__main__":
    main()
