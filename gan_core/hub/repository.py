"""The model in a repository on the Hub: asked for once, then kept in the cache of the Hub's client.

That cache (`HF_HUB_CACHE`) is shared with every other program: `blobs/` holds files by their hash,
`snapshots/<commit>/` links to them by name, `refs/<revision>` says which commit a revision meant.
What the client puts there is used here, and what is put there here, the client finds. Differs from
its `hf_hub_download`: nothing is fetched before all sizes are known and allowed, the hash is
compared and not the length alone, and who does not answer is not waited for.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import huggingface_hub
from huggingface_hub import constants, errors, hf_hub_url
from huggingface_hub.file_download import repo_folder_name

from gan_core.errors import BadWeights, HubUnreachable
from gan_core.files import explain_disk_errors, require_room, sweep_unfinished, write_atomically
from gan_core.hub.client import (
    CONNECT_S,
    FOUND_S,
    NO_HUB,
    OnProgress,
    RemoteFile,
    explained,
    quietly,
    read,
    unsound,
    within,
)
from gan_core.hub.names import Picked, pick
from gan_core.weights import MAX_MB

_COMMIT = re.compile(r"[0-9a-f]{40}")
_KEY = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Repositories of these hold a `model.safetensors` too, mostly large, and never a GAN of ours.
_OTHER_LIBRARIES = {
    "transformers", "diffusers", "timm", "sentence-transformers", "keras", "peft", "open_clip",
}  # fmt: skip


@dataclass(frozen=True)
class Repository:
    """A model as it lies here. folder: its files, called as in the repository; commit: 40 hex."""

    folder: Path
    files: Picked
    commit: str


@dataclass(frozen=True)
class _Listed:
    """A file that the Hub has: where it lies, and its hash, which is its name in the cache."""

    name: str
    remote: RemoteFile
    key: str


def fetch_model(
    repo: str,
    revision: str = "main",
    *,
    under: str = "",
    label: str = "",
    newest: bool = False,
    cache: Path | None = None,
    endpoint: str | None = None,
    on_progress: OnProgress = quietly,
    patience: float = FOUND_S,
) -> Repository:
    """Get the model in a repository: as it was kept, without asking anybody; else from the Hub.

    revision: a branch, a tag or a commit. Once fetched, a branch stays at the commit it had then.
    under: a folder of the repository. label: what messages call the model.
    newest: ask the Hub in any case, and take what was kept only where it does not answer.
    on_progress: called with the bytes that have come, and all that will.
    patience: seconds until the Hub must have answered what it has.

    Raises: HubUnreachable; BadWeights when there is no model, or a damaged or too large one;
    DiskFull.
    """
    place = Path(cache or constants.HF_HUB_CACHE)
    place /= repo_folder_name(repo_id=repo, repo_type="model")
    kept = _kept(place, revision, under)
    if kept is not None and (not newest or _COMMIT.fullmatch(revision)):
        return kept
    try:
        with explained(label or repo):
            info = _ask(repo, revision, endpoint, patience)
    except HubUnreachable:
        if kept is None:
            raise
        return kept
    picked, files = _choose(info, repo, under, label or repo, endpoint)
    _fetch(place, files, on_progress)
    if revision != info.sha:
        with write_atomically(place / "refs" / revision) as path:
            path.write_text(info.sha, encoding="utf-8")
    return Repository(place / "snapshots" / info.sha / under, picked, info.sha)


def _kept(place: Path, revision: str, under: str) -> Repository | None:
    """What the cache holds of a revision, if it is a whole model. Raises: DiskFull."""
    with explain_disk_errors(place):
        try:
            commit = (place / "refs" / revision).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            commit = revision
        folder = place / "snapshots" / commit / under
        if not _COMMIT.fullmatch(commit) or not folder.is_dir():
            return None
        there = [each for each in folder.rglob("*") if each.is_file()]
        picked = pick(each.relative_to(folder).as_posix() for each in there)
        if picked is None or not all(_is_sound(folder / name) for name in picked.all()):
            return None
        return Repository(folder, picked, commit)


def _is_sound(link: Path) -> bool:
    """Whether a file is what the name of its blob says; a damaged one is deleted.

    Where a system has no links the client leaves the file itself, and with it no hash.
    """
    blob = link.resolve()
    if not _KEY.fullmatch(blob.name):
        return True
    digest = _hash(blob.name, blob.stat().st_size)
    with blob.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() == blob.name:
        return True
    link.unlink()
    blob.unlink(missing_ok=True)
    return False


def _hash(key: str, size: int) -> Any:
    """What a file of this key is hashed with: SHA-256 of large ones, Git's own of small ones."""
    if len(key) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _ask(repo: str, revision: str, endpoint: str | None, patience: float) -> Any:
    """What the Hub says of a revision: its commit, its files with sizes and hashes, its library."""
    api = huggingface_hub.HfApi(endpoint=endpoint)  # imported only now: that takes its time
    ask = partial(api.model_info, repo, revision=revision, files_metadata=True, timeout=CONNECT_S)
    try:
        info: Any = within(patience, ask)
        known = _COMMIT.fullmatch(info.sha) and all(each.rfilename for each in info.siblings)
    except (TypeError, KeyError, AttributeError) as error:
        raise errors.FileMetadataError(NO_HUB) from error
    if not known:
        raise errors.FileMetadataError(NO_HUB)
    return info


def _choose(
    info: Any, repo: str, under: str, label: str, endpoint: str | None
) -> tuple[Picked, list[_Listed]]:
    """What of a repository is to be fetched, in that order. Raises: BadWeights."""
    inside = f"{under}/" if under else ""
    listed = {each.rfilename: each for each in info.siblings}
    names = [n.removeprefix(inside) for n in listed if n.startswith(inside) and _is_plain(n)]
    picked = pick(names)
    if picked is None or info.library_name in _OTHER_LIBRARIES:
        raise _no_model(label, info.library_name, list(listed))
    files = []
    for name in (inside + name for name in picked.all()):
        about = listed[name]
        key = (about.lfs.sha256 if about.lfs else about.blob_id) or ""
        if not about.size or not _KEY.fullmatch(key):
            what = f"{name} of {repo} has {about.size} bytes and the hash {key!r}, says the Hub."
            raise unsound(what, "It must have some, and a hash to compare them with.")
        url = hf_hub_url(repo, name, revision=info.sha, endpoint=endpoint)
        files.append(_Listed(name, RemoteFile(f"{name} of {repo}", url, info.sha, about.size), key))
    _refuse_large(files, label)
    return picked, files


def _is_plain(name: str) -> bool:
    """Whether a name from outside stays in the folder that it is put in."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _refuse_large(files: list[_Listed], label: str) -> None:
    largest = max(files, key=lambda each: each.remote.size)
    total = sum(each.remote.size for each in files) / 1e6
    if total > MAX_MB:
        raise BadWeights(
            f"{label} has {total:,.0f} MB, {largest.remote.size / 1e6:,.0f} of them in"
            f" {largest.name}.",
            f"A model may have {MAX_MB} MB; nothing was fetched.",
            "Choose a smaller model.",
        )


def _no_model(label: str, library: str | None, names: list[str]) -> BadWeights:
    seen = f"{', '.join(sorted(names)[:6])}{', ...' * (len(names) > 6)}" or "none"
    return BadWeights(
        f"{label} holds no GAN: its library is {library or 'not named'}, its files are {seen}.",
        "A model is a file model.safetensors, or a generator as .safetensors, .pth, .pt or .bin.",
        "Choose another repository.",
    )


def _fetch(place: Path, files: list[_Listed], on_progress: OnProgress) -> None:
    """Put files that are not there yet into the cache, each whole or not at all."""
    total = sum(each.remote.size for each in files)
    blobs = place / "blobs"
    done = 0

    def tell(came: int) -> None:
        on_progress(done + came, total)

    sweep_unfinished(blobs)
    require_room(place, total / 1e6)
    for each in files:
        link = place / "snapshots" / each.remote.commit / each.name
        if not link.is_file() or not _is_sound(link):
            _store(each, blobs / each.key, tell)
            _link(blobs / each.key, link)
        done += each.remote.size
        on_progress(done, total)


def _store(file: _Listed, blob: Path, on_progress: Callable[[int], None]) -> None:
    size, digest, done = file.remote.size, _hash(file.key, file.remote.size), 0
    with write_atomically(blob) as temporary:
        with temporary.open("wb") as out, closing(read(file.remote, 0, size)) as pieces:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                done += len(piece)
                on_progress(done)
        if digest.hexdigest() != file.key:
            what = f"{file.remote.label} came with the hash {digest.hexdigest()[:12]}..."
            raise unsound(what, f"It must be {file.key[:12]}..., as the Hub lists it.")


def _link(blob: Path, link: Path) -> None:
    """Name a blob by a link, at once, as the client does: relative, so that the cache can move."""
    temporary = link.with_name(f".{link.name}.{secrets.token_hex(6)}.tmp")
    with explain_disk_errors(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary.symlink_to(os.path.relpath(blob, link.parent))
        temporary.replace(link)
