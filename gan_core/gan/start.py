"""What a run begins from: a model or nothing, and the pictures."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gan_core.gan.snapshot import Snapshot

Images: TypeAlias = NDArray[np.uint8]
SCRATCH = "scratch"  # the name of no start at all
FROM = ", from "  # between what an own model is called and what that one goes back to


def origin_of(start: str) -> str:
    """What a start goes back to: a name that others know, SCRATCH, or "" where it is not known.

    start: its name in a run's record, which for a model of one's own tells where that one began.
    """
    own, told, origin = start.rpartition(FROM)
    if told:
        return origin
    return "" if start.startswith(("an own model", "a model like")) else start


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
