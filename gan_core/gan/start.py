"""What a run begins from: a model or nothing, and the pictures."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Start:
    """What a run begins from: a snapshot (or nothing, for scratch) and its name for the record."""

    snapshot: Snapshot | None = None
    name: str = SCRATCH


@dataclass(frozen=True)
class Data:
    """The pictures to learn from, and those to be measured against (by default the same).

    Both uint8 [N, S, S, 3].
    """

    images: Images
    reference: Images | None = None
