"""Settings of the benchmark that the command line does not change."""

from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("config.toml")


@dataclass(frozen=True)
class Config:
    """config.toml, key for key."""

    rounds: int
    max_seconds: float
    direct: list
    import_repeats: int
    mosaic_peer_limit_mp: float
