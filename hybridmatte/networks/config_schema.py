"""Which values a network's config.json may have. They are checked before anything is built from them."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import timm

from hybridmatte.networks.network import PLANES

__all__ = ["NOTES", "Rule", "check_config", "check_rules", "choice", "each", "integer", "number", "refused"]

MAX_CHANNELS = 8192
MAX_BLOCKS = 64  # of one stage; published networks have at most 48
MAX_HEADS = 128
MAX_WIDTH = 16.0  # factor of the published channels
MAX_FEATURES = 65_536


class Rule(NamedTuple):
    """A test of a value, and the words for what it expects."""

    accepts: Callable[[Any], bool]
    expected: str


class _Short(reprlib.Repr):
    """Shows plain values shortened, and of other objects the type alone."""

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002
        return repr(x) if x is None or isinstance(x, bool | float) else f"<{type(x).__name__}>"


SHORT = _Short()


def refused(path: object, key: str, value: object, expected: str) -> ValueError:
    """Return the error for a value of a configuration; a long value is shortened."""
    return ValueError(f"{path} has {key} = {SHORT.repr(value)}, expected {expected}")


def choice(*values: Any) -> Rule:
    """Return the rule for one of some values, of the same type: 1 is not True."""
    shown = " or ".join("null" if value is None else repr(value) for value in values)
    return Rule(lambda value: any(type(value) is type(one) and value == one for one in values), shown)


def number(low: float, high: float, *, above: bool = False) -> Rule:
    """Return the rule for a finite number in [low, high], or above low if `above`."""
    begin = f"above {low:g}" if above else f"of at least {low:g}"

    def accepts(value: Any) -> bool:
        is_number = type(value) in (int, float) and math.isfinite(value)
        return is_number and (low < value if above else low <= value) and value <= high

    return Rule(accepts, f"a number {begin} and at most {high:g}")


def integer(low: int, high: int) -> Rule:
    """Return the rule for an integer in [low, high]."""
    return Rule(lambda value: type(value) is int and low <= value <= high, f"an integer from {low} to {high}")


def each(rule: Rule, shortest: int, longest: int) -> Rule:
    """Return the rule for a list of shortest to longest values that each follow a rule."""
    count = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
    return Rule(
        lambda value: (
            type(value) in (list, tuple) and shortest <= len(value) <= longest and all(map(rule.accepts, value))
        ),
        f"a list of {count} values, each {rule.expected}",
    )


def _is_encoder(value: Any) -> bool:
    """Return whether a value names an encoder that timm holds itself; other names make timm ask a hub or open files."""
    if type(value) is not str or not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)?", value):
        return False
    return timm.is_model(value) and ("." not in value or timm.is_model_pretrained(value))


ANYTHING = Rule(lambda _: True, "any value")
BOOLEAN = choice(False, True)
FACTOR = number(0, MAX_WIDTH, above=True)
TRIMAP = choice(*PLANES)
RATE = Rule(lambda value: number(0, 1).accepts(value) and value < 1, "a number of at least 0 and below 1")

# by the key "network" of config.json; that of a MattingUNet and of a SolverFusion have no such key
SCHEMAS: dict[str, dict[str, Rule]] = {
    "unet": {
        "encoder": Rule(_is_encoder, "the name of an encoder of timm"),
        "width": FACTOR,
        "trimap": TRIMAP,
        "boundary": BOOLEAN,
    },
    "pyramid": {
        "network": choice("pyramid"),
        "encoder": choice("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"),
        "channels": Rule(
            lambda value: type(value) is int and 4 <= value <= MAX_CHANNELS >> 3 and value % 4 == 0,
            f"a multiple of 4 from 4 to {MAX_CHANNELS >> 3}",
        ),
        "frozen": integer(0, 6),
        "trimap": TRIMAP,
    },
    "gca": {"network": choice("gca"), "width": FACTOR, "trimap": TRIMAP},
    "net_m": {
        "network": choice("net_m"),
        "width": FACTOR,
        "trimap": TRIMAP,
        "refinement": BOOLEAN,
        "attention": BOOLEAN,
        "normalized_head": BOOLEAN,
    },
    "net_t": {"network": choice("net_t"), "size": choice("resnet50", "tiny")},
    "modnet": {"network": choice("modnet"), "size": choice("mobilenetv2", "tiny"), "trimap": TRIMAP},
    "matteformer": {
        "network": choice("matteformer"),
        "channels": integer(1, MAX_CHANNELS >> 3),
        "depths": each(integer(1, MAX_BLOCKS), 4, 4),
        "heads": each(integer(1, MAX_HEADS), 4, 4),
        "decoder": each(integer(1, MAX_CHANNELS), 5, 5),
        "drop_path": RATE,
        "trimap": choice(True, "one-hot"),
    },
    "joint": {"network": choice("joint"), "fusion": choice("soft", "soft_sum", "hard")},
    "fusion": {
        "features": integer(1, MAX_FEATURES),
        "trusted": integer(0, MAX_FEATURES),
        "widths": each(integer(1, MAX_FEATURES), 0, MAX_BLOCKS),
        "dropout": number(0, 1),
        "outputs": integer(1, 2),
    },
}
MAX_SIDE = 16_384  # pixels
NOTES: dict[str, Rule] = {  # of a network from image to alpha, beside its arguments
    "side": integer(1, MAX_SIDE),  # shorter side of the image that it sees in prediction
    "boundary_trained": BOOLEAN,  # whether its boundary head was trained
}
WITHOUT_NOTES = ("net_t", "joint", "fusion")
REQUIRED = {
    "unet": ("encoder",),
    "joint": ("fusion",),
    "fusion": ("features", "trusted", "widths"),
}


def check_config(kind: str, config: Mapping[str, Any], path: object) -> None:
    """Refuse the configuration of a class of networks if it has an unknown key, or a value that its rule refuses.

    Parameters
    ----------
    kind : str
        A key of `SCHEMAS`.
    config : mapping
        Content of config.json. Keys that are not required may be missing; the network then has its defaults.
    path : path
        Of config.json, for the messages.

    Raises
    ------
    ValueError
        It names the file and the key.
    """
    check_rules(SCHEMAS[kind] | ({} if kind in WITHOUT_NOTES else NOTES), config, path)
    for key in REQUIRED.get(kind, ()):
        if key not in config:
            raise ValueError(f"{path} has no {key}, expected {SCHEMAS[kind][key].expected}")
    if kind == "matteformer":
        _check_heads(config, path)
    if kind == "fusion" and config["trusted"] >= config["features"]:
        raise refused(path, "trusted", config["trusted"], f"less than features, {config['features']}")


def check_rules(rules: Mapping[str, Rule], config: Mapping[str, Any], path: object, prefix: str = "") -> None:
    """Refuse unknown keys, and values that their rule refuses; the prefix stands before a key in messages."""
    for key, value in config.items():
        if key not in rules:
            known = ", ".join(name for name, rule in rules.items() if rule is not ANYTHING)
            raise ValueError(f"{path} has an unknown key {reprlib.repr(prefix + key)}, expected one of {known}")
        if not rules[key].accepts(value):
            raise refused(path, prefix + key, value, rules[key].expected)


def _check_heads(config: Mapping[str, Any], path: object) -> None:
    """Refuse heads of a MatteFormer that do not divide the channels of their stage."""
    channels, heads = config.get("channels", 96), config.get("heads", [3, 6, 12, 24])
    for stage, count in enumerate(heads):
        if (channels << stage) % count:
            raise refused(path, "heads", heads, f"divisors of {[channels << k for k in range(4)]}, the channels")
