"""Train Net-T, its plain peer and Net-M, join them, adapt them to people, and score all of it, a fold a seed."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from experiments.recorded import Recorded
from experiments.results import Row, make_row
from experiments.samples import flower_sample, halved, people, predicted
from experiments.trimap_free_small import EXPERIMENT, Options
from experiments.trimap_free_small.networks import FORMS_OF_NET_M, LONGER, NET_T, REAL, Networks, labelled
from experiments.trimap_free_small.pictures import draw_attention, draw_people
from hybridmatte import solve, trimap_from_mask, trimap_scores
from hybridmatte.data import Sample, TrimapTasks
from hybridmatte.data.segmentation import pseudo_trimap, soft_segmentation
from hybridmatte.networks.joint_inference import predict_trimap
from hybridmatte.training import read_config, score_alpha
from hybridmatte.training.scores import predict_sample

ERODED = (20, 30, 40, 50)  # of the paper's pixels
Errors = list[dict[str, float]]  # one an image


class Job(NamedTuple):
    """A row to measure: its method, by how many of the paper's pixels segmentations are eroded, and the errors."""

    method: str
    eroded: int
    measure: Callable[[], Errors]


def run(options: Options) -> Iterator[list[Row]]:
    """Measure the rows that are missing of the parts and seeds asked for; draw the pictures of seed 0."""
    torch.set_num_threads(options.threads)
    recorded = Recorded(EXPERIMENT.name, options.output, options.data)
    for part in options.parts:
        for seed in options.seeds:
            for job in JOBS[part](Networks(seed, options)):
                subject = f"seed {seed}, eroded {job.eroded}"
                if not recorded.has(job.method, subject):
                    row = mean_row(job.method, subject, job.measure())
                    yield [row | {"configuration": recorded.configuration()}]
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


def trimap_jobs(networks: Networks, factor: int = 1) -> Iterator[Job]:
    """Yield the rows of Tables 1 and 5a: the trimaps of Net-T and of its plain peer, on the seed's fold."""
    scored, scale = labelled(networks.options.data, networks.seed)[1], read_config(NET_T).mask_scale
    makers = {"net_t": networks.net_t, "plain": networks.plain}
    for eroded in ERODED:
        for name, make in makers.items():
            yield Job(
                f"trimap: {name}{longer(factor)}",
                eroded,
                lambda make=make, eroded=eroded: trimap_errors(make(factor), TrimapTasks(scored, scale, eroded)),
            )


def joint_jobs(networks: Networks) -> Iterator[Job]:
    """Yield the rows of Tables 3 and 5b: ways from a segmentation to alpha, and Net-M with the true trimap."""
    scored, scale = labelled(networks.options.data, networks.seed)[1], read_config(NET_T).mask_scale
    for eroded in ERODED:
        tasks = TrimapTasks(scored, scale, eroded)
        for name, way in ways(networks, scale).items():
            yield Job(
                f"alpha: {name}",
                eroded,
                lambda way=way, tasks=tasks: alpha_errors([way(task) for task in tasks], tasks),
            )
    tasks = TrimapTasks(scored, scale)
    for name in FORMS_OF_NET_M:
        yield Job(f"given trimap: {name}", 0, lambda name=name: given_trimap_errors(networks.net_m(name), tasks))
    yield Job(
        "given trimap: closed form",
        0,
        lambda: alpha_errors([solve(task.image, task.trimap) for task in tasks], tasks),
    )


def longer_jobs(networks: Networks) -> Iterator[Job]:
    """Yield the rows of Net-T, its plain peer and Net-M after more steps."""
    scored, scale = labelled(networks.options.data, networks.seed)[1], read_config(NET_T).mask_scale
    yield from trimap_jobs(networks, LONGER)
    for eroded in ERODED:
        tasks = TrimapTasks(scored, scale, eroded)
        for fusion in ("soft", "hard"):
            yield Job(
                f"alpha: joint, {fusion}, net_m{longer(LONGER)}",
                eroded,
                lambda fusion=fusion, tasks=tasks: alpha_errors(
                    joined_alphas(networks.joint(fusion, factor=LONGER), tasks), tasks
                ),
            )
        yield Job(
            f"alpha: net_t{longer(LONGER)} + closed form",
            eroded,
            lambda tasks=tasks: alpha_errors([by_trimap(networks.net_t(LONGER), task) for task in tasks], tasks),
        )
    tasks = TrimapTasks(scored, scale)
    yield Job(
        f"given trimap: net_m{longer(LONGER)}", 0, lambda: given_trimap_errors(networks.net_m(factor=LONGER), tasks)
    )


def longer(factor: int) -> str:
    """Return the end of a method's name that tells a longer training."""
    return f", {factor} x steps" if factor > 1 else ""


def ways(networks: Networks, scale: float) -> dict[str, Callable[[Sample], np.ndarray]]:
    """Return each way from a sample with a segmentation to alpha, by name. A network is trained when it is used."""
    found: dict[str, Callable[[Sample], np.ndarray]] = {}
    for fusion in ("soft", "hard"):  # "soft_sum" is "soft"
        for form in ("net_m", "not refined"):
            found[f"joint, {fusion}, {form}"] = partial(by_joint, networks, fusion, form)
    found["joint, soft, net_m, mask cut at 0.5"] = lambda task: by_joint(
        networks, "soft", "net_m", task._replace(mask=np.float32(task.mask >= 0.5))
    )
    found["net_t + closed form"] = lambda task: by_trimap(networks.net_t(), task)
    found["erosion, dilation + closed form"] = lambda task: solve(task.image, trimap_from_mask(task.mask))
    found["erosion 15, dilation 50 + closed form"] = lambda task: solve(task.image, pseudo_trimap(task.mask, scale))
    return found


def by_joint(networks: Networks, fusion: str, form: str, task: Sample) -> np.ndarray:
    """Return the alpha of joined networks."""
    return networks.joint(fusion, form).predict(task.image, task.mask)[0]


def by_trimap(net_t, task: Sample) -> np.ndarray:
    """Return closed form's alpha of the trimap that Net-T finds."""
    return solve(task.image, predict_trimap(net_t, task.image, task.mask))


def joined_alphas(joint, tasks: Sequence[Sample]) -> list[np.ndarray]:
    """Return the alphas of joined networks."""
    return [joint.predict(task.image, task.mask)[0] for task in tasks]


def given_trimap_errors(net_m, tasks: TrimapTasks) -> Errors:
    """Return the errors of Net-M with the true trimaps."""
    return alpha_errors([predict_sample(net_m, task) for task in tasks], tasks)


def real_jobs(networks: Networks) -> Iterator[Job]:
    """Yield the rows on held-out people and portraits before and after adaptation, and of closed form."""
    yield from adaptation_jobs(networks, 1)
    scale, portraits = read_config(REAL).mask_scale, predicted(networks.options.data, "portraits")
    yield Job(
        "real, portraits: erosion, dilation + closed form",
        0,
        lambda: alpha_errors(
            [solve(sample.image, trimap_from_mask(softened(sample.alpha, scale))) for sample in portraits], portraits
        ),
    )


def longer_real_jobs(networks: Networks) -> Iterator[Job]:
    """Yield the rows of adaptation that starts from the networks of more steps."""
    return adaptation_jobs(networks, LONGER)


def adaptation_jobs(networks: Networks, factor: int) -> Iterator[Job]:
    """Yield the rows on held-out people and portraits before and after adaptation, with and without discriminator."""
    data, scale = networks.options.data, read_config(REAL).mask_scale
    held_out, portraits = people(data)[1], predicted(data, "portraits")
    joints = {
        "before": lambda: networks.joint(factor=factor),
        "after": lambda: networks.adapted(factor),
        "not adversarial": lambda: networks.adapted(factor, is_adversarial=False),
    }
    for name, make in joints.items():
        name += longer(factor)
        yield Job(f"real, people: {name}", 0, lambda make=make: people_errors(make(), held_out, scale))
        yield Job(
            f"real, portraits: {name}",
            0,
            lambda make=make: alpha_errors(
                [make().predict(sample.image, softened(sample.alpha, scale))[0] for sample in portraits], portraits
            ),
        )


def people_errors(joint, held_out: Sequence[Sample], scale: float) -> Errors:
    """Return the errors of joined networks on people with masks."""
    alphas = [joint.predict(sample.image, softened(sample.mask, scale))[0] for sample in held_out]
    return [
        score_alpha(alpha, np.float32(sample.mask >= 0.5)) | {"iou": iou(alpha, sample.mask)}
        for alpha, sample in zip(alphas, held_out, strict=True)
    ]


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


def mean_row(method: str, subject: str, errors: Errors) -> Row:
    """Return the row of means over the images that have a value; without the errors that no image has.

    A mask has no boundary, for example, and its boundary error is NaN, which JSON does not have.
    """
    values = {key: [error[key] for error in errors if np.isfinite(error[key])] for key in errors[0]}
    means = {key: float(np.mean(found)) for key, found in values.items() if found}
    return make_row(method, subject, len(errors), means)


JOBS = {
    "trimaps": trimap_jobs,
    "joint": joint_jobs,
    "real": real_jobs,
    "longer": longer_jobs,
    "real_longer": longer_real_jobs,
}
