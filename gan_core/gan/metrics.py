"""How close the made pictures are to the real ones: kernel inception distance (KID).

KID (Binkowski et al. 2018, arXiv:1801.01401) is unbiased, so it is fair with a hundred pictures
where FID is not. The estimator is torchmetrics'; the feature extractor is passed in, and every
figure carries its name, because figures of different extractors cannot be compared.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, relu

from gan_core.gan.latents import latents, render
from gan_core.pictures.canvas import to_uint8

_CHANNELS = (3, 32, 64, 128)
_LEAST_STD = 0.5  # of the median feature's


class RandomFeatures(nn.Module):
    """Features of a fixed random convolution network: needs no download and no training.

    Untrained convolutions keep enough of colour, layout and texture to rank generators of one
    data set (Naeem et al. 2020, arXiv:2002.09797, study such random embeddings for metrics).
    Each feature is standardised on the real pictures, and each vector brought to one length, so
    that the kernel lies in [0, 8] and one odd picture cannot decide a figure. KIDs of two data
    sets are not comparable.

    real: uint8 [N, 3, S, S], the pictures to standardise on.
    """

    name = "random convolutions, standardised on the real pictures and normalised"
    mean: Tensor
    std: Tensor

    def __init__(self, real: Tensor) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.filters = nn.ParameterList(
            nn.Parameter(
                torch.randn(n_out, n_in, 3, 3, generator=rng) / (n_in * 9) ** 0.5,
                requires_grad=False,
            )
            for n_in, n_out in zip(_CHANNELS, _CHANNELS[1:], strict=False)
        )
        raw = torch.cat([self._raw(part) for part in real.split(64)])
        self.register_buffer("mean", raw.mean(0))
        # A feature that hardly varies in the real pictures would otherwise drown all others.
        std = raw.std(0)
        self.register_buffer("std", std.clamp_min(float(std.median()) * _LEAST_STD))

    def forward(self, x: Tensor) -> Tensor:
        """x: uint8 [N, 3, S, S]. Returns float32 [N, 1312], each of length sqrt(1312)."""
        standardised: Tensor = (self._raw(x) - self.mean) / self.std
        lengths = torch.linalg.vector_norm(standardised, dim=1, keepdim=True).clamp_min(1e-6)
        normalised: Tensor = standardised / lengths * standardised.shape[1] ** 0.5
        return normalised

    @torch.no_grad()
    def _raw(self, x: Tensor) -> Tensor:
        h = x.float() / 127.5 - 1
        kept = [adaptive_avg_pool2d(h, 8).flatten(1)]  # layout and colour: 192
        for weight in self.filters:
            h = relu(conv2d(h, weight, padding=1)) * 2**0.5  # keeps the variance (He et al. 2015)
            kept += [adaptive_avg_pool2d(h, 2).flatten(1), h.std(dim=(2, 3))]  # texture: 5 C
            h = avg_pool2d(h, 2)
        return torch.cat(kept, dim=1)


@dataclass(frozen=True)
class Kid:
    """KID over random subsets: mean and standard deviation, unscaled; may be negative."""

    mean: float
    std: float
    n_real: int
    n_fake: int
    extractor: str


class KidMeter:
    """Measures generators against one fixed set of real pictures, always with the same latents.

    real: uint8 [N, S, S, 3], at least 2; of more than `most`, so many are taken at even distances.
    """

    def __init__(
        self,
        real: NDArray[np.uint8],
        extractor: nn.Module | None = None,
        n_fake: int = 256,
        most: int = 1000,
    ) -> None:
        # Here and not above: torchmetrics takes longer to import than all the rest, and whoever
        # only makes pictures does not need it.
        from torchmetrics.image.kid import KernelInceptionDistance

        chosen = np.linspace(0, len(real) - 1, min(most, len(real))).round().astype(int)
        x_real = torch.from_numpy(real[chosen]).permute(0, 3, 1, 2)
        self.n_real, self.n_fake = len(x_real), n_fake
        self.extractor = extractor if extractor is not None else RandomFeatures(x_real)
        with warnings.catch_warnings():  # it warns about memory, which is small here
            warnings.simplefilter("ignore", UserWarning)
            self._kid = KernelInceptionDistance(
                feature=self.extractor,
                subsets=20,
                subset_size=max(2, min(self.n_real, n_fake) * 3 // 4),
                reset_real_features=False,
            )
        for part in x_real.split(64):
            self._kid.update(part, real=True)

    def measure(self, G: nn.Module, z_dim: int, seed: int = 1) -> Kid:
        """Measure G (in eval mode) on `n_fake` pictures from the latents of `seed`."""
        x_fake = to_uint8(render(G, latents(self.n_fake, seed, z_dim)))
        return self.measure_pictures(x_fake)

    def measure_pictures(self, fake: NDArray[np.uint8]) -> Kid:
        """Measure pictures, uint8 [N, S, S, 3], instead of a generator."""
        self._kid.reset()
        for part in torch.from_numpy(fake).permute(0, 3, 1, 2).split(64):
            self._kid.update(part, real=False)
        with torch.random.fork_rng(devices=[]):  # torchmetrics draws its subsets globally
            torch.manual_seed(0)
            mean, std = self._kid.compute()
        name = str(getattr(self.extractor, "name", type(self.extractor).__name__))
        return Kid(float(mean), float(std), self.n_real, len(fake), name)
