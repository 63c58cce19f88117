"""A run's model, published on the Hugging Face Hub: on which terms, and what of it goes there."""

from __future__ import annotations

import re
from pathlib import Path

from gan_core.errors import BadRun, BadSetting
from gan_core.events import Started
from gan_core.gan.card import Release
from gan_core.gan.package import contents
from gan_core.gan.run import EVENTS_FILE, SAMPLES_FOLDER, read_events
from gan_core.gan.start import SCRATCH, lineage_of
from gan_core.hub.account import require_name
from gan_core.hub.client import OnProgress, quietly
from gan_core.hub.resolve import BUNDLED, bundled_models
from gan_core.hub.terms import LICENCE, listed_licence
from gan_core.hub.upload import CARD, Parcel, Sent, look, send
from gan_core.hub.upload import reserve as hub_reserve

_SAMPLES = 24  # of the previews, at even distances: enough to see how it came about
# As `Found.name` has it: a bundled model, perhaps a newer one, or owner/repo; at a commit.
_STARTED = re.compile(
    r"(?:(?P<model>\S+) of )?(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})", re.ASCII
)
_IN_HEAD = re.compile(r"^license: *(\S+)$", re.MULTILINE)
# Who keeps to these may give what they derive under another licence.
_FREE = {
    "0bsd", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc-by-2.0",
    "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc0-1.0", "isc", "mit", "ncsa", "pddl", "unlicense",
    "wtfpl", "zlib",
}  # fmt: skip


def release_of(
    folder: Path, repo: str, licence: str | None = None, token: str | None = None
) -> Release:
    """On which terms a run's model can be published: as what it started from demands.

    licence: the Hub's name for the one chosen. What began from a bundled model keeps that one's,
    and what began from one of the Hub the one that is listed there, unless that leaves it free.
    token: who looks that up; None: this machine's own.

    Raises: BadRun for what is no run, or none that has begun; BadSetting for another licence than
    it must have, for none where one must be chosen, and for a name that no repository can have;
    HubRefused, HubUnreachable where the licence of a start is to be looked up.
    """
    require_name(repo)
    return release_for(repo, _start_of(folder), licence, token)


def licence_of(folder: Path, token: str | None = None) -> str | None:
    """The licence that a run's model must have; None where one is to be chosen.

    Raises: as `release_of`.
    """
    return _demanded(_start_of(folder), token)


def release_for(
    repo: str, start: str, licence: str | None = None, token: str | None = None
) -> Release:
    """The same by the name of what a run starts from, before there is one. Raises: as before."""
    require_name(repo)
    _check_form(licence)
    named = [_STARTED.fullmatch(name) for name in lineage_of(start)]
    base = next((each["repo"] for each in named if each), None)
    return Release(repo, _terms(start, licence, _demanded(start, token)), base)


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


def _demanded(start: str, token: str | None) -> str | None:
    """The licence that what comes of a start must have, by all that it goes back to; None: any.

    Raises: BadSetting where two demand what cannot be had together; as `listed_licence`.
    """
    found = (_licence_of(name, token) for name in lineage_of(start))
    demanded = sorted({licence for licence in found if licence} - _FREE)
    if len(demanded) > 1:
        raise BadSetting(
            f"The model started from {start}, and these are under {' and '.join(demanded)}.",
            "What is derived from each of them must be under its licence.",
            "It cannot be published on both terms; start from another model.",
        )
    return demanded[0] if demanded else None


def _licence_of(name: str, token: str | None) -> str | None:
    """The licence of one that a start goes back to; None where it is not known."""
    named = _STARTED.fullmatch(name)
    model = named["model"] if named else name
    if model in bundled_models():
        found = _IN_HEAD.search((BUNDLED / model / CARD).read_text(encoding="utf-8"))
        return found[1] if found else None
    return listed_licence(named["repo"], named["commit"], token) if named else None


def _check_form(licence: str | None) -> None:
    if licence is not None and not LICENCE.fullmatch(licence):
        raise BadSetting(
            f"The licence is {licence!r}.",
            "It is one of the Hub's names for them, as cc-by-4.0, cc-by-sa-4.0, cc0-1.0, mit.",
            "See https://huggingface.co/docs/hub/repositories-licenses.",
        )


def _terms(start: str, chosen: str | None, demanded: str | None) -> str:
    """The licence to publish under. Raises: BadSetting."""
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
