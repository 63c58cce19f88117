"""The model in a repository on the Hub: asked for once, then kept in the cache of the Hub's client.

Differs from the client's own `hf_hub_download`: nothing is fetched before all sizes are known and
allowed, the hash is compared and not the length alone, and who does not answer is not waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import huggingface_hub
from huggingface_hub import errors, hf_hub_url

from gan_core.errors import BadWeights, DiskFull, HubUnreachable
from gan_core.files import explain_disk_errors, require_room, sweep_unfinished, write_atomically
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.cache import COMMIT, KEY, Blob, Kept, hasher, is_sound
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
from gan_core.hub.names import GAN, Picked, Sought

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

    @property
    def blob(self) -> Blob:
        return Blob(self.key, self.remote.size)


def fetch_model(
    repo: str,
    revision: str = "main",
    *,
    sought: Sought = GAN,
    under: str = "",
    label: str = "",
    newest: bool = False,
    cache: Path | None = None,
    endpoint: str | None = None,
    on_progress: OnProgress = quietly,
    patience: float = FOUND_S,
    borrowed: Borrowed | None = None,
) -> Repository:
    """Get the model in a repository: as it was kept, without asking anybody; else from the Hub.

    revision: a branch, a tag or a commit. Once fetched, a branch stays at the commit it had then.
    sought: what kind of model. under: a folder of the repository. label: what messages call it.
    newest: ask the Hub in any case, and take what was kept only where nothing newer can be had: it
    does not answer, or breaks off, or has no model any more.
    on_progress: called with the bytes that have come, and all that will.
    patience: seconds until the Hub must have answered what it has.
    borrowed: counts what comes, and deletes of what it counted before where that is too much; it
    is told as well that what is here already is used.

    Raises: HubUnreachable; BadWeights when there is no model, or a damaged or too large one;
    DiskFull.
    """
    there = Kept(repo, cache)
    kept = kept_model(repo, revision, sought=sought, under=under, cache=cache)
    if kept is not None and (not newest or COMMIT.fullmatch(revision)):
        if borrowed is not None:
            borrowed.use(repo)
        return kept
    try:
        with explained(label or repo):
            info = _ask(repo, revision, endpoint, patience)
        picked, files = _choose(info, repo, sought, under, label or repo, endpoint)
        _fetch(there, files, on_progress, borrowed)
        blobs = {each.name.removeprefix(f"{under}/"): each.blob for each in files}
        there.note_whole(info.sha, blobs, under)
        if revision != info.sha:
            there.remember(revision, info.sha)
    except (HubUnreachable, BadWeights, DiskFull):
        if kept is None:
            raise
        return kept
    return Repository(there.snapshot(info.sha) / under, picked, info.sha)


def kept_model(
    repo: str,
    revision: str = "main",
    *,
    sought: Sought = GAN,
    under: str = "",
    cache: Path | None = None,
) -> Repository | None:
    """What was fetched of a revision from here, if it is still there, whole and sound.

    What others have fetched may be a part, or anything: it is neither looked at nor taken for a
    model before the Hub was asked what there is. Raises: DiskFull.
    """
    there = Kept(repo, cache)
    with explain_disk_errors(there.place):
        if not (commit := there.commit(revision)):
            return None
        folder, files = there.snapshot(commit) / under, there.whole(commit, under)
        picked = sought.pick(files)
        if picked is None or not all(is_sound(folder / n, files[n]) for n in picked.all()):
            return None
        return Repository(folder, picked, commit)


def _ask(repo: str, revision: str, endpoint: str | None, patience: float) -> Any:
    """What the Hub says of a revision: its commit, its files with sizes and hashes, its library."""
    api = huggingface_hub.HfApi(endpoint=endpoint)  # imported only now: that takes its time
    ask = partial(api.model_info, repo, revision=revision, files_metadata=True, timeout=CONNECT_S)
    try:
        info: Any = within(patience, ask)
        known = COMMIT.fullmatch(info.sha) and all(each.rfilename for each in info.siblings)
    except (TypeError, KeyError, AttributeError) as error:
        raise errors.FileMetadataError(NO_HUB) from error
    if not known or (COMMIT.fullmatch(revision) and info.sha != revision):
        raise errors.FileMetadataError(NO_HUB)
    return info


def _choose(
    info: Any, repo: str, sought: Sought, under: str, label: str, endpoint: str | None
) -> tuple[Picked, list[_Listed]]:
    """What of a repository is to be fetched, in that order. Raises: BadWeights."""
    inside = f"{under}/" if under else ""
    listed = {each.rfilename: each for each in info.siblings}
    names = [n.removeprefix(inside) for n in listed if n.startswith(inside) and _is_plain(n)]
    picked = sought.pick(names)
    if picked is None or info.library_name in _OTHER_LIBRARIES:
        raise _no_model(label, sought, info.library_name, list(listed))
    files = []
    for name in (inside + name for name in picked.all()):
        about = listed[name]
        key = (about.lfs.sha256 if about.lfs else about.blob_id) or ""
        if not isinstance(about.size, int) or about.size < 1 or not KEY.fullmatch(key):
            what = f"{name} of {repo} has {about.size} bytes and the hash {key!r}, says the Hub."
            raise unsound(what, "It must have some, and a hash to compare them with.")
        url = hf_hub_url(repo, name, revision=info.sha, endpoint=endpoint)
        files.append(_Listed(name, RemoteFile(f"{name} of {repo}", url, info.sha, about.size), key))
    _refuse_large(files, label, sought.max_mb)
    return picked, files


def _is_plain(name: str) -> bool:
    """Whether a name from outside stays in the folder that it is put in."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _refuse_large(files: list[_Listed], label: str, most: float) -> None:
    largest = max(files, key=lambda each: each.remote.size)
    total = sum(each.remote.size for each in files) / 1e6
    if total > most:
        raise BadWeights(
            f"{label} has {total:,.0f} MB, {largest.remote.size / 1e6:,.0f} of them in"
            f" {largest.name}.",
            f"It may have {most:g} MB; nothing was fetched.",
            "Choose a smaller model.",
        )


def _no_model(label: str, sought: Sought, library: str | None, names: list[str]) -> BadWeights:
    seen = f"{', '.join(sorted(names)[:6])}{', ...' * (len(names) > 6)}" or "none"
    about = f"its library is {library or 'not named'}, its files are {seen}"
    return BadWeights(
        f"{label} holds no {sought.kind}: {about}.",
        sought.files,
        "Choose another repository.",
    )


def _fetch(
    there: Kept, files: list[_Listed], on_progress: OnProgress, borrowed: Borrowed | None
) -> None:
    """Put files that are not there yet into the cache, each whole or not at all."""
    total = sum(each.remote.size for each in files)
    done = 0

    def tell(came: int) -> None:
        on_progress(done + came, total)

    sweep_unfinished(there.blobs)
    with borrowed.fetching(there.repo, total / 1e6) if borrowed else nullcontext():
        require_room(there.place, total / 1e6)
        for each in files:
            blob = there.blobs / each.key
            if borrowed and not blob.exists():
                borrowed.note(there.repo, blob)
            if not is_sound(blob, each.blob):
                _store(each, blob, tell)
            there.link(each.key, there.snapshot(each.remote.commit) / each.name)
            done += each.remote.size
            on_progress(done, total)


def _store(file: _Listed, blob: Path, on_progress: Callable[[int], None]) -> None:
    size, digest, done = file.remote.size, hasher(file.key, file.remote.size), 0
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
