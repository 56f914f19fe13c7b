"""Train the network for people that comes with the package, score it on what is held out, and write its weights."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from experiments.data_sets import data_folder, training_photographs
from experiments.kept_networks import train_kept
from experiments.mattes import read_mattes
from experiments.people_scores import mean_square, predict_small
from experiments.people_weights import Options
from experiments.results import ROOT, Row, make_row
from experiments.samples import people, predicted
from experiments.sheets import draw_alphas
from hybridmatte.automatic.from_image import PEOPLE_SIDE, matte_from_image
from hybridmatte.automatic.from_mask import INSIDE_MIN
from hybridmatte.correction.weights import checksum
from hybridmatte.data import MattingFolder, Photographs, Sample
from hybridmatte.networks import export_onnx, load_network

RECIPES = ROOT / "experiments" / "wsshm_small"
HELD_OUT = 40  # street photographs, as many as of people
LONGER = "segmentation, longer"
STAGES = {  # recipe, the stage it starts from, photographs without people, and changes
    "segmentation": ("segmentation", None, 300, {"epochs": 100, "crop": 128}),
    LONGER: ("segmentation", "segmentation", 100, {"epochs": 180, "crop": 96}),
    "teacher": ("matte", LONGER, 0, {"epochs": 10, "crop": 128}),
    "student": ("blending", LONGER, 100, {"epochs": 40, "crop": 128, "crop_largest": 160}),
}


def run(options: Options) -> Iterator[list[Row]]:
    """Train what is not kept, score, write weights and a sheet of pictures."""
    torch.set_num_threads(options.threads)
    sets = scored_sets(options.data)
    for seed in options.seeds:
        folder = train_stages(seed, options)
        network = load_network(folder)
        yield score("the network's alpha", seed, lambda image: predict_small(network, image, PEOPLE_SIDE), sets)  # noqa: B023
        if seed == options.seeds[0]:
            write_weights(folder, options.weights, sets["people"][0].image)
            yield score("auto", seed, lambda image: matte_from_image(image).alpha, sets)
    shown = [*sets["portraits"], *sets["people"][:6], *sets["street"][:4], *sets["photographs"][:4]]
    draw_alphas(lambda image: matte_from_image(image).alpha, shown, options.kept / "people.png")


def train_stages(seed: int, options: Options) -> Path:
    """Return the folder of the student; all four networks are trained now if they are not kept."""
    folders = {name: options.kept / str(seed) / name / "network" for name in STAGES}
    for name, (recipe, before, nobody, own) in STAGES.items():
        changes = {"seed": seed, **own}
        if before is not None:
            changes["init_from"] = str(folders[before])
        if recipe == "blending":
            changes["teacher"] = str(folders["teacher"])
        if recipe == "matte":
            changes["backgrounds"] = training_photographs(options.data)
        read_samples = partial(samples_of, recipe, options.data, nobody)
        train_kept(folders[name].parent, RECIPES / f"{recipe}.toml", read_samples, options, **changes)
    return folders["student"]


def samples_of(recipe: str, data: Path, nobody: int) -> Sequence[Sample]:
    """Return mattes, or photographs with masks: people, people in streets, and some that are taken to show nobody."""
    if recipe == "matte":
        return read_mattes(data, "all")
    photographs = Photographs(training_photographs(data))
    return [
        *people(data)[0],
        *street(data)[HELD_OUT:],
        *(without_people(photographs[index]) for index in range(nobody)),
    ]


def without_people(photograph: np.ndarray) -> Sample:
    """Return a photograph with an empty mask."""
    return Sample("nobody", image=np.float32(photograph) / 255, mask=np.zeros(photograph.shape[:2], np.float32))


def street(data: Path) -> list[Sample]:
    """Return the street photographs, in a random order that is the same every time."""
    samples = MattingFolder(data_folder(data) / "people_street", ["image", "mask"])
    return [samples[index] for index in np.random.default_rng(0).permutation(len(samples))]


def scored_sets(data: Path) -> dict[str, list[Sample]]:
    """Return ``{name: samples}`` of what is held out; portraits have alphas, the photographs empty masks."""
    photographs = Photographs(data_folder(data) / "photos" / "test")
    return {
        "portraits": predicted(data, "portraits"),
        "people": people(data)[1],
        "street": street(data)[:HELD_OUT],
        "photographs": [without_people(photograph) for photograph in photographs],
    }


def score(way: str, seed: int, predict: Callable[[np.ndarray], np.ndarray], sets: dict[str, list[Sample]]) -> list[Row]:
    """Return the errors of a way to alpha on every set: mean squares, overlap, and how often nothing is found."""
    rows = []
    for name, samples in sets.items():
        found = [predict(sample.image) for sample in samples]
        targets = [np.float32(sample.mask >= 0.5) if sample.alpha is None else sample.alpha for sample in samples]
        errors = {
            "mse": mean_square(found, targets),
            "mad": 1000 * float(np.mean([np.abs(a - b).mean() for a, b in zip(found, targets, strict=True)])),
            "iou": float(np.mean([overlap(a, b) for a, b in zip(found, targets, strict=True)])),
            "empty": float(np.mean([alpha.max() <= INSIDE_MIN for alpha in found])),
        }
        rows.append(make_row(f"{name}, {way}", f"seed {seed}", len(samples), errors))
    return rows


def overlap(alpha: np.ndarray, target: np.ndarray) -> float:
    """Return the intersection over the union of what is at least one half; 1 if both have nothing."""
    inside, wanted = alpha >= INSIDE_MIN, target >= INSIDE_MIN
    union = np.count_nonzero(inside | wanted)
    return np.count_nonzero(inside & wanted) / union if union else 1.0


def write_weights(folder: Path, weights: Path, image: np.ndarray) -> None:
    """Copy a network into the package, and export it; the report writes its card."""
    weights.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(folder / name, weights / name)
    export_onnx(load_network(folder), weights / "model.onnx", image)
    (weights / "model.sha256").write_text(checksum((weights / "model.onnx").read_bytes()) + "\n", encoding="ascii")
