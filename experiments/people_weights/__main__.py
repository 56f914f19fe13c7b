"""Train the network for people that the package brings, score it on what is held out, and write it with its card."""

import argparse
import shutil
import time
from pathlib import Path

import numpy as np
import torch

from experiments.common import (
    add_training_arguments,
    data_folder,
    merge_results,
    training_environment,
    write_checksum,
)
from experiments.people_weights.report import write_report
from experiments.trimap_free_small.samples import people, predicted
from experiments.wsshm_small.samples import mattes
from experiments.wsshm_small.scoring import alone, draw, mean_square
from hybridmatte.automatic.mattes import NOTHING, PEOPLE_SIDE, matte_alone
from hybridmatte.correction.weights import WEIGHTS
from hybridmatte.data import MattingFolder, Photographs, Sample
from hybridmatte.networks import export_onnx, load_network
from hybridmatte.training import read_config, train

FOLDER = Path(__file__).parent
RECIPE = FOLDER.parent / "wsshm_small"
HELD_OUT = 40  # street photographs, as many as of people
LONGER = "segmentation, longer"
STAGES = {  # configuration of wsshm_small, the stage it starts from, photographs without people, and what is changed
    "segmentation": ("segmentation", None, 300, {"epochs": 100, "crop": 128}),
    LONGER: ("segmentation", "segmentation", 100, {"epochs": 180, "crop": 96}),
    "teacher": ("matte", LONGER, 0, {"epochs": 10, "crop": 128}),
    "student": ("blending", LONGER, 100, {"epochs": 40, "crop": 128, "crop_largest": 160}),
}


def main():
    """Train what is not kept, score, and write weights, card and pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "people_weights_networks")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    metadata = training_environment(arguments.threads)
    sets = scored_sets(arguments.data)
    for seed in [] if arguments.report else arguments.seeds:
        folder = trained(seed, arguments)
        network = load_network(folder)
        score("the network's alpha", seed, lambda image, own=network: alone(own, image, PEOPLE_SIDE), sets, metadata)
        if seed == arguments.seeds[0]:
            write_weights(folder, sets["people"][0].image)
            score("auto", seed, lambda image: matte_alone(image).alpha, sets, metadata)
    shown = [*sets["portraits"], *sets["people"][:6], *sets["street"][:4], *sets["photographs"][:4]]
    draw(lambda image: matte_alone(image).alpha, shown, arguments.kept / "people.png")
    write_report(FOLDER, WEIGHTS["people"])


def trained(seed, arguments):
    """Return the folder of the student, all four networks trained now if they are not kept."""
    folders = {name: arguments.kept / str(seed) / name / "network" for name in STAGES}
    for name, (file, before, nobody, own) in STAGES.items():
        folder = folders[name].parent
        if folders[name].is_dir():
            continue
        start, changes = time.perf_counter(), {"seed": seed, **own}
        if before is not None:
            changes["init_from"] = str(folders[before])
        if file == "blending":
            changes["teacher"] = str(folders["teacher"])
        is_matte = file == "matte"
        samples = mattes(arguments.data, "all") if is_matte else learned_masks(arguments.data, nobody)
        train(read_config(RECIPE / f"{file}.toml", **changes), samples, folder, precision=arguments.precision,
              progress=False, resume=(folder / "checkpoints" / "last.ckpt").exists(),
              backgrounds=data_folder(arguments.data) / "photos" / "train" if is_matte else None)
        print(f"seed {seed}: {name} in {time.perf_counter() - start:.0f} s", flush=True)
    return folders["student"]


def learned_masks(data, nobody):
    """Return photographs with masks: people, people in streets, and some that are taken to show nobody."""
    photographs = Photographs(data_folder(data) / "photos" / "train")
    return [*people(data)[0], *street(data)[HELD_OUT:],
            *(without_people(photographs[index]) for index in range(nobody))]


def without_people(photograph):
    """Return a photograph with an empty mask."""
    return Sample("nobody", image=np.float32(photograph) / 255, mask=np.zeros(photograph.shape[:2], np.float32))


def street(data):
    """Return the street photographs, in an order of their own."""
    samples = MattingFolder(data_folder(data) / "people_street", ["image", "mask"])
    return [samples[index] for index in np.random.default_rng(0).permutation(len(samples))]


def scored_sets(data):
    """Return ``{name: samples}`` of what is held out; portraits have alphas, the photographs nothing."""
    photographs = Photographs(data_folder(data) / "photos" / "test")
    return {"portraits": predicted(data, "portraits"), "people": people(data)[1], "street": street(data)[:HELD_OUT],
            "photographs": [without_people(photograph) for photograph in photographs]}


def score(way, seed, predict, sets, metadata):
    """Record the errors of a way to alpha on every set: mean squares, overlap, and how often nothing is found."""
    rows = []
    for name, samples in sets.items():
        found = [predict(sample.image) for sample in samples]
        targets = [np.float32(sample.mask >= 0.5) if sample.alpha is None else sample.alpha for sample in samples]
        errors = {"mse": mean_square(found, targets),
                  "mad": 1000 * float(np.mean([np.abs(a - b).mean() for a, b in zip(found, targets, strict=True)])),
                  "iou": float(np.mean([overlap(a, b) for a, b in zip(found, targets, strict=True)])),
                  "empty": float(np.mean([alpha.max() <= NOTHING for alpha in found]))}
        print(seed, name, way, errors, flush=True)
        rows.append({"method": f"{name}, {way}", "subject": f"seed {seed}", "size": len(samples), "median_s": None,
                     "iqr_s": None, "peak_mib": None, "error": errors})
    merge_results(FOLDER / "result.json", metadata, rows)


def overlap(alpha, target):
    """Return the intersection over the union of what is at least one half; 1 if both have nothing."""
    inside, wanted = alpha >= NOTHING, target >= NOTHING
    union = np.count_nonzero(inside | wanted)
    return np.count_nonzero(inside & wanted) / union if union else 1.0


def write_weights(kept, image):
    """Copy a network into the package, and export it; its card is written by the report."""
    WEIGHTS["people"].mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(kept / name, WEIGHTS["people"] / name)
    export_onnx(load_network(kept), WEIGHTS["people"] / "model.onnx", image)
    write_checksum(WEIGHTS["people"] / "model.onnx")


if __name__ == "__main__":
    main()
