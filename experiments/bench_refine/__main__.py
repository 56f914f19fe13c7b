"""Make true alphas small, bring them back by interpolation and by `refine`, and compare; time 6 megapixels."""

import argparse
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from experiments.bench_solvers.mosaic import make_mosaic
from experiments.common import (
    add_data_argument,
    alphamatting_cases,
    environment,
    merge_results,
    positive_int,
    summarise,
    write_block,
)
from hybridmatte import refine

FOLDER = Path(__file__).parent
SIDES = (64, 128, 256)  # pixels, shorter side of the small alpha
LARGE = 512  # of the one of 6 megapixels
ROUNDS = 3
KINDS = {"exact": lambda small: small, "blurred": lambda small: cv2.GaussianBlur(small, (0, 0), 1.0).clip(0, 1),
         "cut at one half": lambda small: np.float32(small >= 0.5)}


def main():
    """Measure, record, and write the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--threads", type=positive_int, default=2)
    arguments = parser.parse_args()
    rows = errors_of(list(alphamatting_cases(arguments.data, trimaps=("trimap1",))))
    rows.append(time_of(arguments.data))
    write_report(merge_results(FOLDER / "result.json", environment(arguments.threads), rows))


def ways(case):
    """Return the ways from a small alpha to the image's size."""
    shape, image = case.alpha.shape[::-1], np.float32(case.image)
    return {"linear": partial(cv2.resize, dsize=shape, interpolation=cv2.INTER_LINEAR),
            "cubic": lambda small: cv2.resize(small, shape, interpolation=cv2.INTER_CUBIC).clip(0, 1),
            "refine": partial(refine, image), "refine, trimap": partial(refine, image, trimap=case.trimap)}


def errors_of(cases):
    """Return the rows: mean errors over all pixels of the twelve photographs."""
    found = {}
    for case in cases:
        for side in SIDES:
            small = smaller(case.alpha, side)
            for kind, change in KINDS.items():
                for way, enlarge in ways(case).items():
                    difference = enlarge(change(small)) - case.alpha
                    found.setdefault((way, f"{side}, {kind}"), []).append(
                        (np.abs(difference).sum() / 1000, 1000 * np.square(difference).mean()))
    return [{"method": way, "subject": subject, "size": len(cases), "median_s": None, "iqr_s": None, "peak_mib": None,
             "error": dict(zip(("sad", "mse"), map(float, np.mean(errors, axis=0)), strict=True))}
            for (way, subject), errors in found.items()]


def smaller(alpha, side):
    """Return an alpha averaged to a shorter side."""
    factor = side / min(alpha.shape)
    return cv2.resize(alpha, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).clip(0, 1)


def time_of(data):
    """Return the row of the time for the twelve photographs side by side, 2400 x 2400 pixels."""
    image, alpha = make_mosaic(data, "6 MP", planes=("image", "alpha"))
    small, seconds = smaller(np.float32(alpha) / 255, LARGE), []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        refine(image, small)
        seconds.append(time.perf_counter() - start)
    timing = summarise(np.array(seconds[1:]))
    return {"method": "refine", "subject": "6 MP", "size": list(image.shape[:2]), "median_s": timing.median_s,
            "iqr_s": timing.iqr_s, "peak_mib": None, "error": None}


def write_report(document):
    """Write the table into README.md."""
    about = document["metadata"]
    rows = {(row["method"], row["subject"]): row for row in document["results"]}
    names = list(dict.fromkeys(way for way, subject in rows if subject != "6 MP"))
    lines = [f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} threads. SAD / 1000 "
             f"and MSE x 1000 over all pixels. 2400 x 2400 pixels from {LARGE} x {LARGE}: "
             f"{rows['refine', '6 MP']['median_s']:.1f} s.", "",
             f"| shorter side, alpha | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    for subject in dict.fromkeys(subject for _, subject in rows if subject != "6 MP"):
        errors = [rows[name, subject]["error"] for name in names]
        cells = [f"{error['sad']:.1f}, {error['mse']:.1f}" for error in errors]
        lines.append(f"| {subject} | {' | '.join(cells)} |")
    write_block(FOLDER / "README.md", lines)


if __name__ == "__main__":
    main()
