"""Files to a repository on the Hub: by its own client, in one commit, so all of them or none.

Whose token: by default that of this machine, which the client finds as it always does, in HF_TOKEN
or in what `hf auth login` has kept. Who publishes for somebody else must name that one's.
"""

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
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from gan_core.errors import AlreadyThere, BadSetting, HubRefused
from gan_core.hub.client import OnProgress, quietly
from gan_core.hub.refusals import NOTHING, TOKENS, sending

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


def require_name(repo: str) -> None:
    """Raise BadSetting unless a repository can be called so: owner/name."""
    try:
        validate_repo_id(repo)
        wrong = "" if repo.count("/") == 1 else f"{repo!r} does not say whose it is."
    except errors.HFValidationError as error:
        wrong = str(error).partition("\n")[0]
    if wrong:
        raise BadSetting(
            wrong,
            "A repository is owner/name: letters, digits, and single - _ . between them.",
            "Give it as owner/name, with your user name on the Hub, or an organisation's.",
        )


def user_of(token: str | None = None) -> str:
    """The name of the user whose token this is. Raises: HubRefused, HubUnreachable."""
    with sending("Whose name it is cannot be told"):
        return str(huggingface_hub.HfApi(token=token).whoami()["name"])


def require_writer(repo: str, token: str | None = None) -> str:
    """Ask the Hub whose token this is, before anything long begins. Returns the user's name.

    Raises: BadSetting for a name that cannot be; HubRefused without a token, or with one that
    surely may not write there; HubUnreachable.
    """
    require_name(repo)
    with sending(f"{repo} cannot be published"):
        who: Any = huggingface_hub.HfApi(token=token).whoami()
        name = str(who["name"])
        names = [name, *(str(org["name"]) for org in who.get("orgs", []))]
        role = who.get("auth", {}).get("accessToken", {}).get("role")
    owner = repo.partition("/")[0]
    if role == "read":
        raise HubRefused(
            f"{repo} cannot be published: the token of {name} may only read. {NOTHING}",
            "Publishing needs one that may write.",
            f"Make one with the role write at {TOKENS}.",
        )
    # Only such a token tells of all organisations that it reaches.
    if role == "write" and owner.lower() not in [each.lower() for each in names]:
        raise HubRefused(
            f"{repo} cannot be published: the token is that of {name}, not of {owner}. {NOTHING}",
            f"It may write to repositories of {', '.join(names)}.",
            "Choose a name under one of these, or use another token.",
        )
    return name


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
    require_name(parcel.repo)
    failing = f"{parcel.repo} cannot be published"
    api = huggingface_hub.HfApi(token=token)
    with sending(failing):
        _check_card(parcel)
        there = _look(api, parcel)
        held = {str(each.rfilename) for each in there.siblings} if there else set[str]()
    if there is not None:
        _require_ours(parcel, held, bool(there.private), private, update)
    else:
        with sending(failing):
            api.create_repo(parcel.repo, repo_type=parcel.kind, private=private or None, **making)
    added = [CommitOperationAdd(name, data) for name, data in parcel.files.items()]
    stale = [n for n in sorted(held) if n.startswith(parcel.owned) and n not in parcel.files]
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


def _check_card(parcel: Parcel) -> None:
    """Have the Hub read the head of the card before anything is made. Raises: BadSetting."""
    card = parcel.files[CARD]
    text = (card if isinstance(card, bytes) else card.read_bytes()).decode()
    try:
        huggingface_hub.RepoCard(text).validate(parcel.kind)
    except ValueError as error:
        raise BadSetting(
            f"The Hub does not accept the head of {CARD}: {' '.join(str(error).split()):.300}"
            f" {NOTHING}",
            "Its licence must be one of https://huggingface.co/docs/hub/repositories-licenses.",
            "Mend what it names, or choose another licence.",
        ) from error


def _look(api: huggingface_hub.HfApi, parcel: Parcel) -> Any:
    """What the Hub says of a repository; None if there is none, or none that may be seen."""
    try:
        return api.repo_info(parcel.repo, repo_type=parcel.kind)
    except errors.RepositoryNotFoundError:
        return None


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
