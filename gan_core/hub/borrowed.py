"""What visitors had fetched from the Hub, within a bound: what was not used for longest goes first.

The client's cache is shared with every other program. So that nothing of theirs is deleted, a file
for each repository lists what came here at a visitor's word; it is as old as its last use.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from huggingface_hub.file_download import repo_folder_name

from gan_core.files import write_atomically
from gan_core.hub.cache import prune
from gan_core.hub.client import own_cache


class Borrowed:
    """The lists, and the bound on what they name together.

    most_mb: megabytes. folder: of the lists, by default beside the client's own cache.
    """

    def __init__(self, most_mb: float, folder: Path | None = None) -> None:
        self.most_mb = most_mb
        self._folder = folder
        self._lock = Lock()
        self._coming: list[Path] = []  # lists of repositories from which something comes

    @contextmanager
    def fetching(self, repo: str, megabytes: float) -> Iterator[None]:
        """Make room for so much of a repository, which is itself left alone meanwhile."""
        with self._lock:
            self._coming.append(self._list(repo))
            self._make_room(megabytes)
        try:
            yield
        finally:
            with self._lock:
                self._coming.remove(self._list(repo))

    def note(self, repo: str, path: Path) -> None:
        """List a file, or a folder, that is about to be made here. Raises: DiskFull."""
        with self._lock:
            paths = sorted({*_read(self._list(repo)), str(path.absolute())})
            with write_atomically(self._list(repo)) as temporary:
                temporary.write_text(json.dumps(paths), encoding="utf-8")

    def use(self, repo: str) -> None:
        """Remember that something of a repository is used now."""
        with suppress(OSError):  # it came otherwise, or its cache is not ours to write
            os.utime(self._list(repo))

    @property
    def folder(self) -> Path:
        return self._folder or own_cache() / "borrowed"

    def _list(self, repo: str) -> Path:
        return self.folder / f"{repo_folder_name(repo_id=repo, repo_type='model')}.json"

    def _make_room(self, megabytes: float) -> None:
        sizes = {file: sum(map(_size, _read(file))) / 1e6 for file in self.folder.glob("*.json")}
        too_much = sum(sizes.values()) + megabytes - self.most_mb
        for file in sorted(sizes, key=lambda file: file.stat().st_mtime):
            if too_much > 0 and file not in self._coming:
                _delete(file)
                too_much -= sizes[file]


def _read(file: Path) -> list[str]:
    """What a list names; nothing where it is damaged, or not there."""
    try:
        paths = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [each for each in paths if isinstance(each, str)] if isinstance(paths, list) else []


def _size(path: str) -> int:
    """Bytes of a file, or of those in a folder; 0 of what is gone."""
    files = [Path(path), *Path(path).glob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())


def _delete(file: Path) -> None:
    """Delete what a list names, whatever leads there, and the list."""
    paths = [Path(path) for path in _read(file)]
    with suppress(OSError):  # somebody else was quicker, or it may not be deleted
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for place in {path.parent.parent for path in paths if path.parent.name == "blobs"}:
            prune(place)
        file.unlink()
