"""Groups of training options, and the check of their types and ranges.

`hybridmatte.training.config` has one configuration class for each paradigm. Such a class inherits the groups that its
paradigm reads. It does not hold them as fields, because the TOML file is flat: ``crop = 384`` is ``config.crop``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from hybridmatte._validation import check_choice, check_integer, check_number

__all__ = [
    "CompositeOptions",
    "CompositionLossOptions",
    "CropOptions",
    "LabelledDataOptions",
    "LoopOptions",
    "MaskLossOptions",
    "NetworkOptions",
    "Range",
    "TeacherOptions",
    "TrimapBandOptions",
    "check_fields",
]


class Range(NamedTuple):
    """The allowed range of a number: ``low <= value <= high`` and ``value > above``, each where it is given."""

    low: int | None = None
    high: float | None = None
    above: int | None = None


AtLeastZero = Annotated[int, Range(low=0)]
AtLeastOne = Annotated[int, Range(low=1)]
Weight = Annotated[float, Range(low=0)]
Positive = Annotated[float, Range(above=0)]
Decay = Annotated[float, Range(low=0, high=0.999999)]
Fraction = Annotated[float, Range(above=0, high=1)]
Percent = Annotated[float, Range(low=0, high=100)]

NetworkName = Literal["unet", "pyramid", "vitmatte", "gca", "matteformer", "modnet", "net_m", "net_t", "joint"]
NETWORKS_THAT_READ = {  # options of the network's architecture; every other network needs the default
    "width": ("unet",),
    "pretrained": ("unet", "pyramid", "net_t", "net_m", "vitmatte", "matteformer", "gca"),
    "frozen": ("pyramid",),
    "boundary": ("unet",),
    "refinement": ("net_m", "joint"),
    "attention": ("net_m", "joint"),
    "fusion": ("joint",),
}
FIXED_TRIMAP_INPUT = {"net_t": False, "joint": True}


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Options that choose the network and the weights it starts from.

    Parameters
    ----------
    network : {"vitmatte", "unet", "pyramid", "gca", "matteformer", "modnet", "net_m", "net_t", "joint"}
        Architecture. Only paradigm "trimap" trains net_t, and only paradigm "real" trains joint.
    size : str, default "small"
        Size of the network, or the name of its encoder: "small", "base" or "tiny" for vitmatte; any encoder of timm or
        "tiny" for unet; an EfficientNet-Lite of timm for pyramid; "resnet34" or "tiny" for gca and net_m; "swin_tiny"
        or "tiny" for matteformer; "mobilenetv2" or "tiny" for modnet; "resnet50" or "tiny" for net_t and joint.
    width : float, default 1
        Factor of the channels of a unet. Not every encoder allows it.
    trimap_input : bool, default False
        Whether the network takes the trimap as input. Must be false for net_t and true for joint.
    one_hot : bool, default False
        Whether the trimap comes as three planes (background, unknown, foreground) instead of one. Needs trimap_input.
    pretrained : bool or str, default False
        Whether the encoder of a unet, pyramid, net_t, net_m, gca or matteformer starts from timm's ImageNet weights, or
        that of a vitmatte from DINO's, which are downloaded; or the local file, or the installed package, of the
        weights that it starts from.
    frozen : int, default 0
        Stages of the encoder of a pyramid that training leaves as they are.
    boundary : bool, default False
        Whether a unet has a second head, which predicts where alpha is neither 0 nor 1. A teacher for paradigm
        "blending" needs that head.
    refinement : bool, default True
        Whether net_m, also as a part of joint, refines its alpha.
    attention : bool, default True
        Whether net_m, also as a part of joint, has its non-local attention.
    fusion : {"soft", "soft_sum", "hard"}, default "soft"
        How joint combines the probabilities of its trimap with its alpha; see `hybridmatte.networks.fuse`.
    side : int, default 0
        Shorter side in pixels of the image that a network without trimap sees in validation and prediction; it is
        stored with the network. 0: the image as it is.
    init_from : str, default ""
        Folder of a network to load weights from, or hf:OWNER/NAME on the Hugging Face hub. "" loads none.
    parts : {"all", "encoder"}, default "all"
        Which of its weights to load; see `hybridmatte.networks.load_parts`. Needs init_from.
    """

    network: NetworkName = "vitmatte"
    size: str = "small"
    width: float = 1.0
    trimap_input: bool = False
    one_hot: bool = False
    pretrained: bool | str = False
    frozen: AtLeastZero = 0
    boundary: bool = False
    refinement: bool = True
    attention: bool = True
    fusion: Literal["soft", "soft_sum", "hard"] = "soft"
    side: AtLeastZero = 0
    init_from: str = ""
    parts: Literal["all", "encoder"] = "all"

    def check_network(self) -> None:
        """Refuse options that the network does not read, and options that lack another one."""
        for name, networks in NETWORKS_THAT_READ.items():
            default = getattr(NetworkOptions, name)
            if self.network not in networks and getattr(self, name) != default:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, expected {default!r} for network "
                    f"{self.network!r}: only {', '.join(networks)} can change it"
                )
        expected = FIXED_TRIMAP_INPUT.get(self.network, self.trimap_input)
        if self.trimap_input != expected:
            raise ValueError(f"trimap_input is {self.trimap_input}, expected {expected} for network {self.network!r}")
        if self.side and (self.trimap_input or self.network == "net_t"):
            raise ValueError(f"side is {self.side}, expected 0 for a network that takes a trimap or a mask")
        if self.one_hot and not self.trimap_input:
            raise ValueError("one_hot is True, expected trimap_input = true with it")
        if self.parts != "all" and not self.init_from:
            raise ValueError(f"parts is {self.parts!r}, expected init_from with it")


@dataclass(frozen=True, kw_only=True)
class CropOptions:
    """Options of the training crops and of their augmentation; see `hybridmatte.data.Augmentation`.

    Parameters
    ----------
    crop : int, default 512
        Side of the crops in pixels.
    smallest, largest : float, default 1.0 and 1.5
        Range of the side that is cut out of an image, in units of crop. Below 1 enlarges.
    unknown : float, default 0.9
        Probability that a crop is centred on an unknown pixel. It has no effect on samples that have neither trimap nor
        alpha.
    flip : float, default 0.5
        Probability of a horizontal flip.
    degrees, shear : float, default 0
        Largest rotation and shear, in degrees.
    brightness, contrast, saturation : float, default 0
        Largest relative change.
    hue : float, default 0
        Largest change in degrees.
    """

    crop: int = 512
    smallest: float = 1.0
    largest: float = 1.5
    unknown: float = 0.9
    flip: float = 0.5
    degrees: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """Options of the training loop: batches, epochs, optimiser, and schedule of the learning rate.

    Parameters
    ----------
    batch_size : int, default 4
        Crops in a batch, on each device.
    accumulate : int, default 1
        Batches whose gradients are averaged in one optimiser step.
    epochs : int, default 100
    epoch_steps : int, default 0
        Optimiser steps in an epoch. 0 takes as many as one pass through the samples needs.
    learning_rate : float, default 5e-4
        Of AdamW, after the warm-up and before the schedule lowers it.
    weight_decay : float, default 0.1
        Of AdamW. With 0 it is Adam.
    layer_decay : float, default 1
        Factor of the learning rate from each layer of the encoder to the layer before it.
    beta1, beta2 : float, default 0.9 and 0.999
        Of AdamW.
    schedule : {"steps", "cosine"}, default "steps"
        "steps" multiplies the learning rate by `decay` after each epoch of `milestones`. "cosine" lowers it to 0 along
        half a cosine.
    milestones : list of int, default []
        Epochs.
    decay : float, default 0.1
    warmup_steps : int, default 0
        Optimiser steps in which the learning rate rises linearly to `learning_rate`.
    clip : float, default 0
        Largest norm of the gradient. 0 does not limit it.
    seed : int, default 0
        Of the initial weights and of all random crops.
    """

    batch_size: AtLeastOne = 4
    accumulate: AtLeastOne = 1
    epochs: AtLeastOne = 100
    epoch_steps: AtLeastZero = 0
    learning_rate: Positive = 5e-4
    weight_decay: Weight = 0.1
    layer_decay: Positive = 1.0
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    schedule: Literal["steps", "cosine"] = "steps"
    milestones: list[AtLeastOne] = dataclasses.field(default_factory=list)
    decay: Positive = 0.1
    warmup_steps: AtLeastZero = 0
    clip: Weight = 0.0
    seed: AtLeastZero = 0


@dataclass(frozen=True, kw_only=True)
class LabelledDataOptions:
    """Options of a data set with labels.

    Parameters
    ----------
    dataset : str, default "folder"
        Name of the data set; see `hybridmatte.data.NAMED`.
    split : str, default ""
        Split of the data set. "" takes the only one.
    max_samples : int, default 0
        Learn from so many photographs, masks or mattes, the first of the data set. 0 takes all.
    crop_largest : int, default 0
        Above `crop`, each optimiser step has crops of a side of its own, a multiple of 32 from `crop` to this value.
    """

    dataset: str = "folder"
    split: str = ""
    max_samples: AtLeastZero = 0
    crop_largest: AtLeastZero = 0


@dataclass(frozen=True, kw_only=True)
class CompositeOptions:
    """Options of composites, read where backgrounds are given.

    Parameters
    ----------
    per_foreground : int, default 100
        Composites of each foreground in one pass through the samples.
    combine : float, default 0.5
        Probability that a composite has a second foreground behind the first.
    """

    per_foreground: int = 100
    combine: float = 0.5


@dataclass(frozen=True, kw_only=True)
class CompositionLossOptions:
    """Options that weigh the three losses of alpha, composition and Laplacian pyramid. A weight of 0 leaves one out.

    Parameters
    ----------
    alpha_weight, pyramid_weight : float, default 1
    composition_weight : float, default 13.27
        Of the mean over the channels of the differences of colours in [0, 1]. MatteFormer's code, which the paper
        builds on, sums over three channels that are divided by their standard deviation: 3 / 0.226 times as much.
    """

    alpha_weight: Weight = 1.0
    composition_weight: Weight = 13.27
    pyramid_weight: Weight = 1.0

    def check_weights(self) -> None:
        """Refuse weights that leave no loss."""
        if self.alpha_weight == self.composition_weight == self.pyramid_weight == 0:
            raise ValueError("alpha_weight, composition_weight and pyramid_weight are 0, expected one above 0")


@dataclass(frozen=True, kw_only=True)
class TrimapBandOptions:
    """The option that makes trimaps for a data set without trimaps.

    Parameters
    ----------
    trimap_band : int, default 0
        Pixels by which foreground and background of an alpha or a mask are eroded to make its trimap. 0 makes no
        trimaps: the data set must have them.
    """

    trimap_band: AtLeastZero = 0


@dataclass(frozen=True, kw_only=True)
class MaskLossOptions:
    """The option that chooses the loss of masks.

    Parameters
    ----------
    loss : {"mse", "overlap"}, default "mse"
        Mean square error, as in the paper of matte label blending; or cross-entropy and the soft intersection over
        union of each crop, which weighs small objects like large ones.
    """

    loss: Literal["mse", "overlap"] = "mse"


@dataclass(frozen=True, kw_only=True)
class TeacherOptions:
    """The option that names a teacher.

    Parameters
    ----------
    teacher : str
        Folder of the network whose alpha is a label, or hf:OWNER/NAME on the Hugging Face hub. Required.
    """

    teacher: str = ""

    def check_teacher(self) -> None:
        """Refuse a missing teacher."""
        if not self.teacher:
            raise ValueError("teacher is '', expected the folder or hub name of a trained network")


def check_fields(options: Any) -> None:
    """Refuse fields of a dataclass whose value has another type than annotated, or lies outside its `Range`.

    An int becomes a float where a float is annotated.
    """
    hints = get_type_hints(type(options), include_extras=True)
    for field in dataclasses.fields(options):
        value = _checked(getattr(options, field.name), field.name, hints[field.name])
        object.__setattr__(options, field.name, value)


def _checked(value: Any, name: str, hint: Any) -> Any:
    """Return a value that fits an annotation: a type, one of several, a Literal, a list, a number in a `Range`."""
    hint, *ranges = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if get_origin(hint) is UnionType:
        if type(value) not in get_args(hint):
            raise TypeError(f"{name} is {value!r}, expected {' or '.join(kind.__name__ for kind in get_args(hint))}")
        return value
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    expected = type(choices[0]) if choices else get_origin(hint) or hint
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected:
        raise TypeError(f"{name} is {value!r}, expected {expected.__name__}")
    if choices:
        check_choice(value, name, choices)
    for bounds in ranges:
        check = check_integer if expected is int else check_number
        check(value, name, **{key: bound for key, bound in bounds._asdict().items() if bound is not None})
    return [_checked(item, name, get_args(hint)[0]) for item in value] if expected is list else value
