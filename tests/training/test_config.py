"""Configurations: what each paradigm reads, and which keys, values and combinations are refused."""

import dataclasses
import pickle
import re
import sys
from pathlib import Path

import pytest

from hybridmatte import training
from hybridmatte.training import AlphaFreeConfig, RealConfig, SupervisedConfig, TrainingConfig, read_config
from hybridmatte.training.config import CONFIGS, option_names
from hybridmatte.training.run import MODULES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SMALL = {"network": "unet", "size": "tiny"}
VALID = {  # what each paradigm needs besides its defaults
    "trimap": {"network": "net_t"},
    "real": {"network": "joint", "trimap_input": True, "teacher": "run_human/network"},
    "refinement": {"network": "pyramid", "size": "tf_efficientnet_lite0", "trimap_input": True},
    "blending": {"teacher": "run_t/network"},
}
PARADIGMS = list(CONFIGS)
SHARED = {
    "network": "vitmatte",
    "size": "small",
    "width": 1.0,
    "trimap_input": False,
    "one_hot": False,
    "pretrained": False,
    "frozen": 0,
    "side": 0,
    "init_from": "",
    "parts": "all",
    "refinement": True,
    "attention": True,
    "fusion": "soft",
    "boundary": False,
    "crop": 512,
    "smallest": 1.0,
    "largest": 1.5,
    "unknown": 0.9,
    "flip": 0.5,
    "degrees": 0.0,
    "shear": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "hue": 0.0,
    "batch_size": 4,
    "accumulate": 1,
    "epochs": 100,
    "epoch_steps": 0,
    "learning_rate": 5e-4,
    "weight_decay": 0.1,
    "layer_decay": 1.0,
    "beta1": 0.9,
    "beta2": 0.999,
    "schedule": "steps",
    "milestones": [],
    "decay": 0.1,
    "warmup_steps": 0,
    "clip": 0.0,
    "seed": 0,
}
LABELLED = {"dataset": "folder", "split": "", "max_samples": 0, "crop_largest": 0}
COMPOSITES = {"per_foreground": 100, "combine": 0.5}
LOSSES = {"alpha_weight": 1.0, "composition_weight": 13.27, "pyramid_weight": 1.0}
EXPECTED = {"pretrained": "bool or str"}
OWN = {  # defaults of what a paradigm reads besides the shared options
    "alpha_free": LABELLED
    | COMPOSITES
    | {"trimap_band": 0, "prior": "ddc", "prior_weight": 10.0, "window_size": 11, "padding": "cut"},
    "supervised": LABELLED | COMPOSITES | {"trimap_band": 0},
    "composition": LABELLED | COMPOSITES | LOSSES,
    "disentangled": LOSSES | {"grid": 7, "unknown_cells": 0.75, "alpha_level": "pixel", "asymmetric": True},
    "trimap": LABELLED | COMPOSITES | {"mask_scale": 1.0},
    "nonlocal": LABELLED | COMPOSITES | {"trimap_band": 0, "hard_percent": 50.0},
    "real": LABELLED
    | {
        "teacher": "",
        "hard_percent": 50.0,
        "mask_scale": 1.0,
        "guidance_weight": 0.5,
        "halving_steps": 10_000,
        "trimap_rate": 1e-4,
        "discriminator_rate": 1e-5,
        "discriminator_steps": 1,
    },
    "segmentation": LABELLED | {"loss": "mse"},
    "refinement": LABELLED | {"band": 0.01},
    "matte": LABELLED | COMPOSITES | {"boundary_weight": 0.01, "boundary_balanced": False},
    "blending": LABELLED
    | {
        "teacher": "",
        "ema": 0.999,
        "strong": True,
        "soft_boundary": False,
        "frozen_boundary": True,
        "mask_only": False,
    },
}
FOREIGN = [
    (paradigm, name)
    for paradigm in PARADIGMS
    for name in sorted({name for own in OWN.values() for name in own} - OWN[paradigm].keys())
]


def another(value):
    """Return a value of the same type that is not the default."""
    return not value if isinstance(value, bool) else f"{value}x" if isinstance(value, str) else value + 1


def write(folder, **values):
    """Write a TOML file; return its path."""
    path = folder / "run.toml"
    path.write_text(
        "".join(
            f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
            for name, value in values.items()
        )
    )
    return path


@pytest.mark.parametrize("paradigm", PARADIGMS)
class TestEveryParadigm:
    def test_reads_its_options_and_no_others(self, paradigm):
        defaults = {"paradigm": paradigm} | SHARED | OWN[paradigm]
        config = TrainingConfig(paradigm=paradigm, **VALID.get(paradigm, {}))
        assert type(config) is CONFIGS[paradigm]
        assert config.options() == defaults | VALID.get(paradigm, {})
        assert next(iter(config.options())) == "paradigm"

    def test_every_field_says_its_type(self, paradigm):
        config = CONFIGS[paradigm](**VALID.get(paradigm, {}))
        for name, value in config.options().items():
            with pytest.raises(
                TypeError, match=f"^{name} is None, expected {EXPECTED.get(name, type(value).__name__)}$"
            ):
                dataclasses.replace(config, **{name: None})

    def test_has_a_module(self, paradigm):
        assert CONFIGS[paradigm] in MODULES

    def test_is_documented(self, paradigm):
        """Every key is in the docstring of the configuration class or of one of its bases."""
        for name in option_names(CONFIGS[paradigm]):
            pattern = rf"^\s*(?:\w+, )*{name}(?:, \w+)* : "
            owners = [kind for kind in CONFIGS[paradigm].__mro__ if name in vars(kind).get("__annotations__", {})]
            assert any(re.search(pattern, kind.__doc__, re.MULTILINE) for kind in owners), name

    def test_copies(self, paradigm):
        config = CONFIGS[paradigm](**VALID.get(paradigm, {}))
        assert pickle.loads(pickle.dumps(config)) == config
        assert dataclasses.replace(config, seed=3).options() == config.options() | {"seed": 3}


@pytest.mark.parametrize(("paradigm", "name"), FOREIGN)
def test_option_of_another_paradigm(paradigm, name, tmp_path):
    """It is refused by name, from Python and in a file, where it is allowed at its default alone."""
    default = next(own[name] for own in OWN.values() if name in own)
    values = {"paradigm": paradigm} | VALID.get(paradigm, {})
    message = f"{name} is {another(default)!r}, expected it left out for paradigm '{paradigm}': it is an option of "
    with pytest.raises(ValueError, match=f"^{message}"):
        TrainingConfig(**values, **{name: another(default)})
    with pytest.raises(ValueError, match=f"run.toml: {message}"):
        read_config(write(tmp_path, **values, **{name: another(default)}))
    assert read_config(write(tmp_path, **values, **{name: default})) == TrainingConfig(**values)


class TestClasses:
    def test_no_paradigm_is_alpha_free(self):
        assert type(TrainingConfig()) is AlphaFreeConfig

    def test_paradigm_of_another_class(self):
        with pytest.raises(ValueError, match="paradigm is 'real', expected 'supervised'"):
            SupervisedConfig(paradigm="real")

    def test_unknown_paradigm(self):
        with pytest.raises(ValueError, match="paradigm is 'reel', expected 'alpha_free' or 'supervised'"):
            TrainingConfig(paradigm="reel")
        with pytest.raises(TypeError, match="paradigm is 3, expected str"):
            TrainingConfig(paradigm=3)

    def test_unknown_option(self):
        with pytest.raises(TypeError, match="unexpected keyword argument 'learnin_rate'"):
            TrainingConfig(learnin_rate=1.0)

    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            TrainingConfig().seed = 1

    def test_stub_has_the_names_of_the_package(self):
        stub = Path(training.__file__).with_suffix(".pyi").read_text()
        listed = stub[stub.index("__all__") :]
        assert sorted(re.findall(r'"(\w+)"', listed)) == training.__all__
        for name in training.__all__:
            module = training._MODULE_OF[name]
            assert re.search(rf"from hybridmatte\.training\.{module} import (\([^)]*|[^\n(]*)\b{name}\b", stub), name


class TestFiles:
    def test_values_and_changes(self, tmp_path):
        path = tmp_path / "run.toml"
        path.write_text('network = "unet"\nsize = "tiny"\nlearning_rate = 1\nmilestones = [2, 3]\n')
        config = read_config(path, seed=4)
        assert (config.size, config.learning_rate, config.milestones, config.seed) == ("tiny", 1.0, [2, 3], 4)
        assert type(config.learning_rate) is float

    def test_one_file_serves_two_paradigms(self, tmp_path):
        path = write(tmp_path, prior_weight=10.0, window_size=11, **SMALL)
        assert type(read_config(path)) is AlphaFreeConfig
        assert type(read_config(path, paradigm="supervised")) is SupervisedConfig

    @pytest.mark.parametrize(
        ("text", "error", "message"),
        [
            ("learnin_rate = 1.0", ValueError, "key 'learnin_rate' is unknown, perhaps 'learning_rate'"),
            ("prior_weights = 1.0", ValueError, "key 'prior_weights' is unknown, perhaps 'prior_weight'"),
            ('paradigm = "supervised"\ngird = 7', ValueError, "key 'gird' is unknown, perhaps 'grid'"),
            ("zzz = 1", ValueError, "key 'zzz' is unknown, expected one of paradigm, prior, "),
            ('crop = "large"', TypeError, "crop is 'large', expected int"),
            ("crop = 1.5", TypeError, "crop is 1.5, expected int"),
            ("crop = true", TypeError, "crop is True, expected int"),
            ("one_hot = 1", TypeError, "one_hot is 1, expected bool"),
            ("milestones = 3", TypeError, "milestones is 3, expected list"),
            ('milestones = [2, "3"]', TypeError, "milestones is '3', expected int"),
            ('prior = "smooth"', ValueError, "prior is 'smooth', expected 'none' or"),
            ("crop = ", ValueError, "is not TOML"),
            ("batch_size = 0", ValueError, "batch_size is 0, expected an integer of at least 1"),
            ("milestones = [0]", ValueError, "milestones is 0, expected an integer of at least 1"),
            ("learning_rate = 0", ValueError, "learning_rate is 0.0, expected a finite number above 0"),
            ("weight_decay = nan", ValueError, "weight_decay is nan, expected a finite number at least 0"),
            ("beta2 = 1", ValueError, "beta2 is 1.0, expected a finite number at least 0 and at most 0.999999"),
            ("window_size = 4", ValueError, "window_size is 4, expected an odd integer of at least 3"),
        ],
        ids=[
            "key",
            "longer key",
            "key of another paradigm",
            "far key",
            "type",
            "float for int",
            "bool for int",
            "int for bool",
            "number for list",
            "type in list",
            "choice",
            "syntax",
            "range",
            "range in list",
            "above",
            "nan",
            "high",
            "even window",
        ],
    )
    def test_bad_files(self, tmp_path, text, error, message):
        (tmp_path / "run.toml").write_text(text)
        with pytest.raises(error, match=re.escape(message)):
            read_config(tmp_path / "run.toml")


class TestPage:
    """docs/training.md: its tables of keys and defaults are those of the classes, and its files can be read."""

    PAGE = Path(training.__file__).parents[2] / "docs" / "training.md"

    def section(self, title):
        """Return the lines of a section."""
        return re.search(rf"^## {title}\n(.*?)^## ", self.PAGE.read_text(), re.MULTILINE | re.DOTALL)[1].splitlines()

    def rows(self, lines):
        """Return keys and defaults in the tables of some lines."""
        rows = (re.match(r"\| `(\w+)` \| `([^`]*)` \| ", line) for line in lines)
        return {row[1]: tomllib.loads(f"value = {row[2]}")["value"] for row in rows if row}

    def test_keys_of_every_paradigm(self):
        assert self.rows(self.section("Keys of every paradigm")) == SHARED

    def test_keys_of_some_paradigms(self):
        found, named = {paradigm: {} for paradigm in PARADIGMS}, ()
        for line in self.section("Keys of some paradigms"):
            if re.match(r"(All but )?`\w+`.*:$", line):
                named = set(re.findall(r"`(\w+)`", line))
                named = set(PARADIGMS) - named if line.startswith("All but") else named
            for paradigm in named:
                found[paradigm] |= self.rows([line])
        assert found == OWN

    def test_files(self, tmp_path):
        files = re.findall(r"^```toml\n(.*?)^```", self.PAGE.read_text(), re.MULTILINE | re.DOTALL)
        assert len(files) == 3
        for text in files:
            (tmp_path / "run.toml").write_text(text)
            assert read_config(tmp_path / "run.toml").network == "unet"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"one_hot": True}, "one_hot is True, expected trimap_input = true with it", id="one_hot"),
        pytest.param({"parts": "encoder"}, "parts is 'encoder', expected init_from with it", id="parts"),
        pytest.param(
            {"paradigm": "disentangled", "grid": 65, "crop": 64}, "grid is 65, expected at most crop, 64", id="grid"
        ),
        pytest.param(
            {"network": "gca", "width": 2.0}, "width is 2.0, expected 1.0 for network 'gca': only unet", id="width"
        ),
        pytest.param(
            {"network": "modnet", "pretrained": True},
            "pretrained is True, expected False for network 'modnet': only unet, pyramid, net_t, net_m, ",
            id="pretrained",
        ),
        pytest.param(
            {"network": "modnet", "boundary": True},
            "boundary is True, expected False for network 'modnet'",
            id="boundary",
        ),
        pytest.param(
            {"network": "unet", "refinement": False},
            "refinement is False, expected True for network 'unet'",
            id="refinement",
        ),
        pytest.param(
            {"network": "net_m", "fusion": "hard"}, "fusion is 'hard', expected 'soft' for network 'net_m'", id="fusion"
        ),
        pytest.param({"network": "net_m", "fusion": "both"}, "fusion is 'both', expected 'soft' or", id="no fusion"),
        pytest.param({"paradigm": "nonlocal", "hard_percent": 101.0}, "hard_percent is 101.0, expected", id="percent"),
        pytest.param(
            {"paradigm": "trimap", "network": "unet"},
            "network is 'unet', expected 'net_t' for paradigm 'trimap'",
            id="network of trimap",
        ),
        pytest.param(
            {"paradigm": "nonlocal", "network": "net_t"},
            "network is 'net_t', expected 'unet' or 'pyramid' or 'vitmatte'",
            id="net_t elsewhere",
        ),
        pytest.param(
            {"paradigm": "trimap", "network": "net_t", "trimap_input": True},
            "trimap_input is True, expected False for network 'net_t'",
            id="trimap for net_t",
        ),
        pytest.param(
            {"paradigm": "trimap", "network": "net_t", "refinement": False},
            "refinement is False, expected True for network 'net_t'",
            id="refinement of net_t",
        ),
        pytest.param(
            {"paradigm": "real", "teacher": "x"},
            "network is 'vitmatte' (the default), expected 'joint'",
            id="network of real",
        ),
        pytest.param(
            {"paradigm": "real", "teacher": "x", "network": "joint"},
            "trimap_input is False, expected True for network 'joint'",
            id="joint without trimap",
        ),
        pytest.param(
            {"paradigm": "real", "network": "joint", "trimap_input": True},
            "teacher is '', expected the folder or hub name",
            id="no teacher for real",
        ),
        pytest.param(
            {"paradigm": "blending"}, "teacher is '', expected the folder or hub name", id="no teacher for blending"
        ),
        pytest.param(
            VALID["real"] | {"paradigm": "real", "accumulate": 2}, "accumulate is 2, expected 1", id="accumulate"
        ),
        pytest.param(
            VALID["real"] | {"paradigm": "real", "layer_decay": 0.5}, "layer_decay is 0.5, expected 1", id="layer_decay"
        ),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        TrainingConfig(**options)


def test_classes_check_as_well():
    with pytest.raises(ValueError, match="prior is 'dc', expected it left out for paradigm 'real'"):
        RealConfig(prior="dc", **VALID["real"])
