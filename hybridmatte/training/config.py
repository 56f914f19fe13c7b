"""The configuration of a training run: one dataclass for each paradigm; `config_file` reads it from a flat TOML file.

The bases and fields of a class are all that its paradigm reads. `hybridmatte.training.options` documents the bases.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from hybridmatte._validation import check_choice, check_window_size
from hybridmatte.training.options import (
    AtLeastOne,
    AtLeastZero,
    CompositeOptions,
    CompositionLossOptions,
    CropOptions,
    Decay,
    Fraction,
    LabelledDataOptions,
    LoopOptions,
    MaskLossOptions,
    NetworkOptions,
    Percent,
    Positive,
    TeacherOptions,
    TrimapBandOptions,
    Weight,
    check_fields,
)

__all__ = [
    "CONFIGS",
    "AlphaFreeConfig",
    "BlendingConfig",
    "CompositionConfig",
    "DisentangledConfig",
    "MatteConfig",
    "NonlocalConfig",
    "RealConfig",
    "SegmentationConfig",
    "SupervisedConfig",
    "TrainingConfig",
    "TrimapConfig",
    "option_names",
    "readers_of",
]

Config = TypeVar("Config", bound="TrainingConfig")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(NetworkOptions, CropOptions, LoopOptions):
    """The options that every paradigm reads, and the base of every configuration.

    ``TrainingConfig(paradigm="supervised", crop=384)`` makes a `SupervisedConfig`. The location of the data and the
    hardware are arguments of `hybridmatte.training.train`, not options of a configuration.

    Parameters
    ----------
    paradigm : str, default "alpha_free"
        One of `CONFIGS`.

    Raises
    ------
    TypeError
        If an option has a wrong type, or no paradigm reads it.
    ValueError
        If an option is out of range, does not fit another one, or only other paradigms read it.

    Examples
    --------
    >>> config = TrainingConfig(paradigm="blending", teacher="run_t/network", network="unet", size="tiny")
    >>> type(config).__name__, config.ema
    ('BlendingConfig', 0.999)
    """

    allowed_networks: ClassVar[tuple[str, ...]] = (
        *("unet", "pyramid", "vitmatte", "gca"),
        *("matteformer", "modnet", "net_m"),
    )
    paradigm: str = "alpha_free"

    if TYPE_CHECKING:  # which options there are depends on the paradigm: its own class knows them

        def __init__(self, *, paradigm: str = "alpha_free", **options: Any) -> None: ...

    def __new__(cls: type[Config], paradigm: str = "alpha_free", **options: Any) -> Config:
        """Choose the class of the paradigm, and refuse options that only other paradigms read."""
        chosen = cast("type[Config]", config_class(paradigm)) if cls is TrainingConfig else cls
        _refuse_foreign(chosen, options)
        return object.__new__(chosen)

    def __post_init__(self) -> None:
        """Check types, ranges, and options that depend on each other."""
        check_fields(self)
        if self.network not in self.allowed_networks:
            default = " (the default)" if self.network == TrainingConfig.network else ""
            expected = " or ".join(repr(name) for name in self.allowed_networks)
            raise ValueError(
                f"network is {self.network!r}{default}, expected {expected} for paradigm {self.paradigm!r}"
            )
        self.check_network()

    def options(self) -> dict[str, Any]:
        """Return the options by name, ``paradigm`` first."""
        return {name: getattr(self, name) for name in option_names(type(self))}


@dataclass(frozen=True, kw_only=True)
class LabelledConfig(LabelledDataOptions, TrainingConfig):
    """The base of configurations that read a data set with labels."""


@dataclass(frozen=True, kw_only=True)
class AlphaFreeConfig(CompositeOptions, TrimapBandOptions, LabelledConfig):
    """Options of training from images and trimaps, without alpha labels.

    Parameters
    ----------
    prior : {"ddc", "hinge", "dc", "affinity", "none"}, default "ddc"
        Matting prior that is added to the known loss.
    prior_weight : float, default 10
    window_size : int, default 11
        Side of the prior's window in pixels, odd, at least 3.
    padding : {"cut", "zeros"}, default "cut"
        How windows end at the border of a crop: cut off, or with black pixels, as in the authors' code.
    """

    paradigm: Literal["alpha_free"] = "alpha_free"
    prior: Literal["none", "affinity", "dc", "ddc", "hinge"] = "ddc"
    prior_weight: Weight = 10.0
    window_size: int = 11
    padding: Literal["cut", "zeros"] = "cut"

    def __post_init__(self) -> None:
        """Check the window as well."""
        super().__post_init__()
        check_window_size(self.window_size)


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig(CompositeOptions, TrimapBandOptions, LabelledConfig):
    """Options of training from images, trimaps and alphas."""

    paradigm: Literal["supervised"] = "supervised"


@dataclass(frozen=True, kw_only=True)
class CompositionConfig(CompositionLossOptions, CompositeOptions, LabelledConfig):
    """Options of training from alphas and the two layers that they compose."""

    paradigm: Literal["composition"] = "composition"

    def __post_init__(self) -> None:
        """Check the weights as well."""
        super().__post_init__()
        self.check_weights()


@dataclass(frozen=True, kw_only=True)
class DisentangledConfig(CompositionLossOptions, TrainingConfig):
    """Options of disentangled pre-training, from photographs without labels.

    Parameters
    ----------
    grid : int, default 7
        Cells on a side of the random trimaps. At most `crop`.
    unknown_cells : float, default 0.75
        Fraction of the cells that is unknown. Of the others, half are foreground and half background.
    alpha_level : {"pixel", "block"}, default "pixel"
        Whether each pixel has a random alpha of its own, or each cell.
    asymmetric : bool, default True
        Whether rotation, shear, flips and colours change the foreground alone, with black beyond its border, as in
        MatteFormer's code. Otherwise both photographs are treated alike; without trimap they can then be exchanged.
    """

    paradigm: Literal["disentangled"] = "disentangled"
    grid: AtLeastOne = 7
    unknown_cells: Fraction = 0.75
    alpha_level: Literal["pixel", "block"] = "pixel"
    asymmetric: bool = True

    def __post_init__(self) -> None:
        """Check weights, grid and crop as well."""
        super().__post_init__()
        self.check_weights()
        if self.grid > self.crop:
            raise ValueError(f"grid is {self.grid}, expected at most crop, {self.crop}")


@dataclass(frozen=True, kw_only=True)
class TrimapConfig(CompositeOptions, LabelledConfig):
    """Options of training Net-T, from images and alphas.

    Parameters
    ----------
    mask_scale : float, default 1
        Factor of the paper's widths, in pixels at 512 x 512, of the random masks and of the trimaps.
    """

    allowed_networks: ClassVar[tuple[str, ...]] = ("net_t",)
    paradigm: Literal["trimap"] = "trimap"
    mask_scale: Positive = 1.0


@dataclass(frozen=True, kw_only=True)
class NonlocalConfig(CompositeOptions, TrimapBandOptions, LabelledConfig):
    """Options of training Net-M, or another network, from images, trimaps and alphas.

    Parameters
    ----------
    hard_percent : float, default 50
        Percentage of the pixels, those of the largest error, that a second term of the loss averages over. 0 leaves
        the term out.
    """

    paradigm: Literal["nonlocal"] = "nonlocal"
    hard_percent: Percent = 50.0


@dataclass(frozen=True, kw_only=True)
class RealConfig(TeacherOptions, LabelledConfig):
    """Options of adapting Net-T and Net-M to photographs with masks. `accumulate` and `layer_decay` must be 1.

    Parameters
    ----------
    hard_percent : float, default 50
        As in `NonlocalConfig`.
    mask_scale : float, default 1
        Factor of the paper's widths, in pixels at 512 x 512, of the trimaps made from the masks.
    guidance_weight : float, default 0.5
        Weight of the losses against pseudo trimap and teacher. The discriminator's loss has weight 1.
    halving_steps : int, default 10000
        The weight falls by half every so many optimiser steps.
    trimap_rate, discriminator_rate : float, default 1e-4 and 1e-5
        Learning rates of Net-T and of the discriminator. `learning_rate` is Net-M's.
    discriminator_steps : int, default 1
        The discriminator takes a step after every so many steps of the networks. 0: there is no discriminator, and no
        adversarial loss.
    """

    allowed_networks: ClassVar[tuple[str, ...]] = ("joint",)
    paradigm: Literal["real"] = "real"
    hard_percent: Percent = 50.0
    mask_scale: Positive = 1.0
    guidance_weight: Weight = 0.5
    halving_steps: AtLeastOne = 10_000
    trimap_rate: Positive = 1e-4
    discriminator_rate: Positive = 1e-5
    discriminator_steps: AtLeastZero = 1

    def __post_init__(self) -> None:
        """Check the teacher and options of the loop that this paradigm cannot follow."""
        super().__post_init__()
        self.check_teacher()
        for name in ("accumulate", "layer_decay"):
            if getattr(self, name) != 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 for paradigm 'real'")


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig(MaskLossOptions, LabelledConfig):
    """Options of pre-training on photographs with masks."""

    paradigm: Literal["segmentation"] = "segmentation"


@dataclass(frozen=True, kw_only=True)
class RefinementConfig(LabelledConfig):
    """Options of training a network that corrects masks, from images with alphas or masks. Needs `trimap_input`.

    Parameters
    ----------
    band : float, default 0.01
        Half of the width of the band along a mask's outline that is not learnt from, as a share of a crop's diagonal.
        It has no effect on alphas.
    """

    allowed_networks: ClassVar[tuple[str, ...]] = ("pyramid", "unet")
    paradigm: Literal["refinement"] = "refinement"
    band: Weight = 0.01

    def __post_init__(self) -> None:
        """Check the network's input as well."""
        super().__post_init__()
        if not self.trimap_input or self.one_hot:
            raise ValueError(
                f"trimap_input is {self.trimap_input} and one_hot is {self.one_hot}, expected True and False for "
                "paradigm 'refinement': the mask comes in the trimap's place, as one plane"
            )


@dataclass(frozen=True, kw_only=True)
class MatteConfig(CompositeOptions, LabelledConfig):
    """Options of training a network without trimap input, for example a teacher, from images and alphas.

    Parameters
    ----------
    boundary_weight : float, default 0.01
        Weight of the boundary head's loss, for a network with ``boundary = true``.
    boundary_balanced : bool, default False
        Whether that loss is half the mean over the boundary and half the mean over the other pixels. By default it is
        the mean over all pixels, as in the paper; after few steps that loss can be lowest for a head that finds
        nothing, since boundaries are few.
    """

    paradigm: Literal["matte"] = "matte"
    boundary_weight: Weight = 0.01
    boundary_balanced: bool = False


@dataclass(frozen=True, kw_only=True)
class BlendingConfig(TeacherOptions, LabelledConfig):
    """Options of training from photographs with masks and a teacher's alpha.

    Parameters
    ----------
    ema : float, default 0.999
        Decay of the moving average by which the teacher follows the student in each step. 0 leaves the teacher
        unchanged.
    strong : bool, default True
        Whether `brightness`, `contrast`, `saturation` and `hue` change the student's view of a crop. The teacher always
        sees the crop's own colours.
    soft_boundary : bool, default False
        Whether the boundary weighs alpha and mask as the teacher's head gives it. By default it is 1 where the head
        gives at least 0.5, else 0, as in the paper.
    frozen_boundary : bool, default True
        Whether the boundary comes from the teacher as it was at the start. Otherwise it comes from the teacher that
        follows the student, whose boundary head does not.
    mask_only : bool, default False
        The control: the label is the mask, as if the boundary were empty.
    """

    paradigm: Literal["blending"] = "blending"
    ema: Decay = 0.999
    strong: bool = True
    soft_boundary: bool = False
    frozen_boundary: bool = True
    mask_only: bool = False

    def __post_init__(self) -> None:
        """Check the teacher as well."""
        super().__post_init__()
        self.check_teacher()


CONFIGS: dict[str, type[TrainingConfig]] = {
    kind.paradigm: kind
    for kind in (
        AlphaFreeConfig,
        SupervisedConfig,
        CompositionConfig,
        DisentangledConfig,
        TrimapConfig,
        NonlocalConfig,
        RealConfig,
        SegmentationConfig,
        RefinementConfig,
        MatteConfig,
        BlendingConfig,
    )
}


def config_class(paradigm: Any) -> type[TrainingConfig]:
    """Return the configuration class of a paradigm."""
    if not isinstance(paradigm, str):
        raise TypeError(f"paradigm is {paradigm!r}, expected str")
    return CONFIGS[check_choice(paradigm, "paradigm", CONFIGS)]


def option_names(kind: type[TrainingConfig]) -> list[str]:
    """Return the names of a configuration's options, ``paradigm`` first, then its own, then those of its groups."""
    names = [field.name for field in dataclasses.fields(kind)]
    own = [name for name in names if name in kind.__annotations__]
    return list(dict.fromkeys(["paradigm", *own, *names]))


def readers_of(key: str) -> list[type[TrainingConfig]]:
    """Return the configuration classes that have an option."""
    return [kind for kind in CONFIGS.values() if key in option_names(kind)]


def _refuse_foreign(kind: type[TrainingConfig], options: Mapping[str, Any]) -> None:
    """Refuse options that only other paradigms read."""
    for name, value in options.items():
        readers = readers_of(name)
        if readers and kind not in readers:
            paradigms = ", ".join(reader.paradigm for reader in readers)
            raise ValueError(
                f"{name} is {value!r}, expected it left out for paradigm {kind.paradigm!r}: it is an "
                f"option of {paradigms}"
            )
