"""Train Net-T, its plain peer and Net-M, join them, adapt them to people, and score all of it, a fold a seed."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from experiments.results import Row, make_row
from experiments.samples import flower_sample, halved, people, predicted
from experiments.trimap_free_small import Options
from experiments.trimap_free_small.networks import FORMS_OF_NET_M, LONGER, NET_T, REAL, Networks, labelled
from experiments.trimap_free_small.pictures import draw_attention, draw_people
from hybridmatte import solve, trimap_from_mask, trimap_scores
from hybridmatte.data import TrimapTasks
from hybridmatte.data.segmentation import pseudo_trimap, soft_segmentation
from hybridmatte.networks.joint_inference import predict_trimap
from hybridmatte.training import read_config, score_alpha
from hybridmatte.training.scores import predict_sample

ERODED = (20, 30, 40, 50)  # of the paper's pixels
Errors = list[dict[str, float]]  # one an image


def run(options: Options) -> Iterator[list[Row]]:
    """Train and score the seeds asked for; draw the pictures of seed 0."""
    torch.set_num_threads(options.threads)
    for seed in options.seeds:
        networks = Networks(seed, options)
        if "joint" in options.parts:
            yield list(joint_rows(networks))
        if "real" in options.parts:
            yield list(real_rows(networks))
        if "longer" in options.parts:
            yield list(longer_rows(networks))
    first = Networks(0, options)
    if (options.kept / "0" / "net_m" / "network").is_dir():
        draw_attention(first.net_m(), halved(flower_sample()), options.output / "trimap_free_small_attention.jpg")
    if (options.kept / "0" / "real" / "network").is_dir():
        draw_people(
            [first.joint(), first.adapted()],
            people(options.data)[1][:4],
            predicted(options.data, "portraits")[:2],
            options.kept / "people.png",
        )


def joint_rows(networks: Networks) -> Iterator[Row]:
    """Yield the rows on trimaps and on alphas of the seed's fold."""
    seed, scored = networks.seed, labelled(networks.options.data, networks.seed)[1]
    scale = read_config(NET_T).mask_scale
    for eroded in ERODED:
        tasks = TrimapTasks(scored, scale, eroded)
        for name, network in (("net_t", networks.net_t()), ("plain", networks.plain())):
            yield mean_row(f"trimap: {name}", seed, eroded, trimap_errors(network, tasks))
        for name, alphas in alphas_of(networks, tasks, scale):
            yield mean_row(f"alpha: {name}", seed, eroded, alpha_errors(alphas, tasks))
    tasks = TrimapTasks(scored, scale)
    for name in FORMS_OF_NET_M:
        network = networks.net_m(name)
        alphas = [predict_sample(network, task) for task in tasks]
        yield mean_row(f"given trimap: {name}", seed, 0, alpha_errors(alphas, tasks))
    alphas = [solve(task.image, task.trimap) for task in tasks]
    yield mean_row("given trimap: closed form", seed, 0, alpha_errors(alphas, tasks))


def longer_rows(networks: Networks) -> Iterator[Row]:
    """Yield the rows of Net-T, its plain peer and Net-M after more steps."""
    seed, scored = networks.seed, labelled(networks.options.data, networks.seed)[1]
    net_t, plain, net_m = networks.net_t(LONGER), networks.plain(LONGER), networks.net_m(factor=LONGER)
    scale, more = read_config(NET_T).mask_scale, f"{LONGER} x steps"
    for eroded in ERODED:
        tasks = TrimapTasks(scored, scale, eroded)
        for name, network in (("net_t", net_t), ("plain", plain)):
            yield mean_row(f"trimap: {name}, {more}", seed, eroded, trimap_errors(network, tasks))
        for fusion in ("soft", "hard"):
            joint = networks.joint(fusion, factor=LONGER)
            alphas = [joint.predict(task.image, task.mask)[0] for task in tasks]
            yield mean_row(f"alpha: joint, {fusion}, net_m, {more}", seed, eroded, alpha_errors(alphas, tasks))
        alphas = [solve(task.image, predict_trimap(net_t, task.image, task.mask)) for task in tasks]
        yield mean_row(f"alpha: net_t, {more} + closed form", seed, eroded, alpha_errors(alphas, tasks))
    alphas = [predict_sample(net_m, task) for task in tasks]
    yield mean_row(f"given trimap: net_m, {more}", seed, 0, alpha_errors(alphas, tasks))


def alphas_of(networks: Networks, tasks: TrimapTasks, scale: float) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield the name of each way from a segmentation to alpha, and its alphas."""
    for fusion in ("soft", "hard"):  # "soft_sum" is "soft"
        for form in ("net_m", "not refined"):
            joint = networks.joint(fusion, form)
            yield f"joint, {fusion}, {form}", [joint.predict(task.image, task.mask)[0] for task in tasks]
    joint = networks.joint()
    yield (
        "joint, soft, net_m, mask cut at 0.5",
        [joint.predict(task.image, np.float32(task.mask >= 0.5))[0] for task in tasks],
    )
    net_t = networks.net_t()
    found = [predict_trimap(net_t, task.image, task.mask) for task in tasks]
    yield "net_t + closed form", [solve(task.image, trimap) for task, trimap in zip(tasks, found, strict=True)]
    yield "erosion, dilation + closed form", [solve(task.image, trimap_from_mask(task.mask)) for task in tasks]
    yield (
        "erosion 15, dilation 50 + closed form",
        [solve(task.image, pseudo_trimap(task.mask, scale)) for task in tasks],
    )


def real_rows(networks: Networks) -> Iterator[Row]:
    """Yield the rows on held-out people and portraits before and after adaptation."""
    data, seed, scale = networks.options.data, networks.seed, read_config(REAL).mask_scale
    held_out, portraits = people(data)[1], predicted(data, "portraits")
    for name, joint in (("before", networks.joint()), ("after", networks.adapted())):
        alphas = [joint.predict(sample.image, softened(sample.mask, scale))[0] for sample in held_out]
        errors = [
            score_alpha(alpha, np.float32(sample.mask >= 0.5)) | {"iou": iou(alpha, sample.mask)}
            for alpha, sample in zip(alphas, held_out, strict=True)
        ]
        yield mean_row(f"real, people: {name}", seed, 0, errors)
        alphas = [joint.predict(sample.image, softened(sample.alpha, scale))[0] for sample in portraits]
        yield mean_row(f"real, portraits: {name}", seed, 0, alpha_errors(alphas, portraits))
    alphas = [solve(sample.image, trimap_from_mask(softened(sample.alpha, scale))) for sample in portraits]
    yield mean_row("real, portraits: erosion, dilation + closed form", seed, 0, alpha_errors(alphas, portraits))


def softened(mask: np.ndarray, scale: float) -> np.ndarray:
    """Return a mask or alpha as a segmenter's: eroded by 20 of the paper's pixels and blurred."""
    return soft_segmentation(mask, erode=20 * scale, blur=31 * scale)


def iou(alpha: np.ndarray, mask: np.ndarray) -> float:
    """Return the intersection over union of what is at least half opaque and a mask."""
    one, other = alpha >= 0.5, mask >= 0.5
    return np.count_nonzero(one & other) / max(np.count_nonzero(one | other), 1)


def trimap_errors(network, tasks: TrimapTasks) -> Errors:
    """Return the scores of the trimaps that a network predicts."""
    trimaps = [predict_trimap(network, task.image, task.mask) for task in tasks]
    return [trimap_scores(trimap, task.trimap) for trimap, task in zip(trimaps, tasks, strict=True)]


def alpha_errors(alphas: Sequence[np.ndarray], samples) -> Errors:
    """Return the scores of alphas against the samples'."""
    return [score_alpha(alpha, sample.alpha, sample.trimap) for alpha, sample in zip(alphas, samples, strict=True)]


def mean_row(method: str, seed: int, eroded: int, errors: Errors) -> Row:
    """Return the row of means over images."""
    means = {key: float(np.nanmean([error[key] for error in errors])) for key in errors[0]}
    return make_row(method, f"seed {seed}, eroded {eroded}", len(errors), means)
