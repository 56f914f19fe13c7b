"""Train the mask refiner, starting from the finder."""

from pathlib import Path

from experiments.finder_weights.samples import animals_without_masks, read_bytes
from experiments.finder_weights.teaching import taught_masks
from experiments.kept_networks import train_kept
from experiments.refiner_weights import Options
from experiments.refiner_weights.samples import RefinerSamples
from experiments.results import ROOT
from hybridmatte.networks import load_network

RECIPE = Path(__file__).parent / "refiner.toml"
FINDER = ROOT / "hybridmatte" / "weights" / "finder"


def trained(seed: int, options: Options) -> Path:
    """Return the folder of the network; it is trained now if it is not kept."""
    kept = options.kept / str(seed)

    def samples() -> RefinerSamples:
        masks = taught_masks(load_network(FINDER), animals_without_masks(options.data), kept / "taught_masks")
        read_bytes.cache_clear()
        return RefinerSamples(options.data, masks, seed)

    changes = {"seed": seed, "init_from": str(FINDER)}
    return train_kept(kept / "refiner", RECIPE, samples, options, workers=options.workers, **changes)
