"""Train a network without batch norm on one or two processes, and save its parameters. test_training runs this."""

import sys
from pathlib import Path

import torch

from hybridmatte.data import Sample
from hybridmatte.networks import MattingNetwork
from hybridmatte.training import TrainingConfig, train
from tests.synthetic import soft_disk


class TwoConvolutions(MattingNetwork):
    """Two convolutions, without batch norm."""

    stride = 1

    def __init__(self):
        super().__init__()
        first, last = torch.nn.Conv2d(3, 8, 5, padding=2), torch.nn.Conv2d(8, 1, 1)
        self.layers = torch.nn.Sequential(first, torch.nn.Tanh(), last)

    def estimate(self, planes):
        return torch.sigmoid(self.layers(planes))

    def layer_depths(self):
        return dict.fromkeys(dict(self.named_parameters()), 0)

    def save_pretrained(self, folder):
        torch.save([parameter.detach() for parameter in self.parameters()], Path(folder).parent / "parameters.pt")


def main(folder, devices, batch_size):
    """Train on trimaps without unknown pixels, so that all crops have the same weight in a mean."""
    torch.set_num_threads(1)
    scenes = [soft_disk((70, 80), seed=seed) for seed in range(3)]
    samples = [Sample("disk", image=scene.image, trimap=(scene.alpha > 0.5).astype("float32")) for scene in scenes]
    config = TrainingConfig(network="unet", crop=48, batch_size=batch_size, epochs=2, epoch_steps=3, learning_rate=1e-2)
    torch.manual_seed(0)
    train(config, samples, folder, network=TwoConvolutions(), devices=devices, progress=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
