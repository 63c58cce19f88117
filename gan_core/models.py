"""From any name of a model to a snapshot on this machine: what the commands and the page call."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from gan_core.errors import AtelierError, BadSetting
from gan_core.gan.foreign import adopt
from gan_core.gan.snapshot import Snapshot, load_snapshot
from gan_core.hub import resolve as hub
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.client import OnProgress, own_cache, quietly

# Names a repository with newer models, under the names of those that come with the program.
NEWER = "GAN_ATELIER_REPO"
# Megabytes that visitors of a page may have fetched: set where one of their runs trains.
VISITORS_MB = "GAN_ATELIER_VISITORS_MB"
_log = logging.getLogger(__name__)
_looking = Lock()
_looked: dict[tuple[Path, str, str], Model] = {}  # by where, name and NEWER: for good


@dataclass(frozen=True)
class Model:
    """Where a model lies, for `load_snapshot`. name: what to call it in a record, so that others
    find the same (a bundled name; "owner/repo@commit"; "NAME of owner/repo@commit", the newer one
    under a bundled name); None for a path of this machine. said: which of two it is, and why."""

    folder: Path
    name: str | None
    said: str = ""


def find_model(
    name: str, on_progress: OnProgress = quietly, borrowed: Borrowed | None = None
) -> Model:
    """Find a model: bundled, at a path, kept from the Hugging Face Hub, or there.

    What was made elsewhere, in a layout that is known (`gan.foreign`), is converted once.

    name: a bundled name, of which there may be a newer model (`find_bundled`); the path of a run, a
    folder or a file; "owner/repo", or "owner/repo@revision". Once fetched, a revision stays what it
    was then.
    on_progress: called with the bytes that have come, and all that will.
    borrowed: bounds what comes if it was a stranger who named it; see also VISITORS_MB.

    Raises: BadWeights when there is nothing by that name, or nothing of use; HubUnreachable;
    DiskFull; BadSetting as `newer_models`.
    """
    if name in hub.bundled_models():
        return find_bundled(name, on_progress)
    borrowed = borrowed or _of_visitors()
    return _adopted(hub.find(name, on_progress, borrowed=borrowed), borrowed)


def find_bundled(
    name: str, on_progress: OnProgress = quietly, bundled: Path = hub.BUNDLED
) -> Model:
    """Give a model that comes with the program, or the newer one under its name.

    Which of them it is, is settled once while the program runs: there `newer_models` is asked, and
    what it has must load. Raises: BadSetting as `newer_models`.
    """
    at = newer_models()
    if at is None:
        return Model(bundled / name, name)
    key = bundled, name, "@".join(at)
    with _looking:  # whoever else wants it waits, and gets the same
        if key not in _looked or not _looked[key].folder.exists():
            _looked[key] = _newer(name, at, on_progress, bundled)
            _log.info(_looked[key].said)
        return _looked[key]


def newer_models() -> tuple[str, str] | None:
    """The repository, and its revision, that GAN_ATELIER_REPO names; None where it is not set.

    Raises: BadSetting for what no repository can be called.
    """
    value = os.environ.get(NEWER, "").strip()
    at = hub.on_the_hub(value)
    if value and at is None:
        raise BadSetting(
            f"{NEWER} is {value:.100}.",
            f"It names a repository with newer models: {hub.HUB_NAME}.",
            "Correct it, or do not set it: then the models that come with the program are taken.",
        )
    return at


def load(name: str, on_progress: OnProgress = quietly) -> Snapshot:
    """Load a model by any name that `find_model` knows, with what can go wrong there."""
    return load_snapshot(find_model(name, on_progress).folder)


def find_on_hub(
    name: str, on_progress: OnProgress = quietly, *, borrowed: Borrowed | None = None
) -> Model:
    """As `find_model`, but only "owner/repo" or "owner/repo@revision", and never a path: for names
    that strangers type. borrowed: bounds what comes at their word, and what is made of it."""
    return _adopted(hub.find_on_hub(name, on_progress, borrowed=borrowed), borrowed)


def find_kept(name: str) -> Model | None:
    """What is kept from the Hub by this name, without asking anybody; None if nothing is.

    Raises: BadWeights when it cannot be used; DiskFull.
    """
    found = hub.find_kept(name)
    return None if found is None else _adopted(found)


def _newer(name: str, at: tuple[str, str], on_progress: OnProgress, bundled: Path) -> Model:
    """Fetch a newer model and try it; whatever is wrong with it, there is the bundled one."""
    try:
        model = _adopted(hub.find_newer(name, at, on_progress))
        load_snapshot(model.folder)
    except AtelierError as error:
        said = f"{name} is the one that comes with the program: {error.what}"
        return Model(bundled / name, name, said)
    return replace(model, said=f"{name} is that of {(model.name or '').partition(' of ')[2]}.")


def _adopted(found: hub.Found, borrowed: Borrowed | None = None) -> Model:
    """The same, converted if it must be; a conversion goes with what it was made of."""

    def note(folder: Path) -> None:
        if borrowed is not None and found.name and (at := hub.on_the_hub(found.name)):
            borrowed.note(at[0], folder)

    return Model(adopt(found.G, found.D, own_cache() / "converted", note), found.name)


def _of_visitors() -> Borrowed | None:
    megabytes = os.environ.get(VISITORS_MB)
    return Borrowed(float(megabytes)) if megabytes else None


def resolve(name: str, on_progress: OnProgress = quietly) -> Path:
    """Where the model called `name` lies, for `load_snapshot`; otherwise as `find_model`."""
    return find_model(name, on_progress).folder
