"""The commands that the service offers: their files, their outputs, and their options.

Options are read from the functions of the command line, so that names, types, bounds, defaults and help are the same.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from typer.models import OptionInfo

from hybridmatte.server.failures import in_words_of_the_service
from hybridmatte.server.shapes import SHAPES

__all__ = ["LEFT_OUT", "Command", "commands_of"]

LEFT_OUT = {
    "output": "the answer is the output",
    "matte": "output=alpha",
    "confidence_map": "output=confidence",
    "mask": "a part of the form",
    "trimap": "a part of the form, or output=trimap",
    "network": "names a file of the service or a download",
    "segmenter_option": "set by the one who runs the service",
    "max_pixels": "set by the one who runs the service",
    "workers": "set by the one who runs the service",
    "resume": "for folders",
    "recursive": "for folders",
    "force": "nothing is overwritten",
    "_quiet": "nothing is printed",
    "_json": "every answer has a description",
}  # options of the command line that requests do not have, and why
BACKGROUND = "Colour (white, #20a040) or transparent. A picture is the part background of the form."
SEGMENTER = "What finds the object without a mask: one of the segmenters of GET /v1/methods."
POINT = "Point on the object in pixels, X,Y or +X,Y; -X,Y or X,Y,0 is beside it. For segmenters that take points."
HELP = {"background": BACKGROUND, "segmenter": SEGMENTER, "point": POINT}  # where files are not at hand
EXAMPLES = {
    "quality": "fast",
    "erode": 6,
    "dilate": 8,
    "background": "#20a040",
    "confidence": 0.5,
    "from": "mask",
    "trust_mask": True,
    "drop_gps": True,
    "bits": 16,
    "format": "tiff",
}  # of options, that work with any files


Bits = Annotated[typing.Literal[8, 16], BeforeValidator(lambda text: int(text) if str(text).isdecimal() else text)]


class Command(NamedTuple):
    """A path under ``/v1``: what it does, the parts of its form, its outputs, the first of which is the default."""

    name: str
    summary: str
    required: tuple[tuple[str, ...], ...]  # of each group, one part at least
    optional: tuple[str, ...]
    outputs: tuple[str, ...]
    options: type[BaseModel]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of all parts; a body that is no form is the first."""
        return (*(name for group in self.required for name in group), *self.optional)

    @property
    def lists(self) -> set[str]:
        """Names of the options that may be repeated."""
        return {name for name, field in self.options.model_fields.items() if _is_list(field.annotation)}


def commands_of(functions: Mapping[str, Callable[..., Any]], segmenters: tuple[str, ...]) -> dict[str, Command]:
    """Return the commands of the service; functions are those of the command line by the names of the commands."""
    commands = {}
    for name, (required, optional, outputs) in SHAPES.items():
        function = functions.get(name)
        summary = "Decode a picture to PNG, upright and in sRGB." if function is None else _summary(function)
        options = {} if function is None else _options(function)
        if "segmenter" in options:
            kind: Any = typing.Literal[segmenters]
            options["segmenter"] = (
                kind | None,
                Field(None, description=f"{SEGMENTER} Default: {segmenters[0]}."),
            )
        options["output"] = _output(outputs)
        options["format"] = (typing.Literal["png", "tiff"], _field("format", "png", "Format of the results."))
        options.setdefault("bits", (Bits, _field("bits", 8, "Bits a channel of the results.")))
        config = ConfigDict(extra="forbid")
        model = create_model(f"{name.capitalize()}Options", __config__=config, **options)
        commands[name] = Command(name, summary, required, optional, outputs, model)
    return commands


def _is_list(hint: Any) -> bool:
    """Return whether a type is a list, or one that may be None."""
    return any(typing.get_origin(one) is list for one in (hint, *typing.get_args(hint)))


def _summary(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _output(outputs: tuple[str, ...]) -> tuple[type, Any]:
    """Return the field of the outputs that are asked for."""
    one = f"({'|'.join(outputs)})"
    several = "" if len(outputs) == 1 else "; several, separated by commas, are answered as multipart/form-data"
    examples = [outputs[0]] if len(outputs) == 1 else [outputs[0], ",".join(outputs[:2])]
    told = f"What to answer: {' or '.join(outputs)}{several}."
    schema = {"pattern": f"^{one}(,{one})*$", "examples": examples}
    return str, Field(outputs[0], description=told, json_schema_extra=schema)


def _field(name: str, default: Any, told: str, **bounds: Any) -> Any:
    """Return a field with an example, if there is one that works with any files."""
    examples = {"examples": [EXAMPLES[name]]} if name in EXAMPLES else {}
    return Field(default, description=told, **examples, **bounds)


def _options(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the fields of a model: those of a command's options that a request can have."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = _typer_option(hints[name])
        if info is None or name in LEFT_OUT:
            continue
        bounds = {"ge": info.min, "le": info.max}
        bounds = {key: bound for key, bound in bounds.items() if bound is not None}
        if kind in (float, float | None):
            bounds["allow_inf_nan"] = False
        described = HELP.get(name, in_words_of_the_service(info.help or ""))
        if name == "bits":
            kind, bounds = Bits, {}
        long = _long_name(name, info)
        fields[long] = (kind, _field(long, parameter.default, described, **bounds))
    return fields


def _typer_option(hint: Any) -> tuple[Any, OptionInfo | None]:
    """Return the type of a parameter, and what typer knows of it if it is an option."""
    if typing.get_origin(hint) is not Annotated:
        return hint, None
    kind, *extras = typing.get_args(hint)
    return kind, next((extra for extra in extras if isinstance(extra, OptionInfo)), None)


def _long_name(name: str, info: OptionInfo) -> str:
    """Return the name of an option in a request: that of the command line, such as `from`, with underscores."""
    given = (info.default, *(info.param_decls or ()))  # typer takes the first name in Annotated for a default
    long = (text for text in given if isinstance(text, str) and text.startswith("--"))
    return next(long, name).removeprefix("--").replace("-", "_")
