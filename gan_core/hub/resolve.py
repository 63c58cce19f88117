"""From a name to a model's files on this machine. Knows nothing of what is inside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import errors
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from gan_core.errors import BadWeights
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.cache import Kept
from gan_core.hub.client import OnProgress, quietly
from gan_core.hub.names import GAN, PICKLES, Picked, Sought, pick
from gan_core.hub.repository import Repository, fetch_model, kept_model
from gan_core.weights import D_FILE, G_FILE

BUNDLED = Path(__file__).resolve().parents[2] / "weights"
DEFAULT_MODEL = "dcgan-kaokore-64"
_SHOWN = 100  # characters of a name, in messages
_BRIEF_S = 2.0  # is waited for a newer model, where there is one already
# owner/repo, or owner/repo@revision; a revision is a branch, a tag, a commit, or refs/pr/1.
_ON_THE_HUB = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[\w.-]+)(?:@([\w][\w./-]{0,79}))?", re.ASCII)
HUB_NAME = (
    "owner/repo or owner/repo@revision, where owner and repo are letters and digits with single"
    " - . or _ between them, 96 characters at most, and no .git at the end"
)
_PINNED = re.compile(r"(@[0-9a-f]{7})[0-9a-f]{33}$")
# As `find_newer` calls what it finds.
_OF = re.compile(r"(?P<model>\S+) of (?P<there>\S+)")


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
    found = sorted(path.parent.name for path in bundled.glob(f"*/{G_FILE}"))
    return sorted(found, key=lambda name: name != DEFAULT_MODEL)


def find(
    name: str,
    on_progress: OnProgress = quietly,
    *,
    bundled: Path = BUNDLED,
    cache: Path | None = None,
    endpoint: str | None = None,
    borrowed: Borrowed | None = None,
) -> Found:
    """Find the files of a model: bundled, at a path, kept from the Hub, or on the Hub.

    name: a bundled one; a run's folder, a folder or a file of weights; "owner/repo", or
    "owner/repo@revision". What comes from the Hub is named with its commit: "owner/repo@0123...".
    Also "NAME of owner/repo@revision", the newer one under the name of one that is bundled.
    cache: the folder of the Hub's client, by default its own. endpoint: another Hub.
    borrowed: bounds what comes, if it was a stranger who named it.

    Raises: BadWeights when there is nothing by that name, or nothing of use; HubUnreachable.
    """
    fetch = partial(fetch_model, cache=cache, endpoint=endpoint, on_progress=on_progress)
    if name in bundled_models(bundled):
        return _in_folder(bundled / name, Picked(G_FILE, D_FILE), name)
    newer = _OF.fullmatch(name)
    if newer and newer["model"] in bundled_models(bundled) and (at := on_the_hub(newer["there"])):
        return _newer(newer["model"], at[0], fetch(*at, under=newer["model"]))
    path = _path(name)
    if path is not None:
        for candidate in (path / "best", path):
            if candidate.is_dir() and (picked := pick(_files(candidate))):
                return _in_folder(candidate, picked)
        if path.is_file() and path.suffix.lower() in (".safetensors", *PICKLES):
            return Found(path)
    asked = on_the_hub(name)
    if path is not None or asked is None:
        raise _nothing(name, path, bundled)
    label = f"{name}, neither a bundled model nor a path here,"
    there = fetch(*asked, label=label, borrowed=borrowed)
    return _of_repository(asked[0], there)


def find_newer(
    name: str,
    at: tuple[str, str],
    on_progress: OnProgress = quietly,
    *,
    cache: Path | None = None,
    endpoint: str | None = None,
) -> Found:
    """Find the newer model under the name of one that is bundled, in a repository's folder `name`.

    at: the repository and the revision. It is asked each time, and briefly; where it cannot give
    its newest, what it gave last is taken. Raises: HubUnreachable, BadWeights, DiskFull.
    """
    there = fetch_model(
        *at,
        under=name,
        newest=True,
        patience=_BRIEF_S,
        cache=cache,
        endpoint=endpoint,
        on_progress=on_progress,
    )
    return _newer(name, at[0], there)


def on_the_hub(name: str) -> tuple[str, str] | None:
    """The repository and the revision of a name on the Hub; None for whatever else it is."""
    asked = _ON_THE_HUB.fullmatch(name)
    if asked is None or ".." in name:
        return None
    try:
        validate_repo_id(asked[1])
    except errors.HFValidationError:
        return None
    return asked[1], asked[2] or "main"


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
            f"It must be {HUB_NAME}.",
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


def brief(name: str) -> str:
    """A name with as much of its commit as people write."""
    return _PINNED.sub(r"\1", name)


def find_kept(name: str, *, sought: Sought = GAN, cache: Path | None = None) -> Found | None:
    """What was kept from the Hub by this name, whole and sound; asks nobody. Raises: DiskFull."""
    asked = on_the_hub(name)
    there = kept_model(*asked, sought=sought, cache=cache) if asked else None
    return _of_repository(asked[0], there) if asked and there else None


def _of_repository(repo: str, there: Repository) -> Found:
    return _in_folder(there.folder, there.files, f"{repo}@{there.commit}")


def _newer(name: str, repo: str, there: Repository) -> Found:
    return _in_folder(there.folder, there.files, f"{name} of {repo}@{there.commit}")


def _path(name: str) -> Path | None:
    """The path that a name is, if there is something; None also where no path can be called so."""
    try:
        path = Path(name).expanduser()
        return path if name and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long; nobody of that name is at home here
        return None


def _files(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.is_file()]


def _in_folder(folder: Path, files: Picked, name: str | None = None) -> Found:
    D = folder / files.D if files.D else None
    return Found(folder / files.G, D if D is not None and D.is_file() else None, name)


def _nothing(name: str, path: Path | None, bundled: Path) -> BadWeights:
    if path is not None and path.is_file():
        return BadWeights(
            f"{path.name} is not a file of weights.",
            f"Weights are safetensors, or a generator's {', '.join(PICKLES)}.",
            "Choose a model folder or its model.safetensors.",
        )
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    return BadWeights(
        f"There is no model {shown!r}." if path is None else f"The folder {name} holds no model.",
        f"A model is one of {', '.join(bundled_models(bundled)) or '(none bundled)'}, a run's"
        f" folder, a folder with {G_FILE}, or on the Hugging Face Hub {HUB_NAME}.",
        "Check the name or the path.",
    )
