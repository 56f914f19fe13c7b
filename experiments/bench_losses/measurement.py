"""Time the forms of a loss in turn, or measure the memory of one form; each in a fresh process."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch

from experiments.bench_losses.forms import photograph, prepare
from experiments.fresh_process import peak_mib
from experiments.results import Row, make_row
from experiments.timing import summarise


class Setting(NamedTuple):
    """What is measured: a loss on a batch of square images."""

    loss: str
    batch: int
    side: int
    window_size: int

    def row(self, bench: str, form: str, **more) -> Row:
        """Return a row of this setting."""
        size = [self.batch, 3, self.side, self.side]
        subject = f"{' x '.join(map(str, size))}, K = {self.window_size}"
        return {"bench": bench, **make_row(self.loss, subject, size, **more), "form": form}


def measure_time(setting: Setting, forms: Sequence[str], rounds: int) -> list[Row]:
    """Time the forms in turn, after one call each; values and gradients are compared with the last form's."""
    torch.set_num_threads(torch.get_num_threads())
    image = photograph(setting.side, setting.batch)
    calls = {form: prepare(form, setting.loss, image, setting.window_size) for form in forms}
    results = {form: call() for form, call in calls.items()}
    seconds = {form: [] for form in forms}
    for _ in range(rounds):
        for form, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[form].append(time.perf_counter() - start)
    value, gradient = results[forms[-1]]
    rows = []
    for form in forms:
        timing = summarise(seconds[form])
        error = {
            "value": abs(results[form][0] - value) / value,
            "gradient": (results[form][1] - gradient).abs().sum().item() / gradient.abs().sum().item(),
        }
        rows.append(
            setting.row("time", form, error=error, median_s=timing.median_s, iqr_s=timing.iqr_s, count=timing.count)
        )
    return rows


def measure_memory(setting: Setting, form: str) -> Row:
    """Measure what one form adds to the peak memory of the process, after a small call that loads the code."""
    torch.set_num_threads(torch.get_num_threads())
    prepare(form, setting.loss, photograph(64), setting.window_size)()
    call = prepare(form, setting.loss, photograph(setting.side, setting.batch), setting.window_size)
    before = peak_mib()
    call()
    return setting.row("memory", form, peak_mib=peak_mib(), added_mib=peak_mib() - before)
