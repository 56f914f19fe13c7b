"""The network that a run starts with: its architecture and its first weights."""

from __future__ import annotations

import logging
from typing import Any

import torch

from hybridmatte import networks
from hybridmatte.networks.checkpoint import load_trained
from hybridmatte.networks.encoder_weights import weights_path
from hybridmatte.networks.transfer import Transfer, transfer_parts
from hybridmatte.training.config import TrainingConfig
from hybridmatte.training.run_folder import is_first_process
from hybridmatte.training.scores import AnyNetwork

__all__ = ["new_network", "start_from"]

LOG = logging.getLogger("hybridmatte.training")


def new_network(config: TrainingConfig, *, is_resumed: bool = False) -> AnyNetwork:
    """Return the network of a configuration, its encoder with the weights of `pretrained`, the rest drawn by its seed.

    The log says where the encoder's weights come from. Those of a resumed run come from its checkpoint, so that the
    file of `pretrained` is not needed any more.
    """
    torch.manual_seed(config.seed)
    pretrained = False if is_resumed else config.pretrained
    network = _drawn_network(config, pretrained)
    if pretrained and is_first_process():
        source = "timm's ImageNet weights" if pretrained is True else weights_path(pretrained)
        LOG.info("pretrained: the encoder has the weights of %s", source)
    return network


def _drawn_network(config: TrainingConfig, pretrained: bool | str) -> AnyNetwork:
    """Return the network of a configuration; where weights are drawn, torch's generator has been seeded."""
    size: Any = config.size  # each network checks its own
    trimap = "one-hot" if config.one_hot else config.trimap_input
    match config.network:
        case "unet":
            return networks.unet(
                size, trimap=trimap, width=config.width, pretrained=pretrained, boundary=config.boundary
            )
        case "pyramid":
            return networks.pyramid(size, trimap=trimap, frozen=config.frozen, pretrained=pretrained)
        case "vitmatte":
            return networks.vitmatte(size, trimap=trimap, pretrained=pretrained)
        case "gca":
            return networks.gca(size, trimap=trimap, pretrained=pretrained)
        case "matteformer":
            return networks.matteformer(size, trimap=trimap, pretrained=pretrained)
        case "modnet":
            return networks.modnet(size, trimap=trimap)
        case "net_m":
            return networks.net_m(
                size,
                trimap=trimap,
                refinement=config.refinement,
                attention=config.attention,
                pretrained=pretrained,
            )
        case "net_t":
            return networks.net_t(size, pretrained=pretrained)
        case "joint":
            return _new_joint(config, trimap)


def _new_joint(config: TrainingConfig, trimap: Any) -> networks.JointInference:
    """Return Net-T and Net-M, joined; their weights come from the network that is to be adapted."""
    if not config.init_from:
        raise ValueError("init_from is '', expected the joint network that is to be adapted")
    size: Any = config.size
    net_m = networks.net_m(
        "tiny" if size == "tiny" else "resnet34",
        trimap=trimap,
        refinement=config.refinement,
        attention=config.attention,
    )
    return networks.JointInference(networks.net_t(size), net_m, config.fusion)


def start_from(network: AnyNetwork, config: TrainingConfig) -> Transfer | None:
    """Load the weights that a configuration names into a network, log what was loaded, and return it.

    None if the configuration names no network.
    """
    if not config.init_from:
        return None
    source = load_trained(config.init_from, "init_from")
    transfer = transfer_parts(network, source, config.parts, config.init_from)
    if is_first_process():
        LOG.info("init_from %s: %s", config.init_from, transfer)
    return transfer
