"""Every setting of a network and of a training run: defaults, bounds and help, written once.

The command line and the page read them from here (`setting`), and so does the check (`check`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from gan_core.errors import BadSetting, BadWeights

Loss = Literal["non-saturating", "hinge"]
DNorm = Literal["batch", "spectral"]
AUGMENTATIONS = ("color", "translation", "cutout")
_MANY = 2000  # pictures
LAST_SEED = 2**31 - 1


def _setting(default: Any, low: float, high: float, help: str) -> Any:  # noqa: A002
    return field(default=default, metadata={"low": low, "high": high, "help": help})


def _choice(default: str, choices: tuple[str, ...], help: str) -> Any:  # noqa: A002
    return field(default=default, metadata={"choices": choices, "help": help})


@dataclass(frozen=True)
class NetworkConfig:
    """What is needed to build G and D, and so what a snapshot carries with it."""

    kind: str = _choice("dcgan", ("dcgan",), "Network")
    resolution: int = _setting(64, 8, 256, "Side of the pictures, pixels; a power of two")
    z_dim: int = _setting(100, 1, 1024, "Length of the latent vector z")
    # Canonical is 64 and 64 (Radford et al. 2016 by way of the PyTorch tutorial's ngf, ndf).
    width_G: int = _setting(64, 4, 256, "Channels before G's last layer")
    width_D: int = _setting(64, 4, 256, "Channels after D's first layer")
    d_norm: DNorm = _choice("batch", ("batch", "spectral"), "Normalisation in D")


@dataclass(frozen=True)
class Cadence:
    """How often a run does what else it does, in seconds; None = never."""

    report: float | None = 2.0
    preview: float | None = 5.0
    checkpoint: float | None = 30.0
    measure: float | None = 30.0


@dataclass(frozen=True)
class TrainConfig:
    """One training run. `minutes` or `kimg` ends it, whichever comes first; one must be given."""

    network: NetworkConfig = NetworkConfig()
    minutes: float | None = _setting(5.0, 0.05, 10_000, "Time: the whole run, minutes")
    kimg: float | None = _setting(None, 0.001, 1e6, "Thousands of real pictures shown to D")
    seed: int = _setting(0, 0, LAST_SEED, "Seed of weights, latents, data order, augmentation")
    batch_size: int = _setting(32, 4, 512, "Pictures in one step")
    loss: Loss = _choice("non-saturating", ("non-saturating", "hinge"), "Adversarial loss")
    lr_G: float = _setting(2e-4, 1e-6, 1e-1, "Learning rate of G")
    lr_D: float = _setting(2e-4, 1e-6, 1e-1, "Learning rate of D")
    # Adam's first moment: Radford et al. 2016, section 4, found 0.9 unstable and took 0.5.
    beta1: float = _setting(0.5, 0.0, 0.99, "Adam's beta 1")
    beta2: float = _setting(0.999, 0.5, 0.9999, "Adam's beta 2")
    skip_D_below: float = _setting(0.0, 0.0, 2.0, "Leave D alone while its loss is below this")
    r1_gamma: float = _setting(0.0, 0.0, 1000, "R1 penalty on D's slope at real pictures; 0: none")
    augment: tuple[str, ...] = AUGMENTATIONS
    mirror: bool = False
    ema_halflife_kimg: float = _setting(5.0, 0.0, 1000, "Half-life of G's moving average")
    # ADA's rule (Karras et al. 2020): early on, average over no more than 5 % of what was seen.
    ema_rampup: float = _setting(0.05, 0.0, 1.0, "Longest half-life, as a share of images seen")
    cadence: Cadence = Cadence()

    def __post_init__(self) -> None:
        if self.minutes is None and self.kimg is None:
            raise BadSetting(
                "The run has no end: neither minutes nor kimg is set.",
                "At least one of them must be.",
                "Give a number of minutes.",
            )
        unknown = sorted(set(self.augment) - set(AUGMENTATIONS))
        if unknown:
            raise BadSetting(
                f"There is no augmentation called {unknown[0]!r}.",
                f"The choices are {', '.join(AUGMENTATIONS)}.",
                "Correct the name, or leave augmentation empty.",
            )
        check(self)
        check(self.network)


def check(config: NetworkConfig | TrainConfig) -> None:
    """Raise BadSetting for the first field outside its bounds or choices."""
    for entry in fields(config):
        value, bounds = getattr(config, entry.name), entry.metadata
        if value is None or not bounds:
            continue
        if "choices" in bounds and value not in bounds["choices"]:
            raise BadSetting(
                f"{entry.name} is {value!r}.",
                f"It must be one of {', '.join(bounds['choices'])}.",
                "Choose one of these.",
            )
        if "low" in bounds and not bounds["low"] <= value <= bounds["high"]:
            raise BadSetting(
                f"{entry.name} is {value:.10g}.",
                f"It must lie between {bounds['low']:.10g} and {bounds['high']:.10g}.",
                "Choose a value in between.",
            )
    if isinstance(config, NetworkConfig) and config.resolution & (config.resolution - 1):
        raise BadSetting(
            f"resolution is {config.resolution}.",
            "It must be a power of two, from 8 to 256.",
            "Choose 32, 64 or 128.",
        )


def derive(
    n_images: int, minutes: float, network: NetworkConfig | None = None, **overrides: Any
) -> TrainConfig:
    """Choose the settings of a retraining run from the two things a person knows.

    n_images: how many pictures there are; with thousands, hiding half of each (cutout) costs more
    than it protects (docs/experiments.md). minutes: the time to spend.
    network: that of the model to start from. overrides: fields that the user set by hand.
    """
    seconds = minutes * 60
    derived = {
        "network": network if network is not None else NetworkConfig(),
        "minutes": minutes,
        "augment": AUGMENTATIONS if n_images < _MANY else AUGMENTATIONS[:2],
        # In proportion, so that a short run too shows how it moves.
        "cadence": Cadence(
            preview=min(30.0, max(3.0, seconds / 60)),
            checkpoint=30.0,
            measure=min(120.0, max(15.0, seconds / 12)),
        ),
    }
    return TrainConfig(**{**derived, **overrides})


def describe(config: TrainConfig, n_images: int) -> str:
    """Say in one sentence what a run with this configuration will do."""
    if config.minutes is not None:
        length = f"{config.minutes:g} minute{'s' if config.minutes != 1 else ''}"
    else:
        length = f"{config.kimg:g} thousand images"
    augment = " + ".join(config.augment) if config.augment else "no"
    skip = f", D skipped while its loss is below {config.skip_D_below:g}" * bool(
        config.skip_D_below
    )
    r1 = f", R1 penalty {config.r1_gamma:g}" * bool(config.r1_gamma)
    return (
        f"{length} on {n_images} pictures at {config.network.resolution} px: {config.loss} loss,"
        f" batches of {config.batch_size}, {augment} augmentation{skip}{r1}."
    )


_Config = TypeVar("_Config", NetworkConfig, TrainConfig, Cadence)


def config_to_json(config: NetworkConfig | TrainConfig) -> str:
    """Write a configuration as JSON text (for a file's metadata, or config.json)."""
    return json.dumps(asdict(config), indent=2)


def config_from_dict(kind: type[_Config], values: Mapping[str, Any]) -> _Config:
    """Rebuild a configuration from parsed JSON.

    Raises: BadWeights for unknown fields, wrong types or values out of bounds.
    """
    known = get_type_hints(kind)
    if not isinstance(values, Mapping):
        raise _not_usable(f"{kind.__name__} is {values!r:.80}, not a record of settings.")
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadWeights(
            f"The configuration has an unknown field {unknown[0]!r}.",
            f"It may hold {', '.join(known)}.",
            "Use a file that this version of GAN Atelier wrote, or update GAN Atelier.",
        )
    given = dict(values)
    if "network" in given:
        given["network"] = config_from_dict(NetworkConfig, given["network"])
    if "cadence" in given:
        given["cadence"] = config_from_dict(Cadence, given["cadence"])
    if isinstance(given.get("augment"), list):
        given["augment"] = tuple(given["augment"])
    for name, value in given.items():
        if not _is_of(value, known[name]):
            raise _not_usable(f"{name} is {value!r:.80}.")
    try:
        config = kind(**given)
        if isinstance(config, NetworkConfig):
            check(config)
        return config
    except BadSetting as error:
        raise _not_usable(str(error)) from error


def _is_of(value: object, hint: Any) -> bool:
    """Whether a value read from JSON is of the type that a field of a configuration declares."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is UnionType:
        return any(_is_of(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def _not_usable(reason: str) -> BadWeights:
    return BadWeights(
        f"The configuration cannot be used: {reason}",
        "Every field must have its type and lie within its bounds.",
        "Use a file that GAN Atelier wrote.",
    )
