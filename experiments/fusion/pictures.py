"""A sheet of the photographs whose true alpha is not published."""

import numpy as np

from experiments.common import data_folder
from experiments.trimap_free_small.pictures import sheet
from hybridmatte import composite, decontaminate, matte, read_image, read_trimap, write_image

PLAIN = np.float32([0.2, 0.7, 0.3])


def draw_sheet(data, path, trimap="trimap1"):
    """Show each photograph, its trimap, the best single solver's alpha, the fused one, and it over a plain colour."""
    root, rows = data_folder(data) / "alphamatting_test", []
    for file in sorted((root / "image").iterdir()):
        image, known = read_image(file), read_trimap(root / trimap / f"{file.stem}.png")
        alphas = [matte(image, known, quality=quality) for quality in ("fast", "best")]
        cut = decontaminate(image, alphas[1])
        grey = [np.repeat(plane[:, :, None], 3, axis=2) for plane in (np.float32(known), *alphas)]
        rows.append([image, *grey, composite(cut[:, :, :3], alphas[1], PLAIN)])
    write_image(path, sheet(rows))
