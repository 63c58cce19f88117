"""The strided-convolution DCGAN of Radford et al. 2016 (arXiv:1511.06434), and nothing of training.

Layer order and parameter names are those of the well-known PyTorch tutorial (`main.0.weight`, ...)
so that checkpoints people already have load strictly. Differs: any power-of-two resolution, D
returns logits (its last sigmoid had no parameters), and D may use spectral norm for small data.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.strided import Doubling, Halving

_LEAK = 0.2  # Radford et al. 2016, section 4


class Generator(nn.Module):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        stages = config.resolution.bit_length() - 3  # doublings from 4 px: 64 px -> 4
        channels = config.width_G * 2 ** (stages - 1)
        layers: list[nn.Module] = [
            Opening(config.z_dim, channels),  # [N, C, 4, 4]
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        for _ in range(stages - 1):
            layers += [
                Doubling(channels, channels // 2),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        layers += [Doubling(channels, 3), nn.Tanh()]
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

        def normed(layer: nn.Module) -> nn.Module:
            return spectral_norm(layer) if is_spectral else layer

        channels = config.width_D
        # Without batch norm's shift a convolution needs a bias of its own.
        layers: list[nn.Module] = [
            normed(Halving(3, channels, bias=is_spectral)),
            nn.LeakyReLU(_LEAK, inplace=True),
        ]
        for _ in range(config.resolution.bit_length() - 4):
            layers += [
                normed(Halving(channels, channels * 2, bias=is_spectral)),
                nn.Identity() if is_spectral else nn.BatchNorm2d(channels * 2),
                nn.LeakyReLU(_LEAK, inplace=True),
            ]
            channels *= 2
        layers.append(normed(Closing(channels, bias=is_spectral)))  # [N, 1, 1, 1]
        self.main = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, S, S] in [-1, 1]. Returns logits [N]. Raises: ValueError for another S."""
        side = self.config.resolution
        if x.shape[1:] != (3, side, side):  # larger pictures would give several logits each
            raise ValueError(f"D takes pictures [3, {side}, {side}], not {list(x.shape[1:])}")
        logits: Tensor = self.main(x)
        return logits.flatten()

    def blocks(self) -> list[list[nn.Parameter]]:
        """The parameters of each convolution with the batch norm after it, the first first."""
        found: list[list[nn.Parameter]] = []
        for layer in self.main:
            parameters = list(layer.parameters())
            if isinstance(layer, nn.Conv2d):
                found.append(parameters)
            elif parameters:
                found[-1] += parameters
        return found


class Opening(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d(z_dim, C, 4, 1, 0)` of z [N, z_dim, 1, 1]: a product, in training."""

    def __init__(self, z_dim: int, channels: int) -> None:
        super().__init__(z_dim, channels, 4, 1, 0, bias=False)

    def forward(self, z: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not self.training:  # the pictures of a trained network stay the same, bit for bit
            return super().forward(z, output_size)
        x = z.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1)
        return x.view(len(z), 4, 4, self.out_channels).permute(0, 3, 1, 2)


class Closing(nn.Conv2d):
    """`nn.Conv2d(C, 1, 4, 1, 0)` of x [N, C, 4, 4]: a plain product as well. [N, 1, 1, 1]."""

    def __init__(self, channels: int, bias: bool) -> None:
        super().__init__(channels, 1, 4, 1, 0, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        x, weight = (t.permute(0, 2, 3, 1).flatten(1) for t in (x, self.weight))
        return nn.functional.linear(x, weight, self.bias).view(-1, 1, 1, 1)


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
