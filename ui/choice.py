"""What a run is to train, as it is chosen on the page: network, size, start; pure.

What fits together is settled here, so that the page always shows what will be trained.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import Any

from gan_core.errors import BadSetting
from gan_core.gan import growth, pace
from gan_core.gan.config import NetworkConfig, TrainConfig, derive, network_of
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.start import SCRATCH
from ui import gpu, texts
from ui.models import Models

SIZES = (64, 128, 256)  # pixels; a network that can do none of them has its own


@dataclass(frozen=True)
class Choice:
    """As the controls stand. grow_from: the first side when growing from scratch; 0: no growing."""

    kind: str
    resolution: int
    scales: str
    start: str
    grow_from: int = 0

    def asked(self) -> dict[str, Any]:
        """The fields of `NetworkConfig` that are chosen."""
        return {"kind": self.kind, "resolution": self.resolution, "scales": self.scales}


def usual(models: Models) -> Choice:
    """What stands there at first: the bundled model's network, started from it."""
    default = models.default()
    if default is None:
        return of_network(network_of(NetworkConfig.kind), SCRATCH)
    return of_network(models.network(default), default)


def of_network(network: NetworkConfig, start: str) -> Choice:
    """A start in the network that it has."""
    return Choice(network.kind, network.resolution, network.scales, start)


def sizes_of(choice: Choice, models: Models) -> list[int]:
    """The sizes that are offered for a network, in pixels; a start's own is always among them."""
    able = FAMILIES[choice.kind].sizes
    offered = {*SIZES, usual(models).resolution}
    if choice.start != SCRATCH:
        offered.add(models.network(choice.start).resolution)
    return sorted(offered & set(able) or set(able))


def first_sides(choice: Choice) -> list[int]:
    """Where growing may begin, 0 for not at all; empty where nothing can grow by choice."""
    family = FAMILIES[choice.kind]
    if not family.grows or choice.start != SCRATCH:
        return []
    return [0, *(side for side in family.sizes if side < choice.resolution)]


def settle(models: Models, choice: Choice, moved: str) -> tuple[Choice, str]:
    """Make the rest fit what was just chosen, and say what had to give.

    moved: the field that somebody chose. What they did not touch follows it; a start that does not
    fit gives way to a bundled model that does, or to none. Raises: BadWeights, BadRun.
    """
    said = ""
    if moved == "start" and choice.start != SCRATCH:
        return of_network(models.network(choice.start), choice.start), said
    if moved == "resolution" and choice.resolution not in FAMILIES[choice.kind].sizes:
        choice = replace(choice, kind=NetworkConfig.kind)
    sides = sizes_of(choice, models)
    if choice.resolution not in sides:
        nearest = min(sides, key=lambda side: abs(side - choice.resolution))
        said = texts.SIZE_MOVED.format(size=nearest)
        choice = replace(choice, resolution=nearest)
    allowed = FAMILIES[choice.kind].allowed()["scales"]
    if choice.scales not in allowed:
        choice = replace(choice, scales=allowed[0])
    if choice.start == SCRATCH or not fits(models, choice):
        before = choice.start
        choice = _with_bundled(models, choice, moved)
        if before != SCRATCH and choice.start == SCRATCH:  # another start is named by `explain`
            title = models.title(before)
            said = f"{said} {texts.START_MOVED.format(model=title)}".strip()
    if choice.grow_from not in first_sides(choice):
        choice = replace(choice, grow_from=0)
    return choice, said


def config_of(
    models: Models, choice: Choice, n_images: int, minutes: float, **by_hand: Any
) -> TrainConfig:
    """The settings that the trainer will come to. Raises: BadSetting, BadWeights, BadRun."""
    network = models.start(choice.start, **choice.asked())[1]
    first = begins_at(models, choice)
    growing = {"grow_from": first} if first else {}
    return derive(n_images, minutes, network, **{**growing, **by_hand})


def asked_of_trainer(models: Models, choice: Choice, network: NetworkConfig) -> dict[str, Any]:
    """The fields of the network that the trainer would not come to from the start alone."""
    if choice.start != SCRATCH:
        there = models.network(choice.start)
        return {} if network == there else {"resolution": network.resolution}
    named = {"kind": network.kind} if network.kind != NetworkConfig.kind else {}
    there = network_of(network.kind)
    fields = ("resolution", "channels", "scales")
    others = {name: getattr(network, name) for name in fields}
    return named | {name: it for name, it in others.items() if it != getattr(there, name)}


def begins_at(models: Models, choice: Choice) -> int:
    """The side at which a run begins to grow, in pixels; 0 if it does not grow."""
    if choice.start == SCRATCH:
        return choice.grow_from
    start = models.load(choice.start)
    return growth.begins_at(start.G, start.network.resolution, choice.resolution)


def is_usual(models: Models, choice: Choice) -> bool:
    """Whether it is what the page begins with, which is known to come to something."""
    return choice == usual(models)


def explain(models: Models, choice: Choice, said: str = "") -> str:
    """What the choice means, as HTML; "" for the usual one. said: what had to give."""
    notes = [said] if said else []
    missing = [side for side in SIZES if side not in FAMILIES[choice.kind].sizes]
    if missing:
        able = [kind for kind, each in FAMILIES.items() if set(missing) <= set(each.sizes)]
        notes.append(texts.SIZES_EXCLUDED.format(able=_listed(able), **_able(choice.kind)))
    if choice.start == SCRATCH:
        scratch = texts.FROM_SCRATCH.format(kind=choice.kind, size=choice.resolution)
        notes += [scratch, texts.SCRATCH_FIGURES]
    elif not is_usual(models, choice):
        title, first = models.title(choice.start), begins_at(models, choice)
        text = texts.START_GROWS if first else texts.START_OWN
        notes.append(
            text.format(model=title, kind=choice.kind, size=choice.resolution, first=first)
        )
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def estimate(config: TrainConfig, is_from_scratch: bool) -> str:
    """What a run comes to on this machine, in one sentence of HTML, by timing a step or two.

    Not where the GPU is lent: it is not here, and once a process has computed gradients without
    one, PyTorch's autograd finds none in the processes that are forked from it either.
    """
    if gpu.LENT:
        return f'<p class="note">{texts.CLOCK_LENT}</p>'
    try:
        growing = pace.fit(config, is_from_scratch)
    except BadSetting as error:
        return f'<p class="warning">{html.escape(str(error))}</p>'
    speed = pace.images_per_second(config)  # known by now
    kimg = pace.kimg_within(config.minutes or 0, speed)
    text = texts.CLOCK.format(
        kind=config.network.kind,
        size=config.network.resolution,
        shown=pace.round_down(kimg),
        minutes=f"{config.minutes:g}",
        speed=f"{speed:,.0f}",
    )
    if growing:
        each = pace.round_down(growing["grow_kimg"])
        text += " " + texts.CLOCK_GROWS.format(
            first=config.grow_from, last=config.network.resolution, each=each
        )
    return f'<p class="note">{text}</p>'


def fits(models: Models, choice: Choice) -> bool:
    """Whether a run can begin from this start with this network: grown to it, if it can grow."""
    try:
        models.start(choice.start, **choice.asked())
    except BadSetting:
        return False
    return True


def _with_bundled(models: Models, choice: Choice, moved: str) -> Choice:
    """Start from a bundled model of this network and size, if there is one.

    Who has not chosen a network, but only a size, gets the network that has such a model, or one
    that can grow to it: whoever has the usual network, or one that came with a bundled start.
    """
    if moved in ("start", "grow_from"):
        return replace(choice, start=SCRATCH)
    there = {name: models.network(name) for name in models.bundled_names()}
    bundled = [of_network(network, name) for name, network in there.items()]
    fitting = [it for it in bundled if it == replace(choice, start=it.start, grow_from=0)]
    if moved == "resolution" and (choice.start in there or choice.kind == usual(models).kind):
        fitting += [it for it in bundled if it.resolution == choice.resolution]
        largest_first = sorted(bundled, key=lambda it: -it.resolution)
        larger = [replace(it, resolution=choice.resolution) for it in largest_first]
        fitting += [it for it in larger if fits(models, it)]
    return fitting[0] if fitting else replace(choice, start=SCRATCH)


def _able(kind: str) -> dict[str, Any]:
    return {"kind": kind, "sizes": _listed([f"{side}" for side in FAMILIES[kind].sizes])}


def _listed(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
