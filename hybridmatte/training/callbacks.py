"""Callbacks of every run: a checkpoint, pictures and scores after each epoch, and the progress bar."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import lightning
import numpy as np
import numpy.typing as npt
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from hybridmatte.data import Sample
from hybridmatte.io.streams import naming

__all__ = ["standard_callbacks"]

PICTURE_SIDE = 384  # pixels, width of each picture in TensorBoard
LOG = logging.getLogger("hybridmatte.training")


def standard_callbacks(output: Path, examples: Sequence[Sample], *, progress: bool) -> list[Callback]:
    """Return the callbacks of every run.

    Parameters
    ----------
    output : path
        Folder of the run.
    examples : sequence of Sample
        Shown in TensorBoard after each epoch, with the network's prediction.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    callbacks : list of lightning.Callback
    """
    checkpoints = ModelCheckpoint(
        output / "checkpoints",
        filename="last",
        save_top_k=1,
        every_n_epochs=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    callbacks = [checkpoints, ExamplePictures(examples), ScoreFile(output / "scores.csv")]
    return [*callbacks, ProgressBar()] if progress else callbacks


class ExamplePictures(Callback):
    """After each epoch, show image, trimap, mask and prediction of some samples side by side in TensorBoard."""

    def __init__(self, samples: Sequence[Sample]):
        self._samples = samples

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Predict and show the samples."""
        if not trainer.is_global_zero:
            return
        for index, sample in enumerate(self._samples):
            planes = [plane for plane in (sample.trimap, sample.mask, pl_module.preview(sample)) if plane is not None]
            parts = [sample.require("image"), *(np.repeat(plane[:, :, None], 3, axis=2) for plane in planes)]
            picture = _shrunk(np.concatenate(parts, axis=1), PICTURE_SIDE * len(parts))
            board = cast("TensorBoardLogger", trainer.logger).experiment
            board.add_image(f"sample {index}", picture, trainer.global_step, dataformats="HWC")


class ScoreFile(Callback):
    """Write the scores of each validation to a CSV file, one row for each epoch, and log them."""

    def __init__(self, path: Path):
        self._path = path

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:  # noqa: ARG002
        """Append a row."""
        scores = {
            name.removeprefix("validation/"): float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("validation/")
        }
        if not scores or not trainer.is_global_zero:
            return
        epoch, is_new = trainer.current_epoch + 1, not self._path.exists()
        with naming(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            if is_new:
                rows.writerow(["epoch", "step", *scores])
            rows.writerow([epoch, trainer.global_step, *scores.values()])
        LOG.info("epoch %d: %s", epoch, ", ".join(f"{name} {value:.5g}" for name, value in scores.items()))


def _shrunk(picture: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Return a picture that is at most `width` pixels wide."""
    factor = width / picture.shape[1]
    if factor >= 1:
        return picture
    size = width, max(round(picture.shape[0] * factor), 1)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


class ProgressBar(TQDMProgressBar):
    """Lightning's bar without the version number, which is always the same; it ends before an error's message."""

    def on_exception(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: Any,  # noqa: ARG002
        exception: BaseException,  # noqa: ARG002
    ) -> None:
        """End the lines of the bars."""
        for bar in (self._train_progress_bar, self._val_progress_bar):
            if bar is not None:
                bar.close()

    def get_metrics(self, trainer: lightning.Trainer, pl_module: Any) -> dict[str, Any]:
        """Return the numbers shown behind the bar."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
