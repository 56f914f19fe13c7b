"""Render the pictures that are missing, in a Blender of its own process, and draw a sheet of all."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from experiments.rendered_scenes import RenderedOptions, foreground_names, ground_names
from experiments.rendered_scenes.kept_pictures import keep_picture, picture_path, read_foreground, read_ground
from experiments.results import ROOT, Row
from experiments.sheets import GREEN, as_grey, make_sheet
from hybridmatte import composite, write_image

WORKER = "experiments.rendered_scenes.blender.worker"
ROW = 6  # foregrounds in a row of the sheet


def run(options: RenderedOptions) -> Iterator[list[Row]]:
    """Render what is missing; one process and one thread, so that a name always gives the same picture."""
    options.kept.mkdir(parents=True, exist_ok=True)
    wanted = [*ground_names(), *foreground_names()]
    missing = [name for name in wanted if not picture_path(name, options.kept).exists()]
    if missing:
        check_blender(options.blender_python)
        render(missing, options.blender_python, options.kept)
    print(f"{len(missing)} pictures rendered of {len(wanted)}", flush=True)
    draw_sheet(options.kept)
    yield []


def check_blender(python: Path) -> None:
    """Refuse an interpreter that is missing or cannot load bpy."""
    try:
        found = subprocess.run([python, "-c", "import bpy"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise FileNotFoundError(f"blender_python is {str(python)!r}, expected a Python interpreter: {error}") from error
    if found.returncode:
        reason = (found.stderr.strip().splitlines() or [f"it ends with {found.returncode}"])[-1]
        raise ImportError(
            f"blender_python is {str(python)!r}, expected an interpreter of Python 3.11 with bpy "
            f"(pip install bpy==5.0.1): {reason}"
        )


def render(names: Sequence[str], python: Path, kept: Path) -> None:
    """Render pictures and keep each one as soon as it is whole."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [python, "-m", WORKER, folder],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            process.stdin.write("\n".join(names))
            process.stdin.close()
            for line in process.stdout:
                if line.startswith("rendered "):
                    name = line.split()[1]
                    path = Path(folder, f"{name.replace('/', '_')}.npy")
                    keep_picture(name, np.load(path), kept)
                    path.unlink()
                    print(line, end="", flush=True)
    if process.returncode:
        raise RuntimeError(f"Blender ended with {process.returncode}, expected 0; its messages are above")


def draw_sheet(kept: Path) -> None:
    """Show each foreground over green beside its alpha, and the grounds."""
    tiles = []
    for name in foreground_names():
        layers = read_foreground(name, kept)
        tiles.append(np.hstack([composite(layers.foreground, layers.alpha, GREEN), as_grey(layers.alpha)]))
    rows = [tiles[k : k + ROW] for k in range(0, len(tiles), ROW)]
    grounds = [read_ground(name, kept) for name in ground_names()]
    rows += [grounds[k : k + 2 * ROW] for k in range(0, len(grounds), 2 * ROW)]
    write_image(kept / "sheet.png", make_sheet(rows))
