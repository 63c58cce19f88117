"""A generator that is a plain table of layers: what others have made, to make pictures with.

The table stands in the configuration, a line for each transposed convolution: "256 k3 s1 p0" is 256
channels, a kernel of 3, stride 1, padding 0. Batch norm and ReLU stand between them, tanh at the
end, and nothing has a bias but batch norm. There is no D, so nothing is trained with it.
"""

import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_core.errors import BadWeights
from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.grey import to_colour

_LINE = re.compile(r"(\d{1,4}) k(\d{1,2}) s(\d) p(\d)")
_MOST_LAYERS, _LARGEST = 10, 256  # pixels
_MOST_NUMBERS = 256 * 128**2  # between two layers, of one picture: as in the widest of our own
_MOST_WORK = 20e9  # multiplications for a picture, a second or so; the punks take 0.007e9


@dataclass(frozen=True)
class Layer:
    """A transposed convolution; as text, a line of the table."""

    channels: int
    kernel: int
    stride: int
    padding: int

    def __str__(self) -> str:
        return f"{self.channels} k{self.kernel} s{self.stride} p{self.padding}"

    def side(self, before: int) -> int:
        """The side of what comes out, in pixels."""
        return (before - 1) * self.stride - 2 * self.padding + self.kernel


class Generator(nn.Module):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1].

    Of the last layer's channels 1 is grey, 3 are colours, and a fourth covers: 1 is the picture,
    -1 the white behind it. Raises: BadWeights for a table that makes no such pictures.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.z_dim = before = config.z_dim
        layers: list[nn.Module] = []
        for layer in _table(config):
            convolution = nn.ConvTranspose2d(
                before, layer.channels, layer.kernel, layer.stride, layer.padding, bias=False
            )
            layers += [convolution, nn.BatchNorm2d(layer.channels), nn.ReLU(inplace=True)]
            before = layer.channels
        self.main = nn.Sequential(*layers[:-2], nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """z: [N, z_dim] or [N, z_dim, 1, 1]. Returns [N, 3, S, S] in [-1, 1]."""
        x: Tensor = self.main(z.reshape(len(z), self.z_dim, 1, 1))
        return over_white(x) if x.shape[1] == 4 else to_colour(x)


def over_white(x: Tensor) -> Tensor:
    """Lay colours with a cover upon white: [N, 4, H, W] -> [N, 3, H, W], all in [-1, 1]."""
    cover = (x[:, 3:] + 1) / 2
    return x[:, :3] * cover + (1 - cover)


def _table(config: NetworkConfig) -> list[Layer]:
    found = [_LINE.fullmatch(line) for line in config.layers[:_MOST_LAYERS]]
    table = [Layer(*map(int, match.groups())) for match in found if match]
    sides = [1]
    for layer in table:
        sides.append(layer.side(sides[-1]))
    channels = [config.z_dim, *(layer.channels for layer in table)]
    numbers = [count * side**2 for count, side in zip(channels, sides, strict=True)]
    work = [n * layer.channels * layer.kernel**2 for n, layer in zip(numbers, table, strict=False)]
    if (
        len(table) != len(config.layers)
        or not table
        or min(min(layer.channels, layer.kernel, layer.stride) for layer in table) < 1
        or table[-1].channels not in (1, 3, 4)
        or not 0 < min(sides) <= max(sides) <= _LARGEST
        or max(numbers) > _MOST_NUMBERS
        or sum(work) > _MOST_WORK
        or sides[-1] != config.resolution
    ):
        raise BadWeights(
            f"The table of layers {list(config.layers)!s:.200} makes sides of"
            f" {', '.join(map(str, sides))} pixels, with {sum(work) / 1e9:,.2f} billion"
            " multiplications.",
            f"It must have at most {_MOST_LAYERS} lines like '256 k3 s1 p0' without a zero but the"
            f" padding's, and make pictures of {config.resolution} pixels in 1, 3 or 4 channels, of"
            f" at most {_MOST_NUMBERS} numbers between two lines, with at most"
            f" {_MOST_WORK / 1e9:.0f} billion multiplications.",
            "Choose another model.",
        )
    return table


def build(config: NetworkConfig, seed: int) -> tuple[Generator, nn.Module]:
    """Make G with fresh weights that depend on `seed` alone; where D would be, an empty module."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(config), nn.Module()
