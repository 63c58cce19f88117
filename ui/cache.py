"""The files Gradio keeps: uploads, and pictures and zips that the page has shown or offered.

Gradio's own clean-up forgets at a restart what was there before, and never counts the empty files
that an upload leaves behind. So the folder is the program's own, and swept by age alone.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from gan_core.files import write_atomically

_log = logging.getLogger(__name__)


def keep_files_in(folder: Path) -> Path:
    """Let Gradio keep its files in `folder`, readable by this user alone.

    To be called before components are made. GRADIO_TEMP_DIR, where somebody set it, comes first.
    """
    chosen = Path(os.environ.setdefault("GRADIO_TEMP_DIR", str(folder)))
    chosen.mkdir(parents=True, exist_ok=True, mode=0o700)
    return chosen


def sweep(folder: Path, keep_seconds: float) -> None:
    """Delete every file below `folder` that has not changed for so long, and emptied folders."""
    oldest = time.time() - keep_seconds
    for place, _, names in os.walk(folder, topdown=False):
        for path in (Path(place, name) for name in names):
            with suppress(OSError):  # somebody else was quicker
                if path.stat().st_mtime < oldest:
                    path.unlink()
        # A folder just made is for a file that is about to come.
        with suppress(OSError):
            if Path(place) != folder and Path(place).stat().st_mtime < oldest:
                Path(place).rmdir()


def sweep_now_and_then(folder: Path, keep_seconds: float, every_seconds: float) -> None:
    """Sweep at once and from then on, in a thread that ends with the program."""

    def keep_sweeping() -> None:
        while True:
            try:
                sweep(folder, keep_seconds)
            except Exception:
                _log.exception("sweeping %s failed", folder)
            time.sleep(every_seconds)

    threading.Thread(target=keep_sweeping, name="sweep", daemon=True).start()


def save_to_cache(data: bytes, name: str, folder: str) -> str:
    """Give the path of a file of these bytes, in a folder from which Gradio serves.

    Gradio's own `save_bytes_to_cache` writes over a file of the same bytes, and who is just being
    sent that one gets a piece of it. Raises: DiskFull.
    """
    path = Path(folder) / sha256(data).hexdigest() / Path(name).name
    if path.is_file():
        path.touch()  # old files are deleted
    else:
        with write_atomically(path) as temporary:
            temporary.write_bytes(data)
    return str(path.resolve())
