"""The work of ``batch``: what the command of a job would do with a picture, by the options that this command has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from hybridmatte.cli.folder_run import Request, planned
from hybridmatte.cli.reports import is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hybridmatte.batch.inputs import Partners
    from hybridmatte.batch.items import Item, Plan

__all__ = ["JOBS", "Planner"]

JOBS = {"auto": "mask", "matte": "trimap", "cutout": "trimap", "refine": "alpha", "evaluate": "truth"}
MANY, ANY_PARTNER, ANY_OUTPUT, ANY_MAP = "*.png", "{stem}", "results", "maps"  # stand for what is not known yet
NOT_OWN = ("output", "workers", "resume", "force", "quiet", "json", "recursive", "confidence-map", "help")


class _Planned(NamedTuple):
    """What a command would run, and how."""

    plan: Plan
    request: Request
    known: str | None = None


class Planner:
    """Turns the options of a job, and those of single pictures, into plans.

    Parameters
    ----------
    job : str
        One of `JOBS`: the name of a command.
    arguments : sequence of str
        What that command gets, but for its input and its output.
    has_own_partners : bool
        Whether the trimaps, masks or alphas come with the images, as those of a manifest and of shards.
    has_confidence : bool
        Whether the confidence of alpha is wanted.
    """

    def __init__(self, job: str, arguments: Sequence[str], *, has_own_partners: bool, has_confidence: bool) -> None:
        self.job, self.name, self.has_own_partners = job, JOBS[job], has_own_partners
        self.arguments = [*arguments, *(["--confidence-map", ANY_MAP] if has_confidence else [])]
        self.plans: dict[tuple[bool, tuple[str, ...]], _Planned] = {}
        self.first = self._planned(has_own_partners and job != "auto", ())
        if has_own_partners and job == "auto" and self.first.request.plane is not None:
            raise ValueError(f"--mask is {self.first.request.plane}, expected none: the masks come with the images")

    @property
    def partners(self) -> Partners:
        """What belongs to the images of a folder or of a store."""
        from hybridmatte.batch.inputs import Partners

        request = self.first.request
        return Partners(
            self.name,
            request.plane,
            self.first.known,
            request.background,
            request.image_name,
            request.kind,
            _option_names(self.job),
        )

    @property
    def bits(self) -> int:
        """Bits a channel of the results."""
        return self.first.request.bits

    @property
    def plan(self) -> Plan:
        """The plan of pictures without options of their own."""
        return self.first.plan

    def with_plans(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give each item its plan, or the error of its options."""
        for item in items:
            yield item if item.error is not None else self._with_plan(item)

    def _with_plan(self, item: Item) -> Item:
        if item.plane is None and self.job != "auto":
            return item._replace(error=f"{item.image} has no {self.name}, expected one")
        if not self.has_own_partners:
            return item._replace(plan=self.first.plan)
        try:
            found = self._planned(item.plane is not None, item.options)
        except (ValueError, OSError, ImportError) as error:
            return item._replace(error=str(error))
        behind = item.background if item.background is not None else found.request.background
        return item._replace(plan=found.plan, background=behind)

    def _planned(self, has_partner: bool, options: tuple[str, ...]) -> _Planned:
        """Return what the command would run; plans are made once for each set of options."""
        key = (has_partner, options)
        if key not in self.plans:
            for option in options:
                if option.startswith("--") and option[2:] in NOT_OWN:
                    raise ValueError(f"{option} is given for one picture, expected it for the whole batch")
            arguments = [*self.arguments, *options]
            self.plans[key] = (
                self._scores(arguments) if self.job == "evaluate" else self._pictures(arguments, has_partner)
            )
        return self.plans[key]

    def _pictures(self, arguments: list[str], has_partner: bool) -> _Planned:
        """Return the plan of a command that writes pictures."""
        from hybridmatte.batch.items import Plan

        if has_partner and self.has_own_partners:
            arguments = ["--mask", ANY_PARTNER, *arguments] if self.job == "auto" else [ANY_PARTNER, *arguments]
        quiet = ["--quiet"] if is_quiet() else []
        command, context = _parsed(self.job, [MANY, *arguments, "-o", ANY_OUTPUT, *quiet])
        try:
            request, work = planned(partial(command.invoke, context))
        except ValueError as error:  # of the option that stands for --confidence
            said = str(error).replace(f"--confidence-map is {ANY_MAP}", "--confidence is given")
            raise ValueError(said) from error
        used = request.used
        has_confidence = request.confidence_map is not None
        return _Planned(Plan(work, request.tasks, request.held, has_confidence, used.method, used.weights), request)

    def _scores(self, arguments: list[str]) -> _Planned:
        """Return the plan of ``evaluate``, whose command compares whole folders."""
        from hybridmatte._validation import check_choice
        from hybridmatte.batch.items import Plan
        from hybridmatte.batch.scores import scored_file

        own = [ANY_PARTNER, ANY_PARTNER] if self.has_own_partners else []
        given = _parsed("evaluate", [MANY, *own, *arguments])[1].params
        for name in ("csv_file", "json_file", "network", "data", "split", "backgrounds"):
            if given[name] is not None:
                option = name.removesuffix("_file")
                raise ValueError(f"--{option} is {given[name]}, expected none: the record holds the scores")
        if given["truth"] is None:
            raise ValueError("TRUTHS is missing, expected a folder of true alphas behind INPUT")
        region = check_choice(given["region"] or "unknown", "--region", ("unknown", "whole"))
        if region == "unknown" and given["trimap"] is None:
            raise ValueError("TRIMAPS is missing, expected a folder of trimaps for --region unknown")
        work = partial(scored_file, region=region, max_pixels=given["max_pixels"])
        request = Request(MANY, str(given["truth"]), ANY_OUTPUT, "truth", image_name="alpha", kind="alpha")
        known = None if given["trimap"] is None else str(given["trimap"])
        return _Planned(Plan(work), request, known)


def _command(name: str) -> Any:
    """Return a command of the command line."""
    import typer

    from hybridmatte.cli.app import app

    group: Any = typer.main.get_command(app)
    return group.commands[name]


def _option_names(name: str) -> tuple[str, ...]:
    """Return the options that a command has for one picture of a batch, without their dashes, longest forms only."""
    flags = [flag for parameter in _command(name).params for flag in (*parameter.opts, *parameter.secondary_opts)]
    names = [flag[2:] for flag in flags if flag.startswith("--")]
    return tuple(name for name in names if name not in NOT_OWN)


def _parsed(name: str, arguments: list[str]) -> tuple[Any, Any]:
    """Return a command and the context in which it has read its arguments; an error of usage is a ValueError."""
    command = _command(name)
    try:
        return command, command.make_context(name, list(arguments))
    except Exception as error:
        if not hasattr(error, "format_message"):  # of typer's own copy of click, or of click
            raise
        usage: Any = error
        raise ValueError(f"--job {name}: {usage.format_message()}") from None
