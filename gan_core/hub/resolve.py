"""From a name to a model's files on this machine. Knows nothing of what is inside them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gan_core.errors import BadWeights, DiskFull, HubUnreachable
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.cache import Kept
from gan_core.hub.client import OnProgress, quietly
from gan_core.hub.names import DISCRIMINATOR, GAN, MODEL, PICKLES, Picked, Sought, pick
from gan_core.hub.repository import Repository, fetch_model, kept_model

BUNDLED = Path(__file__).resolve().parents[2] / "weights"
DEFAULT_MODEL = "dcgan-kaokore-64"
_BRIEF_S = 2.0  # is waited for a newer model, where there is one already
# owner/repo, or owner/repo@revision; a revision is a branch, a tag, a commit, or refs/pr/1.
_ON_THE_HUB = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([\w][\w./-]*))?", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A model's files: of a GAN G and D, of a feature network all in the place of G.

    name: by which anybody finds the same; None for a path of this machine.
    """

    G: Path
    D: Path | None = None
    name: str | None = None


def bundled_models(bundled: Path = BUNDLED) -> list[str]:
    """Names of the models that come with the program, the default first."""
    found = sorted(path.parent.name for path in bundled.glob("*/model.safetensors"))
    return sorted(found, key=lambda name: name != DEFAULT_MODEL)


def find(
    name: str,
    on_progress: OnProgress = quietly,
    *,
    newer: str | None = None,
    bundled: Path = BUNDLED,
    cache: Path | None = None,
    endpoint: str | None = None,
) -> Found:
    """Find the files of a model: bundled, at a path, kept from the Hub, or on the Hub.

    name: a bundled one; a run's folder, a folder or a file of weights; "owner/repo", or
    "owner/repo@revision". What comes from the Hub is named with its commit: "owner/repo@0123...".
    newer: a repository with newer models under the names of those that are bundled, a folder each.
    It is asked every time; where it does not answer, what it had last is taken, else the bundled.
    cache: the folder of the Hub's client, by default its own. endpoint: another Hub.

    Raises: BadWeights when there is nothing by that name, or nothing of use; HubUnreachable.
    """
    fetch = partial(fetch_model, cache=cache, endpoint=endpoint, on_progress=on_progress)
    if name in bundled_models(bundled):
        if newer is not None:
            with suppress(HubUnreachable, BadWeights, DiskFull):
                there = fetch(newer, under=name, newest=True, patience=_BRIEF_S)
                return _in_folder(there.folder, there.files, f"{name} of {newer}@{there.commit}")
        return _in_folder(bundled / name, Picked(MODEL, DISCRIMINATOR), name)
    path = Path(name).expanduser()
    for candidate in (path / "best", path):
        if name and candidate.is_dir() and (picked := pick(_files(candidate))):
            return _in_folder(candidate, picked)
    if path.is_file() and path.suffix.lower() in (".safetensors", *PICKLES):
        return Found(path)
    asked = on_the_hub(name)
    if path.exists() or asked is None:
        raise _nothing(name, path, bundled)
    there = fetch(*asked, label=f"{name}, neither a bundled model nor a path here,")
    return _of_repository(asked[0], there)


def on_the_hub(name: str) -> tuple[str, str] | None:
    """The repository and the revision of a name on the Hub; None for whatever else it is."""
    asked = _ON_THE_HUB.fullmatch(name)
    return None if asked is None or ".." in name else (asked[1], asked[2] or "main")


def find_on_hub(
    name: str,
    on_progress: OnProgress = quietly,
    *,
    sought: Sought = GAN,
    cache: Path | None = None,
    endpoint: str | None = None,
    borrowed: Borrowed | None = None,
) -> Found:
    """As `find`, but on the Hub alone: a name that a stranger typed is never taken for a path.

    sought: what kind of model. borrowed: bounds what strangers have fetched.

    Raises: BadWeights for any other name, or for nothing of use; HubUnreachable; DiskFull.
    """
    if (asked := on_the_hub(name)) is None:
        raise BadWeights(
            f"“{name:.80}” is no name on the Hugging Face Hub.",
            "It must be owner/repo, or owner/repo@revision.",
            "Look for one at huggingface.co/models.",
        )
    fetched = fetch_model(
        *asked, sought=sought, label=name, cache=cache, endpoint=endpoint, on_progress=on_progress,
        borrowed=borrowed,
    )  # fmt: skip
    return _of_repository(asked[0], fetched)


def pinned(name: str, *, cache: Path | None = None) -> str | None:
    """A name on the Hub with the commit that is kept of it: "owner/repo@0123..."; None if none is.

    Asks nobody, and looks at no weights.
    """
    asked = on_the_hub(name)
    commit = Kept(asked[0], cache).commit(asked[1]) if asked else None
    return f"{asked[0]}@{commit}" if asked and commit else None


def find_kept(name: str, *, sought: Sought = GAN, cache: Path | None = None) -> Found | None:
    """What was kept from the Hub by this name, whole and sound; asks nobody. Raises: DiskFull."""
    asked = on_the_hub(name)
    there = kept_model(*asked, sought=sought, cache=cache) if asked else None
    return _of_repository(asked[0], there) if asked and there else None


def _of_repository(repo: str, there: Repository) -> Found:
    return _in_folder(there.folder, there.files, f"{repo}@{there.commit}")


def _files(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.is_file()]


def _in_folder(folder: Path, files: Picked, name: str | None = None) -> Found:
    D = folder / files.D if files.D else None
    return Found(folder / files.G, D if D is not None and D.is_file() else None, name)


def _nothing(name: str, path: Path, bundled: Path) -> BadWeights:
    if path.is_file():
        return BadWeights(
            f"{path.name} is not a file of weights.",
            f"Weights are safetensors, or a generator's {', '.join(PICKLES)}.",
            "Choose a model folder or its model.safetensors.",
        )
    what = (
        f"The folder {name} holds no model."
        if name and path.is_dir()
        else f"There is no model {name!r}."
    )
    return BadWeights(
        what,
        f"A model is one of {', '.join(bundled_models(bundled)) or '(none bundled)'}, a run's"
        " folder, a folder with model.safetensors, or owner/repo on the Hugging Face Hub.",
        "Check the name or the path.",
    )
