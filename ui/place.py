"""Where runs live: where a restart of the machine leaves them alone, as it may not in /tmp."""

import errno
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gan_core.files import explain_disk_errors

RUNS = "GAN_ATELIER_RUNS"  # names another folder for them


def runs_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of all runs, always the same one, so that a restarted server finds them; made.

    The one that is named, or else the user's own for what programs keep; without a home that can
    be written to, as in some containers, one beside other temporary files.

    Raises: DiskFull when one is named that cannot be made.
    """
    if named := environment.get(RUNS):
        folder = Path(named).expanduser().absolute()
        with explain_disk_errors(folder):
            return _made(folder)
    with suppress(OSError, RuntimeError):  # there is no home, or it belongs to somebody else
        # XDG base directory specification: a path that is not absolute is to be ignored.
        state = Path(environment.get("XDG_STATE_HOME", ""))
        home = state if state.is_absolute() else Path("~/.local/state").expanduser()
        return _made(home / "gan-atelier")
    return _made(Path(tempfile.gettempdir()) / f"gan-atelier-{os.getuid()}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder
