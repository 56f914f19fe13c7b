"""Draw the guide's contact sheets and print each method's error where the true alpha is known."""

import argparse
import time
from pathlib import Path

import numpy as np

from experiments.common import ROOT
from experiments.guide_pictures.scenes import SCENES
from hybridmatte import compare_methods, composite, contact_sheet, mse, sad, write_image
from hybridmatte.data import random_scene
from hybridmatte.data.scenes import SCENES as DRAWN

BEHIND = (0.15, 0.45, 0.35)


def main():
    """Write one sheet a scene, and a table of errors in Markdown to standard output."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "guide")
    arguments = parser.parse_args()
    write_image(arguments.output / "drawn_scenes.jpg", drawn_sheet())
    for name in arguments.scenes:
        start = time.perf_counter()
        scene = SCENES[name]()
        trials = compare_methods(scene.image, scene.trimap)
        path = arguments.output / f"{name}.jpg"
        write_image(path, contact_sheet(scene.image, scene.trimap, trials))
        print(f"\n{name}: {path.name}, {time.perf_counter() - start:.0f} s")
        for trial in trials:
            if trial.alpha is None:
                print(f"| {trial.method} | {trial.error} |")
            elif scene.alpha is not None:
                inputs = trial.alpha, scene.alpha, scene.trimap
                print(f"| {trial.method} | {sad(*inputs) / 1000:.2f} | {1000 * mse(*inputs):.1f} |")


def drawn_sheet():
    """Return alpha, and the picture over a colour, of two scenes of each drawn kind; a kind a column."""
    columns = []
    for kind in DRAWN:
        rows = []
        for seed in range(2):
            scene = random_scene((200, 200), np.random.default_rng([1, seed]), kind=kind)
            rows += [np.repeat(scene.alpha[:, :, None], 3, axis=2), composite(scene.foreground, scene.alpha, BEHIND)]
        columns.append(np.vstack(rows))
    return np.hstack(columns)


if __name__ == "__main__":
    main()
