"""Cut the flower out; `make demo` runs this."""

import time
from collections.abc import Iterator

import numpy as np

from experiments.demo import DemoOptions
from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph
from experiments.results import Row
from hybridmatte import (
    compare_methods,
    composite,
    contact_sheet,
    estimate_foreground,
    read_image,
    read_profile,
    read_trimap,
    split_trimap,
    write_alpha,
    write_image,
)
from hybridmatte.comparison import BEST

PAPER = (0.96, 0.95, 0.92)


def run(options: DemoOptions) -> Iterator[list[Row]]:
    """Write alpha, cut-out, composite and contact sheet of the flower; say where, and how long it took."""
    start, photograph = time.perf_counter(), flower_photograph()
    image, trimap, profile = read_image(photograph), read_trimap(FLOWER_TRIMAP), read_profile(photograph)
    unknown = int(split_trimap(trimap).is_unknown.sum())
    print(f"flower.jpg: {image.shape[1]} x {image.shape[0]} pixels, {unknown} of them unknown")
    print("solving with every method; the first run also compiles them, which takes a minute or two", flush=True)
    trials = compare_methods(image, trimap, on_start=lambda name: print(f"  {name}", flush=True))
    best = next(trial for trial in trials if trial.method == BEST)
    if best.alpha is None:
        raise SystemExit(f"error: {best.method}: {best.error}")
    foreground = estimate_foreground(image, best.alpha)
    write_alpha(options.output / "alpha.png", best.alpha)
    write_image(options.output / "cutout.png", np.dstack([foreground, best.alpha]), profile=profile)
    write_image(options.output / "on_paper.png", composite(foreground, best.alpha, PAPER), profile=profile)
    write_image(options.output / "methods.png", contact_sheet(image, trimap, trials), profile=profile)
    for trial in trials:
        print(f"  {trial.method:20s} " + (f"{trial.seconds:6.2f} s" if trial.error is None else trial.error))
    print(f"{options.output.resolve()}:")
    for name, what in [
        ("alpha.png", f"the alpha, by {best.method}"),
        ("cutout.png", "the flower alone, RGBA"),
        ("on_paper.png", "the flower on another background"),
        ("methods.png", "every method side by side"),
    ]:
        print(f"  {name:14s} {what}")
    print(f"done in {time.perf_counter() - start:.1f} s")
    return iter(())
