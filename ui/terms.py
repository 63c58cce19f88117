"""From what was chosen on the page to what is asked of a run; refused here, not an hour later."""

from __future__ import annotations

from typing import Any

from gan_core.gan import pace
from gan_core.gan.config import TrainConfig, derive
from gan_core.gan.start import SCRATCH
from gan_core.settings import bounds_of
from ui import gpu, texts
from ui.choice import Choice, asked_of_trainer, is_usual
from ui.errors import require
from ui.models import Models
from ui.request import MOST_MINUTES, SHORTEST_MINUTES, Settings


def settings_from(
    models: Models, n_images: int, minutes: float, choice: Choice, seed: float,
    options: dict[str, Any],
) -> Settings:  # fmt: skip
    """Check what the page or a client of the API asked for, by the same rules as the trainer.

    Raises: BadSetting, BadWeights, BadRun.
    """
    require(texts.TIME, minutes, SHORTEST_MINUTES, MOST_MINUTES)
    require(texts.SEED, seed, *bounds_of(TrainConfig, "seed"), whole=True)
    called, network = models.start(choice.start, **choice.asked())
    derived = derive(n_images, minutes, network)
    by_hand = {
        name: value
        for name, value in options.items()
        if value is not None and value != getattr(derived, name)
    }
    # Raises for what is out of bounds; the trainer will derive the same again.
    derive(n_images, minutes, network, seed=int(seed), **by_hand)
    label = texts.RUN_LABEL.format(n=n_images, minutes=minutes)
    if not is_usual(models, choice):
        label += texts.RUN_NETWORK.format(kind=choice.kind, size=choice.resolution)
    return Settings(
        minutes=minutes,
        seed=int(seed),
        start=called,
        start_name=SCRATCH if choice.start == SCRATCH else models.title(choice.start),
        label=label,
        options=by_hand,
        network=asked_of_trainer(models, choice, network),
    )


def growing_within(models: Models, choice: Choice, config: TrainConfig) -> dict[str, Any]:
    """Refuse a run that comes to nothing in its time, and say what of growing follows from it.

    What the page begins with is known to come to something, and is not timed. Raises: BadSetting.
    """
    if is_usual(models, choice):
        return {}
    if gpu.LENT:  # timed in its first turn
        is_grown = config.grow_from and choice.start == SCRATCH
        return {"grow_from": config.grow_from} if is_grown else {}
    growing = pace.fit(config, choice.start == SCRATCH)
    if growing and choice.start == SCRATCH:
        growing["grow_from"] = config.grow_from
    return growing
