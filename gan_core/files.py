"""Writing files so that they are whole or not there at all."""

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from gan_core.errors import DiskFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
RUN_MB = 200  # a run's checkpoint, snapshot, pictures and previews, with a copy while writing


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and rename it over `path` at the end.

    A reader sees the old file or the new one, never a part. If the body raises, the temporary
    file is removed and `path` is untouched.

    Raises: DiskFull when there is no room or no right to write.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with explain_disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a message with the figures; let other errors pass."""
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
                f"{path} cannot be written: {error.strerror}.",
                "Its folder must be one, and writable.",
                "Choose another folder, or change its rights.",
            ) from error
        raise


def require_room(folder: Path, megabytes: float = RUN_MB) -> None:
    """Raise DiskFull unless so much is free where `folder` is or will be."""
    if _free_mb(folder) < megabytes:
        raise _no_room(folder)


def _no_room(path: Path) -> DiskFull:
    return DiskFull(
        f"There is no room to write {path.name}: {_free_mb(path):.0f} MB are free on that disk.",
        f"There must be room for the whole file; a training run takes about {RUN_MB} MB.",
        "Free some space, or choose another folder, and start again.",
    )


def _free_mb(path: Path) -> float:
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free / 1e6
