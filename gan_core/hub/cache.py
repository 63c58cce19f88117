"""The cache of the Hub's client (`HF_HUB_CACHE`), which is shared with every other program.

Of a repository, `blobs/` holds files by their hash, `snapshots/<commit>/` links to them by name,
and `refs/<revision>` says which commit a revision meant. What is put there here, the client finds.

Others fetch of a repository what they need, and move its refs. So what was fetched whole from here,
and which commit a revision meant then, stands in a record of our own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from gan_core.files import explain_disk_errors, write_atomically
from gan_core.hub.client import own_cache

COMMIT = re.compile(r"[0-9a-f]{40}")
KEY = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Blob:
    """The content of a file. key: its hash, which is its name in the cache; size: bytes."""

    key: str
    size: int


class Kept:
    """What the cache has of one repository. cache: its folder, by default the client's own."""

    def __init__(self, repo: str, cache: Path | None = None) -> None:
        self.repo = repo
        name = repo_folder_name(repo_id=repo, repo_type="model")
        self.place = Path(cache or constants.HF_HUB_CACHE) / name
        self.blobs = self.place / "blobs"
        self.records = (Path(cache) / "gan-atelier" if cache else own_cache()) / "kept" / name

    def commit(self, revision: str) -> str | None:
        """The commit that a revision meant when it was fetched from here; None if it was not."""
        try:
            commit = self._ref(revision).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            commit = revision
        there = COMMIT.fullmatch(commit) and self.snapshot(commit).is_dir()
        return commit if there else None

    def snapshot(self, commit: str) -> Path:
        """The folder of a commit: its files, or some, by their names."""
        return self.place / "snapshots" / commit

    def remember(self, revision: str, commit: str) -> None:
        """Write down which commit a revision means, for us and for the client. Raises: DiskFull."""
        for ref in (self._ref(revision), self.place / "refs" / revision):
            with write_atomically(ref) as path:
                path.write_text(commit, encoding="utf-8")

    def whole(self, commit: str, under: str = "") -> dict[str, Blob]:
        """What `note_whole` was told of, by the files' names in `under`; nothing if it was not."""
        try:
            said = json.loads(self._list(commit, under).read_text(encoding="utf-8"))
            return {str(name): Blob(str(key), int(size)) for name, (key, size) in said.items()}
        except (OSError, ValueError, TypeError, AttributeError):  # not there, or damaged
            return {}

    def note_whole(self, commit: str, files: Mapping[str, Blob], under: str = "") -> None:
        """Write down that all of a model is here, and each file's hash; perhaps there are others
        beside it. Raises: DiskFull."""
        with write_atomically(self._list(commit, under)) as path:
            everything = {**self.whole(commit, under), **files}
            said = {name: (blob.key, blob.size) for name, blob in everything.items()}
            path.write_text(json.dumps(said), encoding="utf-8")

    def link(self, key: str, file: Path) -> None:
        """Name a blob, at once, as the client does: relative, so the cache can move. DiskFull."""
        temporary = file.with_name(f".{file.name}.{secrets.token_hex(6)}.tmp")
        with explain_disk_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary.symlink_to(os.path.relpath(self.blobs / key, file.parent))
            temporary.replace(file)

    def _ref(self, revision: str) -> Path:
        return self.records / "refs" / quote(revision, safe="")

    def _list(self, commit: str, under: str) -> Path:
        return self.records / commit / under / "files.json"


def prune(place: Path) -> None:
    """Of a repository remove links to blobs that are gone, and revisions of which nothing is left.

    place: its folder in the cache; removed as well where it is empty then. Raises: OSError.
    """
    for path in sorted((place / "snapshots").rglob("*"), reverse=True):  # what is inside first
        if path.is_symlink() and not path.exists():
            path.unlink()
        elif path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    for ref in sorted((place / "refs").rglob("*"), reverse=True):
        if ref.is_dir():
            if not any(ref.iterdir()):
                ref.rmdir()
        elif not (place / "snapshots" / ref.read_text(encoding="utf-8").strip()).is_dir():
            ref.unlink()
    if not any(path.is_file() or path.is_symlink() for path in place.rglob("*")):
        shutil.rmtree(place)


def is_sound(file: Path, blob: Blob) -> bool:
    """Whether a file of the cache, or what a link leads to, is there and is what it must be.

    Of another size it is not, and nothing is read: in this cache others keep files of gigabytes.
    """
    if not file.is_file() or file.stat().st_size != blob.size:
        return False
    digest = hasher(blob.key, blob.size)
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return bool(digest.hexdigest() == blob.key)


def hasher(key: str, size: int) -> Any:
    """What makes this key of so many bytes: SHA-256 for large files, Git's own for small ones."""
    if len(key) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
