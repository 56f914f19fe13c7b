"""Draw the guide's contact sheets, and measure each method where the true alpha is known."""

from collections.abc import Iterator

import numpy as np

from experiments.guide_pictures import PictureOptions
from experiments.guide_pictures.scenes import SCENES
from experiments.results import Row, make_row
from experiments.sheets import as_grey
from hybridmatte import (
    compare_methods,
    composite,
    contact_sheet,
    estimate_foreground,
    matte,
    matte_with_confidence,
    mse,
    sad,
    write_image,
)
from hybridmatte.data import random_scene
from hybridmatte.data.scenes import SCENES as DRAWN

BEHIND = (0.15, 0.45, 0.35)
LIGHT = (0.75, 0.85, 0.95)


def run(options: PictureOptions) -> Iterator[list[Row]]:
    """Write one sheet a scene; yield the errors of the scenes with true alpha."""
    write_image(options.guide / "drawn_scenes.jpg", drawn_sheet())
    write_image(options.guide / "readme.jpg", readme_picture())
    for name in options.scenes:
        scene = SCENES[name]()
        trials = compare_methods(scene.image, scene.trimap)
        write_image(options.guide / f"{name}.jpg", contact_sheet(scene.image, scene.trimap, trials))
        print(f"{name}: {options.guide / name}.jpg", flush=True)
        for trial in trials:
            if trial.alpha is None:
                print(f"{name}, {trial.method}: {trial.error}")
            elif scene.alpha is not None:
                inputs = trial.alpha, scene.alpha, scene.trimap
                yield [make_row(trial.method, name, scene.trimap.shape, {"sad": sad(*inputs), "mse": mse(*inputs)})]
    write_image(options.guide / "confidence.jpg", confidence_picture())


def readme_picture() -> np.ndarray:
    """Return the demo's image, trimap, alpha, and the cut-out over a colour, side by side."""
    image, trimap, _ = SCENES["flower"]()
    alpha = matte(image, trimap)
    over = composite(estimate_foreground(image, alpha), alpha, LIGHT)
    return np.hstack([image, as_grey(trimap), as_grey(alpha), over])


def confidence_picture() -> np.ndarray:
    """Return the demo's image, trimap, alpha, and how likely alpha is right, side by side."""
    image, trimap, _ = SCENES["flower"]()
    return np.hstack([image, as_grey(trimap), *map(as_grey, matte_with_confidence(image, trimap))])


def drawn_sheet() -> np.ndarray:
    """Return alpha, and the picture over a colour, of two scenes of each drawn kind; a kind a column."""
    columns = []
    for kind in DRAWN:
        rows = []
        for seed in range(2):
            scene = random_scene((200, 200), np.random.default_rng([1, seed]), kind=kind)
            rows += [as_grey(scene.alpha), composite(scene.foreground, scene.alpha, BEHIND)]
        columns.append(np.vstack(rows))
    return np.hstack(columns)
