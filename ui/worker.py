"""The process that trains: started so that it outlives us, known by a file lock, ended if need be.

POSIX only: that a worker is alive is known by a lock on a file in its run's folder, which ends with
the process however that ends, and which can be waited for.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.models import NEWER, VISITORS_MB
from ui.arrivals import BORROWED

WORKER_FILE, LOG_FILE, EXIT_FILE = "worker.pid", "worker.log", "exit"
_REPOSITORY = Path(__file__).resolve().parents[1]
_NICENESS = 5  # the page must stay quick while a run uses every core
_EXIT_WIDTH = 4  # characters: -15 to 255


def launch(folder: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the worker of the run in `folder`: the command line, in a process of its own.

    Its options name the very model that a visitor saw, so it looks for no newer one itself; and if
    that was deleted to make room, it comes again within the same bound.
    """
    command = [sys.executable, "-m", "gan_core", "train", "--out", str(folder), *options]
    environment = {name: it for name, it in os.environ.items() if name != NEWER}
    environment[VISITORS_MB] = f"{BORROWED.most_mb:g}"
    unlocked = folder / f".{WORKER_FILE}"
    reserve_exit(folder)
    with (folder / LOG_FILE).open("wb") as log, unlocked.open("w") as pid:
        # The worker inherits the lock and keeps it. The file gets its name when it is locked.
        fcntl.flock(pid, fcntl.LOCK_EX | fcntl.LOCK_NB)
        worker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=_REPOSITORY,
            env=environment,
            start_new_session=True,
            pass_fds=(pid.fileno(),),
        )
        try:
            pid.write(str(worker.pid))
            pid.flush()
            unlocked.rename(folder / WORKER_FILE)
        except OSError:  # a worker that nobody could find again must not go on
            worker.kill()
            raise
    os.setpriority(os.PRIO_PROCESS, worker.pid, _NICENESS)
    return worker


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Be the worker of the run in `folder`, in this process, while the block lasts."""
    unlocked = folder / f".{WORKER_FILE}"
    reserve_exit(folder)
    with unlocked.open("w") as pid:
        fcntl.flock(pid, fcntl.LOCK_EX | fcntl.LOCK_NB)
        pid.write(str(os.getpid()))
        pid.flush()
        unlocked.rename(folder / WORKER_FILE)
        yield


def is_alive(folder: Path) -> bool:
    """Whether the run's worker still holds its lock: true of a process, not of a number."""
    try:
        with (folder / WORKER_FILE).open() as pid:
            fcntl.flock(pid, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def wait_for_end(folder: Path) -> None:
    """Sleep until the run's worker has ended; at once if none is alive."""
    with suppress(FileNotFoundError), (folder / WORKER_FILE).open() as pid:
        fcntl.flock(pid, fcntl.LOCK_SH)


def interrupt(folder: Path) -> None:
    """Ask a worker that is alive to end, by a signal: it is heard also before the first step."""
    _send(folder, signal.SIGTERM)


def kill(folder: Path) -> None:
    """End a worker that is alive at once, and wait until it is gone. Nothing more is saved."""
    _send(folder, signal.SIGKILL)
    wait_for_end(folder)


def reserve_exit(folder: Path) -> None:
    """Take the room that `note_exit` will need."""
    (folder / EXIT_FILE).write_text(" " * _EXIT_WIDTH)


def note_exit(folder: Path, code: int) -> None:
    """Keep how the worker ended, in the room that was reserved: the disk may be full now."""
    with (folder / EXIT_FILE).open("r+") as reserved:
        reserved.write(str(code).rjust(_EXIT_WIDTH))


def _send(folder: Path, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(int((folder / WORKER_FILE).read_text()), what)
