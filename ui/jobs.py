"""Runs that outlive a tab: one trains at a time, in a process of its own; the others wait in line.

This is the line and its keeper. What a run's folder says is `run_folder`; how it looks is `view`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gan_core.errors import BadRun
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.run import DATASET_FILE, request_stop
from gan_core.pictures import Dataset, save_dataset
from ui import texts
from ui.run_folder import (
    WORKER_FILE,
    RunState,
    Settings,
    has_reported,
    is_alive,
    is_waiting,
    last_change,
    launch,
    note_exit,
    read_settings,
    read_state,
    wait_again,
    write_settings,
)

_ID = re.compile(r"[A-Za-z0-9_-]{22}")  # secrets.token_urlsafe(16)
_log = logging.getLogger(__name__)


class Runs:
    """All runs of this server, in folders below `root`, each reached only by its unguessable id.

    root: made if missing. most_waiting: length of the line. keep_hours: after that long without
    a change, a run and its pictures are deleted.
    """

    def __init__(self, root: Path, most_waiting: int = 8, keep_hours: float = 24.0) -> None:
        self.root, self.most_waiting, self.keep_hours = root, most_waiting, keep_hours
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.RLock()
        self._root_file = os.open(root, os.O_RDONLY)
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._wake, self._closed = threading.Event(), threading.Event()
        threading.Thread(target=self._keep, name="runs", daemon=True).start()

    def add(self, dataset: Dataset) -> str:
        """Keep prepared pictures as a draft and return its id. Raises: DiskFull."""
        run_id = secrets.token_urlsafe(16)
        (self.root / run_id).mkdir(mode=0o700)
        try:
            save_dataset(dataset, self.root / run_id / DATASET_FILE)
        except BaseException:
            self.forget(run_id)
            raise
        return run_id

    def start(self, run_id: str, settings: Settings) -> None:
        """Put a draft at the end of the line. Raises: BadRun, DiskFull."""
        folder = self.folder(run_id)
        with self._lock:
            self._refuse_if_full()
            if read_settings(folder) is not None:
                raise BadRun(
                    texts.ALREADY_STARTED,
                    texts.ALREADY_STARTED_EXPECTED,
                    texts.ALREADY_STARTED_ADVICE,
                )
            write_settings(folder, replace(settings, asked=time.time()))
        self._wake.set()

    def create(self, dataset: Dataset, settings: Settings) -> str:
        """Add pictures and put them in line at once. Raises: BadRun, DiskFull."""
        run_id = self.add(dataset)
        try:
            self.start(run_id, settings)
        except BaseException:
            self.forget(run_id)
            raise
        return run_id

    def resume(self, run_id: str) -> None:
        """Let a run that has ended go on for as long again, or start again if it saved nothing.

        Raises: BadRun, DiskFull.
        """
        folder = self.folder(run_id)
        with self._lock:
            self._refuse_if_full()
            run = self.look(run_id)
            if run.settings is None or not (run.can_resume or run.can_restart):
                raise BadRun(
                    texts.NOT_RESUMABLE,
                    texts.NOT_RESUMABLE_EXPECTED,
                    texts.NOT_RESUMABLE_ADVICE,
                )
            done = 0.0
            if run.can_resume:
                done = max(find_checkpoint(folder).seconds / 60, 1e-3)
            wait_again(folder, replace(run.settings, asked=time.time(), minutes_before=done))
        self._wake.set()

    def look(self, run_id: str) -> RunState:
        """Say how a run is doing. Raises: BadRun when there is none by that id."""
        folder = self.folder(run_id)
        state = read_state(folder, is_attended=run_id in self._workers)
        if state.state == "queued":
            line = self._line()
            before = line.index(folder) if folder in line else 0
            state = replace(state, ahead=before + self._is_busy())
        return state

    def stop(self, run_id: str) -> None:
        """Ask a run to save and end, or take it out of the line. Raises: BadRun."""
        folder = self.folder(run_id)
        with self._lock:
            if is_alive(folder) and not has_reported(folder):
                # A stop file this early would be cleared by the worker; a signal is heard always.
                os.kill(int((folder / WORKER_FILE).read_text()), signal.SIGTERM)
            request_stop(folder)
        self._wake.set()

    def forget(self, run_id: str) -> None:
        """Delete a run that is not training, with its pictures. Raises: BadRun."""
        folder = self.folder(run_id)
        with self._lock:
            if not is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def folder(self, run_id: str) -> Path:
        """Give a run's folder. Raises: BadRun for any id that is not one of ours."""
        if not self.exists(run_id):
            raise BadRun(texts.NO_RUN, texts.NO_RUN_EXPECTED, texts.NO_RUN_ADVICE)
        return self.root / run_id

    def exists(self, run_id: object) -> bool:
        """Whether there is a run by that id. Anything that could be a path is none."""
        return (
            isinstance(run_id, str)
            and _ID.fullmatch(run_id) is not None
            and (self.root / run_id).is_dir()
        )

    def close(self, wait: float = 0.0) -> None:
        """Ask our workers to save and end, and start no more; the line waits for a restart.

        wait: how many seconds to give each worker to end.
        """
        self._closed.set()
        self._wake.set()
        with self._lock:
            for run_id in self._workers:
                if is_alive(self.root / run_id):
                    self.stop(run_id)
            fcntl.flock(self._root_file, fcntl.LOCK_UN)
            if wait > 0:
                for worker in self._workers.values():
                    worker.wait(wait)
                self._bury_the_dead()

    def _refuse_if_full(self) -> None:
        waiting = len(self._line())
        if waiting >= self.most_waiting:
            raise BadRun(
                texts.QUEUE_FULL.format(waiting=waiting),
                texts.QUEUE_FULL_EXPECTED.format(most=self.most_waiting),
                texts.QUEUE_FULL_ADVICE,
            )

    def _keep(self) -> None:
        while not self._closed.is_set():
            try:
                with self._lock:
                    self._bury_the_dead()
                    if self._is_keeper():
                        self._sweep()  # first: on a full disk it makes room
                        self._start_next()
            except Exception:
                _log.exception("looking after the runs failed; trying again in a second")
            self._wake.wait(1.0)
            self._wake.clear()

    def _is_keeper(self) -> bool:
        """Whether this copy minds the line: of several with one folder, only one does."""
        if self._closed.is_set():
            return False
        try:
            fcntl.flock(self._root_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _bury_the_dead(self) -> None:
        for run_id, worker in list(self._workers.items()):
            code = worker.poll()
            if code is None:
                continue
            del self._workers[run_id]
            folder = self.root / run_id
            if folder.is_dir():
                with suppress(OSError):
                    note_exit(folder, code)

    def _start_next(self) -> None:
        line = self._line()
        if line and not self._is_busy():
            settings = read_settings(line[0])
            if settings is not None:
                self._workers[line[0].name] = launch(line[0], settings)

    def _sweep(self) -> None:
        for folder in self._folders():
            is_old = time.time() - last_change(folder) > self.keep_hours * 3600
            if is_old and not is_waiting(folder) and not is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return [path for path in self.root.iterdir() if _ID.fullmatch(path.name)]

    def _line(self) -> list[Path]:
        """Folders of the runs that wait, first come first."""
        waiting = {
            folder: settings.asked
            for folder in self._folders()
            if is_waiting(folder) and (settings := read_settings(folder)) is not None
        }
        return sorted(waiting, key=lambda folder: waiting[folder])

    def _is_busy(self) -> bool:
        return any(is_alive(folder) for folder in self._folders())
