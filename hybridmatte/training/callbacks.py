"""What happens beside the loop: checkpoints, pictures and scores of every epoch, and the bar."""

import csv
import logging

import numpy as np
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar

__all__ = ["standard_callbacks"]

PICTURE_SIDE = 384  # pixels, of the pictures in TensorBoard
LOG = logging.getLogger("hybridmatte.training")


def standard_callbacks(output, examples, *, progress):
    """Return the callbacks of every run.

    Parameters
    ----------
    output : path
        Folder of the run.
    examples : sequence of Sample
        Shown in TensorBoard after every epoch.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    callbacks : list of lightning.Callback
    """
    checkpoints = ModelCheckpoint(output / "checkpoints", filename="last", save_top_k=1, every_n_epochs=1,
                                  save_on_train_epoch_end=True, enable_version_counter=False)
    return [checkpoints, SamplePictures(examples), ScoreFile(output / "scores.csv"), *[Bar()] * progress]


class SamplePictures(Callback):
    """Show image, trimap, mask and what the network makes of some samples side by side after every epoch."""

    def __init__(self, samples):
        self._samples = samples

    def on_train_epoch_end(self, trainer, module):
        """Predict and show them."""
        if not trainer.is_global_zero:
            return
        for index, sample in enumerate(self._samples):
            found = module.preview(sample)
            planes = [sample.image, *(np.repeat(plane[:, :, None], 3, axis=2)
                                      for plane in (sample.trimap, sample.mask, found) if plane is not None)]
            picture = _shrunk(np.concatenate(planes, axis=1), PICTURE_SIDE * len(planes))
            trainer.logger.experiment.add_image(f"sample {index}", picture, trainer.global_step, dataformats="HWC")


class ScoreFile(Callback):
    """Write the scores of each validation to a file, a row an epoch, and log them."""

    def __init__(self, path):
        self._path = path

    def on_validation_end(self, trainer, module):  # noqa: ARG002
        """Append a row."""
        found = {name.removeprefix("validation/"): float(value) for name, value in trainer.callback_metrics.items()
                 if name.startswith("validation/")}
        if not found or not trainer.is_global_zero:
            return
        epoch, is_new = trainer.current_epoch + 1, not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            if is_new:
                rows.writerow(["epoch", "step", *found])
            rows.writerow([epoch, trainer.global_step, *found.values()])
        LOG.info("epoch %d: %s", epoch, ", ".join(f"{name} {value:.5g}" for name, value in found.items()))


def _shrunk(picture, width):
    import cv2

    factor = width / picture.shape[1]
    size = width, max(round(picture.shape[0] * factor), 1)
    return picture if factor >= 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


class Bar(TQDMProgressBar):
    """Lightning's bar without the log's version, which is always the same, and ended before an error's message."""

    def on_exception(self, *_):
        """End the lines begun."""
        for bar in (self._train_progress_bar, self._val_progress_bar):
            if bar is not None:
                bar.close()

    def get_metrics(self, *arguments):
        """Return what is shown behind the bar."""
        return {name: value for name, value in super().get_metrics(*arguments).items() if name != "v_num"}
