"""The page from the recorded result."""

from experiments.alpha_free_small import POLICIES, TABLE_4
from experiments.results import Document
from experiments.tables import seed_table

COLUMNS = {
    "sad": ("SAD", 1e-3),
    "mad": ("MAD", 1.0),
    "mse": ("MSE", 1.0),
    "gradient_error": ("Grad", 1e-3),
    "connectivity_error": ("Conn", 1e-3),
    "sad_t": ("SAD-T", 1e-3),
    "mse_t": ("MSE-T", 1.0),
    "softness": ("softness", 1.0),
    "sad_t_matched": ("SAD-T, softness matched", 1e-3),
}


def report(document: Document) -> list[str]:
    """Return a table for each setting, and the cost of the loss."""
    settings, seconds, automatic = {}, [], {}
    for row in document["results"]:
        if row["method"].startswith(TABLE_4):
            title, policy, scored = automatic_name(row["method"])
            automatic.setdefault((title, scored), {}).setdefault(policy, []).append(row)
            continue
        if row["subject"] == "cost":
            seconds.append(row["median_s"])
            continue
        policy, setting = row["method"].split(", ", 1)
        steps = int(row["subject"].split()[0])
        settings.setdefault((setting, steps), {}).setdefault(policy, []).append(row)
    cost = []
    if seconds:
        plain, with_prior = seconds
        cost = [
            f"A step of ViTMatte-S at 1 x 3 x 512 x 512: {plain:.2f} s, with DDC {with_prior:.2f} s; the loss "
            f"takes {(with_prior - plain) / with_prior:.1%}."
        ]
    tables = []
    for (setting, steps), found in sorted(settings.items()):
        ordered = {name: found[name] for name in POLICIES if name in found}
        tables.append(seed_table(f"{setting}, {steps} steps", COLUMNS, ordered))
    return [
        "SAD, Grad, Conn and SAD-T are divided by 1000. Means over the twelve images; of these, mean and standard "
        "deviation over the seeds.",
        *(seed_table(f"{title}, scored on {scored}", COLUMNS, found) for (title, scored), found in automatic.items()),
        *tables,
        *cost,
        "![Alpha of the demo's flower under each policy](alpha_free_small_growth_automatic.jpg)",
        "The automatic networks at half size, seed 0, on the demo's flower, which the control has not seen: a row "
        "a policy, a column a number of steps.",
    ]


def automatic_name(method: str) -> tuple[str, str, str]:
    """Return the set that a network of Table 4 learned from, its policy with the weight, and what it is scored on."""
    title, rest = method.split(": ", 1)
    policy, scored = rest.rsplit(", ", 1)
    return title, policy, scored
