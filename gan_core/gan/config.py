"""Every setting of a network and of a training run: defaults, bounds and help, written once.

The command line and the page read them from here (`setting`), and so does the check (`check`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar

from gan_core.errors import BadSetting, BadWeights
from gan_core.gan.networks.families import FAMILIES, KINDS, Family
from gan_core.settings import LAST_SEED, check_bounds, choice, from_dict, setting

Loss = Literal["non-saturating", "hinge", "relativistic"]
TrainedG = Literal["all", "batch-norm"]
DNorm = Literal["batch", "spectral"]
Scales = Literal["one", "all"]
AUGMENTATIONS = ("color", "translation", "cutout")
# What a run that is under way can go on with at another value.
ADJUSTABLE = (
    "minutes", "kimg", "lr_G", "lr_D", "skip_D_below", "r1_gamma", "r2_gamma", "lecam", "freeze_D",
    "augment", "augment_p", "mirror", "ema_halflife_kimg", "autopilot",
)  # fmt: skip
_MANY = 2000  # pictures
# Small batches, that is many steps of the same pictures, and a D that is quicker than G: what won
# among the trials of docs/experiments.md, "Retraining". With thousands of pictures, hiding half of
# each (cutout) costs more than it protects.
_FOR_FEW = {"batch_size": 16, "lr_D": 4e-4}
_FOR_MANY = {"augment": AUGMENTATIONS[:2]}


@dataclass(frozen=True)
class NetworkConfig:
    """What is needed to build G and D, and so what a snapshot carries with it."""

    kind: str = choice("dcgan", tuple(KINDS), "Network")
    resolution: int = setting(64, 8, 256, "Side of the pictures, pixels")
    channels: int = setting(3, 1, 3, "Colours of the pictures: 3, or 1 for grey ones")
    z_dim: int = setting(100, 1, 1024, "Length of the latent vector z")
    # Canonical is 64 and 64 (Radford et al. 2016 by way of the PyTorch tutorial's ngf, ndf). Half
    # of that is a quarter of the work, and what a CPU gets furthest with in minutes.
    width_G: int = setting(32, 4, 256, "Channels before G's last layer")
    width_D: int = setting(32, 4, 256, "Channels after D's first layer")
    d_norm: DNorm = choice("batch", ("batch", "spectral"), "Normalisation in D")
    scales: Scales = choice("one", ("one", "all"), "What D judges: the picture, or all its sizes")
    layers: tuple[str, ...] = ()  # of a network that was made elsewhere (`networks.layers`)


@dataclass(frozen=True)
class Cadence:
    """How often a run does what else it does, in seconds; None = never."""

    report: float | None = 2.0
    preview: float | None = 5.0
    checkpoint: float | None = 20.0
    measure: float | None = 30.0


@dataclass(frozen=True)
class TrainConfig:
    """One training run. `minutes` or `kimg` ends it, whichever comes first; one must be given."""

    network: NetworkConfig = NetworkConfig()
    minutes: float | None = setting(5.0, 0.05, 10_000, "Time: the whole run, minutes")
    kimg: float | None = setting(None, 0.001, 1e6, "Thousands of real pictures shown to D")
    seed: int = setting(0, 0, LAST_SEED, "Seed of weights, latents, data order, augmentation")
    batch_size: int = setting(32, 4, 512, "Pictures in one step")
    loss: Loss = choice(
        "non-saturating", ("non-saturating", "hinge", "relativistic"), "Adversarial loss"
    )
    lr_G: float = setting(2e-4, 1e-6, 1e-1, "Learning rate of G")
    lr_D: float = setting(2e-4, 1e-6, 1e-1, "Learning rate of D")
    # Adam's first moment: Radford et al. 2016, section 4, found 0.9 unstable and took 0.5.
    beta1: float = setting(0.5, 0.0, 0.99, "Adam's beta 1")
    beta2: float = setting(0.999, 0.5, 0.9999, "Adam's beta 2")
    skip_D_below: float = setting(0.0, 0.0, 2.0, "Leave D alone while its loss is below this")
    r1_gamma: float = setting(0.0, 0.0, 1000, "R1 penalty on D's slope at real pictures; 0: none")
    r2_gamma: float = setting(0.0, 0.0, 1000, "R2 penalty on D's slope at made pictures; 0: none")
    lecam: float = setting(0.0, 0.0, 100, "LeCam regularisation of D; 0: none")
    freeze_D: int = setting(0, 0, 8, "Lower blocks of D that are held still")
    train_G: TrainedG = choice("all", ("all", "batch-norm"), "What of G learns")
    augment: tuple[str, ...] = AUGMENTATIONS
    augment_p: float = setting(1.0, 0.0, 1.0, "Share of the pictures that are augmented")
    mirror: bool = False
    autopilot: bool = False  # what the run doctor advises is done at once
    ema_halflife_kimg: float = setting(5.0, 0.0, 1000, "Half-life of G's moving average")
    # ADA's rule (Karras et al. 2020): early on, average over no more than 5 % of what was seen.
    ema_rampup: float = setting(0.05, 0.0, 1.0, "Longest half-life, as a share of images seen")
    # Progressive growing (Karras et al. 2018, section 2); the schedule is growth.py's.
    grow_from: int = setting(0, 0, 128, "First side while growing, pixels; 0: no growing")
    grow_kimg: float = setting(
        60.0, 0.001, 10_000, "Thousands of pictures in a stage of growing, half of them fading in"
    )
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
        family = family_of(self.network)
        if self.train_G != "all" and not family.has_batch_norm:
            raise BadSetting(
                f"train_G is {self.train_G}, and G of the network {self.network.kind} has none.",
                "There, all of G learns.",
                "Set train_G to all.",
            )
        if self.grow_from:
            _check_growing(self)


def check(config: NetworkConfig | TrainConfig) -> None:
    """Raise BadSetting for the first field outside its bounds or choices."""
    check_bounds(config)
    if not isinstance(config, NetworkConfig):
        return
    for name, allowed in KINDS[config.kind].allowed().items():
        if (value := getattr(config, name)) not in allowed:
            raise BadSetting(
                f"{name} is {value}.",
                f"With the network {config.kind} it can be {_list(allowed)}.",
                "Choose one of these, or another network.",
            )


def family_of(network: NetworkConfig) -> Family:
    """The family of a network that can be trained. Raises: BadSetting for another."""
    if network.kind not in FAMILIES:
        raise BadSetting(
            f"A model of {network.resolution} pixels that was made elsewhere is no network to train"
            f" ({network.kind}).",
            f"What is trained is one of {', '.join(FAMILIES)}.",
            "Make pictures with it, and start from another model or from scratch.",
        )
    return FAMILIES[network.kind]


def enlarged(network: NetworkConfig, resolution: int) -> NetworkConfig:
    """What a model's network is in a run of so many pixels: larger if it can grow, else itself."""
    can = family_of(network).grows and resolution > network.resolution
    return replace(network, resolution=resolution) if can else network


def _check_growing(config: TrainConfig) -> None:
    """Whether the network can begin at the side that is asked for. Raises: BadSetting."""
    network = config.network
    family = family_of(network)
    if not family.grows:
        able = [kind for kind, each in FAMILIES.items() if each.grows]
        raise BadSetting(
            f"grow_from is {config.grow_from}, but the network {network.kind} cannot grow.",
            f"What grows is {_list(able)}.",
            "Choose that network, or 0: no growing.",
        )
    if config.freeze_D:
        raise BadSetting(
            f"freeze_D is {config.freeze_D}, and D grows from {config.grow_from} px.",
            "Its lowest blocks are those that are grown, and have learned nothing yet.",
            "Set freeze_D to 0, or do not grow.",
        )
    smaller = [side for side in family.sizes if side < network.resolution]
    if config.grow_from not in smaller:
        raise BadSetting(
            f"grow_from is {config.grow_from}.",
            f"On the way to {network.resolution} px it can be {_list([0, *smaller])}.",
            "Choose one of these.",
        )


def _list(values: Sequence[object]) -> str:
    return " or ".join(filter(None, [", ".join(map(str, values[:-1])), str(values[-1])]))


def network_of(kind: str, **asked: Any) -> NetworkConfig:
    """The network of a kind, as its family has it but for what is asked for.

    Raises: BadSetting when there is no such kind, or it cannot do what is asked for.
    """
    network = NetworkConfig(kind, **{**(FAMILIES[kind].shape if kind in FAMILIES else {}), **asked})
    check(network)
    return network


def derive(
    n_images: int, minutes: float, network: NetworkConfig | None = None, **overrides: Any
) -> TrainConfig:
    """Choose the settings of a retraining run from the two things a person knows.

    n_images: how many pictures there are. minutes: the time to spend.
    network: that of the model to start from; its family's recipe comes before what was found for
    the DCGAN. overrides: fields that the user set by hand.
    """
    network = network if network is not None else NetworkConfig()
    derived = {
        "network": network,
        "minutes": minutes,
        **(_FOR_FEW if n_images < _MANY else _FOR_MANY),
        **family_of(network).recipe,
        "cadence": cadence_for(minutes),
    }
    return TrainConfig(**{**derived, **overrides})


def cadence_for(minutes: float) -> Cadence:
    """How often a retraining run of this length does what: in proportion, so that a short one too
    shows how it moves, and a long one does not fill the disk with previews."""
    seconds = minutes * 60
    return Cadence(
        preview=min(30.0, max(3.0, seconds / 60)),
        measure=min(120.0, max(15.0, seconds / 12)),
    )


def change(config: TrainConfig, **changes: Any) -> TrainConfig:
    """The same run with other settings; a derived cadence follows a change of its minutes."""
    changed = replace(config, **changes)
    if config.minutes is None or changed.minutes is None:
        return changed
    is_derived = config.cadence == cadence_for(config.minutes)
    return replace(changed, cadence=cadence_for(changed.minutes)) if is_derived else changed


def config_to_json(config: NetworkConfig | TrainConfig) -> str:
    """Write a configuration as JSON text (for a file's metadata, or config.json)."""
    return json.dumps(asdict(config), indent=2)


_Config = TypeVar("_Config", NetworkConfig, TrainConfig, Cadence)


def config_from_dict(kind: type[_Config], values: Mapping[str, Any]) -> _Config:
    """Rebuild a configuration from parsed JSON.

    Raises: BadWeights for unknown fields, wrong types or values out of bounds.
    """
    try:
        config = from_dict(kind, values)
        for part in (config, getattr(config, "network", None)):
            if isinstance(part, NetworkConfig):
                check(part)
        return config
    except BadSetting as error:
        raise BadWeights(
            f"The configuration cannot be used: {error.what}", error.expected, error.advice
        ) from error
