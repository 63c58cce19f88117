"""Who minds the line: starts the next run when one has ended, and deletes what is old.

Nothing is polled. The keeper sleeps on a named pipe, the bell, that every copy of the program with
the same folder rings when there is something to do; a worker that ends rings it too.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.errors import AtelierError, BadRun, DiskFull
from gan_core.files import RUN_MB, explain_disk_errors, require_room
from gan_core.gan.checkpoint import CHECKPOINT_FILE
from gan_core.gan.run import DATASET_FILE, is_stop_requested
from ui import run_texts as texts
from ui.request import REQUEST_FILE, Settings, note_trouble, read_settings, read_trouble
from ui.run_folder import (
    ask_to_end,
    is_waiting,
    last_change,
    note_taken_up,
    paused_by,
    read_state,
    wait_again,
    was_taken_up,
)
from ui.worker import is_alive, launch, note_exit, wait_for_end

RUN_ID = re.compile(r"[A-Za-z0-9_-]{22}")  # secrets.token_urlsafe(16)
_BELL = "bell"  # no run is called so
_SWEEP, _RETRY = 600.0, 5.0  # seconds
_ROOM = 30.0  # seconds after which to look whether there is room on the disk now
_log = logging.getLogger(__name__)


def folders(root: Path) -> list[Path]:
    """The folders of all runs, drafts included, in no particular order."""
    return [path for path in root.iterdir() if RUN_ID.fullmatch(path.name)]


def line(root: Path) -> list[Path]:
    """Folders of the runs that wait, first come first."""
    waiting = {
        folder: settings.asked
        for folder in folders(root)
        if is_waiting(folder) and (settings := _readable(folder)) is not None
    }
    return sorted(waiting, key=lambda folder: waiting[folder])


def _readable(folder: Path) -> Settings | None:
    """What was asked for; None also if another version did, and it cannot be read here."""
    with suppress(BadRun):
        return read_settings(folder)
    return None


def count_alive(root: Path) -> int:
    """How many runs have a worker."""
    return sum(map(is_alive, folders(root)))


class Keeper:
    """A thread that minds the line of runs below `root`; of several with one root, one does.

    at_once: how many train at the same time; 0: none is started here (see `turns`), and none waits
    for another. room: megabytes that must be free for a run to begin.
    lock: held while a run's folder changes from one state to another.
    """

    def __init__(self, root: Path, at_once: int, keep_hours: float, room: float = RUN_MB) -> None:
        self.root, self.at_once, self.keep_hours, self.room = root, at_once, keep_hours, room
        self.lock = threading.RLock()
        self._closed, self._minds = threading.Event(), threading.Event()
        self._workers: dict[str, subprocess.Popen[bytes]] = {}  # started here, not yet buried
        self._foreign: set[str] = set()  # started by a copy that is gone
        self._lacks_room = False
        with suppress(FileExistsError):
            os.mkfifo(root / _BELL, 0o600)
        self._thread = threading.Thread(target=self._keep, name="runs", daemon=True)
        self._thread.start()

    def attends(self, run_id: str) -> bool:
        """Whether the run's worker was started here, and its end was not yet noted."""
        return run_id in self._workers

    def ring(self) -> None:
        """Wake whoever minds the line; if nobody does, the next one looks first thing."""
        with suppress(OSError):
            bell = os.open(self.root / _BELL, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(bell, b".")
            finally:
                os.close(bell)

    def close(self, wait: float = 0.0) -> None:
        """Let our workers save and end, and start no more; the next keeper lets them go on.

        wait: how many seconds to give each worker to end.
        """
        self._closed.set()
        with self.lock:
            workers = dict(self._workers)
            for run_id in workers:
                folder = self.root / run_id
                if is_alive(folder) and not is_stop_requested(folder):
                    with suppress(OSError):  # the disk is full: it goes on without us
                        ask_to_end(folder, pause="server")
        self.ring()
        if self._minds.is_set():
            self._thread.join(5)
        for run_id, worker in workers.items() if wait > 0 else ():
            worker.wait(wait)
            self._bury(run_id, worker)

    def _keep(self) -> None:
        with self._minding() as bell:
            is_new = True
            while not self._closed.is_set():
                try:
                    with self.lock:
                        if is_new:
                            self._find_unasked()
                        is_new = self._lacks_room = False
                        self._sweep()  # first: on a full disk it makes room
                        self._take_up()
                        self._start_next()
                        self._attend_foreign()
                    pause = _ROOM if self._lacks_room else _SWEEP
                except Exception:
                    _log.exception("looking after the runs failed; trying again")
                    pause = _RETRY
                if select.select([bell], [], [], pause)[0]:
                    os.read(bell, 4096)

    @contextmanager
    def _minding(self) -> Iterator[int]:
        """Sleep until no other copy minds the line; then mind it, and give the bell's end."""
        root = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(root, fcntl.LOCK_EX)
            # Open for both, or it would ring without end when nobody else has it open.
            bell = os.open(self.root / _BELL, os.O_RDWR)
            self._minds.set()
            try:
                yield bell
            finally:
                os.close(bell)
        finally:
            os.close(root)

    def _start_next(self) -> None:
        free = self.at_once - count_alive(self.root)
        for folder in line(self.root):
            if free <= 0:
                break
            free -= self._attempt(self._start, folder)

    def _start(self, folder: Path, settings: Settings) -> None:
        require_room(folder / CHECKPOINT_FILE, self.room)
        options = settings.command()
        if settings.until == 0:
            options.append(str(folder / DATASET_FILE))
        worker = launch(folder, options)
        self._workers[folder.name] = worker
        self._in_background(self._bury, folder.name, worker)

    def _attempt(self, step: Callable[[Path, Settings], None], folder: Path) -> bool:
        """Do a step for one run. What hinders it is noted in its folder, and the others go on."""
        trouble = ""
        try:
            settings = read_settings(folder)
            if settings is None:  # just deleted
                return False
            with explain_disk_errors(folder / REQUEST_FILE):
                step(folder, settings)
        except AtelierError as error:
            trouble = str(error)
            self._lacks_room |= isinstance(error, DiskFull)
        except Exception:
            _log.exception("a run cannot begin or go on")
            trouble = texts.UNEXPECTED
        with suppress(OSError):
            if trouble != read_trouble(folder):
                note_trouble(folder, trouble)
        return not trouble

    def _bury(self, run_id: str, worker: subprocess.Popen[bytes]) -> None:
        """Wait until a worker ends, and note how."""
        code = worker.wait()
        with self.lock:
            if self._workers.get(run_id) is worker:
                del self._workers[run_id]
                with suppress(OSError):  # its folder was deleted
                    note_exit(self.root / run_id, code)
        self.ring()

    def _attend_foreign(self) -> None:
        """Be woken when a worker ends that a former copy of the program has started."""
        for folder in folders(self.root):
            known = folder.name in self._workers or folder.name in self._foreign
            if not known and is_alive(folder):
                self._foreign.add(folder.name)
                self._in_background(self._wait_for_foreign, folder)

    def _wait_for_foreign(self, folder: Path) -> None:
        wait_for_end(folder)
        with self.lock:
            self._foreign.discard(folder.name)
        self.ring()

    def _take_up(self) -> None:
        """Let go on what a closing server has paused, in its old place in line."""
        for folder in folders(self.root):
            if paused_by(folder) == "server" and not is_alive(folder):
                self._attempt(wait_again, folder)

    def _find_unasked(self) -> None:
        """Have runs go on that ended though nobody had asked them to.

        A machine that is shut down may tell the workers before it tells the page; one that loses
        its power tells nobody. What is cut off is taken up once from each checkpoint, or else a
        run that brings the machine down would do so for ever.
        """
        for folder in folders(self.root):
            with suppress(OSError, ValueError):
                if is_stop_requested(folder) or paused_by(folder):
                    continue
                run = read_state(folder)
                if run.state == "interrupted" and (run.can_resume or run.can_restart):
                    if not was_taken_up(folder):
                        note_taken_up(folder)
                        ask_to_end(folder, pause="server")
                elif run.state == "stopped":
                    ask_to_end(folder, pause="server")

    def _sweep(self) -> None:
        waiting = line(self.root) if self.at_once else []  # where nobody comes, they grow old
        for folder in folders(self.root):
            is_old = time.time() - last_change(folder) > self.keep_hours * 3600
            if is_old and folder not in waiting and not is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _in_background(task: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=task, args=arguments, daemon=True).start()
