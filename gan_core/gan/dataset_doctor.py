"""What a set of training pictures is like, before anything is trained: how varied, what is odd in
it, whether it may be mirrored, and what to expect of it.

Pictures are compared by StyleNet's features. The thresholds were measured on 120 flowers, 104 drawn
faces, 300 painted faces, ten kinds of photographs (120 each) and 400 photographs of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.gan.copies import Images
from gan_core.gan.metrics import Extract, stylenet_features

Features = NDArray[np.float32]  # [N, F]
Variety = Literal["much alike", "fairly varied", "very varied"]

# Mean distance of log features between two of 400 photographs of anything, at 64 px. Of it, the
# drawn faces reach 54 %, the painted ones 79 %, one kind of photographs 78 to 93 %, ten kinds 97 %.
ANYTHING = 24.9
_ALIKE, _VERY_VARIED = 0.7, 0.95
_FEW, _ENOUGH = 50, 100  # pictures
_SIZE = 64  # pixels; features of another size could not be compared with ANYTHING
_BATCH = 32

# Two strangers among 100 pictures of one kind, 33 pairs of kinds: two in three strangers were
# found, most of those missed being no stranger than the pictures are to one another; and of the
# pictures that belonged, one in a hundred was named. So nothing is decided by this alone.
_FEWEST = 10
_COMPANY = 0.2  # of the pictures: those near ones that a picture should have
_ODD_FROM = 3.0  # robust standard deviations
_LEAST_STD = 0.5  # of the median feature's

_SIDES_SHARE, _SIDES_CHANCE = 0.03, 0.01  # measured: see `Sides`
_SIDES_MOST, _SHUFFLES = 64, 999


@dataclass(frozen=True)
class Odd:
    """A picture with little like it. times: how much farther than usual its company is."""

    index: int
    times: float


@dataclass(frozen=True)
class Sides:
    """Whether left and right differ in the same way throughout the pictures.

    share: of what tells a picture from its mirror image, how much is common to all pictures.
    chance: how often so much would be common if mirroring made no difference. With 64 pictures
    each, 33 kinds of photographs and painted faces reach 2 % at most; drawn faces lit from one side
    5 %, short words 6 % when laid over photographs and 47 % alone, single letters 11 %.
    """

    share: float
    chance: float

    @property
    def differ(self) -> bool:
        """Whether mirrored pictures would be of another kind."""
        return self.share >= _SIDES_SHARE and self.chance < _SIDES_CHANCE

    def hint(self) -> str:
        """Say what was found, and what only a person can know."""
        if self.differ:
            return (
                f"Left and right differ in the same way throughout ({self.share:.0%} of the"
                " difference between a picture and its mirror image is common to all): better not"
                " mirror them."
            )
        return (
            "No difference between left and right was found that is common to these pictures."
            " Writing in some of them would not be noticed."
        )


@dataclass(frozen=True)
class Findings:
    """What was found about a set.

    variety: the mean difference between two of its pictures, as a share of that between two
    photographs of anything. odd: the oddest first. sides: None for too few pictures.
    """

    n_images: int
    variety: float
    odd: tuple[Odd, ...] = ()
    sides: Sides | None = None

    @property
    def degree(self) -> Variety:
        """How varied the pictures are, in words."""
        if self.variety < _ALIKE:
            return "much alike"
        return "fairly varied" if self.variety < _VERY_VARIED else "very varied"

    def expectation(self) -> str:
        """Say in a sentence or two what a retrained GAN will make of so many and such pictures."""
        measured = f"two differ {self.variety:.0%} as much as two photographs of anything"
        if self.degree == "very varied":
            return (
                f"These {self.n_images:,} pictures are very varied ({measured}): expect colours"
                " and blotches more than things. Pictures of one kind of thing work better."
            )
        return f"These {self.n_images:,} pictures are {self.degree} ({measured}): {self._outcome()}"

    def _outcome(self) -> str:
        if self.n_images < _FEW:
            return (
                "expect near copies and echoes of them. From a hundred on, new pictures can be"
                " hoped for."
            )
        if self.n_images < _ENOUGH:
            return "expect new pictures of the kind, and among them echoes of yours."
        if self.degree == "much alike":
            return "expect new pictures of the kind."
        return "expect new pictures of the kind, in the large more than in detail."


def examine(
    images: Images, extract: Extract | None = None, reference: float = ANYTHING
) -> Findings:
    """Look at a set of pictures, uint8 [N, S, S, 3]; about 10 ms a picture on one core.

    extract: other features than StyleNet's; reference: what variety is measured by with these.
    """
    extract = extract if extract is not None else stylenet_features()
    seen = features_of(images, extract)
    variety = find_variety(seen, reference)
    return Findings(len(images), variety, find_odd(seen), compare_sides(images, extract))


def find_variety(features: Features, reference: float = ANYTHING) -> float:
    """Mean distance between two pictures' log features, as a share of `reference`."""
    n = len(features)
    return float(_distances(np.log1p(features)).sum()) / max(n * (n - 1), 1) / reference


def features_of(images: Images, extract: Extract | None = None) -> Features:
    """See pictures, uint8 [N, S, S, 3], through a feature network at 64 px: float32 [N, F]."""
    extract = extract if extract is not None else stylenet_features()
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        return torch.cat([extract(_resize(part)) for part in x.split(_BATCH)]).float().numpy()


def find_odd(features: Features) -> tuple[Odd, ...]:
    """Find pictures to which not even a fifth of the others is as near as usual, the oddest first.

    A fifth, so that a set may be of several kinds. Features are taken by their logarithm, in units
    of their spread in this set; what is usual is the median, and its spread the median deviation.
    """
    if len(features) < _FEWEST:
        return ()
    logs = np.log1p(features)
    spread = logs.std(axis=0)
    distances = _distances(logs / np.maximum(spread, max(np.median(spread) * _LEAST_STD, 1e-6)))
    company = np.sort(distances, axis=1)[:, max(1, int(len(features) * _COMPANY))]
    logs_away = np.log(np.maximum(company, 1e-6))
    away = logs_away - np.median(logs_away)
    usual = 1.4826 * np.median(np.abs(away))  # of normal values, their standard deviation
    odd = np.flatnonzero(away > _ODD_FROM * max(usual, 1e-3))
    return tuple(Odd(int(i), float(np.exp(away[i]))) for i in odd[np.argsort(-away[odd])])


def compare_sides(images: Images, extract: Extract | None = None, seed: int = 0) -> Sides | None:
    """Test whether a set is like its own mirror image, on at most 64 of its pictures.

    If it is, then the difference in features between a picture and its mirror image points as often
    one way as the other. So signs are drawn at random for all differences, many times over: a
    sign-flip test (Fisher 1935, "The design of experiments", section 21). None for few pictures.
    """
    chosen = np.linspace(0, len(images) - 1, min(_SIDES_MOST, len(images))).round().astype(int)
    if len(chosen) < _FEWEST:
        return None
    differences = _halves(images[chosen], extract) - _halves(images[chosen][:, :, ::-1], extract)
    spread = differences.std(axis=0)
    scaled = differences / np.maximum(spread, max(np.median(spread) * _LEAST_STD, 1e-6))
    products = scaled.astype(np.float64) @ scaled.T  # [N, N]
    n, own = len(products), float(np.trace(products))
    if own == 0:  # every picture is its own mirror image
        return Sides(0.0, 1.0)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(_SHUFFLES, n))
    signs = np.concatenate([np.ones((1, n)), signs])
    common = (np.einsum("si,ij,sj->s", signs, products, signs, optimize=True) - own) / (n - 1)
    return Sides(float(common[0]) / own, float((common >= common[0] * (1 - 1e-9)).mean()))


def _halves(images: Images, extract: Extract | None) -> Features:
    """Features of the left and of the right half, side by side: [N, 2 F]."""
    middle = images.shape[2] // 2
    halves = np.concatenate([images[:, :, :middle], images[:, :, -middle:]])
    left, right = np.split(features_of(np.ascontiguousarray(halves), extract), 2)
    return np.concatenate([left, right], axis=1)


def _resize(x: Tensor) -> Tensor:
    """uint8 [N, 3, S, S'] -> the same with S = 64."""
    height, width = x.shape[2:]
    if height == _SIZE:
        return x
    size = (_SIZE, max(1, round(width * _SIZE / height)))
    return interpolate(x.float(), size, mode="bilinear", antialias=True).round().to(torch.uint8)


def _distances(vectors: Features) -> NDArray[np.float32]:
    """Euclidean distances between all pairs, [N, N]."""
    x = torch.from_numpy(np.ascontiguousarray(vectors))
    distances: NDArray[np.float32] = torch.cdist(x, x).fill_diagonal_(0).numpy()
    return distances
