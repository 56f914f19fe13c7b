"""Options of an experiment: a dataclass declares each option once; the command line is made from it."""

import argparse
import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from experiments.results import RESULTS

OptionsKind = TypeVar("OptionsKind", bound="Options")


def option(default: Any, about: str, *, choices: Sequence[Any] | None = None, minimum: int | None = None) -> Any:
    """Return a dataclass field with what its command-line option shows and accepts.

    The annotation of the field decides how the option is read: `bool` is a flag, a tuple takes any number of values.
    """
    return dataclasses.field(default=default, metadata={"about": about, "choices": choices, "minimum": minimum})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of every experiment."""

    threads: int = option(2, "CPU threads", minimum=1)
    output: Path = option(RESULTS, "folder of the recorded result, its page and its pictures")


@dataclass(frozen=True, kw_only=True)
class DataOptions(Options):
    """Options of an experiment that reads the data folder."""

    data: Path = option(
        Path(os.environ.get("HYBRIDMATTE_DATA", "../shared/data")),
        "data folder; the environment variable HYBRIDMATTE_DATA sets the default",
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(DataOptions):
    """Options of an experiment that trains networks. A subclass sets the default of `kept`."""

    seeds: tuple[int, ...] = option((0, 1, 2), "seeds to train with")
    kept: Path = option(Path("kept_networks"), "folder of trained networks; a network found there is not trained again")
    precision: str = option("bf16-mixed", "precision as Lightning names it, for example 32-true")


def add_options(parser: argparse.ArgumentParser, kind: type[Options]) -> None:
    """Add one argument for each field of an options class to a parser."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        about, name = field.metadata, "--" + field.name.replace("_", "-")
        if hints[field.name] is bool:
            parser.add_argument(name, action="store_true", help=about["about"])
            continue
        default = " ".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        text = about["about"] + ("" if default is None else f" (default: {default})").replace("%", "%%")
        many = {"nargs": "*"} if get_origin(hints[field.name]) is tuple else {}
        parser.add_argument(
            name,
            type=_reader(hints[field.name], about["minimum"]),
            default=field.default,
            help=text,
            choices=about["choices"],
            metavar=None if about["choices"] else field.name.upper(),
            **many,
        )


def read_options(kind: type[OptionsKind], arguments: argparse.Namespace) -> OptionsKind:
    """Return the options that a parser with `add_options` has read."""
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(kind)}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _reader(hint: Any, minimum: int | None) -> Callable[[str], Any]:
    """Return the function that reads one value: of a tuple its members' type, of an optional value its type."""
    kind = next((part for part in get_args(hint) if part not in (NoneType, Ellipsis)), hint)

    def read(text: str) -> Any:
        value = kind(text)
        if minimum is not None and value < minimum:
            raise argparse.ArgumentTypeError(f"{text}, expected at least {minimum}")
        return value

    read.__name__ = kind.__name__  # argparse names it where the text cannot be read
    return read
