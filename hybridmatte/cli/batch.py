"""``batch``: one job for very many pictures, on this machine or on a cluster, with a record."""

from __future__ import annotations

from typing import Annotated

import typer

from hybridmatte.cli.options import Force, Quiet, Recursive


def batch(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Folder, quoted pattern ('in/*.jpg'), address (s3://bucket/photos, gs://, https://), manifest (.csv, "
            ".jsonl), tar shards ('in/{000..099}.tar') or Parquet files.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            help="Folder or address to write to; a name ending in .tar or .parquet gives shards (out-000000.tar, ...).",
        ),
    ],
    job: Annotated[
        str,
        typer.Option("--job", help="Command for each picture: auto (default), matte, cutout, refine or evaluate."),
    ] = "auto",
    engine: Annotated[str, typer.Option("--engine", help="local (default), or ray (extra cluster).")] = "local",
    address: Annotated[
        str | None,
        typer.Option("--address", help="Address of a running Ray cluster, or auto. Default: Ray on this machine."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", min=1, help="Pictures at once. Default: 1, or with ray all cores over --threads."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Solver threads of each worker of ray. Default: 1.")
    ] = None,
    gpus: Annotated[
        float | None, typer.Option("--gpus", min=0, help="GPUs of each worker of ray, for --network. Default: 0.")
    ] = None,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="All machines of the cluster see the same folders: workers read and write local files themselves. "
            "Without it, this process does.",
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the record ends; what it holds is not done again.")
    ] = False,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="With --resume: try pictures that failed once more.")
    ] = False,
    force: Force = False,
    max_errors: Annotated[
        int | None, typer.Option("--max-errors", min=0, help="End after more failures than this. Default: never.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the pictures, solve a few, estimate the time; write nothing.")
    ] = False,
    order: Annotated[bool, typer.Option("--order", help="Write the record in the order of the input.")] = False,
    record: Annotated[
        str | None,
        typer.Option("--record", metavar="FILE", help="Record (.jsonl, .parquet). Default: results.jsonl in OUTPUT."),
    ] = None,
    shard_size: Annotated[
        int | None, typer.Option("--shard-size", min=1, help="Pictures a shard of the output. Default: 256.")
    ] = None,
    storage_option: Annotated[
        list[str] | None,
        typer.Option(
            "--storage-option",
            metavar="PROTOCOL.KEY=VALUE",
            help="Option of a store, such as s3.endpoint_url=http://localhost:9000; may be repeated.",
        ),
    ] = None,
    recursive: Recursive = False,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Record how sure the default method is of each picture.")
    ] = False,
    confidence_map: Annotated[
        str | None,
        typer.Option("--confidence-map", metavar="FOLDER", help="Folder or address for the maps of --confidence."),
    ] = None,
    _quiet: Quiet = False,
) -> None:
    """Do one job for very many pictures, on this machine or on a Ray cluster, and record each of them once.

    All other options, and trimaps, masks or alphas, are given as to the command of the job, after INPUT. They come
    with the images in a manifest (columns image, trimap, mask, alpha, output, and options) and in shards
    (cat.jpg, cat.trimap.png).

    hybridmatte batch photos -o cutouts --mask "{stem}_mask.png" --workers 4

    hybridmatte batch s3://bucket/photos -o s3://bucket/cutouts --engine ray --address auto --resume

    hybridmatte batch photos trimaps -o alphas --job matte --method knn
    """
    from hybridmatte.cli.batch_run import BatchRequest, run_command

    request = BatchRequest(
        source=source,
        output=output,
        job=job,
        arguments=tuple(context.args),
        engine=engine,
        address=address,
        workers=workers,
        threads=threads,
        gpus=gpus,
        is_shared=shared,
        resume=resume,
        retry_errors=retry_errors,
        force=force,
        max_errors=max_errors,
        dry_run=dry_run,
        in_order=order,
        record=record,
        shard_size=shard_size,
        storage_options=tuple(storage_option or ()),
        recursive=recursive,
        confidence=confidence or confidence_map is not None,
        confidence_map=confidence_map,
    )
    run_command(request)
