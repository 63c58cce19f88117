"""What a run's folder says of the run: asked for, waiting, alive, ended, and how.

Nothing is remembered elsewhere, so this stays true over a restart of the server. POSIX only: that
a worker is alive is known by a file lock, which ends with the process however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from gan_core.errors import BadRun
from gan_core.events import Event, Failed, Finished
from gan_core.files import write_atomically
from gan_core.gan.checkpoint import CHECKPOINT_FILE
from gan_core.gan.run import DATASET_FILE, EVENTS_FILE, STOP_FILE, read_events
from gan_core.gan.snapshot import G_FILE
from gan_core.gan.train import BEST_FOLDER

State = Literal[
    "draft", "queued", "starting", "running", "stopping",
    "finished", "stopped", "failed", "interrupted",
]  # fmt: skip
ACTIVE: tuple[State, ...] = ("queued", "starting", "running", "stopping")
REQUEST_FILE, WORKER_FILE, LOG_FILE, EXIT_FILE = "request.json", "worker.pid", "worker.log", "exit"
PACKED_FILE = "gan-atelier-model.zip"
_REPOSITORY = Path(__file__).resolve().parents[1]
_NICENESS = 5  # the page must stay quick while a run uses every core
_EXIT_WIDTH = 4  # characters: -15 to 255
_USER_ERROR = 2  # the command line's exit code for what a user can mend


@dataclass(frozen=True)
class Settings:
    """What a person asked for. `start` is a bundled name, a path or "scratch"."""

    minutes: float
    seed: int
    start: str
    start_name: str  # as it is shown
    label: str  # of the run
    options: Mapping[str, Any] = field(default_factory=dict)  # fields of TrainConfig set by hand
    asked: float = 0.0  # seconds since 1970; the order of the line
    minutes_before: float = 0.0  # > 0: the run is continued after so many minutes

    def command(self) -> list[str]:
        """The command line's options for these settings."""
        if self.minutes_before > 0:  # the rest is in the checkpoint
            return ["--resume", "--minutes", f"{self.minutes_before + self.minutes:g}"]
        words = ["--start", self.start, "--minutes", f"{self.minutes:g}", "--seed", str(self.seed)]
        for name, value in self.options.items():
            option = name.lower().replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            elif isinstance(value, (list, tuple)):
                words += [f"--{option}", ",".join(value) or "none"]
            else:
                words += [f"--{option}", str(value)]
        return words


@dataclass(frozen=True)
class RunState:
    """One look at a run."""

    id: str
    state: State
    settings: Settings | None = None  # None for a draft
    ahead: int = 0  # runs before it in line, the one that trains included
    events: tuple[Event, ...] = ()
    has_model: bool = False
    reason: str = ""  # why it failed, if no event says so
    can_resume: bool = False
    can_restart: bool = False  # nothing was saved, but its pictures are still here


def write_settings(folder: Path, settings: Settings) -> None:
    """Note what was asked for. Raises: DiskFull."""
    with write_atomically(folder / REQUEST_FILE) as path:
        path.write_text(json.dumps(asdict(settings)), encoding="utf-8")


def read_settings(folder: Path) -> Settings | None:
    """Read what was asked for; None for a draft, or for a folder just being deleted."""
    try:
        return Settings(**json.loads((folder / REQUEST_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def read_state(folder: Path, is_attended: bool = False) -> RunState:
    """Look at a run. is_attended: its worker has not been reported as ended yet."""
    settings = read_settings(folder)
    if settings is None:
        return RunState(folder.name, "draft")
    reason = ""
    try:
        events = _events(folder)
    except BadRun as error:
        events, reason = (), error.what
    state = _state(folder, events, is_attended)
    if state == "failed" and not (events and isinstance(events[-1], Failed)):
        reason = _last_words(folder)
    has_model = (folder / BEST_FOLDER / G_FILE).is_file()
    can_resume = state not in ACTIVE and (folder / CHECKPOINT_FILE).is_file()
    is_bare = state not in ACTIVE and not (can_resume or has_model)
    can_restart = is_bare and (folder / DATASET_FILE).is_file()
    return RunState(
        folder.name, state, settings, 0, events, has_model, reason, can_resume, can_restart
    )


def wait_again(folder: Path, settings: Settings) -> None:
    """Make a run that has ended one that waits in line. Raises: DiskFull."""
    for name in (WORKER_FILE, STOP_FILE, EXIT_FILE, PACKED_FILE):
        (folder / name).unlink(missing_ok=True)
    if settings.minutes_before == 0:  # from the beginning: what was reported is void
        (folder / EVENTS_FILE).unlink(missing_ok=True)
    write_settings(folder, settings)


def is_waiting(folder: Path) -> bool:
    """Whether the run was asked for and has neither begun nor been called off."""
    return (folder / REQUEST_FILE).exists() and not (
        (folder / WORKER_FILE).exists() or (folder / STOP_FILE).exists()
    )


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


def has_reported(folder: Path) -> bool:
    """Whether the present worker has reported anything yet; a resumed run's log is older."""
    log, worker = folder / EVENTS_FILE, folder / WORKER_FILE
    if not log.exists() or log.stat().st_size == 0:
        return False
    return not worker.exists() or log.stat().st_mtime_ns >= worker.stat().st_mtime_ns


def last_change(folder: Path) -> float:
    """Seconds since 1970 at which the run last did something."""
    files = [folder / name for name in (DATASET_FILE, REQUEST_FILE, EVENTS_FILE, EXIT_FILE)]
    return max((path.stat().st_mtime for path in files if path.exists()), default=time.time())


def launch(folder: Path, settings: Settings) -> subprocess.Popen[bytes]:
    """Start the run's worker: the command line, in a process of its own that outlives us."""
    command = [sys.executable, "-m", "gan_core", "train", "--out", str(folder)]
    command += settings.command()
    if settings.minutes_before == 0:
        command.append(str(folder / DATASET_FILE))
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


def reserve_exit(folder: Path) -> None:
    """Take the room that `note_exit` will need."""
    (folder / EXIT_FILE).write_text(" " * _EXIT_WIDTH)


def note_exit(folder: Path, code: int) -> None:
    """Keep how the worker ended, in the room that was reserved: the disk may be full now."""
    with (folder / EXIT_FILE).open("r+") as reserved:
        reserved.write(str(code).rjust(_EXIT_WIDTH))


def _state(folder: Path, events: tuple[Event, ...], is_attended: bool) -> State:
    if is_waiting(folder):
        return "queued"
    has_begun = bool(events) and has_reported(folder)
    last = events[-1] if has_begun else None
    is_stop_asked = (folder / STOP_FILE).exists()
    if is_attended or is_alive(folder):
        if is_stop_asked or isinstance(last, Finished | Failed):
            return "stopping"  # it has ended only when its process is gone
        return "running" if has_begun else "starting"
    if isinstance(last, Finished):
        return "stopped" if last.stopped else "finished"
    if isinstance(last, Failed):
        return "failed"
    exit_file = folder / EXIT_FILE
    if exit_file.exists() and exit_file.read_text().strip() == str(_USER_ERROR):
        return "failed"
    return "stopped" if is_stop_asked and not has_begun else "interrupted"


def _events_size(folder: Path) -> int:
    path = folder / EVENTS_FILE
    return path.stat().st_size if path.exists() else 0


def _events(folder: Path) -> tuple[Event, ...]:
    size = _events_size(folder)
    return _events_of_size(folder, size) if size else ()


@lru_cache(maxsize=4)
def _events_of_size(folder: Path, _size: int) -> tuple[Event, ...]:
    """Several tabs may watch one run; its log is parsed once for each length it has had."""
    return tuple(read_events(folder))


def _last_words(folder: Path) -> str:
    """The last line of the worker's log: for exit code 2 it is a message meant for the user."""
    text = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
    return text.strip().rpartition("\n")[2][-600:]
