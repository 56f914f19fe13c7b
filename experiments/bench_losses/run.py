"""Measure each loss in fresh processes: its forms in turn for the time, one form a process for the memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.bench_losses import FORMS, LOSSES, LossOptions
from experiments.bench_losses.measurement import Setting, measure_memory, measure_time
from experiments.configs import load_config
from experiments.fresh_process import call_fresh
from experiments.results import Row

MORE = ((1, 256), (1, 1024), (4, 512))  # batch and side of further runs of the first loss, to see how time grows


@dataclass(frozen=True)
class Config:
    """config.toml, key for key."""

    rounds: int
    side: int
    window_size: int


def run(options: LossOptions) -> Iterator[list[Row]]:
    """Measure the losses, and other sizes of the first."""
    config = load_config(Path(__file__).with_name("config.toml"), Config)
    for loss in options.losses:
        setting = Setting(loss, 1, config.side, config.window_size)
        yield call_fresh(measure_time, setting, FORMS, config.rounds, threads=options.threads)
        for form in FORMS:
            yield [call_fresh(measure_memory, setting, form, threads=options.threads)]
    for batch, side in MORE if LOSSES[0] in options.losses else ():
        setting = Setting(LOSSES[0], batch, side, config.window_size)
        yield call_fresh(measure_time, setting, FORMS[:2], config.rounds, threads=options.threads)
