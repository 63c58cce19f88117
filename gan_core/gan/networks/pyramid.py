"""One G and one D with colours at every scale, 8 to 256 px: to grow, or to be judged at all sizes.

Two ways past the sizes at which a plain GAN learns, of the same layers:

- one scale, which may grow (`gan.growth`): Karras et al. 2018, "Progressive Growing of GANs"
  (arXiv:1710.10196), below PG;
- all scales at once, so that G hears of every one of them directly: Karnewar and Wang 2020,
  "MSG-GAN" (arXiv:1903.06048), below MSG.

Differs from both: the layers are those of a DCGAN, with batch norm, and what is made at a side is
made as by a DCGAN of that size. PG's own (equalised learning rate, pixel norm, no norm in D) are
made for days on several GPUs; in the minutes of a CPU they came less far, and made areas with
outlines (docs/experiments.md, "The pyramid"). What a layer is like depends on its own side alone,
so a small network is a part of a large one, and can be grown further.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gan_core.gan.config import NetworkConfig
from gan_core.gan.growth import Growing, enlarge, reduce
from gan_core.gan.networks.dcgan import Closing, Opening, initialise
from gan_core.gan.networks.equalised import LEAK, fuse, with_spread
from gan_core.gan.networks.strided import Halving, double

_FEWEST = 8  # channels
_SPREAD = 0.02  # of the first weights: Radford et al. 2016, section 4


class Generator(Growing):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(sides(config.resolution))
        self.config = config
        at = {side: channels(side, config.width_G) for side in (4, *self.sides)}
        self.opening = normed(Opening(config.z_dim, at[4]), at[4], nn.ReLU(inplace=True))
        self.doublings = by_side(
            {s: normed(Doubling(at[s // 2], at[s]), at[s], nn.ReLU(inplace=True))
             for s in self.sides[:-1]}
        )  # fmt: skip
        # From half the side, as a DCGAN's last layer.
        self.heads = by_side({s: Doubling(at[s // 2], 3) for s in self.sides})

    def forward(self, z: Tensor) -> Tensor:
        """z: [N, z_dim]. Returns [N, 3, S, S] in [-1, 1]; while it grows, enlarged to S."""
        (picture,) = self._paint(z, [self.side])
        return enlarge(picture, self.config.resolution)

    def scales(self, z: Tensor, truncation: float = 1.0) -> list[Tensor]:
        """What D judges: pictures of the present side, or of all sides up to it."""
        wanted = present(self) if self.config.scales == "all" else [self.side]
        return self._paint(z * truncation, wanted)

    def _paint(self, z: Tensor, wanted: list[int]) -> list[Tensor]:
        before = self.side // 2  # what a side that fades in is mixed with
        asked = {*wanted, *([before] if self.fade < 1 else [])}
        pictures: dict[int, Tensor] = {}
        x = self.opening(z.reshape(len(z), -1, 1, 1))
        for side in present(self):
            if side in asked:
                pictures[side] = torch.tanh(self.heads[str(side)](x))
            if side < self.side:
                x = self.doublings[str(side)](x)
        if self.fade < 1:  # PG, figure 2
            old, new = enlarge(pictures[before], self.side), pictures[self.side]
            pictures[self.side] = torch.lerp(old, new, self.fade)
        return [pictures[side] for side in wanted]


class Discriminator(Growing):
    """Score pictures -> logits [N], above 0 for "real"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(sides(config.resolution))
        self.config = config
        at = {side: channels(side, config.width_D) for side in (4, *self.sides)}

        def leak() -> nn.Module:
            return nn.LeakyReLU(LEAK, inplace=True)

        self.readers = by_side(  # without a norm, as a DCGAN's first layer
            {s: nn.Sequential(Halving(3, at[s // 2]), leak()) for s in self.sides}
        )
        self.halvings = by_side(
            {s: normed(Halving(at[s], at[s // 2]), at[s // 2], leak()) for s in self.sides[:-1]}
        )
        self.closing = Closing(at[4] + 1, bias=False)

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:
        """x: all scales, smallest first, or one picture: of the present side or of the full one.

        Each [N, 3, s, s] in [-1, 1]. Returns logits [N]. Raises: ValueError for other sizes.
        """
        scales = self._scales(x)
        side = self.side
        h = self.readers[str(side)](scales[side])
        while (side := side // 2) > 4:
            h = self.halvings[str(side)](h)
            if side in scales:
                fade = self.fade if 2 * side == self.side else 1.0
                h = self._join(self.readers[str(side)](scales[side]), h, fade)
        logits: Tensor = self.closing(with_spread(h))
        return logits.flatten()

    def blocks(self) -> list[list[nn.Parameter]]:
        """All parameters: those of each side, the largest first, then those of the last layer."""
        found: list[list[nn.Parameter]] = []
        for side in reversed(self.sides):
            found.append(list(self.readers[str(side)].parameters()))
            if str(side) in self.halvings:
                found[-1] += self.halvings[str(side)].parameters()
        return [*found, list(self.closing.parameters())]

    def _scales(self, x: Tensor | list[Tensor]) -> dict[int, Tensor]:
        """Pictures by side, as many as are looked at; those that are not given are made."""
        given = x if isinstance(x, list) else [x]
        shapes = [tuple(each.shape[1:]) for each in given]
        wanted = present(self) if self.config.scales == "all" else [self.side]
        fitting = ([self.side], [self.config.resolution], wanted)
        if shapes not in [[(3, side, side) for side in fits] for fits in fitting]:
            raise ValueError(f"D takes pictures of {wanted} px, not {[*map(list, shapes)]}")
        by = {each.shape[2]: each for each in given}
        asked = {*wanted, *([self.side // 2] if self.fade < 1 else [])}
        return {side: by[side] if side in by else reduce(given[-1], side) for side in asked}

    def _join(self, read: Tensor, above: Tensor, fade: float) -> Tensor:
        """Put together what was read at a side and what comes from the larger ones.

        One scale: PG, figure 2. All: a sum. MSG, section 3.1, has the colours as more channels, of
        which the next convolution makes such a sum. Its variance is kept at that of one.
        """
        if self.config.scales == "one":
            return torch.lerp(read, above, fade)
        return (read + fade * above) / math.sqrt(1 + fade**2)


class Doubling(nn.Module):
    """[N, n_in, n, n] -> [N, n_out, 2n, 2n]: pixels repeated, then a 3x3 convolution, as in PG.

    Differs from a DCGAN's transposed convolution of 4x4, by the same multiplications: no lattice.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out, 3, 3) * _SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        return double(x, fuse(self.weight))


def sides(resolution: int) -> list[int]:
    """Sides that have colours: 8, 16, ..., resolution."""
    return [2**k for k in range(3, resolution.bit_length())]


def present(network: Growing) -> list[int]:
    """The sides up to that which a network works at."""
    return [side for side in network.sides if side <= network.side]


def channels(side: int, width: int) -> int:
    """Channels at a side: `width` at 32 px, as in a DCGAN of 64 px; twice as many at half of it."""
    return max(_FEWEST, 32 * width // side)


def normed(layer: nn.Module, channels: int, activation: nn.Module) -> nn.Module:
    """A layer with the batch norm and the activation after it."""
    return nn.Sequential(layer, nn.BatchNorm2d(channels), activation)


def by_side(layers: dict[int, nn.Module]) -> nn.ModuleDict:
    """Layers under the names of their sides."""
    return nn.ModuleDict({str(side): layer for side, layer in layers.items()})


def build(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Make G and D with fresh weights that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        G, D = Generator(config), Discriminator(config)
        initialise(G)
        initialise(D)
    return G, D
