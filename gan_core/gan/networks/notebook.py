"""The lesson's DCGAN for digits: 28 px, and so small that it learns on any machine.

Names and order of the layers are those of the lesson's notebook (GANPyTorch.ipynb in Microsoft's
"AI for Beginners", lesson 10), so that its weights load strictly: `conv1.weight`, `bn1.weight`, ...
Differs: colour too, a width, and D returns logits (its sigmoid had no parameters).

It is not the DCGAN of dcgan.py at another size: kernels of 3 with stride 2 overlap unevenly, which
leaves a lattice in the pictures (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.dcgan import initialise
from gan_core.gan.networks.grey import to_channels, to_colour

_LEAK = 0.2


class Generator(nn.Module):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, 28, 28] in [-1, 1]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width_G  # the notebook's 256, 128, 64 at the default of 64
        self.conv1 = _doubling(config.z_dim, 4 * width)  # side 1 -> 3
        self.bn1 = nn.BatchNorm2d(4 * width)
        self.conv2 = _doubling(4 * width, 2 * width)  # 3 -> 7
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.conv3 = _doubling(2 * width, width)  # 7 -> 15
        self.bn3 = nn.BatchNorm2d(width)
        # 15 -> 28: (15 - 1) 2 + 3, less 2 on either side, and one more below and to the right.
        self.conv4 = _doubling(width, config.channels, padding=2, output_padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """z: [N, z_dim] or [N, z_dim, 1, 1]. Returns [N, 3, 28, 28] in [-1, 1]."""
        x = relu(self.bn1(self.conv1(z.reshape(len(z), self.config.z_dim, 1, 1))))
        x = relu(self.bn2(self.conv2(x)))
        x = relu(self.bn3(self.conv3(x)))
        return to_colour(torch.tanh(self.conv4(x)))


class Discriminator(nn.Module):
    """Score pictures: x [N, 3, 28, 28] in [-1, 1] -> logits [N], above 0 for "real"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width_D  # the notebook's 64, 128, 256 at the default of 64
        self.conv1 = _halving(config.channels, width)  # side 28 -> 14
        self.conv2 = _halving(width, 2 * width)  # 14 -> 7
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.conv3 = _halving(2 * width, 4 * width)  # 7 -> 3
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.conv4 = _halving(4 * width, 1)  # 3 -> 1

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, 28, 28] in [-1, 1]. Returns logits [N]. Raises: ValueError for another side."""
        side = self.config.resolution
        if x.shape[1:] != (3, side, side):  # others would give several logits each
            raise ValueError(f"D takes pictures [3, {side}, {side}], not {list(x.shape[1:])}")
        x = leaky_relu(self.conv1(to_channels(x, self.config.channels)), _LEAK)
        x = leaky_relu(self.bn2(self.conv2(x)), _LEAK)
        x = leaky_relu(self.bn3(self.conv3(x)), _LEAK)
        logits: Tensor = self.conv4(x)
        return logits.flatten()

    def blocks(self) -> list[list[nn.Parameter]]:
        """The parameters of each convolution with its batch norm, the lowest first."""
        layers: list[tuple[nn.Module, ...]] = [
            (self.conv1,), (self.conv2, self.bn2), (self.conv3, self.bn3), (self.conv4,)
        ]  # fmt: skip
        return [[p for part in block for p in part.parameters()] for block in layers]


def _doubling(
    n_in: int, n_out: int, padding: int = 0, output_padding: int = 0
) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(n_in, n_out, 3, 2, padding, output_padding, bias=False)


def _halving(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False)


def build(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Make G and D with fresh weights, drawn as the DCGAN's are, that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        G, D = Generator(config), Discriminator(config)
        initialise(G)
        initialise(D)
    return G, D
