"""Tables and picture from result.json."""

import statistics

from experiments.bench_solvers.pairs import PAIRS
from experiments.common import write_block


def summarise_pair(rows, pair):
    """Return {package: {"sad": {trimap: mean}, "mse": ..., "seconds": median, ...}} and the ratios of a pair.

    Means are over the images both sides have run on.
    """
    rows = [row for row in rows if row["bench"] == "photographs" and (row["method"], row["peer"]) == pair[:2]]
    sides = {}
    for package in ("hybridmatte", pair.peer):
        sides[package] = {row["subject"]: row for row in rows if row["package"] == package}
    subjects = sorted(sides["hybridmatte"])
    if pair.peer is not None:
        subjects = [subject for subject in subjects if subject in sides[pair.peer]]
    if not subjects:
        return None
    summary = {"subjects": subjects, "ratios": []}
    for package, cases in sides.items():
        if package is None:
            continue
        summary[package] = {"seconds": statistics.median(cases[subject]["median_s"] for subject in subjects)}
        for measure in ("sad", "mse"):
            summary[package][measure] = _means(cases, subjects, measure)
        summary[package]["warned"] = sum(bool(cases[subject]["warnings"]) for subject in subjects)
        summary[package]["rounds"] = min(cases[subject]["count"] for subject in subjects)
    if pair.peer is not None:
        summary["ratios"] = [sides[pair.peer][subject]["median_s"] / sides["hybridmatte"][subject]["median_s"]
                             for subject in subjects]
    direct = [row["error"]["direct"] for row in sides["hybridmatte"].values() if "direct" in row["error"]]
    summary["direct"] = max(direct, default=None)
    summary["n_direct"] = len(direct)
    return summary


def verdicts(pair, summary):
    """Return the goals of a pair as (text, reached, is met)."""
    goals = []
    if pair.speed is not None:
        ratio = statistics.median(summary["ratios"])
        goals.append((f"speed ratio >= {pair.speed:g}", f"{ratio:.1f}", ratio >= pair.speed))
    if pair.accuracy is not None:
        for measure in ("sad", "mse"):
            for trimap, value in summary["hybridmatte"][measure].items():
                share = value / summary[pair.peer][measure][trimap]
                text = f"{measure.upper()} of the peer's, {trimap} <= {pair.accuracy:g}"
                goals.append((text, f"{share:.4f}", share <= pair.accuracy))
    if pair.sad is not None:
        for limit, (trimap, value) in zip(pair.sad, summary["hybridmatte"]["sad"].items(), strict=False):
            goals.append((f"SAD / 1000, {trimap} <= {limit}", f"{value / 1000:.3f}", value / 1000 <= limit))
    if summary["direct"] is not None:
        text = f"largest difference from the direct solve, {summary['n_direct']} images <= 1e-3"
        goals.append((text, f"{summary['direct']:.1e}", summary["direct"] <= 1e-3))
    return goals


def make_report(document):
    """Return the Markdown of all tables."""
    rows, about = document["results"], document["metadata"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [f"Latest run: commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} "
             f"threads; {versions}."]
    tables = {"Photographs": _photographs, "Goals": _goals, "Large images": _mosaics, "Starting": _startup}
    for title, make in tables.items():
        table = make(rows)
        if table:
            parts += [f"### {title}", *table]
    return "\n\n".join(parts)


def write_readme(path, document):
    """Put the tables between the marks of a README."""
    write_block(path, make_report(document).strip().splitlines())


def draw(path, document):
    """Draw the speed ratios as bars, goals as marks; the picture is left out without matplotlib."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        print("no picture: matplotlib is not installed (pip install hybridmatte[bench])")
        return
    mpl.use("Agg")
    from matplotlib import pyplot, ticker

    pairs = [(pair, summary) for pair, summary in _summaries(document["results"]) if summary["ratios"]]
    if not pairs:
        return
    figure, axes = pyplot.subplots(figsize=(8, 0.7 + 0.55 * len(pairs)), layout="constrained")
    for position, (pair, summary) in enumerate(pairs):
        ratio = statistics.median(summary["ratios"])
        axes.barh(position, ratio, color="#4477aa", height=0.6)
        axes.plot(summary["ratios"], [position] * len(summary["ratios"]), "|", color="black", alpha=0.5)
        if pair.speed is not None:
            axes.plot([pair.speed] * 2, [position - 0.4, position + 0.4], color="#cc3311", linewidth=2)
    labels = [f"{pair.method.replace('_', ' ')}\n{pair.peer}, {ratio_text(summary)}" for pair, summary in pairs]
    axes.set_yticks(range(len(pairs)), labels)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(left=min(0.5, *(min(summary["ratios"]) for _, summary in pairs)))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("peer's time / hybridmatte's: bar median, ticks single images, red the goal")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def ratio_text(summary):
    """Return the median ratio as text."""
    if not summary["ratios"]:
        return ""
    ratios = sorted(summary["ratios"])
    return f"{statistics.median(ratios):.1f} x ({ratios[0]:.1f} to {ratios[-1]:.1f})"


def _summaries(rows):
    """Return (pair, summary) of every pair with results."""
    summaries = [(pair, summarise_pair(rows, pair)) for pair in PAIRS]
    return [(pair, summary) for pair, summary in summaries if summary is not None]


def _means(cases, subjects, measure):
    """Return {trimap: mean over images} of an error measure."""
    trimaps = sorted({subject.split()[1] for subject in subjects})
    return {trimap: statistics.mean(cases[subject]["error"][measure] for subject in subjects
                                    if subject.split()[1] == trimap) for trimap in trimaps}


def _table(header, lines):
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _photographs(rows):
    """Return the table of accuracy and time, ours and peers one below the other."""
    lines = []
    for pair, summary in _summaries(rows):
        for package in filter(None, ("hybridmatte", pair.peer)):
            side = summary[package]
            errors = [" / ".join(f"{value * scale:.{digits}f}" for value in side[measure].values())
                      for measure, scale, digits in (("sad", 1e-3, 3), ("mse", 1e3, 2))]
            ratio = ratio_text(summary) if package == "hybridmatte" else ""
            lines.append([pair.method, package, *errors, f"{side['seconds']:.3f}", ratio, side["rounds"],
                          side["warned"], len(summary["subjects"])])
    header = ["method", "package", "SAD / 1000", "MSE x 1000", "median s", "speed ratio (least to most)", "rounds",
              "warned", "cases"]
    note = ("Unknown region; means over images, trimap1 / trimap2. Median seconds over the cases; the ratio is the "
            "median over the cases of the peer's time over ours, run in turn in one process. `warned` counts cases "
            "with a warning.")
    return [note, _table(header, lines)] if lines else []


def _goals(rows):
    """Return the table of goals."""
    lines = [[pair.method, pair.peer, text, reached, "yes" if is_met else "**no**"]
             for pair, summary in _summaries(rows) for text, reached, is_met in verdicts(pair, summary)]
    found = {pair.method: summary for pair, summary in _summaries(rows) if pair.peer in ("PyMatting", None)}
    if "nonlocal" in found and "cf" in found:
        for trimap, value in found["nonlocal"]["hybridmatte"]["sad"].items():
            share = value / found["cf"]["hybridmatte"]["sad"].get(trimap, float("nan"))
            lines.append(["nonlocal", "our cf", f"SAD of closed form's, {trimap} <= 1.1", f"{share:.3f}",
                          "yes" if share <= 1.1 else "**no**"])
    lines += _mosaic_goals(rows)
    return [_table(["method", "against", "goal", "reached", "met"], lines)] if lines else []


def _mosaic_goals(rows):
    """Return the goals of closed form on large images and of the import."""
    rows_of_cf = [row for row in rows if (row["bench"], row["method"]) == ("mosaic", "cf")]
    found = {(row["package"], row["subject"]): row for row in rows_of_cf}
    lines = []
    mine, peer = found.get(("hybridmatte", "6 MP")), found.get(("PyMatting", "6 MP"))
    if mine and peer:
        ratio, memory = peer["median_s"] / mine["median_s"], mine["peak_mib"] / peer["peak_mib"]
        lines.append(["cf", "PyMatting", "speed ratio at 6 MP >= 8", f"{ratio:.1f}", "yes" if ratio >= 8 else "**no**"])
        lines.append(["cf", "PyMatting", "peak memory at 6 MP <= 0.25", f"{memory:.3f}",
                      "yes" if memory <= 0.25 else "**no**"])
    small, large = found.get(("hybridmatte", "1.5 MP")), found.get(("hybridmatte", "24 MP"))
    if small and large:
        ratio = large["median_s"] / large["unknown"] / (small["median_s"] / small["unknown"])
        lines.append(["cf", "itself", "time per unknown pixel, 24 MP / 1.5 MP <= 1.5", f"{ratio:.2f}",
                      "yes" if ratio <= 1.5 else "**no**"])
    for row in rows:
        if row["bench"] == "import":
            lines.append(["import", "", f"{row['method']}, s <= 0.5", f"{row['median_s']:.3f}",
                          "yes" if row["median_s"] <= 0.5 else "**no**"])
    return lines


def _mosaics(rows):
    """Return the table of large images."""
    lines = [[row["method"], row["package"], row["subject"], " x ".join(map(str, row["size"])), f"{row['unknown']:,}",
              f"{row['median_s']:.2f}", f"{1e6 * row['median_s'] / row['unknown']:.2f}", f"{row['peak_mib']:,.0f}",
              f"{row['added_mib']:,.0f}"] for row in rows if row["bench"] == "mosaic"]
    header = ["method", "package", "mosaic", "pixels", "unknown", "s", "microseconds / unknown", "peak MiB",
              "above inputs MiB"]
    return [_table(header, lines)] if lines else []


def _startup(rows):
    """Return the table of import and compilation times."""
    lines = [[f"`{row['method']}`", f"{row['median_s']:.3f}", ""] for row in rows if row["bench"] == "import"]
    lines += [[f"first call of {row['method']}", f"{row['median_s']:.1f}", f"{row['cached_first_s']:.2f}"]
              for row in rows if row["bench"] == "compile"]
    header = ["what", "s, nothing compiled yet", "s, kernels on disk"]
    return [_table(header, lines)] if lines else []
