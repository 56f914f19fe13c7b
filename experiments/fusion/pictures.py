"""A sheet of the photographs whose true alpha is not published."""

from pathlib import Path

import numpy as np

from experiments.data_sets import data_folder
from experiments.sheets import GREEN, as_grey, make_sheet
from hybridmatte import composite, decontaminate, matte, read_image, read_trimap, write_image


def draw_sheet(data: Path, path: Path, trimap: str = "trimap1") -> None:
    """Show each photograph, its trimap, information flow's alpha, the corrected alpha, and the object over green."""
    root, rows = data_folder(data) / "alphamatting_test", []
    for file in sorted((root / "image").iterdir()):
        image, known = read_image(file), read_trimap(root / trimap / f"{file.stem}.png")
        alphas = [matte(image, known, quality=quality) for quality in ("fast", "best")]
        cut = decontaminate(image, alphas[1])
        grey = [as_grey(plane) for plane in (np.float32(known), *alphas)]
        rows.append([image, *grey, composite(cut[:, :, :3], alphas[1], GREEN)])
    write_image(path, make_sheet(rows))
