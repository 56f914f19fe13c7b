"""Train Net-T, its plain peer and Net-M, join them, adapt them to people, and score all of it, a fold a seed."""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from experiments.alpha_free_small.samples import flower, halved
from experiments.common import add_training_arguments, data_folder, merge_results, training_environment
from experiments.trimap_free_small.pictures import draw_attention, draw_people
from experiments.trimap_free_small.plain import PlainSegmentation
from experiments.trimap_free_small.report import write_report
from experiments.trimap_free_small.samples import labelled, people, predicted
from hybridmatte import solve, trimap_from_mask, trimap_scores
from hybridmatte.data import TrimapTasks
from hybridmatte.data.segmentation import pseudo_trimap, soft_segmentation
from hybridmatte.networks import JointInference, load_network
from hybridmatte.networks.joint_inference import predict_trimap
from hybridmatte.training import read_config, score_alpha, train
from hybridmatte.training.scores import predict_sample

FOLDER = Path(__file__).parent
ERODED = (20, 30, 40, 50)  # of the paper's pixels
LONGER = 4  # times the steps
NET_M = {"net_m": {}, "not mined": {"hard_percent": 0.0}, "not refined": {"refinement": False}}


def main():
    """Run the seeds asked for; rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "trimap_free_small_networks")
    parser.add_argument("--stages", nargs="+", choices=("joint", "real", "longer"), default=["joint", "real"])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    metadata = training_environment(arguments.threads)
    for seed in [] if arguments.report else arguments.seeds:
        if "joint" in arguments.stages:
            rows = joint_rows(seed, trained(seed, arguments), arguments)
            merge_results(FOLDER / "result.json", metadata, rows)
        if "real" in arguments.stages:
            merge_results(FOLDER / "result.json", metadata, real_rows(seed, arguments))
        if "longer" in arguments.stages:
            merge_results(FOLDER / "result.json", metadata, longer_rows(seed, arguments))
    write_report(FOLDER)
    if (arguments.kept / "0").is_dir():
        networks = trained(0, arguments)
        draw_attention(networks["net_m"], halved(flower()), FOLDER / "attention.jpg")
        if (arguments.kept / "0" / "real" / "network").is_dir():
            joints = [JointInference(networks["net_t"], networks["net_m"]), adapted(0, arguments)]
            draw_people(joints, people(arguments.data)[1][:4], predicted(arguments.data, "portraits")[:2],
                        arguments.kept / "people.png")


def trained(seed, arguments):
    """Return the five networks of a seed, trained now if they are not kept."""
    found = {"net_t": load_network(trained_one("net_t", "net_t.toml", seed, arguments)),
             "plain": load_plain(trained_one("plain", "net_t.toml", seed, arguments, PlainSegmentation))}
    return found | {name: load_network(trained_one(name, "net_m.toml", seed, arguments, **changes))
                    for name, changes in NET_M.items()}


def trained_one(name, file, seed, arguments, kind=None, **changes):
    """Return the folder of a network, trained now if it is not kept; kind makes one that no configuration names."""
    folder = arguments.kept / str(seed) / name
    if not (folder / "network").is_dir():
        torch.manual_seed(seed)
        start = time.perf_counter()
        train(read_config(FOLDER / file, seed=seed, **changes), labelled(arguments.data, seed)[0], folder,
              network=None if kind is None else kind(), precision=arguments.precision, progress=False,
              backgrounds=data_folder(arguments.data) / "photos" / "train",
              resume=(folder / "checkpoints" / "last.ckpt").exists())
        print(f"seed {seed}: trained {name} in {time.perf_counter() - start:.0f} s", flush=True)
    return folder / "network"


def load_plain(folder):
    """Load the plain peer, which no configuration names."""
    from safetensors.torch import load_file

    network = PlainSegmentation()
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.eval()


def joint_rows(seed, networks, arguments):
    """Return the rows on trimaps and on alphas of the seed's fold."""
    config = read_config(FOLDER / "net_t.toml")
    scored, rows = labelled(arguments.data, seed)[1], []
    for eroded in ERODED:
        tasks = TrimapTasks(scored, config.mask_scale, eroded)
        rows += [trimap_row(f"trimap: {name}", seed, eroded, networks[name], tasks) for name in ("net_t", "plain")]
        for name, alphas in alphas_of(networks, tasks, config.mask_scale):
            rows.append(row_of(f"alpha: {name}", seed, eroded, whole_scores(alphas, tasks)))
    tasks = TrimapTasks(scored, config.mask_scale)
    for name in NET_M:
        alphas = [predict_sample(networks[name], task) for task in tasks]
        rows.append(row_of(f"given trimap: {name}", seed, 0, whole_scores(alphas, tasks)))
    alphas = [solve(task.image, task.trimap) for task in tasks]
    return [*rows, row_of("given trimap: closed form", seed, 0, whole_scores(alphas, tasks))]


def longer_rows(seed, arguments):
    """Return the rows of Net-T, its plain peer and Net-M after more steps."""
    net_t = load_network(longer("net_t", "net_t.toml", seed, arguments))
    net_m = load_network(longer("net_m", "net_m.toml", seed, arguments))
    plain = load_plain(longer("plain", "net_t.toml", seed, arguments, PlainSegmentation))
    scale, scored = read_config(FOLDER / "net_t.toml").mask_scale, labelled(arguments.data, seed)[1]
    rows, more = [], f"{LONGER} x steps"
    for eroded in ERODED:
        tasks = TrimapTasks(scored, scale, eroded)
        rows += [trimap_row(f"trimap: {name}, {more}", seed, eroded, network, tasks)
                 for name, network in (("net_t", net_t), ("plain", plain))]
        for fusion in ("soft", "hard"):
            joint = JointInference(net_t, net_m, fusion)
            alphas = [joint.predict(task.image, task.mask)[0] for task in tasks]
            rows.append(row_of(f"alpha: joint, {fusion}, net_m, {more}", seed, eroded, whole_scores(alphas, tasks)))
        alphas = [solve(task.image, predict_trimap(net_t, task.image, task.mask)) for task in tasks]
        rows.append(row_of(f"alpha: net_t, {more} + closed form", seed, eroded, whole_scores(alphas, tasks)))
    alphas = [predict_sample(net_m, task) for task in tasks]
    return [*rows, row_of(f"given trimap: net_m, {more}", seed, 0, whole_scores(alphas, tasks))]


def longer(name, file, seed, arguments, kind=None):
    """Return the folder of a network trained with more steps."""
    config = read_config(FOLDER / file)
    steps = {key: LONGER * getattr(config, key) for key in ("epochs", "warmup_steps")}
    return trained_one(f"{name} longer", file, seed, arguments, kind, **steps)


def trimap_row(name, seed, eroded, network, tasks):
    """Return the row of the trimaps that a network finds."""
    trimaps = [predict_trimap(network, task.image, task.mask) for task in tasks]
    return row_of(name, seed, eroded, [trimap_scores(trimap, task.trimap)
                                       for trimap, task in zip(trimaps, tasks, strict=True)])


def alphas_of(networks, tasks, scale):
    """Yield the name of each way from a segmentation to alpha, and its alphas."""
    for fusion in ("soft", "hard"):  # "soft_sum" is "soft"
        for name in ("net_m", "not refined"):
            joint = JointInference(networks["net_t"], networks[name], fusion)
            yield f"joint, {fusion}, {name}", [joint.predict(task.image, task.mask)[0] for task in tasks]
    joint = JointInference(networks["net_t"], networks["net_m"])
    yield "joint, soft, net_m, mask cut at 0.5", [joint.predict(task.image, np.float32(task.mask >= 0.5))[0]
                                                  for task in tasks]
    found = [predict_trimap(networks["net_t"], task.image, task.mask) for task in tasks]
    yield "net_t + closed form", [solve(task.image, trimap)
                                  for task, trimap in zip(tasks, found, strict=True)]
    yield "erosion, dilation + closed form", [solve(task.image, trimap_from_mask(task.mask)) for task in tasks]
    yield "erosion 15, dilation 50 + closed form", [solve(task.image, pseudo_trimap(task.mask, scale))
                                                    for task in tasks]


def real_rows(seed, arguments):
    """Return the rows on held-out people and portraits before and after adaptation."""
    networks = trained(seed, arguments)
    before, after = JointInference(networks["net_t"], networks["net_m"]), adapted(seed, arguments)
    held_out, portraits, rows = people(arguments.data)[1], predicted(arguments.data, "portraits"), []
    scale = read_config(FOLDER / "real.toml").mask_scale
    for name, joint in (("before", before), ("after", after)):
        alphas = [joint.predict(sample.image, softened(sample.mask, scale))[0] for sample in held_out]
        errors = [score_alpha(alpha, np.float32(sample.mask >= 0.5)) | {"iou": iou(alpha, sample.mask)}
                  for alpha, sample in zip(alphas, held_out, strict=True)]
        rows.append(row_of(f"real, people: {name}", seed, 0, errors))
        alphas = [joint.predict(sample.image, softened(sample.alpha, scale))[0] for sample in portraits]
        rows.append(row_of(f"real, portraits: {name}", seed, 0, whole_scores(alphas, portraits)))
    alphas = [solve(sample.image, trimap_from_mask(softened(sample.alpha, scale))) for sample in portraits]
    return [*rows, row_of("real, portraits: erosion, dilation + closed form", seed, 0, whole_scores(alphas, portraits))]


def adapted(seed, arguments):
    """Return the seed's networks adapted to people, now if they are not kept."""
    root, networks = arguments.kept / str(seed), trained(seed, arguments)
    if not (root / "real" / "network").is_dir():
        JointInference(networks["net_t"], networks["net_m"]).save_pretrained(root / "joint")
        config = read_config(FOLDER / "real.toml", seed=seed, init_from=str(root / "joint"),
                             teacher=str(root / "net_m" / "network"))
        start = time.perf_counter()
        train(config, people(arguments.data)[0], root / "real", precision=arguments.precision, progress=False,
              backgrounds=data_folder(arguments.data) / "photos" / "train",
              resume=(root / "real" / "checkpoints" / "last.ckpt").exists())
        print(f"seed {seed}: adapted in {time.perf_counter() - start:.0f} s", flush=True)
    return load_network(root / "real" / "network")


def softened(mask, scale):
    """Return a mask or alpha as a segmenter's: eroded by 20 of the paper's pixels and blurred."""
    return soft_segmentation(mask, erode=20 * scale, blur=31 * scale)


def iou(alpha, mask):
    """Return the intersection over union of what is at least half opaque and a mask."""
    one, other = alpha >= 0.5, mask >= 0.5
    return np.count_nonzero(one & other) / max(np.count_nonzero(one | other), 1)


def whole_scores(alphas, samples):
    """Return the scores of alphas against the samples'."""
    return [score_alpha(alpha, sample.alpha, sample.trimap) for alpha, sample in zip(alphas, samples, strict=True)]


def row_of(name, seed, eroded, errors):
    """Return the row of means over images."""
    means = {key: float(np.nanmean([error[key] for error in errors])) for key in errors[0]}
    print(seed, name, eroded, {key: round(value, 4) for key, value in means.items()}, flush=True)
    return {"method": name, "subject": f"seed {seed}, eroded {eroded}", "size": len(errors), "median_s": None,
            "iqr_s": None, "peak_mib": None, "error": means}


if __name__ == "__main__":
    main()
