"""The page from the recorded result."""

from experiments.results import Document
from experiments.tables import seed_table

TRIMAP = {
    "accuracy": ("accuracy", 1.0),
    "iou_background": ("background IoU", 1.0),
    "iou_unknown": ("unknown IoU", 1.0),
    "iou_foreground": ("foreground IoU", 1.0),
    "iou": ("mean IoU", 1.0),
}
ALPHA = {
    "sad": ("SAD", 1e-3),
    "mse": ("MSE x 1000", 1e3),
    "gradient_error": ("Grad", 1e-3),
    "connectivity_error": ("Conn", 1e-3),
    "sad_t": ("SAD-T", 1e-3),
    "iou": ("IoU", 1.0),
}
TITLES = {
    "trimap": ("trimaps, segmentation eroded by", TRIMAP),
    "alpha": ("alphas, segmentation eroded by", ALPHA),
    "given trimap": ("alphas with the true trimap", ALPHA),
    "real, people": ("held-out people", ALPHA),
    "real, portraits": ("portraits", ALPHA),
}


def report(document: Document) -> list[str]:
    """Return a table for each question, and the picture of the attention."""
    tables = {}
    for row in document["results"]:
        title, method = row["method"].split(": ")
        eroded = int(row["subject"].split()[-1])
        name = f"{method}, {eroded}" if eroded else method
        tables.setdefault(title, {}).setdefault(name, []).append(row)
    return [
        "SAD, Grad, Conn and SAD-T are divided by 1000. Of the means over images, mean and standard deviation over "
        "the seeds. Seeds 0 to 2 score a third of the twelve each, seeds 3 and 4 those of seeds 0 and 1 again.",
        *(seed_table(words, columns, tables[title]) for title, (words, columns) in TITLES.items() if title in tables),
        "![Attention of Net-M on the demo's flower](trimap_free_small_attention.jpg)",
        "The demo's flower at half size, seed 0: image, trimap, where an unknown place, a place of the foreground "
        "and one of the background attend to, and the strength of the result.",
    ]
