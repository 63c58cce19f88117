"""Files to a repository on the Hub: by its own client, in one commit, so all of them or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    constants,
    errors,
)

from gan_core.errors import AlreadyThere, BadSetting, HubRefused
from gan_core.hub.account import require_name
from gan_core.hub.client import NO_HUB, OnProgress, quietly
from gan_core.hub.refusals import NOTHING, sending

CARD = "README.md"
_EMPTY = {".gitattributes"}  # what the Hub puts into a new repository
_BATCH = 1_000_000  # bytes that are sent together; then one is told how far it is


@dataclass(frozen=True)
class Parcel:
    """What goes to a repository. files: their content, or where it lies, by name there.

    mark: a file that every parcel of this kind brings, so a repository that holds something else is
    not written over. owned: folders there in which only what was sent last stays.
    """

    repo: str
    files: Mapping[str, bytes | Path]
    mark: str
    message: str
    kind: str = "model"
    owned: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Its page."""
        return constants.ENDPOINT + f"/{self.kind}s" * (self.kind != "model") + f"/{self.repo}"


@dataclass(frozen=True)
class Sent:
    """Where it is now. commit: 40 hex. is_new: the repository was made for it."""

    url: str
    commit: str
    is_new: bool


def send(
    parcel: Parcel,
    *,
    private: bool = False,
    update: bool = False,
    token: str | None = None,
    on_progress: OnProgress = quietly,
    **making: Any,
) -> Sent:
    """Publish a parcel in one commit. Nobody ever sees a part of it.

    A repository that is not there is made; an empty one is filled; another is changed only with
    `update`. making: for the client's `create_repo`, if it is made.
    on_progress: called with the bytes that have been sent, and all that will be.

    Raises: BadSetting, HubRefused (AlreadyThere where `update` would do), HubUnreachable; each says
    in which state the repository is.
    """
    failing = _failing(parcel)
    contents = _contents(parcel)  # before anything is made there
    api = huggingface_hub.HfApi(token=token)
    _check_card(parcel, contents[CARD])
    there, held = _look(api, parcel, private, update)
    if there is None:
        _make(api, parcel, private, **making)
    with sending(failing):
        added = [CommitOperationAdd(name, data) for name, data in contents.items()]
    stale = [n for n in sorted(held) if n.startswith(parcel.owned) and n not in contents]
    with sending(failing, _left(held)):
        _send_ahead(api, parcel, added, on_progress)
        done: Any = api.create_commit(
            parcel.repo,
            [*added, *(CommitOperationDelete(name, is_folder=False) for name in stale)],
            commit_message=parcel.message,
            repo_type=parcel.kind,
            parent_commit=there.sha if there is not None else None,
        )
        return Sent(parcel.url, str(done.oid), there is None)


def look(parcel: Parcel) -> bool:
    """Whether something is there that a parcel, sent privately as an update, takes the place of.

    Raises: as `send` where it would refuse what is there, so that nobody works for it in vain.
    """
    _, held = _look(huggingface_hub.HfApi(), parcel, private=True, update=True)
    return bool(held - _EMPTY)


def reserve(parcel: Parcel) -> None:
    """Make the private repository that a parcel goes to later, unless it is there; check its card.

    Raises: as `send`.
    """
    api = huggingface_hub.HfApi()
    _check_card(parcel, _contents(parcel)[CARD])
    there, _ = _look(api, parcel, private=True, update=True)
    if there is None:
        _make(api, parcel, private=True)


def holds(parcel: Parcel, folder: str) -> bool:
    """Whether the repository of a parcel holds a folder. Raises: HubRefused, HubUnreachable."""
    with sending(f"{parcel.repo} cannot be looked at"):
        there = _info(huggingface_hub.HfApi(), parcel)
    return any(name.startswith(f"{folder}/") for name in _names(there))


def _failing(parcel: Parcel) -> str:
    return f"{parcel.repo} cannot be published"


def _contents(parcel: Parcel) -> dict[str, bytes]:
    """Every file's content, by its name there. Raises: BadSetting for one that cannot be read."""
    contents = {}
    for name, file in parcel.files.items():
        try:
            contents[name] = file if isinstance(file, bytes) else file.read_bytes()
        except OSError as error:
            raise BadSetting(
                f"{name} cannot be read: {error.strerror or error}. {NOTHING}",
                "All that is published must stay where it is until it is sent.",
                "See that it is there and can be read, and try again.",
            ) from error
    return contents


def _make(api: huggingface_hub.HfApi, parcel: Parcel, private: bool, **making: Any) -> None:
    with sending(_failing(parcel)):
        api.create_repo(parcel.repo, repo_type=parcel.kind, private=private or None, **making)


def _send_ahead(
    api: huggingface_hub.HfApi,
    parcel: Parcel,
    added: Sequence[CommitOperationAdd],
    on_progress: OnProgress,
) -> None:
    """Send what is large ahead of the commit, which then only names it; nobody sees it before."""
    done, total = 0, sum(each.upload_info.size for each in added)
    on_progress(done, total)
    for batch in _batches(added):
        api.preupload_lfs_files(parcel.repo, batch, repo_type=parcel.kind)
        done += sum(each.upload_info.size for each in batch)
        on_progress(done, total)


def _batches(added: Sequence[CommitOperationAdd]) -> Iterator[list[CommitOperationAdd]]:
    """Small files together, so that there are few questions; a large one by itself."""
    batch: list[CommitOperationAdd] = []
    for each in sorted(added, key=lambda each: each.upload_info.size):
        batch.append(each)
        if sum(one.upload_info.size for one in batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _left(held: set[str]) -> str:
    """What a failed commit leaves behind: if only its answer was lost, all of it is there."""
    if held - _EMPTY:
        return "The repository holds what it held, or all of the new; nothing in between."
    return "The repository is there, and empty or whole; the next attempt fills it if it is empty."


def _check_card(parcel: Parcel, card: bytes) -> None:
    """Have the Hub read the head of the card before anything is made. Raises: BadSetting."""
    text = card.decode()
    with sending(_failing(parcel)):
        try:
            huggingface_hub.RepoCard(text).validate(parcel.kind)
        except ValueError as error:
            raise BadSetting(
                f"The Hub does not accept the head of {CARD}: {' '.join(str(error).split()):.300}"
                f" {NOTHING}",
                "Its licence must be one of https://huggingface.co/docs/hub/repositories-licenses.",
                "Mend what it names, or choose another licence.",
            ) from error


def _look(
    api: huggingface_hub.HfApi, parcel: Parcel, private: bool, update: bool
) -> tuple[Any, set[str]]:
    """What the Hub says of a repository, None if there is none; and what it holds.

    Raises: HubRefused, AlreadyThere where it is not to be written to; HubUnreachable.
    """
    require_name(parcel.repo)
    with sending(_failing(parcel)):
        there = _info(api, parcel)
    held = _names(there)
    if there is not None:
        _require_ours(parcel, held, bool(there.private), private, update)
    return there, held


def _info(api: huggingface_hub.HfApi, parcel: Parcel) -> Any:
    """What the Hub says of a repository; None if there is none, or none that may be seen."""
    try:
        there: Any = api.repo_info(parcel.repo, repo_type=parcel.kind)
    except errors.RepositoryNotFoundError:
        return None
    if there.siblings is None:
        raise errors.FileMetadataError(NO_HUB)
    return there


def _names(there: Any) -> set[str]:
    return {str(each.rfilename) for each in there.siblings} if there is not None else set[str]()


def _require_ours(
    parcel: Parcel, held: set[str], is_private: bool, private: bool, update: bool
) -> None:
    if private and not is_private:
        raise HubRefused(
            f"{parcel.repo} is there already, and everybody sees it. {NOTHING}",
            "It was to be private.",
            f"Make it private on its page, {parcel.url}/settings, or choose another name.",
        )
    if not held - _EMPTY:
        return
    if parcel.mark not in held:
        raise HubRefused(
            f"{parcel.repo} is there already, and holds something else: {len(held)} files, but no"
            f" {parcel.mark}. {NOTHING}",
            "Only what GAN Atelier has published is written over.",
            "Choose another name.",
        )
    if not update:
        raise AlreadyThere(
            f"{parcel.repo} is there already, with {len(held)} files. {NOTHING}",
            "A new name makes a new repository.",
            "Choose another name, or add --update to put this in its place; its history stays.",
        )
