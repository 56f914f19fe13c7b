"""Train a network that fuses solvers on solved scenes."""

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hybridmatte.networks import SolverFusion
from hybridmatte.solver_fusion import CANDIDATES, FAST, PLANES, fusion_planes

CROP, BATCH, RATE, DECAY, AVERAGE = 160, 4, 2e-3, 1e-4, 0.99
SHARES = {"real": 0.5, "composite": 0.35, "drawn": 0.15}  # of the crops
SQUARE, SLOPE = 0.5, 0.25  # weights of the squared error and of the differences between neighbours
MEMBERS, CAUTION = 3, 0.25
SHAPE = {"planes": len(PLANES), "candidates": len(CANDIDATES)}
TRUSTED = (FAST, "sampling")  # the best single solver, and who stands in where it is left out


def train_fusion(scenes, *, steps, seed, without=(), members=MEMBERS):
    """Return a network whose members learned alone from crops of scenes, in evaluation mode.

    Parameters
    ----------
    scenes : list of Scene
    steps : int
        Of each member.
    seed : int
    without : collection of str
        Names of `PLANES` that are 0 for it.
    members : int
    """
    trusted = next(CANDIDATES.index(name) for name in TRUSTED if name not in without)
    network = SolverFusion(**SHAPE, trusted=trusted, caution=CAUTION, members=members)
    for k, member in enumerate(network.members):
        learned = train_member(scenes, steps, [seed, k], without, trusted)
        member.load_state_dict(learned.members[0].state_dict())
    return network.eval()


def train_member(scenes, steps, seed, without, trusted):
    """Return a network of one member, its weights averaged over the last steps."""
    draw = Draw(scenes, np.random.default_rng(seed), without)
    torch.manual_seed(int(draw.generator.integers(2**31)))
    network = SolverFusion(**SHAPE, trusted=trusted, caution=0.0)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    for _ in range(steps):
        planes, target, is_unknown = draw.batch()
        with torch.autocast("cpu", torch.bfloat16):
            alpha = network(planes)
        optimizer.zero_grad()
        charge(alpha, target, is_unknown).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(network)
    return averaged.module


def charge(alpha, target, is_unknown):
    """Return what an alpha (B, 1, H, W) pays on unknown pixels: errors, their squares, and those of its slopes."""
    count, error = is_unknown.sum().clamp(min=1), (alpha - target) * is_unknown
    absolute = error.abs().sum() / count
    slopes = sum(error.diff(dim=axis).abs().sum() for axis in (2, 3)) / count
    return absolute + SQUARE * (error**2).sum() / count + SLOPE * slopes


class Draw:
    """Random crops around unknown pixels, turned, mirrored and recoloured."""

    def __init__(self, scenes, generator, without=()):
        self.generator, self.without = generator, [PLANES.index(name) for name in without]
        groups = {name: [scene for scene in scenes if scene.name.startswith(name)] for name in SHARES}
        self.groups = {name: (group, weights_of(group)) for name, group in groups.items() if group}
        self.shares = np.array([SHARES[name] for name in self.groups])

    def batch(self):
        """Return planes (B, C, H, W), true alpha and where it is unknown (B, 1, H, W)."""
        crops = [self.crop() for _ in range(BATCH)]
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True))

    def crop(self):
        """Return planes (C, H, W), true alpha and where it is unknown (1, H, W) of one crop."""
        generator = self.generator
        scenes, weights = [*self.groups.values()][generator.choice(len(self.shares), p=self.shares / self.shares.sum())]
        scene = scenes[generator.choice(len(scenes), p=weights)]
        shape = scene.planes.shape[:2]
        centre = np.unravel_index(generator.choice(scene.unknown), shape)
        starts = [int(np.clip(at - generator.integers(CROP), 0, side - CROP))
                  for at, side in zip(centre, shape, strict=True)]
        solved, alpha = scene.part(*(slice(start, start + CROP) for start in starts))
        planes = fusion_planes(recoloured(solved, generator))
        planes[self.without] = 0
        planes = np.concatenate([planes, alpha[None], solved.known[None] == 0.5])
        turns, mirrored = int(generator.integers(4)), generator.uniform() < 0.5
        planes = np.rot90(planes[:, :, ::-1] if mirrored else planes, turns, axes=(1, 2))
        return planes[:-2], planes[-2:-1], planes[-1:] > 0


def weights_of(scenes):
    """Return how often each scene is drawn: as the root of its unknown pixels."""
    weights = np.sqrt([len(scene.unknown) for scene in scenes])
    return weights / weights.sum()


def recoloured(solved, generator):
    """Return `Solved` with channels exchanged and another brightness, which hardly changes what solvers say."""
    order, gain, shift = generator.permutation(3), np.exp(generator.normal(0, 0.2)), generator.normal(0, 0.05)
    samples = solved.samples.copy()
    image, samples[:, :, 2:5], samples[:, :, 5:8] = (
        np.float32(gain) * colours[:, :, order] + np.float32(shift)
        for colours in (solved.image, samples[:, :, 2:5], samples[:, :, 5:8]))
    return solved._replace(image=image, samples=samples)
