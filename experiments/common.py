"""What experiments share: data sets, timing, peak memory, metadata, and the form of result.json."""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from importlib import metadata as packages
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).parent.parent
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
RESULTS = re.compile("(<!-- results: [^\n]*-->\n).*?(<!-- end of results -->)", re.DOTALL)
METADATA_KEYS = {"commit": str, "date": str, "versions": dict, "processor": str, "threads": int}
ROW_KEYS = {
    "method": str,
    "subject": str,
    "size": (int, list),
    "median_s": (float, type(None)),
    "iqr_s": (float, type(None)),
    "peak_mib": (float, type(None)),
    "error": (dict, type(None)),
}


class Case(NamedTuple):
    """One image with a trimap and its true alpha, all in [0, 1]; image is float64, the others float32."""

    name: str
    trimap_name: str
    image: np.ndarray
    trimap: np.ndarray
    alpha: np.ndarray


class Timing(NamedTuple):
    """The last result of a call, and the median and interquartile range in seconds of its `count` repeats."""

    result: object
    median_s: float
    iqr_s: float
    count: int


def add_data_argument(parser):
    """Add --data to an argument parser; the default is HYBRIDMATTE_DATA, else ../shared/data."""
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HYBRIDMATTE_DATA", "../shared/data")),
                        help="data folder (default: HYBRIDMATTE_DATA, else ../shared/data)")


def add_training_arguments(parser, kept):
    """Add what experiments that train share; networks are kept in the folder `kept` unless --kept is given."""
    add_data_argument(parser)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--kept", type=Path, default=Path(kept), help="folder of the trained networks")
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--report", action="store_true", help="only write tables and pictures")


def training_environment(threads):
    """Return the metadata of a run that trains."""
    return environment(threads, names=("numpy", "torch", "timm", "lightning"))


def data_folder(path):
    """Return the data folder, or say what is missing."""
    if not Path(path).is_dir():
        raise FileNotFoundError(f"data folder {path} does not exist; give it as --data or HYBRIDMATTE_DATA")
    return Path(path)


def alphamatting_names(data):
    """Return the stems of the alphamatting images, sorted."""
    return sorted(path.stem for path in (data_folder(data) / "alphamatting" / "image").glob("*.png"))


def alphamatting_cases(data, images=None, trimaps=("trimap1", "trimap2")):
    """Yield a `Case` for each image of the alphamatting set and each trimap."""
    from hybridmatte.io.pictures import read_alpha, read_image, read_trimap

    folder = data_folder(data) / "alphamatting"
    for name in images or alphamatting_names(data):
        image = read_image(folder / "image" / f"{name}.png").astype(np.float64)
        alpha = read_alpha(folder / "alpha" / f"{name}.png")
        for trimap_name in trimaps:
            yield Case(name, trimap_name, image, read_trimap(folder / trimap_name / f"{name}.png"), alpha)


def load_config(path, kind):
    """Read a flat TOML file into the frozen dataclass `kind`; an unknown key or a wrong type is an error."""
    import tomllib  # Python 3.11

    values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in fields:
            raise ValueError(f"{path}: key {key!r} is unknown, expected one of {sorted(fields)}")
        if type(value) is not fields[key]:
            raise TypeError(f"{path}: {key} is {value!r}, expected {fields[key].__name__}")
    return kind(**values)


def summarise(seconds, result=None):
    """Return the `Timing` of some durations in seconds."""
    low, high = np.percentile(seconds, [25, 75])
    return Timing(result, statistics.median(seconds), float(high - low), len(seconds))


def time_call(function, *, warm_up=1, repeats=3):
    """Time `function()`, called `warm_up` times before and `repeats` times in the timed part."""
    for _ in range(warm_up):
        function()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return summarise(seconds, result)


def thread_environment(threads):
    """Return the environment of a fresh process that may use so many threads.

    Numba takes the same threading layer, OpenMP, whether or not TBB happens to be installed.
    """
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)),
            "NUMBA_THREADING_LAYER_PRIORITY": "omp tbb workqueue", "PYTHONPATH": str(ROOT)}


def run_fresh(module, arguments, *, threads):
    """Run `python -m module arguments` in a fresh process; return the JSON values it prints, one a line."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.run(command, env=thread_environment(threads), stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]


def peak_mib():
    """Return the largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started this process
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def environment(threads, names=("numpy", "scipy", "numba", "pymatting")):
    """Return the metadata of a run: commit, date, versions of `names`, processor and threads."""
    import hybridmatte

    versions = {"python": platform.python_version(), "hybridmatte": hybridmatte.__version__}
    for name in names:
        try:
            versions[name] = packages.version(name)
        except packages.PackageNotFoundError:
            continue
    return {"commit": _commit(), "date": datetime.date.today().isoformat(), "versions": versions,
            "processor": _processor(), "threads": threads}


def check_results(document):
    """Refuse a document that is not `{"metadata": {...}, "results": [{...}]}` with the agreed keys and types."""
    if set(document) != {"metadata", "results"}:
        raise ValueError(f"document has keys {sorted(document)}, expected ['metadata', 'results']")
    _check_keys(document["metadata"], METADATA_KEYS, "metadata")
    for number, row in enumerate(document["results"]):
        _check_keys(row, ROW_KEYS, f"results[{number}]")
    return document


def merge_results(path, metadata, rows, keys=("method", "subject"), *, replace=True):
    """Write rows into result.json, replacing those that agree in `keys`; other rows stay; return the document.

    Without `replace` the old row stays instead. Rows carry the commit and date of their own run, the metadata those of
    the latest.
    """
    old = json.loads(Path(path).read_text(encoding="utf-8"))["results"] if Path(path).exists() else []
    stamp = {"commit": metadata["commit"], "date": metadata["date"]}
    merged = {tuple(row.get(key) for key in keys): row for row in old}
    new = {tuple(row.get(key) for key in keys): {**row, **stamp} for row in rows}
    merged.update(new if replace else {key: row for key, row in new.items() if key not in merged})
    document = check_results({"metadata": metadata, "results": list(merged.values())})
    lines = ",\n".join("  " + json.dumps(row) for row in document["results"])
    text = f'{{"metadata": {json.dumps(metadata, indent=1)},\n"results": [\n{lines}\n]}}\n'
    temporary = Path(f"{path}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return document


def write_block(path, lines):
    """Replace what a README has between its two comments on results."""
    text = Path(path).read_text(encoding="utf-8")
    block = "\n".join(["", *lines, "", ""])
    text, count = RESULTS.subn(lambda found: found[1] + block + found[2], text)
    if count != 1:
        raise ValueError(f"{path} has {count} blocks of results, expected 1")
    Path(path).write_text(text, encoding="utf-8")


def spread(values):
    """Return mean and standard deviation with digits that suit their size; nothing for no values."""
    if not len(values):
        return ""
    digits = 2 if np.mean(values) >= 1 else 4
    more = f" ({np.std(values, ddof=1):.{digits}f})" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{more}"


def seed_table(title, columns, found):
    """Return the lines of a table: of ``{name: errors of each seed}`` the mean and spread of the columns."""
    lines = [f"| {title} | seeds | {' | '.join(columns.values())} |", "| --- | --- |" + " --- |" * len(columns)]
    for name, runs in found.items():
        cells = [spread([errors[column] for errors in runs]) for column in columns]
        lines.append(f"| {name} | {len(runs)} | {' | '.join(cells)} |")
    return lines


def write_checksum(path):
    """Write the checksum of a file beside it."""
    from hybridmatte.correction.weights import checksum

    Path(path).with_suffix(".sha256").write_text(checksum(Path(path).read_bytes()) + "\n", encoding="ascii")


def positive_int(text):
    """Return a command-line argument as an integer of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}, expected at least 1")
    return value


def _check_keys(values, expected, where):
    """Refuse missing keys and wrong types; more keys are allowed."""
    for key, kind in expected.items():
        if key not in values:
            raise ValueError(f"{where} has no {key!r}")
        if not isinstance(values[key], kind) or isinstance(values[key], bool):
            raise TypeError(f"{where}: {key} is {values[key]!r}, expected {kind}")


def _commit():
    """Return the short commit, with a mark if tracked files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor():
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
