"""The growth of an alpha under each policy, on the demo's flower (Fig. 2 of the paper)."""

from pathlib import Path

import cv2
import lightning
import numpy as np

from experiments.samples import flower_sample
from hybridmatte.io._codec import to_uint8
from hybridmatte.networks import predict_alpha

STEPS = (25, 50, 100, 200, 500)
HEIGHT, TITLE = 150, 22  # pixels of a picture and of the line above it


class KeepAlphas(lightning.Callback):
    """Predict the flower after some steps."""

    def __init__(self):
        self.alphas = {}

    def on_train_batch_end(self, trainer, module, *_):
        """Keep the alpha after a step of STEPS."""
        if trainer.global_step in STEPS:
            sample = flower_sample()
            trimap = sample.trimap if module.network.takes_trimap else None
            self.alphas[trainer.global_step] = predict_alpha(module.network, sample.image, trimap)


def draw_growth(keepers: dict[str, KeepAlphas], path: Path) -> None:
    """Write a sheet: a row a policy, a column a number of steps."""
    rows = []
    for policy, keeper in keepers.items():
        cells = []
        for step, alpha in keeper.alphas.items():
            width = round(HEIGHT * alpha.shape[1] / alpha.shape[0])
            picture = to_uint8(cv2.resize(alpha, (width, HEIGHT), interpolation=cv2.INTER_AREA))
            line = np.full((TITLE, width), 255, np.uint8)
            cv2.putText(line, f"{policy}, {step}", (3, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
            cells.append(np.pad(np.vstack([line, picture]), ((0, 0), (0, 4)), constant_values=255))
        rows.append(np.hstack(cells))
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88])
