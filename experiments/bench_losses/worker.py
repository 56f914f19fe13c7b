"""One fresh process: time the forms of a loss in turn, or measure the memory of one form; prints rows."""

import argparse
import json
import time

import torch

from experiments.bench_losses.forms import FORMS, photograph, prepare
from experiments.common import peak_mib, summarise


def main():
    """Run one measurement and print its rows as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", choices=["time", "memory"])
    parser.add_argument("loss")
    parser.add_argument("--form", choices=FORMS, help="the one to measure the memory of")
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--window-size", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--ours-only", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(torch.get_num_threads())
    rows = _time(arguments) if arguments.what == "time" else _memory(arguments)
    for row in rows:
        subject = f"{arguments.batch} x 3 x {arguments.side} x {arguments.side}, K = {arguments.window_size}"
        print(json.dumps({"bench": arguments.what, "method": arguments.loss, "subject": subject,
                          "size": [arguments.batch, 3, arguments.side, arguments.side], "median_s": None,
                          "iqr_s": None, "peak_mib": None, "error": None, **row}), flush=True)


def _time(arguments):
    """Time the forms in turn, after one call each whose values and gradients must agree."""
    image = photograph(arguments.side, arguments.batch)
    forms = FORMS[:2] if arguments.ours_only else FORMS
    runs = {form: prepare(form, arguments.loss, image, arguments.window_size) for form in forms}
    results = {form: run() for form, run in runs.items()}
    seconds = {form: [] for form in forms}
    for _ in range(arguments.rounds):
        for form, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[form].append(time.perf_counter() - start)
    value, gradient = results[forms[-1]]
    for form in forms:
        timing = summarise(seconds[form])
        error = {"value": abs(results[form][0] - value) / value,
                 "gradient": (results[form][1] - gradient).abs().sum().item() / gradient.abs().sum().item()}
        yield {"form": form, "median_s": timing.median_s, "iqr_s": timing.iqr_s, "count": timing.count, "error": error}


def _memory(arguments):
    """Measure what one form adds to the peak memory of the process, after a small call that loads the code."""
    small = photograph(64)
    prepare(arguments.form, arguments.loss, small, arguments.window_size)()
    run = prepare(arguments.form, arguments.loss, photograph(arguments.side, arguments.batch), arguments.window_size)
    before = peak_mib()
    run()
    yield {"form": arguments.form, "peak_mib": peak_mib(), "added_mib": peak_mib() - before}


if __name__ == "__main__":
    main()
