"""Writing files so that they are whole or not there at all."""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from gan_core.errors import DiskFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
RUN_MB = 320  # of a 64 px run: two checkpoints of 90 MB, one more while writing, and the rest


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and rename it over `path` at the end.

    A reader sees the old file or the new one, never a part, also when the power fails: the content
    is on the disk before it gets its name, and the name before this returns. If the body raises,
    the temporary file is removed and `path` is untouched.

    Raises: DiskFull when there is no room or no right to write.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with explain_disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _flush(temporary)
            temporary.replace(path)
            _flush(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sweep_unfinished(folder: Path, older_than: float = 60.0) -> None:
    """Remove what killed writers left in a folder and below; living ones are younger (seconds)."""
    for path in folder.rglob(".*.tmp"):
        with suppress(FileNotFoundError):  # its writer lives, and has just finished
            if time.time() - path.stat().st_mtime > older_than:
                path.unlink()


def _flush(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some systems cannot, for folders
            raise
    finally:
        os.close(descriptor)


@contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a message with the figures; let other errors pass.

    It names the file alone: a run's folder is called by the run's key, and its log is packed.
    """
    try:
        yield
    except SafetensorError as error:  # it says what the system said only in its text
        if any(f"(os error {number})" in str(error) for number in _NO_ROOM):
            raise _no_room(path) from error
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _no_room(path) from error
        if error.errno in _NO_PLACE:
            raise DiskFull(
                f"{path.name} cannot be written: {error.strerror}.",
                "Its folder must be one, and writable.",
                "Choose another folder, or change its rights.",
            ) from error
        raise


def require_room(folder: Path, megabytes: float = RUN_MB) -> None:
    """Raise DiskFull unless so much is free where `folder` is or will be."""
    if free_mb(folder) < megabytes:
        raise _no_room(folder)


def _no_room(path: Path) -> DiskFull:
    return DiskFull(
        f"There is no room to write {path.name}: {free_mb(path):.0f} MB are free on that disk.",
        f"There must be room for the whole file; a training run takes about {RUN_MB} MB.",
        "Free some space, or choose another folder, and start again.",
    )


def free_mb(path: Path) -> float:
    """Megabytes that are free on the disk where `path` is or will be."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free / 1e6
