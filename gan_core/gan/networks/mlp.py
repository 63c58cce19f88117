"""The lesson's first GAN: fully connected layers, which see no place in a picture, only numbers.

Names and order of the layers are those of the lesson's notebook (GANPyTorch.ipynb in Microsoft's
"AI for Beginners", lesson 10), so that its weights load strictly: `linear1.weight`, `bn1.weight`,
... Differs: 32 px and colour too, a width, and D returns logits (its sigmoid had no parameters).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.grey import to_channels, to_colour

_LEAK = 0.2
_MOMENTUM = 0.2  # of the batch norms' running statistics; PyTorch's own is 0.1


class Generator(nn.Module):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        # The notebook's 256, 512, 1024 at the default width of 64.
        first, second, third = (config.width_G * times for times in (4, 8, 16))
        self.linear1 = nn.Linear(config.z_dim, first)
        self.bn1 = nn.BatchNorm1d(first, momentum=_MOMENTUM)
        self.linear2 = nn.Linear(first, second)
        self.bn2 = nn.BatchNorm1d(second, momentum=_MOMENTUM)
        self.linear3 = nn.Linear(second, third)
        self.bn3 = nn.BatchNorm1d(third, momentum=_MOMENTUM)
        self.linear4 = nn.Linear(third, config.channels * config.resolution**2)

    def forward(self, z: Tensor) -> Tensor:
        """z: [N, z_dim]. Returns [N, 3, S, S] in [-1, 1]."""
        x = leaky_relu(self.bn1(self.linear1(z)), _LEAK)
        x = leaky_relu(self.bn2(self.linear2(x)), _LEAK)
        x = leaky_relu(self.bn3(self.linear3(x)), _LEAK)
        side = self.config.resolution
        x = torch.tanh(self.linear4(x)).view(-1, self.config.channels, side, side)
        return to_colour(x)


class Discriminator(nn.Module):
    """Score pictures: x [N, 3, S, S] in [-1, 1] -> logits [N], above 0 for "real"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        # The notebook's 512 and 256 at the default width of 64.
        first, second = config.width_D * 8, config.width_D * 4
        self.linear1 = nn.Linear(config.channels * config.resolution**2, first)
        self.linear2 = nn.Linear(first, second)
        self.linear3 = nn.Linear(second, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, S, S] in [-1, 1]. Returns logits [N]."""
        x = to_channels(x, self.config.channels).flatten(1)
        x = leaky_relu(self.linear1(x), _LEAK)
        x = leaky_relu(self.linear2(x), _LEAK)
        logits: Tensor = self.linear3(x)
        return logits.flatten()

    def blocks(self) -> list[list[nn.Parameter]]:
        """The parameters of each layer, the lowest first."""
        return [list(layer.parameters()) for layer in (self.linear1, self.linear2, self.linear3)]


def build(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Make G and D with fresh weights, drawn as PyTorch does, that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(config), Discriminator(config)
