"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from hybridmatte.cli.reports import choose_json, choose_quiet
from hybridmatte.io.formats import MAX_PIXELS

__all__ = [
    "MAX_PIXELS",
    "Background",
    "BandDilate",
    "BandErode",
    "Bits",
    "Coarse",
    "ConfidenceMap",
    "Dilate",
    "DropGps",
    "Erode",
    "FitOption",
    "Force",
    "FusionOption",
    "Image",
    "Json",
    "Label",
    "MaxPixels",
    "Method",
    "Network",
    "NetworkTrimap",
    "Output",
    "OutputOrFolder",
    "Photograph",
    "Quality",
    "Quiet",
    "Recursive",
    "Resume",
    "Side",
    "TilePixels",
    "Trimap",
    "Weights",
    "Workers",
]

Image = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE", help="Photograph, folder of photographs, quoted pattern ('in/*.jpg'), or - for standard input."
    ),
]
Trimap = Annotated[
    str,
    typer.Argument(
        metavar="TRIMAP",
        help="Trimap of the photograph or of all photographs, folder or quoted pattern ('in/*.png') of trimaps with "
        "the same file stems, name pattern ('{stem}_trimap.png'), or -.",
    ),
]
Photograph = Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, or - for standard input.")]
Network = Annotated[
    str, typer.Argument(metavar="NETWORK", help="Folder of a network, or OWNER/NAME on the Hugging Face hub.")
]
NetworkTrimap = Annotated[
    str | None,
    typer.Argument(
        metavar="[TRIMAP]", help="Trimap, for a network that takes one; mask, for Net-T and joint networks."
    ),
]
Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="File to write, or - for standard output.")]
OutputOrFolder = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File to write, folder to write if the input is a folder, or - for standard output. "
        "Default: beside the input.",
    ),
]
Method = Annotated[str | None, typer.Option("--method", "-m", help="Name of a method; hybridmatte methods lists them.")]
Quality = Annotated[
    str | None,
    typer.Option(
        "--quality",
        "-q",
        help="best (default) or fast. fast is information flow "
        "alone; best corrects it with a small network. Not with --method.",
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        "--weights",
        help="Weights of the networks that come with the package: research, for research use, or free, for any use. "
        "With free, nothing learned from research data runs; in auto, masks are not corrected, and --mask or "
        "--segmenter is needed. --quality fast and --method use no weights. hybridmatte methods tells more.",
    ),
]
Erode = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Width in pixels of the unknown band inside the outline. "
        "Default: 1% of the diagonal, or 0.5% for an alpha.",
    ),
]
Dilate = Annotated[
    float | None,
    typer.Option(min=0, help="Width in pixels of the unknown band outside the outline. Default: as for --erode."),
]
BandErode = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Width in pixels of a plain unknown band inside the outline. Default: the band follows the mask and is "
        "narrow where the mask is sure; beside --dilate alone, 1% of the diagonal.",
    ),
]
BandDilate = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Width in pixels of a plain unknown band outside the outline. Default: the band follows the mask; beside "
        "--erode alone, 1% of the diagonal.",
    ),
]
Label = Annotated[
    int | None,
    typer.Option("--label", metavar="N", help="Of a mask of several labels, the label whose pixels are the object."),
]
Background = Annotated[
    str | None,
    typer.Option(
        "--background",
        "-b",
        metavar="BACKGROUND",
        help="Colour (white, '#20a040'), picture of any size, folder or name pattern of pictures, or transparent.",
    ),
]
FitOption = Annotated[
    str | None,
    typer.Option(
        "--fit",
        help="How a background picture is brought to the photograph's size: cover (default) crops it, contain shows "
        "all of it on black, stretch changes its proportions.",
    ),
]
ConfidenceMap = Annotated[
    str | None,
    typer.Option(
        "--confidence-map",
        metavar="FILE",
        help="Also write how likely alpha is right, as a grey picture: white where it is certain. A file, or for many "
        "photographs a folder or a name pattern ('{stem}_confidence.png'). Only with the quality best.",
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive", "-r", help="Search the folders in the folder too; the output folder gets the same tree."
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Number of processes for a folder. Each process needs its own memory.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Skip images whose output exists. Options are not compared: what other options wrote stays, too.",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Overwrite files that exist, and start a job for which too little memory is free."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", callback=choose_quiet, help="Print nothing but errors on standard error.")
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", callback=choose_json, help="Print one JSON object for each finished file on standard output."
    ),
]
Bits = Annotated[int, typer.Option("--bits", help="Bits a channel of the output: 8, or 16 for .png and .tif.")]
MaxPixels = Annotated[int, typer.Option("--max-pixels", min=1, help="Refuse files with more pixels, before decoding.")]
FusionOption = Annotated[
    str | None,
    typer.Option(
        "--fusion",
        help="How a joint network combines trimap and alpha: soft, soft_sum or hard. Default: the network's own.",
    ),
]
Coarse = Annotated[
    bool, typer.Option("--coarse", help="Take the alpha of Net-M, alone or in a joint network, before its refinement.")
]
Side = Annotated[
    int | None,
    typer.Option(
        "--side",
        metavar="N",
        min=0,
        help="Shorter side in pixels of the image that a network without trimap sees; larger images are shrunk for it. "
        "0: the image as it is. Default: the side stored with the network, or else 0.",
    ),
]
TilePixels = Annotated[
    int | None,
    typer.Option(
        "--tile-pixels",
        metavar="N",
        min=4096,
        help="Most pixels that the network sees at once; larger images are cut into overlapping tiles of about that "
        "many. Default: 1048576.",
    ),
]
DropGps = Annotated[
    bool, typer.Option("--drop-gps", help="Leave the place of the photograph out of the EXIF block of the output.")
]
