"""``join``: Net-T and Net-M as one network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hybridmatte.cli.options import Force
from hybridmatte.cli.streams import note


def join(
    net_t: Annotated[str, typer.Argument(metavar="NET_T", help="Folder of Net-T, of paradigm trimap.")],
    net_m: Annotated[str, typer.Argument(metavar="NET_M", help="Folder of a network that takes a trimap.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write.")],
    fusion: Annotated[
        str, typer.Option("--fusion", help="How trimap and alpha are combined: soft, soft_sum or hard.")
    ] = "soft",
    force: Force = False,
) -> None:
    """Join Net-T and Net-M to one network from an image and a mask to alpha, for predict, auto, export and train."""
    from hybridmatte._validation import check_choice
    from hybridmatte.networks import JointInference, load_network
    from hybridmatte.networks.joint_inference import FUSIONS

    check_choice(fusion, "--fusion", FUSIONS)
    if output.exists() and not force and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} exists, expected a new folder, or --force")
    parts: list = [load_network(name) for name in (net_t, net_m)]
    JointInference(*parts, fusion).save_pretrained(output)  # pyright: ignore[reportArgumentType]
    note(f"the joint network is in {output}; hybridmatte predict {output} IMAGE MASK -o ALPHA.png")
