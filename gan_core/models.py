"""From any name of a model to a snapshot on this machine: what the commands and the page call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gan_core.gan.foreign import adopt
from gan_core.gan.snapshot import Snapshot, load_snapshot
from gan_core.hub import resolve as hub
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.client import OnProgress, own_cache, quietly

# Names a repository with newer models, under the names of those that come with the program.
NEWER = "GAN_ATELIER_REPO"


@dataclass(frozen=True)
class Model:
    """Where a model lies, for `load_snapshot`. name: what to call it in a record, so that others
    find the same (a bundled name, or "owner/repo@commit"); None for a path of this machine."""

    folder: Path
    name: str | None


def find_model(name: str, on_progress: OnProgress = quietly) -> Model:
    """Find a model: bundled, at a path, kept from the Hugging Face Hub, or there.

    What was made elsewhere, in a layout that is known (`gan.foreign`), is converted once.

    name: a bundled name; the path of a run, a folder or a file; "owner/repo", or
    "owner/repo@revision". Once fetched, a revision stays what it was then.
    on_progress: called with the bytes that have come, and all that will.

    Raises: BadWeights when there is nothing by that name, or nothing of use; HubUnreachable;
    DiskFull.
    """
    return _adopted(hub.find(name, on_progress, newer=os.environ.get(NEWER) or None))


def load(name: str, on_progress: OnProgress = quietly) -> Snapshot:
    """Load a model by any name that `find_model` knows, with what can go wrong there."""
    return load_snapshot(find_model(name, on_progress).folder)


def find_on_hub(
    name: str, on_progress: OnProgress = quietly, *, borrowed: Borrowed | None = None
) -> Model:
    """As `find_model`, but only "owner/repo" or "owner/repo@revision", and never a path: for names
    that strangers type. borrowed: bounds what comes at their word, and what is made of it."""
    model = _adopted(hub.find_on_hub(name, on_progress, borrowed=borrowed))
    if borrowed is not None and model.folder.parent == _converted():
        borrowed.note(name.partition("@")[0], model.folder)
    return model


def find_kept(name: str) -> Model | None:
    """What is kept from the Hub by this name, without asking anybody; None if nothing is.

    Raises: BadWeights when it cannot be used; DiskFull.
    """
    found = hub.find_kept(name)
    return None if found is None else _adopted(found)


def _adopted(found: hub.Found) -> Model:
    return Model(adopt(found.G, found.D, _converted()), found.name)


def _converted() -> Path:
    return own_cache() / "converted"


def resolve(name: str, on_progress: OnProgress = quietly) -> Path:
    """Where the model called `name` lies, for `load_snapshot`; otherwise as `find_model`."""
    return find_model(name, on_progress).folder
