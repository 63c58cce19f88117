"""What a run begins from: a model or nothing, and the pictures."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadSetting
from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.snapshot import Snapshot

Images: TypeAlias = NDArray[np.uint8]
SCRATCH = "scratch"  # the name of no start at all
FROM = ", from "  # between what a model is called and what it began from
_OWN = ("an own model", "a model like")  # what has no name that others know is called so


def lineage_of(start: str) -> list[str]:
    """What a start goes back to, the nearest first: the names that others know.

    start: its name in a run's record, which tells of a model where it began in its turn.
    """
    names = start.split(FROM)
    return [name for name in names if name != SCRATCH and not name.startswith(_OWN)]


def can_start(network: NetworkConfig, has_D: bool) -> bool:
    """Whether a run can begin from a model: of a network that is trained here, and with its D.

    Beside a new D, which knows nothing yet, G would forget what it has learned.
    """
    return network.kind in FAMILIES and has_D


def require_start(network: NetworkConfig, has_D: bool, label: str) -> None:
    """Raise BadSetting where `can_start` says no. label: what messages call the model."""
    if not can_start(network, has_D):
        is_known = network.kind in FAMILIES
        why = "it has no discriminator" if is_known else f"{network.kind} is no network to train"
        raise BadSetting(
            f"{label} can only make pictures: {why}.",
            f"To train, a start needs a discriminator, and a network of {', '.join(FAMILIES)}.",
            "Choose another start, or scratch.",
        )


@dataclass(frozen=True)
class Start:
    """What a run begins from: a snapshot (or nothing, for scratch) and its name for the record.

    Raises: BadSetting as `require_start`.
    """

    snapshot: Snapshot | None = None
    name: str = SCRATCH

    def __post_init__(self) -> None:
        if self.snapshot is not None:
            require_start(self.snapshot.network, self.snapshot.D is not None, self.name)


@dataclass(frozen=True)
class Data:
    """The pictures to learn from, and those to be measured against (by default the same).

    Both uint8 [N, S, S, 3].
    """

    images: Images
    reference: Images | None = None
