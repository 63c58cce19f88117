"""How good the made pictures are: near to the real ones (KID), as varied, and not copies of them.

One judge holds the real pictures' features and compares with them whatever a generator makes. KID
(kernel inception distance, Binkowski et al. 2018, arXiv:1801.01401) is unbiased, so it is fair with
a hundred pictures where FID is not. The features are passed in, and every figure carries their
name, because figures of different features cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gan_core.compute import Compute
from gan_core.errors import BadDataset
from gan_core.features.load import STYLENET_NAME, load_network
from gan_core.gan.copies import MOST_REAL, CopyFinder, Images, Neighbour
from gan_core.gan.latents import latents, render
from gan_core.pictures.canvas import to_uint8

Extract: TypeAlias = Callable[[Tensor], Tensor]  # uint8 [N, 3, S, S] -> float32 [N, F]

_LAYERS = ("relu3_1", "relu4_1", "relu5_1")
_BATCH = 32
_LEAST_STD = 0.5  # of the median feature's
_NEIGHBOURS = 5  # Naeem et al. 2020, section 4.4
_BLOCKS = 10  # of the jackknife
# Standard errors either side for 90 %: Student's t, by blocks less one. (With the normal
# distribution's 1.645 the interval held the truth in 80 to 89 % of trials; so in 85 to 93 %.)
_STUDENT = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833)
_COVERAGE_COUNTS, _COPIES_COUNT = 0.2, 1.0


@dataclass(frozen=True)
class Quality:
    """What a judge says of pictures; all but memorised in the space of the extractor's features.

    kid: squared kernel distance, unscaled; unbiased, so it may be negative. kid_low, kid_high: its
    90 % interval (jackknife over blocks of both kinds of pictures). coverage: the share of the real
    pictures with a made one within the distance of their fifth-nearest real neighbour (Naeem et al.
    2020, arXiv:2002.09797). memorised: the share of the made pictures that copy a real one, by
    thumbnails (`gan.copies`). nearest: median distance from a made picture to the nearest real one,
    over the same among the real ones. diversity: mean distance between two made pictures, over the
    same between two real ones. Both ratios are 1 where the real pictures do not differ at all.
    """

    kid: float
    kid_low: float
    kid_high: float
    coverage: float
    memorised: float
    nearest: float
    diversity: float
    n_real: int
    n_fake: int
    extractor: str


def shortfall(found: Quality) -> float:
    """What the best snapshot is chosen by; lower is better.

    KID, less for covering all of the real pictures, more for copying them. The weights: between
    runs on 120 pictures, KID fell by about 0.2 while coverage rose by 0.1, so that coverage decides
    only among near equals; a generator that does nothing but copy measures -0.2 by KID, and must
    not be the best for it (docs/experiments.md).
    """
    return found.kid - _COVERAGE_COUNTS * found.coverage + _COPIES_COUNT * found.memorised


class Judge:
    """Compares pictures with one fixed set of real ones, always by the same latents.

    real: uint8 [N, S, S, 3], at least 2; of more than `most`, so many are taken at even distances.
    extract: the features; default: StyleNet's. name: what to call them. Raises: BadDataset.

    Features are standardised on the real pictures, and each vector is brought to one length, so
    that the kernel lies in [0, 8] and neither a feature that hardly varies nor one odd picture can
    decide a figure. Figures of two sets of real pictures cannot be compared.
    """

    def __init__(
        self,
        real: Images,
        extract: Extract | None = None,
        name: str = "",
        n_fake: int = 256,
        most: int = 1000,
    ) -> None:
        if len(real) < 2:
            raise BadDataset(
                f"There are {len(real)} pictures to compare with.",
                "At least 2 are needed; from 100 on the figures mean something.",
                "Add pictures.",
            )
        features_of = _evenly(len(real), most)
        self.name = name if extract is not None else f"{STYLENET_NAME}, {', '.join(_LAYERS)}"
        self.n_fake = n_fake
        self._extract = extract if extract is not None else stylenet_features()
        raw = self._raw(real[features_of])
        self._mean, std = raw.mean(0), raw.std(0)
        self._std = std.clamp_min(max(float(std.median()) * _LEAST_STD, 1e-6))
        self._real = self._normalise(raw)
        self._kernel = _kernel(self._real, self._real)
        self._searched = _evenly(len(real), MOST_REAL)
        self._copies = CopyFinder(real[self._searched])
        between = torch.cdist(self._real, self._real).fill_diagonal_(0)
        self._spread = float(between.sum()) / (len(raw) * (len(raw) - 1))
        k = min(_NEIGHBOURS, len(raw) - 1)
        nearest = between.fill_diagonal_(torch.inf).topk(k, largest=False).values
        self._alone = float(nearest[:, 0].median())
        self._radius = nearest[:, -1]

    def measure(self, G: nn.Module, z_dim: int, seed: int = 1) -> Quality:
        """Judge `n_fake` pictures that G (in eval mode) makes from the latents of `seed`."""
        return self.judge(to_uint8(render(G, latents(self.n_fake, seed, z_dim))))

    def judge(self, made: Images) -> Quality:
        """Judge pictures, uint8 [N, S, S, 3], at least 2."""
        fake = self._normalise(self._raw(made))
        kid, margin = _kid(self._kernel, _kernel(fake, fake), _kernel(self._real, fake))
        across = torch.cdist(self._real, fake)  # [N_real, N_fake]
        spread = float(torch.pdist(fake).mean())
        return Quality(
            kid=kid,
            kid_low=kid - margin,
            kid_high=kid + margin,
            coverage=float((across.min(1).values <= self._radius).float().mean()),
            memorised=sum(each.is_copy for each in self._copies.nearest(made)) / len(made),
            nearest=_ratio(float(across.min(0).values.median()), self._alone),
            diversity=_ratio(spread, self._spread),
            n_real=len(self._real),
            n_fake=len(made),
            extractor=self.name,
        )

    def neighbours(self, made: Images) -> list[Neighbour]:
        """For each picture the nearest of the real ones; `index` counts those of `real`.

        Of more than 2,000 real pictures, so many are looked at.
        """
        found = self._copies.nearest(made)
        return [replace(each, index=int(self._searched[each.index])) for each in found]

    def _raw(self, pictures: Images) -> Tensor:
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        with torch.no_grad():
            return torch.cat([self._extract(part) for part in x.split(_BATCH)])

    def _normalise(self, raw: Tensor) -> Tensor:
        standardised = (raw - self._mean) / self._std
        length = torch.linalg.vector_norm(standardised, dim=1, keepdim=True).clamp_min(1e-6)
        normalised: Tensor = standardised / length * standardised.shape[1] ** 0.5
        return normalised


def stylenet_features() -> Extract:
    """The spatial means of StyleNet's relu3_1, relu4_1 and relu5_1: 640 numbers a picture.

    In float32 whatever the training runs in: kernels of hundreds of features are noise in
    bfloat16's 8 bits (docs/experiments.md).
    """
    network = load_network("stylenet", _LAYERS[-1]).copy_to(Compute(channels_last=True))

    def extract(x: Tensor) -> Tensor:
        x = (x.float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", enabled=False):
            found = network(x, _LAYERS)
        return torch.cat([found[layer].mean(dim=(2, 3)) for layer in _LAYERS], dim=1)

    return extract


def _evenly(count: int, most: int) -> NDArray[np.int_]:
    """Which of `count` pictures to take, `most` at even distances."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    """The cubic kernel of Binkowski et al. 2018, section 3: [N, F], [M, F] -> float64 [N, M]."""
    a, b = a.double(), b.double()
    return (a @ b.T / a.shape[1] + 1) ** 3


def _kid(real: Tensor, fake: Tensor, across: Tensor) -> tuple[float, float]:
    """The unbiased squared distance from kernels within and across, and half its 90 % interval.

    The interval is that of a delete-a-block jackknife (Efron and Tibshirani 1993, chapter 11):
    block j of the real and of the made pictures is left out, for each of ten. All is summed block
    by block first, so that leaving one out is a subtraction. Endless with fewer than 4 of a kind.
    """
    n_blocks = max(1, min(_BLOCKS, len(real) // 2, len(fake) // 2))
    of_real, of_fake = _membership(len(real), n_blocks), _membership(len(fake), n_blocks)
    sums = [
        of_real.T @ (real - real.diag().diag()) @ of_real,
        of_fake.T @ (fake - fake.diag().diag()) @ of_fake,
        of_real.T @ across @ of_fake,
    ]
    n, m = torch.tensor(len(real)), torch.tensor(len(fake))
    whole = float(_mmd([each.sum() for each in sums], n, m))
    if n_blocks == 1:
        return whole, float("inf")
    without = _mmd([_leave_one_out(each) for each in sums], n - of_real.sum(0), m - of_fake.sum(0))
    variance = (n_blocks - 1) / n_blocks * float((without - without.mean()).square().sum())
    return whole, _STUDENT[n_blocks - 2] * float(variance**0.5)


def _mmd(sums: list[Tensor], n: Tensor, m: Tensor) -> Tensor:
    """From the sums of kernels over pairs of real, of made, and of real and made pictures (without
    those of a picture and itself), and the counts of both."""
    real, fake, across = sums
    return real / (n * (n - 1)) + fake / (m * (m - 1)) - 2 * across / (n * m)


def _membership(count: int, blocks: int) -> Tensor:
    """[count, blocks]: 1 where a picture belongs to a block; every blocks-th one does."""
    return (torch.arange(count)[:, None] % blocks == torch.arange(blocks)).double()


def _leave_one_out(sums: Tensor) -> Tensor:
    """Of sums [B, B] by block: the total without row and column j, for every j."""
    return sums.sum() - sums.sum(0) - sums.sum(1) + sums.diag()


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else 1.0
