"""A run's model card, in the Hub's format, from what the run itself reported."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from gan_core.errors import BadRun
from gan_core.events import (
    Adjusted,
    Diagnosed,
    Event,
    Finished,
    Measured,
    Progress,
    Started,
    say_kid,
)
from gan_core.gan.config import NetworkConfig, TrainConfig, derive
from gan_core.gan.memorisation import MANY_COPIES
from gan_core.gan.run import kept_measurement, read_config, read_events
from gan_core.gan.start import SCRATCH

BEFORE_AFTER_FILE, FILM_FILE = "before-after.png", "timelapse.mp4"
_KIND_LENGTH = 200  # characters
# What says where, when and how long, and not how.
_NOT_THE_RECIPE = ("network", "minutes", "kimg", "seed", "cadence")
_Kind = TypeVar("_Kind", bound=Event)


@dataclass(frozen=True)
class Release:
    """How a model goes to the Hub. repo: owner/name there; licence: one of the Hub's names for it;
    base: owner/name of the model there that it was trained from, if it was."""

    repo: str
    licence: str
    base: str | None = None


def model_card(
    folder: Path,
    name: str,
    shows: str = "",
    files: Collection[str] = (),
    release: Release | None = None,
) -> str:
    """Describe a run's model: what it learned from, how, what came of it, how to use it.

    name: the model's folder. shows: what the training pictures show, in the user's words. files:
    those that go with the card, so that it shows none that are not there. release: if it goes to
    the Hub, whose pages read the head of the card.

    Raises: BadRun when the folder holds no run that has begun.
    """
    events = read_events(folder)
    start = _last(events, Started)
    if start is None:
        raise BadRun(
            f"The run {folder.name} has not begun.",
            "A model card tells what a run did.",
            "Wait until it trains.",
        )
    kept, config = kept_measurement(events), _config(folder)
    kind = config.network.kind if config is not None else NetworkConfig.kind
    network = "DCGAN" if kind == NetworkConfig.kind else f"GAN (network: {kind})"
    trained = f"trained with GAN Atelier on {start.n_images} pictures."
    parts = [
        f"# {name}",
        f"A {network} of {start.resolution} px, {trained}",
        *_pictures(files),
        f"## Use\n\n{_use(name, release)}",
        f"## Data\n\n{_data(start, shows)}",
        "## Recipe\n\n" + "\n".join(_recipe(folder, start, events)),
        "## Figures\n\n" + "\n".join(_figures(kept, _last(events, Diagnosed))),
        f"## Memorisation\n\n{_warn(kept)}",
        f"## Licence\n\n{_licence(start, release)}",
    ]
    return "\n".join(_header(kind, release)) + "\n" + "\n\n".join(parts) + "\n"


def _header(kind: str, release: Release | None) -> Iterator[str]:
    yield "---"
    yield "library_name: gan-atelier"
    if release is not None:
        yield f"license: {release.licence}"
        if release.base:
            yield f"base_model: {release.base}"
    yield "pipeline_tag: unconditional-image-generation"
    yield f"tags: [{kind}, gan, unconditional-image-generation, safetensors]"
    yield "---"


def _use(name: str, release: Release | None) -> str:
    model = shlex.quote(name if release is None else release.repo)
    commands = [f"generate --model {model} --count 16 --seed 0 --out pictures"]
    if release is not None:
        commands.append(f"train my_pictures --start {model} --minutes 5 --out runs/mine")
    lines = "\n".join(f"python -m gan_core {command}" for command in commands)
    if release is None:
        return f"Unpacked into a folder of this name:\n\n```\n{lines}\n```"
    return (
        f"In the folder of GAN Atelier, with its requirements installed:\n\n```\n{lines}\n```\n\n"
        f"`{release.repo}@COMMIT`, with one of the commits under Files, is what it was then. GAN"
        " Atelier is a Python program in no package index: whoever published this has it."
    )


def _pictures(files: Collection[str]) -> Iterator[str]:
    if BEFORE_AFTER_FILE in files:
        yield (
            f"![The same latents through the start and through this model]({BEFORE_AFTER_FILE})\n\n"
            "The same latents at the start, left, and through this model, right"
            + f"; all the way in between is in [{FILM_FILE}]({FILM_FILE})" * (FILM_FILE in files)
            + "."
        )


def _data(start: Started, shows: str) -> str:
    words = html.escape(" ".join(shows.split())[:_KIND_LENGTH], quote=False)
    shown = f" They show, in the words of who trained it: {words}." if words else ""
    return (
        f"{start.n_images} pictures, cut to squares of {start.resolution} px.{shown} None of them"
        " is in here."
    )


def _recipe(folder: Path, start: Started, events: Sequence[Event]) -> Iterator[str]:
    yield f"- Plan: {start.plan}"
    yield f"- Start: {_plain(start.start)}; seed {start.seed}"
    yield f"- Length: {_length(events)}"
    differing = _set_by_hand(folder, start)
    if differing:
        yield f"- Other than derived from number and time: {', '.join(differing)}"
    for event in events:
        if isinstance(event, Adjusted):
            turned = (
                f"{n} {_say(event.before.get(n))} → {_say(v)}" for n, v in event.after.items()
            )
            yield f"- Changed at {event.kimg:.1f} kimg by the {event.by}: {', '.join(turned)}"
    yield "- Every setting is in `training.json`, all that was reported in `events.jsonl`."


def _plain(text: str) -> str:
    """Text of anybody's on one line, where a page shows no more of it than the text."""
    return re.sub(r"([\\`*\[\]!#|])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _length(events: Sequence[Event]) -> str:
    """How far the run has come since it was last started, and how often that was."""
    starts = [index for index, event in enumerate(events) if isinstance(event, Started)]
    latest = events[starts[-1] :]
    again = f", in {len(starts)} parts" if len(starts) > 1 else ""
    ended = _last(latest, Finished)
    so_far = ended or _last(latest, Progress) or _last(latest, Started)
    assert so_far is not None
    figures = (
        f"{so_far.kimg:.1f} kimg (thousand pictures shown) in {so_far.seconds / 60:.1f} minutes"
    )
    return figures + again + ", unfinished" * (ended is None)


def _set_by_hand(folder: Path, start: Started) -> list[str]:
    """Of the settings that the run was last started with, those that `derive` does not choose."""
    config = _config(folder)
    if config is None:
        return []
    minutes = {} if config.minutes is None else {"minutes": config.minutes}
    derived = derive(start.n_images, network=config.network, **{"minutes": 5.0, **minutes})
    names = [field.name for field in fields(config) if field.name not in _NOT_THE_RECIPE]
    pairs = ((name, getattr(config, name), getattr(derived, name)) for name in names)
    return [f"{n} {_say(own)} (not {_say(usual)})" for n, own, usual in pairs if own != usual]


def _config(folder: Path) -> TrainConfig | None:
    """The settings that the run was last started with; None if another version wrote them."""
    try:
        return read_config(folder)
    except BadRun:
        return None


def _say(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return " + ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _figures(kept: Measured | None, verdict: Diagnosed | None) -> Iterator[str]:
    if kept is None:
        yield "Not measured."
    else:
        yield (
            f"Of the snapshot in here, at {kept.kimg:.1f} kimg: {kept.n_fake} made against"
            f" {kept.n_real} real pictures; features: {kept.extractor}."
        )
        yield from (
            "",
            "| figure | value | says |",
            "|---|---|---|",
            f"| KID × 1000 | {say_kid(kept)} | distance from the real ones; 90 % interval |",
            f"| coverage | {kept.coverage:.0%} | real pictures that have a made one nearby |",
            f"| diversity | {kept.diversity:.2f} | variety, over that of the real ones |",
            f"| memorised | {kept.memorised:.0%} | made pictures that lie too near to a real one |",
            f"| nearest | {kept.nearest:.2f} | distance to the nearest real one, over theirs |",
            "",
            "Of several snapshots this is the best by such figures, which are on the kind side for"
            " it; those of other pictures or features cannot be compared with them.",
        )
    if verdict is not None:
        yield f"\nThe run doctor's last verdict, at {verdict.kimg:.1f} kimg: {verdict.state}."
        yield verdict.evidence


def _warn(kept: Measured | None) -> str:
    if kept is not None and kept.memorised >= MANY_COPIES:
        return (
            f"**This model may repeat pictures it learned from.** {kept.memorised:.0%} of"
            f" {kept.n_fake} made pictures lie as near to one of {kept.n_real} real ones as a copy"
            f" does, and the median distance to the nearest is {kept.nearest:.2f} times that"
            " between real ones. Publish it only if those pictures may be seen."
        )
    measured = f"Measured: {kept.memorised:.0%} of {kept.n_fake}. " if kept is not None else ""
    return (
        f"{measured}With few pictures a GAN can repeat what it was shown: compare before you"
        " publish."
    )


def _licence(start: Started, release: Release | None) -> str:
    chosen = f"{release.licence}. " if release is not None else ""
    if start.start == SCRATCH:
        if chosen:
            return f"{chosen}Chosen by who trained it."
        return "The licence is yours to choose, within what the pictures it learned from allow."
    return (
        f"{chosen}It started from {_plain(start.start)}, whose licence holds for what is derived"
        " from it. The bundled models are under CC BY-SA 4.0 (credit: KaoKore, arXiv:2002.08595,"
        " CODH)."
    )


def _last(events: Sequence[Event], kind: type[_Kind]) -> _Kind | None:
    return next((event for event in reversed(events) if isinstance(event, kind)), None)
