"""Writing files so that they are whole or not there at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_core.errors import DiskFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RIGHT = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and rename it over `path` at the end.

    A reader sees the old file or the new one, never a part. If the body raises, the temporary
    file is removed and `path` is untouched.

    Raises: DiskFull when there is no room or no right to write.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"There is no room to write {path.name}: {_free_mb(path):.0f} MB are free"
                f" on that disk.",
                "A training run needs about 200 MB.",
                "Free some space, or choose another folder, and start again.",
            ) from error
        if error.errno in _NO_RIGHT:
            raise DiskFull(
                f"{path} cannot be written: {error.strerror}.",
                "The folder must be writable.",
                "Choose another folder, or change its rights.",
            ) from error
        raise


def _free_mb(path: Path) -> float:
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free / 1e6
