"""The list of all experiments, and of the recipes that need more than two CPU cores."""

from experiments import (
    alpha_free_small,
    bench_attention,
    bench_automatic,
    bench_data,
    bench_fusion,
    bench_losses,
    bench_networks,
    bench_refine,
    bench_solvers,
    braking_effect,
    ddc_minimum,
    demo,
    dpt_small,
    finder_weights,
    fusion,
    gpu,
    guide_pictures,
    hard_segmentation,
    priors_alone,
    refiner_weights,
    rendered_scenes,
    texture_noise,
    tiled_prediction,
    trimap_free_small,
    wsshm_small,
)
from experiments.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    package.EXPERIMENT.name: package.EXPERIMENT
    for package in (
        demo,
        guide_pictures,
        bench_solvers,
        bench_fusion,
        bench_automatic,
        bench_refine,
        bench_losses,
        gpu,
        bench_networks,
        bench_attention,
        bench_data,
        tiled_prediction,
        ddc_minimum,
        braking_effect,
        hard_segmentation,
        texture_noise,
        priors_alone,
        fusion,
        finder_weights,
        refiner_weights,
        rendered_scenes,
        alpha_free_small,
        dpt_small,
        trimap_free_small,
        wsshm_small,
    )
}
RECIPES = {
    "alpha_free_am2k": "Training without alpha labels on AM-2K, with the paper's settings.",
    "dpt_imagenet": "Disentangled pre-training on ImageNet-1k, with the paper's settings.",
    "dpt_finetune_composition1k": "Fine-tuning on Composition-1k after disentangled pre-training.",
    "semantic_guided": "Net-T, Net-M and their adaptation to videos, with the paper's settings.",
    "wsshm": "Weakly semi-supervised human matting, with the paper's settings.",
}
