"""The strided-convolution DCGAN of Radford et al. 2016 (arXiv:1511.06434), and nothing of training.

Layer order and parameter names are those of the well-known PyTorch tutorial (`main.0.weight`, ...)
so that checkpoints people already have load strictly. Differs: any power-of-two resolution, D
returns logits (its last sigmoid had no parameters), and D may use spectral norm for small data.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_core.gan.config import NetworkConfig

_LEAK = 0.2  # Radford et al. 2016, section 4


class Generator(nn.Module):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        stages = config.resolution.bit_length() - 3  # doublings from 4 px: 64 px -> 4
        channels = config.width_G * 2 ** (stages - 1)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(config.z_dim, channels, 4, 1, 0, bias=False),  # [N, C, 4, 4]
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        for _ in range(stages - 1):
            layers += [
                nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), nn.Tanh()]
        self.main = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """z: [N, z_dim] or [N, z_dim, 1, 1]. Returns [N, 3, S, S] in [-1, 1]."""
        x: Tensor = self.main(z.reshape(len(z), self.config.z_dim, 1, 1))
        return x


class Discriminator(nn.Module):
    """Score pictures: x [N, 3, S, S] in [-1, 1] -> logits [N], above 0 for "real"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        is_spectral = config.d_norm == "spectral"

        def conv(n_in: int, n_out: int, stride: int, padding: int) -> nn.Module:
            # Without batch norm's shift a convolution needs a bias of its own.
            layer = nn.Conv2d(n_in, n_out, 4, stride, padding, bias=is_spectral)
            return spectral_norm(layer) if is_spectral else layer

        channels = config.width_D
        layers: list[nn.Module] = [conv(3, channels, 2, 1), nn.LeakyReLU(_LEAK, inplace=True)]
        for _ in range(config.resolution.bit_length() - 4):
            layers += [
                conv(channels, channels * 2, 2, 1),
                nn.Identity() if is_spectral else nn.BatchNorm2d(channels * 2),
                nn.LeakyReLU(_LEAK, inplace=True),
            ]
            channels *= 2
        layers.append(conv(channels, 1, 1, 0))  # [N, 1, 1, 1]
        self.main = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, S, S] in [-1, 1]. Returns logits [N]. Raises: ValueError for another S."""
        side = self.config.resolution
        if x.shape[1:] != (3, side, side):  # larger pictures would give several logits each
            raise ValueError(f"D takes pictures [3, {side}, {side}], not {list(x.shape[1:])}")
        logits: Tensor = self.main(x)
        return logits.flatten()


def initialise(network: nn.Module) -> None:
    """Draw weights from N(0, 0.02) (Radford et al. 2016, section 4).

    Batch-norm scales are drawn from N(1, 0.02), as the PyTorch tutorial does.

    Differs: under spectral norm the scale of a weight cancels out, and an orthogonal start leaves
    all its singular values equal, so that no direction is lost on the way through D.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if hasattr(module, "parametrizations"):
                nn.init.orthogonal_(module.parametrizations.weight.original)  # type: ignore[union-attr, arg-type]
            else:
                nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def build(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Make G and D with fresh weights that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        G, D = Generator(config), Discriminator(config)
        initialise(G)
        initialise(D)
    return G, D
