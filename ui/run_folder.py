"""What a run's folder says of the run: asked for, waiting, alive, paused, ended, and how.

Nothing is remembered elsewhere, so this stays true over a restart of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from gan_core.errors import BadRun
from gan_core.events import Event, Failed, Finished
from gan_core.gan.checkpoint import CHECKPOINT_FILE, find_checkpoint, has_checkpoint
from gan_core.gan.run import (
    ADJUST_FILE,
    BEST_FOLDER,
    DATASET_FILE,
    EVENTS_FILE,
    STOP_FILE,
    read_events,
    request_stop,
)
from gan_core.gan.snapshot import G_FILE
from ui.request import (
    REQUEST_FILE,
    Settings,
    note_trouble,
    read_settings,
    read_trouble,
    set_by_hand,
    write_settings,
)
from ui.worker import EXIT_FILE, LOG_FILE, WORKER_FILE, interrupt, is_alive

State = Literal[
    "draft", "queued", "starting", "running", "pausing", "stopping",
    "paused", "finished", "stopped", "failed", "interrupted",
]  # fmt: skip
ACTIVE: tuple[State, ...] = ("queued", "starting", "running", "pausing", "stopping")
PAUSE_FILE, TAKEN_UP_FILE, PACKED_FILE = "pause", "taken-up", "gan-atelier-model.zip"
_USER_ERROR = 2  # the command line's exit code for what a user can mend
_LEAST_LEFT = 0.05  # minutes; a run that was cut off within its last step still ends in order


@dataclass(frozen=True)
class RunState:
    """One look at a run."""

    id: str
    state: State
    settings: Settings | None = None  # None for a draft
    ahead: int = 0  # how many runs must end before it may begin
    events: tuple[Event, ...] = ()
    has_model: bool = False
    reason: str = ""  # why it failed, if no event says so, or cannot begin or go on by itself
    can_resume: bool = False
    can_restart: bool = False  # nothing was saved, but its pictures are still here
    has_begun: bool = True  # whether its present part has reported anything


def read_state(folder: Path, is_attended: bool = False) -> RunState:
    """Look at a run. is_attended: its worker has not been reported as ended yet."""
    has_model = (folder / BEST_FOLDER / G_FILE).is_file()
    try:
        settings = read_settings(folder)
    except BadRun as error:
        return RunState(folder.name, "failed", has_model=has_model, reason=str(error))
    if settings is None:
        return RunState(folder.name, "draft")
    reason = ""
    try:
        events = _events(folder)
    except BadRun as error:
        events, reason = (), error.what
    state = _state(folder, events, is_attended)
    has_begun = bool(events) and has_reported(folder)
    if state == "failed" and not (has_begun and isinstance(events[-1], Failed)):
        reason = _last_words(folder)
    if state in ("queued", "paused", "interrupted"):
        reason = read_trouble(folder) or reason
    can_resume = state not in ACTIVE and has_checkpoint(folder)
    is_bare = state not in ACTIVE and not (can_resume or has_model)
    can_restart = is_bare and (folder / DATASET_FILE).is_file()
    return RunState(
        folder.name, state, settings, 0, events, has_model, reason, can_resume, can_restart,
        has_begun,
    )  # fmt: skip


def wait_again(
    folder: Path, settings: Settings, more: float | None = None, changed: Mapping[str, Any] = {}
) -> None:
    """Make a run that has ended one that waits in line; without a checkpoint, from its beginning.

    more: minutes beyond those it has had; None: what is left of those it was given.
    changed: settings that the rest is to be trained with. Raises: BadWeights, DiskFull.
    """
    settings = replace(
        settings, options=set_by_hand(settings, read_state(folder).events), changed={}
    )
    if has_checkpoint(folder):
        checkpoint = find_checkpoint(folder)
        done, given = checkpoint.seconds / 60, checkpoint.config.minutes or settings.minutes
        until = max(given, done + _LEAST_LEFT) if more is None else done + more
        settings = replace(settings, until=until, changed=changed)
    else:  # what was reported is void
        settings = replace(settings, options={**settings.options, **changed})
        (folder / EVENTS_FILE).unlink(missing_ok=True)
    write_settings(folder, settings)
    note_trouble(folder, "")
    for name in (WORKER_FILE, STOP_FILE, PAUSE_FILE, EXIT_FILE, ADJUST_FILE, PACKED_FILE):
        (folder / name).unlink(missing_ok=True)


def ask_to_end(folder: Path, pause: str = "") -> None:
    """Ask a run to save and end, or call it off in line.

    pause: who will let it go on, "user", "server" or, by being opened again, "page"; "" for nobody
    in particular.
    """
    if pause:
        (folder / PAUSE_FILE).write_text(pause)
    else:
        (folder / PAUSE_FILE).unlink(missing_ok=True)
    if is_alive(folder) and not has_reported(folder):
        interrupt(folder)  # a stop file this early would be cleared by the worker
    request_stop(folder)


def note_taken_up(folder: Path) -> None:
    """Keep that a run was let go on by itself from the checkpoint that it has now."""
    (folder / TAKEN_UP_FILE).write_text(_checkpoint_mark(folder))


def was_taken_up(folder: Path) -> bool:
    """Whether a run was let go on by itself, and has saved nothing since."""
    noted = folder / TAKEN_UP_FILE
    return noted.exists() and noted.read_text() == _checkpoint_mark(folder)


def _checkpoint_mark(folder: Path) -> str:
    newest = folder / CHECKPOINT_FILE
    return str(newest.stat().st_mtime_ns) if newest.exists() else "none"


def paused_by(folder: Path) -> str:
    """Who paused the run, "user", "server" or "page"; "" when it was not."""
    path = folder / PAUSE_FILE
    return path.read_text() if path.exists() else ""


def is_waiting(folder: Path) -> bool:
    """Whether the run was asked for and has neither begun nor been called off."""
    return (folder / REQUEST_FILE).exists() and not (
        (folder / WORKER_FILE).exists() or (folder / STOP_FILE).exists()
    )


def has_reported(folder: Path) -> bool:
    """Whether the present worker has reported anything yet; a resumed run's log is older."""
    log, worker = folder / EVENTS_FILE, folder / WORKER_FILE
    if not log.exists() or log.stat().st_size == 0:
        return False
    return not worker.exists() or log.stat().st_mtime_ns >= worker.stat().st_mtime_ns


def last_change(folder: Path) -> float:
    """Seconds since 1970 at which the run last did something."""
    files = [folder / name for name in (DATASET_FILE, REQUEST_FILE, EVENTS_FILE, EXIT_FILE)]
    changes = [path.stat().st_mtime for path in files if path.exists()]
    return max(changes, default=folder.stat().st_mtime)  # nothing yet: its writer was cut off


def ended_at(folder: Path) -> float:
    """Seconds since 1970 at which a run that has ended last reported anything, or its worker went.

    Before it has reported anything: when it was asked for.
    """
    files = [folder / name for name in (EVENTS_FILE, EXIT_FILE)]
    there = [path.stat().st_mtime for path in files if path.exists()]
    return max(there) if there else last_change(folder)


def _state(folder: Path, events: tuple[Event, ...], is_attended: bool) -> State:
    if is_waiting(folder):
        return "queued"
    has_begun = bool(events) and has_reported(folder)
    last = events[-1] if has_begun else None
    is_stop_asked, is_paused = (folder / STOP_FILE).exists(), bool(paused_by(folder))
    if is_attended or is_alive(folder):
        if is_stop_asked or isinstance(last, Finished | Failed):
            # It has ended only when its process is gone.
            return "pausing" if is_paused else "stopping"
        return "running" if has_begun else "starting"
    if isinstance(last, Finished):
        ended: State = "paused" if is_paused else "stopped"
        return ended if last.stopped else "finished"
    if isinstance(last, Failed):
        return "failed"
    exit_file = folder / EXIT_FILE
    if exit_file.exists() and exit_file.read_text().strip() == str(_USER_ERROR):
        return "failed"
    if is_stop_asked and not has_begun:
        return "paused" if is_paused else "stopped"
    return "interrupted"


def _events(folder: Path) -> tuple[Event, ...]:
    path = folder / EVENTS_FILE
    size = path.stat().st_size if path.exists() else 0
    return _events_of_size(folder, size) if size else ()


@lru_cache(maxsize=16)
def _events_of_size(folder: Path, _size: int) -> tuple[Event, ...]:
    """Several tabs may watch one run; its log is parsed once for each length it has had."""
    return tuple(read_events(folder))


def _last_words(folder: Path) -> str:
    """The last line of the worker's log: for exit code 2 it is a message meant for the user."""
    text = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
    return text.strip().rpartition("\n")[2][-600:]
