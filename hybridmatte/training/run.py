"""From a configuration and data to a trained network. Lightning runs the loop."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.loggers import TensorBoardLogger

from hybridmatte.data import Sample
from hybridmatte.data.checked_samples import CheckedSamples, Demands
from hybridmatte.training.alpha_free import AlphaFreeMatting
from hybridmatte.training.callbacks import standard_callbacks
from hybridmatte.training.checkpoint import CheckedRestore, LoadedCheckpoint, check_checkpoint, read_checkpoint
from hybridmatte.training.composition import CompositionMatting, DisentangledPretraining
from hybridmatte.training.config import (
    AlphaFreeConfig,
    BlendingConfig,
    CompositionConfig,
    DisentangledConfig,
    MatteConfig,
    NonlocalConfig,
    RealConfig,
    RefinementConfig,
    SegmentationConfig,
    SupervisedConfig,
    TrainingConfig,
    TrimapConfig,
)
from hybridmatte.training.crops_module import CropsModule
from hybridmatte.training.initial_network import new_network, start_from
from hybridmatte.training.label_blending import MatteLabelBlending, MatteTraining, SegmentationPretraining
from hybridmatte.training.mask_refinement import MaskRefinement
from hybridmatte.training.module import MattingModule
from hybridmatte.training.nonlocal_matting import NonlocalMatting
from hybridmatte.training.real_adaptation import RealAdaptation
from hybridmatte.training.run_folder import check_new, checkpoint_to_resume, write_json
from hybridmatte.training.samples import Backgrounds, Data
from hybridmatte.training.scores import AnyNetwork
from hybridmatte.training.supervised import SupervisedMatting
from hybridmatte.training.trimap_generation import TrimapGeneration

__all__ = ["MODULES", "train"]

MODULES: dict[type[TrainingConfig], type[MattingModule[Any]]] = {
    AlphaFreeConfig: AlphaFreeMatting,
    SupervisedConfig: SupervisedMatting,
    CompositionConfig: CompositionMatting,
    DisentangledConfig: DisentangledPretraining,
    TrimapConfig: TrimapGeneration,
    NonlocalConfig: NonlocalMatting,
    RealConfig: RealAdaptation,
    SegmentationConfig: SegmentationPretraining,
    RefinementConfig: MaskRefinement,
    MatteConfig: MatteTraining,
    BlendingConfig: MatteLabelBlending,
}
PICTURES = 2  # samples shown in TensorBoard
IRRELEVANT_WARNINGS = (  # of Lightning and torch: on their own internals, and on what is intended here
    ".*LeafSpec.*",
    ".*does not have many workers.*",
    ".*Total length of `DataLoader`.*",
    ".*exists and is not empty.*",
    ".*The dirpath has changed from.*",  # the folder of the run was moved
    ".*`IterableDataset` has `__len__`.*",
    r".*module\(s\) in eval mode at the start of training.*",
)


def train(
    config: TrainingConfig,
    data: Data,
    output: str | Path,
    *,
    network: AnyNetwork | None = None,
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32-true",
    workers: int = 0,
    resume: bool = False,
    backgrounds: Backgrounds = None,
    validation: Sequence[Sample] | None = None,
    progress: bool = True,
    callbacks: Sequence[lightning.Callback] = (),
) -> AnyNetwork:
    """Train a network and write it to ``output/network``.

    Parameters
    ----------
    config : TrainingConfig
    data : str, path or sequence of Sample
        Folder of the configuration's data set, or samples in memory. For paradigm "disentangled" a folder of
        photographs, tar shards, a data set of the hub (see `hybridmatte.data.stream_photographs`), or (h, w, 3) arrays.
    output : str or path
        Folder of the run: ``config.json``; ``checkpoints/last.ckpt``, written after each epoch; ``logs`` for
        TensorBoard; ``scores.csv`` if there is validation; ``transfer.json`` if the run starts from another network;
        and at the end ``network``.
    network : MattingNetwork, optional
        Your own network, in place of the one that the configuration names.
    devices, nodes : int, default 1
        Processes or GPUs on each node, and nodes.
    precision : str, default "32-true"
        One of Lightning's names, e.g. "bf16-mixed".
    workers : int, default 0
        Processes that prepare crops, for each device.
    resume : bool, default False
        Continue from the last checkpoint. On one device the result is the same, to the last bit, as without the
        interruption. More epochs than before lengthen the run.
    backgrounds : str, path or sequence of Sample, optional
        Folder of photographs. The data are then foregrounds and alphas, and the run learns from their composites.
    validation : sequence of Sample, optional
        Samples with true alphas, and trimaps if the network takes them, that are scored after each epoch.
    progress : bool, default True
        Whether to show a progress bar.
    callbacks : sequence of lightning.Callback
        Your own, after those of the package.

    Returns
    -------
    network : MattingNetwork
        Trained, in evaluation mode.

    Raises
    ------
    FileExistsError
        If output holds a run and resume is False.
    FileNotFoundError
        If resume is True and there is no checkpoint.
    ValueError
        If data or validation has no samples, or one that lacks a part, or has parts of several sizes; the run to resume
        had another configuration, more epochs, or another number of samples; its checkpoint is damaged, holds other
        objects than tensors and plain values, or does not fit, and then the message names the file; backgrounds are
        missing, or the paradigm uses none; the validation samples lack what the network takes; warm-up is as long as
        the run; there are fewer shards than processes that read them; or network "joint" has no ``init_from``.
    FloatingPointError
        If the loss is not finite.
    KeyboardInterrupt
        On Ctrl-C. The checkpoint then holds the last complete epoch.
    """
    output = Path(output)
    checkpoint = checkpoint_to_resume(output, config) if resume else check_new(output)
    transfer = None
    if network is None:
        network = new_network(config, is_resumed=resume)
        transfer = start_from(network, config)
    module = make_module(config, network)
    loaded = None if checkpoint is None else _checked_checkpoint(checkpoint, module)
    source = module.open_source(data, backgrounds)
    if validation is not None:
        checked = CheckedSamples(validation, Demands(("image", "alpha")), "validation")
        validation = module.validation_samples(checked)
    crops = CropsModule(config, source, workers, validation)
    own = standard_callbacks(output, source.examples(PICTURES), progress=progress)
    if loaded is not None and checkpoint is not None:
        own.append(CheckedRestore(loaded, checkpoint))
    output.mkdir(parents=True, exist_ok=True)
    own += _recording(output / "config.json", config, is_resumed=checkpoint is not None)
    if transfer is not None:
        write_json(output / "transfer.json", transfer._asdict())
    with _without_irrelevant_warnings():
        trainer = _trainer(
            module,
            output,
            devices=devices,
            nodes=nodes,
            precision=precision,
            progress=progress,
            callbacks=[*own, *callbacks],
            checkpoint=loaded,
        )
        _fit(trainer, module, crops, checkpoint)
    trained = module.finished()
    if trainer.is_global_zero:
        trained.save_pretrained(output / "network")
    return trained


def _recording(path: Path, config: TrainingConfig, *, is_resumed: bool) -> list[lightning.Callback]:
    """Write the configuration, or for a resumed run return a callback that writes it when training starts.

    A resumption that is refused, as its data have changed, thus leaves the file of the run as it was.
    """
    record = partial(write_json, path, config.options())
    if is_resumed:
        return [LambdaCallback(on_train_start=lambda *_: record())]
    record()
    return []


def make_module(config: TrainingConfig, network: AnyNetwork) -> MattingModule[Any]:
    """Return the LightningModule of a configuration's paradigm, with its teacher if there is one."""
    return MODULES[type(config)].from_config(network, config).train()


def _checked_checkpoint(path: Path, module: MattingModule[Any]) -> dict[str, Any]:
    """Return the content of a checkpoint that fits a module."""
    checkpoint = read_checkpoint(path)
    check_checkpoint(checkpoint, path, module, module.config.epochs)
    return checkpoint


def _trainer(
    module: MattingModule[Any],
    output: Path,
    *,
    devices: int,
    nodes: int,
    precision: str,
    progress: bool,
    callbacks: list[lightning.Callback],
    checkpoint: dict[str, Any] | None,
) -> lightning.Trainer:
    """Return Lightning's trainer of a module."""
    config, processes = module.config, devices * nodes
    return lightning.Trainer(
        max_epochs=config.epochs,
        devices=devices,
        num_nodes=nodes,
        precision=precision,  # type: ignore[arg-type]
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.clip if config.clip and module.automatic_optimization else None,
        logger=TensorBoardLogger(output, name="", version="logs"),
        log_every_n_steps=1,
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        plugins=[LoadedCheckpoint(checkpoint)],
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        sync_batchnorm=processes > 1 and torch.cuda.is_available(),
        strategy=_strategy(processes, module),
    )


def _strategy(processes: int, module: MattingModule[Any]) -> str:
    """Return Lightning's name for the way in which processes share gradients."""
    if processes == 1:
        return "auto"
    return "ddp_find_unused_parameters_true" if module.has_unused_parameters else "ddp"


def _fit(trainer: lightning.Trainer, module: MattingModule[Any], crops: CropsModule, checkpoint: Path | None) -> None:
    """Let Lightning train, and raise KeyboardInterrupt on Ctrl-C.

    On Ctrl-C Lightning exits, and leaves Python with a handler that ignores the next one.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule=crops, ckpt_path=checkpoint)
    except SystemExit:
        if trainer.interrupted:
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        raise


@contextmanager
def _without_irrelevant_warnings() -> Iterator[None]:
    """Suppress Lightning's remarks that do not concern the user. Warnings about the run itself still appear."""
    remarks = logging.getLogger("lightning.pytorch")
    before = remarks.level
    remarks.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for pattern in IRRELEVANT_WARNINGS:
                warnings.filterwarnings("ignore", pattern)
            yield
    finally:
        remarks.setLevel(before)
