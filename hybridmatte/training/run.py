"""From a configuration and a data folder to a trained network: the loop itself is Lightning's."""

import dataclasses
import json
import logging
import os
import signal
import warnings
from contextlib import contextmanager
from pathlib import Path

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, DistributedSampler

from hybridmatte import networks
from hybridmatte.data import collate, unpack
from hybridmatte.io.files import write_bytes
from hybridmatte.training.alpha_free import AlphaFreeMatting
from hybridmatte.training.callbacks import standard_callbacks
from hybridmatte.training.composition import CompositionMatting, DisentangledPretraining
from hybridmatte.training.label_blending import MatteLabelBlending, MatteTraining, SegmentationPretraining
from hybridmatte.training.nonlocal_matting import NonlocalMatting
from hybridmatte.training.real_adaptation import RealAdaptation
from hybridmatte.training.samples import open_source
from hybridmatte.training.supervised import SupervisedMatting
from hybridmatte.training.trimap_generation import TrimapGeneration

__all__ = ["CropsModule", "is_first_process", "new_network", "start_from", "train"]

MODULES = {"alpha_free": AlphaFreeMatting, "supervised": SupervisedMatting,
           "composition": CompositionMatting, "disentangled": DisentangledPretraining,
           "segmentation": SegmentationPretraining, "matte": MatteTraining, "blending": MatteLabelBlending,
           "trimap": TrimapGeneration, "nonlocal": NonlocalMatting, "real": RealAdaptation}
LOG = logging.getLogger("hybridmatte.training")
PICTURES = 2  # samples shown in TensorBoard
NOISE = (  # what Lightning and torch say about themselves, or about what is meant to be so
    ".*LeafSpec.*", ".*does not have many workers.*", ".*Total length of `DataLoader`.*", ".*exists and is not empty.*",
    ".*`IterableDataset` has `__len__`.*", r".*module\(s\) in eval mode at the start of training.*")


def train(config, data, output, *, network=None, devices=1, nodes=1, precision="32-true", workers=0, resume=False,
          backgrounds=None, validation=None, progress=True, callbacks=()):
    """Train a network and write it to ``output/network``.

    Parameters
    ----------
    config : TrainingConfig
    data : str, path or sequence of Sample
        Where the configuration's data set lies, or samples in memory. To pre-train: a folder of photographs, tar shards
        or a data set of the hub (see `hybridmatte.data.stream_photographs`), or (h, w, 3) arrays.
    output : str or path
        Folder of the run: ``config.json``, ``checkpoints/last.ckpt`` (after every epoch), ``logs`` for TensorBoard,
        ``scores.csv`` where there is validation, ``transfer.json`` where it starts from another network, and
        ``network`` at the end.
    network : MattingNetwork, optional
        One of your own instead of the configuration's.
    devices, nodes : int, default 1
        Processes or GPUs on each node, and nodes.
    precision : str, default "32-true"
        As Lightning names it, e.g. "bf16-mixed".
    workers : int, default 0
        Processes that prepare crops, for each device.
    resume : bool, default False
        Go on from the last checkpoint; the run is then the one that was not interrupted, to the last bit on one
        device.
    backgrounds : str, path or sequence of Sample, optional
        Folder of photographs: the data are then foregrounds and alphas, and the samples their composites.
    validation : sequence of Sample, optional
        With true alphas, and trimaps if the network takes one: scored after every epoch.
    progress : bool, default True
        Show a progress bar.
    callbacks : sequence of lightning.Callback
        Of your own.

    Returns
    -------
    network : MattingNetwork
        Trained, in evaluation mode.

    Raises
    ------
    FileExistsError
        If output holds a run and resume is not asked for.
    FileNotFoundError
        If resume is asked for and there is no checkpoint.
    ValueError
        If the run to resume had another configuration or number of samples, backgrounds come to pre-training or are
        missing, the network needs trimaps that validation has not, warm-up is as long as the run, there are fewer
        shards than processes that read, or a network to adapt has no ``init_from``.
    FloatingPointError
        If the loss is not finite.
    KeyboardInterrupt
        On Ctrl-C; what was learned up to the last whole epoch is in the checkpoint.
    """
    output = Path(output)
    checkpoint = _checkpoint_of(output, config, resume)
    transfer = None
    if network is None:
        if config.paradigm == "real" and not config.init_from:
            raise ValueError("init_from is '', expected the joint network that is to be adapted")
        network = new_network(config)
        transfer = start_from(network, config)
    module = make_module(config, network)
    source = open_source(config, data, backgrounds, module.parts)
    validation = None if validation is None else module.validation_samples(validation)
    own = standard_callbacks(output, source.examples(PICTURES), progress=progress)
    output.mkdir(parents=True, exist_ok=True)
    _write_json(output / "config.json", dataclasses.asdict(config))
    if transfer is not None:
        _write_json(output / "transfer.json", transfer._asdict())
    with _quiet():
        trainer = lightning.Trainer(
            max_epochs=config.epochs, devices=devices, num_nodes=nodes, precision=precision,
            accumulate_grad_batches=config.accumulate,
            gradient_clip_val=config.clip if config.clip and module.automatic_optimization else None,
            logger=TensorBoardLogger(output, name="", version="logs"), log_every_n_steps=1,
            enable_progress_bar=progress, enable_model_summary=False, num_sanity_val_steps=0,
            callbacks=[*own, *callbacks], reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False, sync_batchnorm=devices * nodes > 1 and torch.cuda.is_available(),
            strategy=_strategy(devices * nodes, module))
        _fit(trainer, module, CropsModule(config, source, workers, validation), checkpoint)
    network = module.network.eval()
    if trainer.is_global_zero:
        network.save_pretrained(output / "network")
    return network


def _strategy(processes, module):
    """Return Lightning's name of how processes share gradients."""
    if processes == 1:
        return "auto"
    return "ddp_find_unused_parameters_true" if module.leaves_unused else "ddp"


def _fit(trainer, module, crops, checkpoint):
    """Let Lightning run; Ctrl-C is a KeyboardInterrupt as elsewhere, where Lightning would leave Python deaf to it."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule=crops, ckpt_path=checkpoint)
    except SystemExit:
        if trainer.interrupted:
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        raise


def _write_json(path, document):
    write_bytes(path, json.dumps(document, indent=1).encode())


def start_from(network, config):
    """Start a network from the one that a configuration names, say so, and return the `Transfer`; None for none."""
    if not config.init_from:
        return None
    transfer = networks.load_parts(network, config.init_from, config.parts)
    if is_first_process():
        LOG.info("init_from %s: %s", config.init_from, transfer)
    return transfer


def new_network(config):
    """Return the network of a configuration with weights drawn by its seed, or those of ImageNet."""
    torch.manual_seed(config.seed)
    trimap = "one-hot" if config.one_hot and config.trimap_input else config.trimap_input
    if config.network == "net_t":
        return networks.net_t(config.size, pretrained=config.pretrained)
    if config.network == "joint":
        net_m = networks.net_m("tiny" if config.size == "tiny" else "resnet34", trimap=trimap,
                               refinement=config.refinement)
        return networks.JointInference(networks.net_t(config.size), net_m, config.fusion)
    more = {"unet": {"width": config.width, "pretrained": config.pretrained, "boundary": config.boundary},
            "net_m": {"refinement": config.refinement}}.get(config.network, {})
    return getattr(networks, config.network)(config.size, trimap=trimap, **more)


def make_module(config, network):
    """Return the LightningModule of a configuration's paradigm, with its teacher if there is one."""
    more = [networks.load_network(config.teacher)] if config.teacher else []
    return MODULES[config.paradigm](network, config, *more).train()


@contextmanager
def _quiet():
    """Hold back Lightning's remarks that tell a user nothing; warnings about the run itself come through."""
    remarks = logging.getLogger("lightning.pytorch")
    before = remarks.level
    remarks.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for pattern in NOISE:
                warnings.filterwarnings("ignore", pattern)
            yield
    finally:
        remarks.setLevel(before)


class CropsModule(lightning.LightningDataModule):
    """The crops of each epoch, counted on from the last one's.

    Parameters
    ----------
    config : TrainingConfig
    source : SampleSource, PhotographSource or StreamSource
    workers : int
    validation : sequence of Sample or None
    """

    def __init__(self, config, source, workers, validation=None):
        super().__init__()
        self._config, self._source, self._workers, self._validation = config, source, workers, validation

    def train_dataloader(self):
        """Return the loader of the trainer's current epoch."""
        config, world = self._config, self.trainer.world_size
        step = config.batch_size * config.accumulate * world
        count = (config.epoch_steps or max(len(self._source) // step, 1)) * step
        options = {"batch_size": config.batch_size, "num_workers": self._workers, "collate_fn": collate}
        if self._source.is_stream:
            share = self.trainer.global_rank, world
            shards, readers = self._source.n_shards, world * max(self._workers, 1)
            if shards is not None and shards < readers:
                raise ValueError(f"there are {shards} shards for {readers} processes that read, expected as many at "
                                 "least")
            crops = self._source.crops(self.trainer.current_epoch, count // (world * config.batch_size), share)
            return DataLoader(crops, **options)
        crops = self._source.crops(self.trainer.current_epoch * count, count, step)
        # dealt out in turn: a step of all processes together is the step that one process would make
        sampler = DistributedSampler(crops, world, self.trainer.global_rank, shuffle=False)
        return DataLoader(crops, sampler=sampler, **options)

    def state_dict(self):
        """Return what a checkpoint keeps: how many samples there are to learn from."""
        return {"samples": None if self._source.is_stream else len(self._source)}

    def load_state_dict(self, state):
        """Refuse to go on with another number of samples."""
        if state != self.state_dict():
            now, before = ("a stream" if known["samples"] is None else f"{known['samples']} samples"
                           for known in (self.state_dict(), state))
            raise ValueError(f"there is {now} to learn from but the run had {before}, expected the same to resume")

    def on_after_batch_transfer(self, batch, dataloader_index):  # noqa: ARG002
        """Compose the layers of crops that came as bytes; samples for validation stay as they are."""
        return unpack(batch) if isinstance(batch, dict) else batch

    def val_dataloader(self):
        """Return the samples for validation, one by one."""
        samples = [] if self._validation is None else self._validation
        return DataLoader(samples, batch_size=None, collate_fn=lambda sample: sample)


def _checkpoint_of(output, config, resume):
    """Return the checkpoint to go on from, or None for a new run."""
    checkpoint = output / "checkpoints" / "last.ckpt"
    if not resume:
        if checkpoint.exists() and is_first_process():
            raise FileExistsError(f"output {output} holds a run already, expected another folder, or resume")
        return None
    if not checkpoint.is_file():
        raise FileNotFoundError(f"output {output} has no checkpoints/last.ckpt, expected one to resume from")
    before, wanted = json.loads((output / "config.json").read_text(encoding="utf-8")), dataclasses.asdict(config)
    before = dataclasses.asdict(type(config)()) | before  # a run of an earlier version lacks keys
    changed = [name for name in wanted if before[name] != wanted[name]]
    if changed:
        raise ValueError(f"{changed[0]} is {wanted[changed[0]]!r} but the run in {output} had "
                         f"{before[changed[0]]!r}, expected the same to resume")
    return checkpoint


def is_first_process():
    """Tell whether this process writes and speaks: it is the only one, or Lightning started the others beside it."""
    return int(os.environ.get("LOCAL_RANK", 0)) == int(os.environ.get("NODE_RANK", 0)) == 0
