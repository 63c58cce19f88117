"""Which of many files are a network's, by their names alone: of a folder, or of a repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from gan_core.weights import CONFIG_FILE, D_FILE, G_FILE, MAX_MB

FEATURES = "features.safetensors"  # not model.safetensors: it is no GAN's
PICKLES = (".pth", ".pt", ".bin")  # of PyTorch; what becomes of them: `gan_core.gan.foreign`
_SUFFIXES = (".safetensors", *PICKLES)
_G = re.compile(r"(?:^|[^a-z])(?:generator|gen|net_?g|g)(?:[^a-z]|$)")
_D = re.compile(r"(?:^|[^a-z])(?:discriminator|disc|net_?d|d)(?:[^a-z]|$)")


@dataclass(frozen=True)
class Picked:
    """The names of a network's files: of a GAN's G, and of D and the configuration where they are
    there; of a feature network all in the place of G."""

    G: str
    D: str | None = None
    config: str | None = None

    def all(self) -> list[str]:
        """In the order in which they are to be written: where G is, the rest is."""
        return [name for name in (self.config, self.D, self.G) if name is not None]


def pick(names: Iterable[str]) -> Picked | None:
    """Choose among the names of files; None if none looks like a generator.

    A model of GAN Atelier comes first, then what calls itself a generator: the safetensors sooner
    than the pickle, the less deep, and of several epochs the last. At last a lone pickle.
    """
    there = set(names)
    if G_FILE in there:
        return Picked(G_FILE, *(each if each in there else None for each in (D_FILE, CONFIG_FILE)))
    weights = [name for name in there if name.lower().endswith(_SUFFIXES)]
    G, D = _first(weights, _G), _first(weights, _D)
    if G is None:
        pickles = [name for name in weights if name.lower().endswith(PICKLES) and name != D]
        return Picked(pickles[0], D) if len(pickles) == 1 else None
    return Picked(G, D)


def _first(names: list[str], pattern: re.Pattern[str]) -> str | None:
    fits = [name for name in names if pattern.search(PurePosixPath(name).stem.lower())]
    return min(fits, key=_order, default=None)


def _order(name: str) -> tuple[bool, int, list[int], str]:
    epochs = [-int(digits) for digits in re.findall(r"\d{1,9}", name)]
    return not name.lower().endswith(".safetensors"), name.count("/"), epochs, name


def pick_features(names: Iterable[str]) -> Picked | None:
    """The files of a feature network as `export-stylenet` writes it; None unless both are there."""
    return Picked(FEATURES, config=CONFIG_FILE) if {FEATURES, CONFIG_FILE} <= set(names) else None


@dataclass(frozen=True)
class Sought:
    """What is looked for in a repository: which of its files, in words, and how large at most."""

    kind: str
    files: str
    pick: Callable[[Iterable[str]], Picked | None]
    max_mb: float


GAN = Sought(
    "GAN",
    "A model is a file model.safetensors, or a generator as .safetensors, .pth, .pt or .bin.",
    pick,
    MAX_MB,
)
FEATURE_NETWORK = Sought(
    "feature network",
    f"It is the files {FEATURES} and {CONFIG_FILE}, as `export-stylenet` writes them.",
    pick_features,
    100,  # all of VGG-19's convolutions take 80, in float32
)
