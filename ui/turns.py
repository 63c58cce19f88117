"""Who lets runs train where a GPU is lent: visitors themselves, each by an event of their own.

There is no line and no worker: the event that a visitor's page sends when a run is asked for lasts
as long as the run, and takes turn after turn. So it is the visitor's quota that pays. When the page
is closed, the run saves and is paused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import Any

import gradio as gr

from gan_core.errors import AtelierError
from gan_core.files import require_room
from gan_core.gan.checkpoint import CHECKPOINT_FILE, has_checkpoint
from gan_core.gan.run import is_stop_requested
from ui import run_texts as texts
from ui.request import note_trouble
from ui.run_folder import ask_to_end, is_waiting
from ui.turn import end, seconds_of, take_turn
from ui.worker import WORKER_FILE

_LOOK = 1.0  # second, after which it is seen that a page was closed
_log = logging.getLogger(__name__)


class Turns:
    """The runs below `root` that somebody's event lets train.

    lock: held while a run's folder changes from one state to another. room: megabytes that must be
    free for a run to begin.
    """

    def __init__(self, root: Path, lock: AbstractContextManager[Any], room: float) -> None:
        self.root, self.room, self._lock = root, room, lock
        self._driven: set[str] = set()

    def attends(self, run_id: str) -> bool:
        """Whether somebody's event lets the run train, or is about to."""
        return run_id in self._driven

    def drive(self, run_id: str) -> Iterator[None]:
        """Let a run that waits train to its end, in the caller's event; nothing if none waits.

        Yields once in a second. Closed before its end, it has the run save and pause.
        Raises: gr.Error with what ZeroGPU refused, or else ended it; the run is paused then.
        """
        folder = self.root / run_id
        with self._lock:
            if run_id in self._driven or not is_waiting(folder):
                return
            self._driven.add(run_id)
        failures: list[Exception] = []
        # What is asked for in a copy of the event's context is asked for in the visitor's name.
        context = copy_context()
        thread = Thread(target=context.run, args=(self._train, folder, failures), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                yield
                thread.join(_LOOK)
        finally:  # on the server's own thread if the page was closed: it must not take long
            if thread.is_alive():
                self._pause(folder, "user")
        if failures and folder.exists():
            raise failures[0]

    def close(self) -> None:
        """Let all that train save and pause: the server ends."""
        for run_id in tuple(self._driven):
            self._pause(self.root / run_id, "server")

    def _train(self, folder: Path, failures: list[Exception]) -> None:
        goes_on = False
        try:
            require_room(folder / CHECKPOINT_FILE, self.room)
            while not is_stop_requested(folder):
                goes_on = take_turn(str(folder), seconds_of(folder, goes_on), goes_on)
                if not goes_on:
                    return
            if goes_on:  # it was asked to end between two turns
                end(folder)
        except Exception as error:
            failures.append(error)
            with suppress(AtelierError, OSError):
                self._give_up(folder, error)
        finally:
            with self._lock:
                self._driven.discard(folder.name)

    def _give_up(self, folder: Path, error: Exception) -> None:
        """Pause a run that was refused a turn, and note why: it can go on from what it saved."""
        with self._lock:
            if not folder.exists() or is_stop_requested(folder):
                return
            note_trouble(folder, _reason(error))
            ask_to_end(folder, "user")
            if (folder / WORKER_FILE).exists() and has_checkpoint(folder):
                end(folder)

    def _pause(self, folder: Path, by: str) -> None:
        with self._lock, suppress(OSError):  # deleted meanwhile
            if not is_stop_requested(folder):
                ask_to_end(folder, by)


def _reason(error: Exception) -> str:
    if isinstance(error, gr.Error):
        return texts.REFUSED.format(title=error.title, message=str(error.message).rstrip(". "))
    if isinstance(error, AtelierError):
        return str(error)
    _log.error("a turn ended unexpectedly", exc_info=error)
    return texts.UNEXPECTED
