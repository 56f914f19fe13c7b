"""The configuration of a training run: one flat TOML file, read into one frozen dataclass."""

import dataclasses
import difflib
from pathlib import Path

from hybridmatte._validation import check_choice, check_integer, check_number

__all__ = ["TrainingConfig", "read_config"]

PARADIGMS = ("alpha_free", "supervised", "composition", "disentangled", "trimap", "nonlocal", "real",
             "segmentation", "matte", "blending")
FUSIONS = ("soft", "soft_sum", "hard")
PRIORS = ("none", "affinity", "dc", "ddc", "hinge")
NETWORKS = ("unet", "vitmatte", "gca", "matteformer", "modnet", "net_m", "net_t", "joint")
TRIMAP_INPUT = {"net_t": False, "joint": True}  # of networks that leave no choice
READ_BY = {  # paradigms of options that others do not read
    "prior": ("alpha_free",), "prior_weight": ("alpha_free",), "window_size": ("alpha_free",),
    "grid": ("disentangled",), "unknown_cells": ("disentangled",), "alpha_level": ("disentangled",),
    "boundary_weight": ("matte",), "ema": ("blending",), "strong": ("blending",),
    "hard_percent": ("nonlocal", "real"), "mask_scale": ("trimap", "real"), "fusion": ("real",),
    **dict.fromkeys(("guidance_weight", "halving_steps", "trimap_rate", "discriminator_rate"), ("real",)),
}
TAUGHT = ("real", "blending")  # paradigms with a teacher
ONLY = {"trimap": "net_t", "real": "joint"}  # the one network of a paradigm


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """What a run does; where its data lie and what it runs on are given at its start.

    Parameters
    ----------
    paradigm : str
        By labels: "alpha_free", trimaps alone; "supervised", alphas; "composition", alphas with the layers they
        compose; "disentangled", none, to pre-train; "trimap" and "nonlocal", alphas, for Net-T and for Net-M's losses;
        "real", masks and a teacher; "segmentation", masks; "matte", alphas, for an automatic network or a teacher;
        "blending", masks and a teacher.
    prior : {"ddc", "hinge", "dc", "affinity", "none"}
        Matting prior beside the known loss, for "alpha_free".
    prior_weight : float
    window_size : int
        Of the prior, pixels.
    network : {"unet", "vitmatte", "gca", "matteformer", "modnet", "net_m", "net_t", "joint"}
    size : str
        Encoder of timm or "tiny" for unet; "small", "base" or "tiny" for vitmatte; "resnet34" or "tiny" for gca
        and net_m; "swin_tiny" or "tiny" for matteformer; "resnet50" or "tiny" for net_t and joint;
        "mobilenetv2" or "tiny" for modnet.
    width : float
        Factor of a unet's channels, for some encoders.
    trimap_input : bool
        Whether the network sees the trimap.
    one_hot : bool
        As three planes instead of one; needs trimap_input.
    pretrained : bool
        Start a unet or net_t from timm's ImageNet weights.
    refinement : bool
        Whether net_m refines its alpha.
    fusion : {"soft", "soft_sum", "hard"}
        Of joint, after training; see `hybridmatte.networks.fuse`.
    teacher : str
        Folder or hub name of the network that teaches alpha, for "real" and "blending".
    boundary : bool
        Whether a unet has a second head for where alpha is mixed, as the teacher of "blending" needs.
    boundary_weight : float
        Of that head's loss, for "matte".
    ema : float
        Share of itself that the teacher of "blending" keeps in a step, as it follows the student; 0 for a frozen one.
    strong : bool
        Whether the student of "blending" sees colours changed by brightness, contrast, saturation and hue.
    init_from : str
        Folder or hub name of a network to start from; "" for none.
    parts : {"all", "encoder"}
        What of it to start from; see `hybridmatte.networks.load_parts`.
    grid : int
        Cells on a side of the trimaps of "disentangled".
    unknown_cells : float
        Share of them that is unknown; the rest is half foreground, half background.
    alpha_level : {"pixel", "block"}
        What has an alpha of its own there.
    hard_percent : float
        Share of the hardest pixels that "nonlocal" and "real" charge once more, in percent; 0 for none.
    mask_scale : float
        Factor of the paper's widths in pixels, at 512, of the masks and trimaps that "trimap" and "real" make.
    guidance_weight : float
        Of mask and teacher against the discriminator, for "real"; it falls by half every `halving_steps` steps.
    halving_steps : int
    trimap_rate, discriminator_rate : float
        Learning rates of Net-T and of the discriminator, for "real"; `learning_rate` is Net-M's.
    dataset, split : str
        Names for `hybridmatte.data.open_named`; split "" is the only one.
    trimap_band : int
        Width in pixels of the bands of trimaps made from alphas or masks, where the data set has no trimaps; 0 to
        refuse such data.
    per_foreground : int
        Composites of each foreground, where backgrounds are given.
    combine : float
        Share of the composites with a second foreground.
    crop : int
        Side of the training crops, pixels.
    crop_largest : int
        Above crop: each step has crops of another side between both, a multiple of 32.
    smallest, largest : float
        Range of the side of what is cut out, in units of crop.
    unknown : float
        Share of the crops centred on an unknown pixel.
    degrees, shear, brightness, contrast, saturation, hue : float
        See `hybridmatte.data.Augmentation`.
    batch_size : int
        Crops a step on each device; gradients are averaged over `accumulate` such batches.
    accumulate : int
    epochs : int
    epoch_steps : int
        Optimiser steps an epoch; 0 for as many as one pass through the samples takes.
    learning_rate, weight_decay : float
    layer_decay : float
        Factor of the learning rate from each layer of the encoder to the one below; 1 for none.
    beta1, beta2 : float
        Of AdamW, which is Adam where weight_decay is 0.
    schedule : {"steps", "cosine"}
        How the learning rate falls: by `decay` after each epoch of `milestones`, or by a half cosine to 0.
    milestones : list of int
    decay : float
    warmup_steps : int
        Steps over which the learning rate rises from 0.
    clip : float
        Largest norm of the gradient; 0 for no limit.
    seed : int
    """

    paradigm: str = "alpha_free"
    prior: str = "ddc"
    prior_weight: float = 10.0
    window_size: int = 11
    network: str = "vitmatte"
    size: str = "small"
    width: float = 1.0
    trimap_input: bool = False
    one_hot: bool = False
    pretrained: bool = False
    init_from: str = ""
    parts: str = "all"
    refinement: bool = True
    fusion: str = "soft"
    teacher: str = ""
    boundary: bool = False
    boundary_weight: float = 0.01
    ema: float = 0.999
    strong: bool = True
    hard_percent: float = 50.0
    mask_scale: float = 1.0
    guidance_weight: float = 0.5
    halving_steps: int = 10_000
    trimap_rate: float = 1e-4
    discriminator_rate: float = 1e-5
    grid: int = 7
    unknown_cells: float = 0.75
    alpha_level: str = "pixel"
    dataset: str = "folder"
    split: str = ""
    trimap_band: int = 0
    per_foreground: int = 100
    combine: float = 0.5
    crop: int = 512
    crop_largest: int = 0
    smallest: float = 1.0
    largest: float = 1.5
    unknown: float = 0.9
    degrees: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    batch_size: int = 4
    accumulate: int = 1
    epochs: int = 100
    epoch_steps: int = 0
    learning_rate: float = 5e-4
    weight_decay: float = 0.1
    layer_decay: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    schedule: str = "steps"
    milestones: list = dataclasses.field(default_factory=list)
    decay: float = 0.1
    warmup_steps: int = 0
    clip: float = 0.0
    seed: int = 0

    def __post_init__(self):
        """Check types and ranges."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is float and type(value) is int:
                object.__setattr__(self, field.name, float(value))
            elif type(value) is not field.type:
                raise TypeError(f"{field.name} is {value!r}, expected {field.type.__name__}")
        check_choice(self.paradigm, "paradigm", PARADIGMS)
        check_choice(self.prior, "prior", PRIORS)
        check_choice(self.network, "network", NETWORKS)
        check_choice(self.parts, "parts", ("all", "encoder"))
        check_choice(self.alpha_level, "alpha_level", ("pixel", "block"))
        check_choice(self.schedule, "schedule", ("steps", "cosine"))
        check_number(self.unknown_cells, "unknown_cells", above=0, high=1)
        for name in ("beta1", "beta2", "ema"):
            check_number(getattr(self, name), name, low=0, high=0.999999)
        check_choice(self.fusion, "fusion", FUSIONS)
        check_number(self.hard_percent, "hard_percent", low=0, high=100)
        for name in ("batch_size", "accumulate", "epochs", "grid", "halving_steps"):
            check_integer(getattr(self, name), name, low=1)
        for name in ("epoch_steps", "warmup_steps", "seed", "trimap_band", "crop_largest"):
            check_integer(getattr(self, name), name, low=0)
        for name in ("prior_weight", "weight_decay", "clip", "guidance_weight", "boundary_weight"):
            check_number(getattr(self, name), name, low=0)
        for name in ("learning_rate", "decay", "layer_decay", "mask_scale", "trimap_rate", "discriminator_rate"):
            check_number(getattr(self, name), name, above=0)
        for epoch in self.milestones:
            check_integer(epoch, "milestones", low=1)
        self._check_network()
        self._check_roles()
        self._check_options()

    def _check_options(self):
        """Refuse options that the paradigm does not read."""
        plain = {field.name: field.default for field in dataclasses.fields(self)}
        for name, paradigms in READ_BY.items():
            if self.paradigm not in paradigms and getattr(self, name) != plain[name]:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected it left out for paradigm "
                                 f"{self.paradigm!r}: only {' and '.join(paradigms)} read it")
        if self.paradigm == "disentangled" and self.grid > self.crop:
            raise ValueError(f"grid is {self.grid}, expected at most crop, {self.crop}")
        if self.parts != "all" and not self.init_from:
            raise ValueError(f"parts is {self.parts!r}, expected init_from with it")

    def _check_network(self):
        """Refuse options that would have no effect."""
        if self.one_hot and not self.trimap_input:
            raise ValueError("one_hot is True, expected trimap_input = true with it")
        if self.network != "unet" and self.width != 1:
            raise ValueError(f"width is {self.width:g}, expected 1 for {self.network}")
        if self.network not in ("unet", "net_t") and self.pretrained:
            raise ValueError(f"pretrained is True, expected false for {self.network}")
        if self.network not in ("net_m", "joint") and not self.refinement:
            raise ValueError(f"refinement is False, expected true for {self.network}, which has none to leave out")
        if self.network in TRIMAP_INPUT and self.trimap_input != TRIMAP_INPUT[self.network]:
            raise ValueError(f"trimap_input is {self.trimap_input}, expected {TRIMAP_INPUT[self.network]} for "
                             f"{self.network}")
        if self.network != "unet" and self.boundary:
            raise ValueError(f"boundary is True, expected false for {self.network}")

    def _check_roles(self):
        """Refuse networks and teachers that a paradigm has no use for."""
        expected = ONLY.get(self.paradigm)
        if expected is not None and self.network != expected:
            default = " (the default)" if self.network == type(self).network else ""
            raise ValueError(f"network is {self.network!r}{default}, expected {expected!r} for paradigm "
                             f"{self.paradigm!r}")
        if expected is None and self.network in ONLY.values():
            raise ValueError(f"paradigm is {self.paradigm!r}, expected another for network {self.network!r}")
        if bool(self.teacher) != (self.paradigm in TAUGHT):
            raise ValueError(f"teacher is {self.teacher!r}, expected a network for paradigm {' or '.join(TAUGHT)}, "
                             "none for others")
        if self.paradigm == "real" and self.accumulate > 1:
            raise ValueError(f"accumulate is {self.accumulate}, expected 1 for paradigm 'real'")


def read_config(path, **changes):
    """Read a `TrainingConfig` from a flat TOML file; an unknown key or a wrong type is an error.

    Parameters
    ----------
    path : str or path
    **changes
        Values that replace the file's.

    Returns
    -------
    config : TrainingConfig
    """
    tomllib = _tomllib()
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    known = [field.name for field in dataclasses.fields(TrainingConfig)]
    for key in (*values, *changes):
        if key not in known:
            near = [name for name in known if key.startswith(name)] or difflib.get_close_matches(key, known, 1)
            expected = f"perhaps {near[0]!r}" if near else f"expected one of {', '.join(known)}"
            raise ValueError(f"{path}: key {key!r} is unknown, {expected}")
    try:
        return TrainingConfig(**(values | changes))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def _tomllib():
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    return tomllib
