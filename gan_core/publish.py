"""A run's model, published on the Hugging Face Hub: on which terms, and what of it goes there."""

from __future__ import annotations

import re
from pathlib import Path

from gan_core.errors import BadRun, BadSetting
from gan_core.events import Started
from gan_core.gan.card import Release
from gan_core.gan.package import contents
from gan_core.gan.run import EVENTS_FILE, SAMPLES_FOLDER, read_events
from gan_core.gan.start import SCRATCH, origin_of
from gan_core.hub.account import require_name
from gan_core.hub.client import OnProgress, quietly
from gan_core.hub.resolve import BUNDLED
from gan_core.hub.upload import CARD, Parcel, Sent, look, send
from gan_core.hub.upload import reserve as hub_reserve

_SAMPLES = 24  # of the previews, at even distances: enough to see how it came about
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")  # the form of the Hub's names for them
# As `Found.name` has it: a bundled model, perhaps a newer one, or owner/repo; at a commit.
_STARTED = re.compile(r"(?:(?P<model>\S+) of )?(?P<repo>[^\s@/]+/[^\s@]+)@[0-9a-f]{40}")
_IN_HEAD = re.compile(r"^license: *(\S+)$", re.MULTILINE)


def release_of(folder: Path, repo: str, licence: str | None = None) -> Release:
    """On which terms a run's model can be published: as what it started from demands.

    licence: the Hub's name for the one chosen. What began from a bundled model keeps that one's.

    Raises: BadRun for what is no run, or none that has begun; BadSetting for another licence than
    it must have, for none where one must be chosen, and for a name that no repository can have.
    """
    require_name(repo)
    return release_for(repo, _start_of(folder), licence)


def licence_of(folder: Path) -> str | None:
    """The licence that a run's model must have; None where one is to be chosen. Raises: BadRun."""
    return _licence_of(_origin(_start_of(folder))[0])


def release_for(repo: str, start: str, licence: str | None = None) -> Release:
    """The same by the name of what a run starts from, before there is one. Raises: BadSetting."""
    require_name(repo)
    model, base = _origin(start)
    return Release(repo, _terms(start, licence, _licence_of(model)), base)


def publish(
    folder: Path,
    release: Release,
    kind: str = "",
    *,
    private: bool = False,
    update: bool = False,
    token: str | None = None,
    on_progress: OnProgress = quietly,
) -> Sent:
    """Put a run's model on the Hub, in one commit: networks, settings, previews, films, card.

    The pictures it learned from never are among them. kind: what those show, for the card.
    update: put it in the place of the one that is there. token: whose; None: this machine's own.
    on_progress: called with the bytes that have been sent, and all that will be.

    Raises: BadRun without a snapshot or a log; as `hub.upload.send`.
    """
    name = release.repo.partition("/")[2]
    files = contents(folder, name, kind, release, _SAMPLES)
    parcel = Parcel(
        release.repo,
        files,
        mark=EVENTS_FILE,
        message=f"Publish {name}, made with GAN Atelier",
        owned=(f"{SAMPLES_FOLDER}/",),
    )
    return send(parcel, private=private, update=update, token=token, on_progress=on_progress)


def takes_a_place(release: Release) -> bool:
    """Whether a model is there already, in whose place one published privately would come.

    Raises: HubRefused where something else is there, or all see it; HubUnreachable.
    """
    return look(_place_of(release))


def reserve(release: Release) -> None:
    """Make the private repository of a model that is published later; check its licence there.

    Raises: as `publish`.
    """
    hub_reserve(_place_of(release))


def _place_of(release: Release) -> Parcel:
    head = f"---\nlicense: {release.licence}\n---\n".encode()
    return Parcel(release.repo, {CARD: head}, mark=EVENTS_FILE, message="")


def _start_of(folder: Path) -> str:
    """What a run started from, by the name in its log. Raises: BadRun."""
    starts = [event for event in read_events(folder) if isinstance(event, Started)]
    if not starts:
        raise BadRun(
            f"The run {folder.name} has not begun.", "It has no model.", "Wait until it trains."
        )
    return starts[-1].start


def _origin(start: str) -> tuple[str, str | None]:
    """What a start goes back to: the model's own name, "" for one of the Hub; its repository."""
    origin = origin_of(start)
    named = _STARTED.fullmatch(origin)
    return ((named["model"] or ""), named["repo"]) if named else (origin, None)


def _licence_of(model: str) -> str | None:
    """The licence of a bundled model, from the head of its card; None for any other."""
    card = BUNDLED / model / CARD
    if model in ("", SCRATCH) or "/" in model or not card.is_file():
        return None
    found = _IN_HEAD.search(card.read_text(encoding="utf-8"))
    return found[1] if found else None


def _terms(start: str, chosen: str | None, demanded: str | None) -> str:
    """The licence to publish under. Raises: BadSetting."""
    if chosen is not None and not _LICENCE.fullmatch(chosen):
        raise BadSetting(
            f"The licence is {chosen!r}.",
            "It is one of the Hub's names for them, as cc-by-4.0, cc-by-sa-4.0, cc0-1.0, mit.",
            "See https://huggingface.co/docs/hub/repositories-licenses.",
        )
    if demanded is not None:
        if chosen not in (None, demanded):
            raise BadSetting(
                f"The licence is {chosen}, and the model started from {start}.",
                f"What is derived from that is under {demanded}, as it is.",
                "Leave --license out.",
            )
        return demanded
    if chosen is None:
        began = "nothing" if start == SCRATCH else start
        raise BadSetting(
            f"No licence was given, and a model that started from {began} comes with none.",
            "Who finds it must know what they may do with it; what it started from, and the"
            " pictures it learned from, may forbid some.",
            "Give it with --license, as cc-by-4.0, cc-by-sa-4.0, cc0-1.0 or mit.",
        )
    return chosen
