"""Copy the sets that trainings need into a folder of limited size: `python -m experiments.gpu.pack_data FOLDER`.

Cats and faces do not fit together into 60 MiB: name the sets for one of them.
"""

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2

from experiments.data_sets import data_folder
from experiments.options import DataOptions
from experiments.recorded import PACKED

SETS = ("alphamatting", "alphamatting_more", "animals", "faces", "people", "photos/train", "portraits")  # not cats
LIMIT = 60  # MiB
QUALITIES = (95, 90, 85, 80, 75, 70, 60, 50)  # of JPEG, tried from the best down


def pack_data(data: Path, folder: Path, sets: Sequence[str] = SETS, limit: float = LIMIT) -> int | None:
    """Copy sets of the data folder into a new folder of at most `limit` MiB.

    Where they exceed it, the photographs that are JPEG files are encoded again, at the best quality that fits; masks
    and alphas stay as they are. The folder then says so, and rows measured on it are marked as those of other recipes.

    Returns
    -------
    quality : int or None
        Of the photographs that were encoded again; None if all files are as they were.

    Raises
    ------
    FileExistsError
        If the folder exists.
    FileNotFoundError
        If there is no such set.
    ValueError
        If they do not fit at any quality.
    """
    data = data_folder(data)
    missing = [name for name in sets if not (data / name).is_dir()]
    if missing:
        raise FileNotFoundError(f"{data} has no folder {', '.join(missing)}")
    folder.mkdir(parents=True)
    for name in sets:
        shutil.copytree(data / name, folder / name)
    for quality in (None, *QUALITIES):
        if quality is not None:
            encode_again(data, folder, quality)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
        if size <= limit:
            if quality is not None:
                (folder / PACKED).write_text(f'{{"quality": {quality}}}\n', encoding="utf-8")
            return quality
    shutil.rmtree(folder)
    raise ValueError(f"{', '.join(sets)} take {size:.0f} MiB at quality {QUALITIES[-1]}, expected at most {limit:g}")


def encode_again(data: Path, folder: Path, quality: int) -> None:
    """Write the JPEG files of a folder from those of the data folder, at a quality."""
    for path in folder.rglob("*.jpg"):
        image = cv2.imread(os.fspath(data / path.relative_to(folder)))
        cv2.imwrite(os.fspath(path), image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def main() -> None:
    """Pack the sets that the command line names, and say what was done."""
    parser = argparse.ArgumentParser(prog="python -m experiments.gpu.pack_data", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="new folder; HYBRIDMATTE_DATA names it where it is used")
    parser.add_argument("--data", type=Path, default=DataOptions.data, help="data folder (default: %(default)s)")
    parser.add_argument("--sets", nargs="+", default=SETS, help=f"folders of it (default: {' '.join(SETS)})")
    parser.add_argument("--limit", type=float, default=LIMIT, help="MiB (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        quality = pack_data(arguments.data, arguments.folder, arguments.sets, arguments.limit)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    done = "as they were" if quality is None else f"JPEG files encoded again at quality {quality}"
    print(f"{arguments.folder}: {', '.join(arguments.sets)}; {done}")


if __name__ == "__main__":
    main()
