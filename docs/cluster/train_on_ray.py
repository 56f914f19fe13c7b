"""Run `hybridmatte train` on a Ray cluster, by Ray Train: pip install 'hybridmatte[deep,cluster]' 'ray[train]'.

python docs/cluster/train_on_ray.py WORKERS [gpu] run.toml --data /shared/photos --output /shared/run

Every worker is one process with one GPU, or one core. All machines see the same folders. For each machine the same
number of workers is needed. The options are those of `hybridmatte train`, but for --devices and --nodes.
"""

import os
import sys

import ray
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer


def train_here(config: dict[str, list[str]]) -> None:
    """Train as one of the processes that Ray has started; Lightning takes them as those of torchrun."""
    from hybridmatte.cli import main

    devices, processes = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    os.environ |= {"TORCHELASTIC_RUN_ID": "ray", "GROUP_RANK": os.environ["NODE_RANK"]}
    try:
        main(["train", *config["words"], "--devices", str(devices), "--nodes", str(processes // devices)])
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"hybridmatte train ended with code {end.code}, expected 0") from None


if __name__ == "__main__":
    number, *words = sys.argv[1:]
    has_gpus = words[0] == "gpu"
    ray.init(address=os.environ.get("RAY_ADDRESS"))
    scaling = ScalingConfig(num_workers=int(number), use_gpu=has_gpus)
    TorchTrainer(train_here, train_loop_config={"words": words[has_gpus:]}, scaling_config=scaling).fit()
