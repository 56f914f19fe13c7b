"""The list of commands."""

import typer

from hybridmatte.cli import _alpha, _automatic, _compile, _cut, _methods, _networks, _planes, _scores

app = typer.Typer(
    name="hybridmatte",
    help="Natural image matting: from an image and a trimap to alpha, cut-out and composite.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(_version: bool = typer.Option(False, "--version", help="Print the version and leave.")):
    """Natural image matting: from an image and a trimap to alpha, cut-out and composite."""


for _command in (_cut.matte, _cut.cutout, _automatic.auto, _alpha.refine, _alpha.decontaminate, _planes.trimap,
                 _planes.composite, _scores.evaluate, _methods.compare, _methods.methods, _networks.train,
                 _networks.predict, _networks.export, _networks.blend, _networks.benchmark_network):
    app.command(no_args_is_help=_command is not _methods.methods)(_command)
app.command("compile")(_compile.compile_default)
