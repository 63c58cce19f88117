"""Whether a run's model repeats the pictures it learned from, for its owner, before it goes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadRun
from gan_core.gan.copies import MOST_REAL, CopyFinder, worst_first
from gan_core.gan.latents import sample
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE
from gan_core.gan.snapshot import G_FILE, load_snapshot
from gan_core.pictures.canvas import make_grid, to_uint8
from gan_core.pictures.dataset import read_dataset
from gan_core.pictures.film import thin

# From this share on a model comes with a warning. Of other photographs of the same kind 0 to 3 %
# are taken for copies; of icons that differ by an eyebrow 10 % (docs/experiments.md, Memorisation).
MANY_COPIES = 0.05
_PAIRS = 8


@dataclass(frozen=True)
class Memorisation:
    """How many of `n_made` pictures are copies of one of `n_real` that the model learned from.

    nearest: median over the made pictures of the share of real ones that lie nearer to another
    real one than it lies to its nearest; 0.5 is as far apart as they are.
    pairs: uint8 [H, W, 3]: above, eight of the made pictures, copies first and then those that lie
    nearest to a real one; below, those real ones. It shows training pictures: for the owner only,
    never to be packed.
    """

    copies: int
    n_made: int
    n_real: int
    nearest: float
    pairs: NDArray[np.uint8]

    @property
    def share(self) -> float:
        """Copies among the made pictures, in [0, 1]."""
        return self.copies / self.n_made

    @property
    def is_warning(self) -> bool:
        """Whether there are so many that one should look before the model goes out."""
        return self.share >= MANY_COPIES

    @property
    def sentence(self) -> str:
        """The finding with its figures, and what follows from it."""
        found = (
            f"{self.copies} of {self.n_made} pictures made ({self.share:.0%}) lie as near to one of"
            f" {self.n_real} it learned from as a copy does."
        )
        if self.is_warning:
            return (
                f"{found} The model seems to repeat pictures it was shown, and whoever has it can"
                " bring them out. Compare the pairs; give it away only if those may be seen."
            )
        return f"{found} So few are no sign that it memorised; still, have a look at the pairs."


def memorisation(folder: Path, n_made: int = 64, seed: int = 0) -> Memorisation:
    """Make pictures with the model that a run keeps, and find the nearest training picture of each.

    n_made: at least 1, by the latents of `seed`. Of more than 2,000 training pictures, so many are
    searched, mirrored too.

    Raises: BadRun without a model, BadWeights, BadDataset without the training pictures.
    """
    if not (folder / BEST_FOLDER / G_FILE).is_file():
        raise BadRun(
            f"The run {folder.name} has no model yet.",
            "One is kept when the run is first measured, and at its end.",
            "Let it run a little longer.",
        )
    snapshot = load_snapshot(folder / BEST_FOLDER)
    images = read_dataset(folder / DATASET_FILE).images
    real = images[thin(range(len(images)), MOST_REAL)]
    made = to_uint8(sample(snapshot, n_made, seed))
    found = CopyFinder(real).nearest(made)
    order = worst_first(found)[:_PAIRS]
    beside = [found[i].index for i in order]
    return Memorisation(
        copies=sum(neighbour.is_copy for neighbour in found),
        n_made=n_made,
        n_real=len(real),
        nearest=float(np.median([neighbour.rank for neighbour in found])),
        pairs=make_grid(np.concatenate([made[order], real[beside]]), len(beside)),
    )
