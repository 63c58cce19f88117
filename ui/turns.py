"""Who lets runs train where a GPU is lent: visitors themselves, each by an event of their own.

There is no line and no worker: the event that a visitor's page sends when a run is asked for lasts
as long as the run, and takes turn after turn. So it is the visitor's quota that pays. When the page
is closed, the run saves and is paused, until a page asks for it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import gradio as gr

from gan_core.errors import AtelierError, BadRun
from gan_core.files import require_room
from gan_core.gan.checkpoint import CHECKPOINT_FILE, has_checkpoint
from gan_core.gan.run import is_stop_requested
from ui import run_texts as texts
from ui.request import note_trouble, read_settings
from ui.run_folder import ask_to_end, is_waiting, paused_by, read_state, wait_again
from ui.turn import end, seconds_of, take_turn
from ui.worker import WORKER_FILE

MOST_DRIVEN = 16  # runs at once: each has a thread, and its pictures in this machine's memory
_LOOK = 1.0  # second, after which it is seen that a page was closed
_log = logging.getLogger(__name__)


class Turns:
    """The runs below `root` that somebody's event lets train, MOST_DRIVEN of them at once.

    lock: held while a run's folder changes from one state to another. room: megabytes that must be
    free for a run to begin.
    """

    def __init__(self, root: Path, lock: AbstractContextManager[Any], room: float) -> None:
        self.root, self.room, self._lock = root, room, lock
        self._driven: set[str] = set()

    def attends(self, run_id: str) -> bool:
        """Whether somebody's event lets the run train, or is about to."""
        return run_id in self._driven

    async def drive(self, run_id: str) -> AsyncGenerator[None]:
        """Let a run that waits, or that a closed page has paused, train to its end in the caller's
        event; nothing if it is neither. While another event lets it train, this one stands by.

        Yields once in a second. Closed before its end, it has the run save and pause.
        Raises: gr.Error with what ZeroGPU refused, or else ended it; the run is paused then. BadRun
        when there are too many; BadWeights, DiskFull when it cannot go on. It stays as it is then.
        """
        folder = self.root / run_id
        while self.attends(run_id):
            yield
            await asyncio.sleep(_LOOK)
        if not self._claim(folder):
            return
        failures: list[Exception] = []
        given_up = Event()
        # What is asked for in a copy of the event's context is asked for in the visitor's name.
        context = copy_context()
        task = (self._train, folder, failures, given_up)
        thread = Thread(target=context.run, args=task, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                yield
                await asyncio.sleep(_LOOK)
        finally:  # on the server's own thread: it must not take long
            given_up.set()
            if thread.is_alive():
                self._pause(folder, "page")
        if failures and folder.exists():
            raise failures[0]

    def close(self) -> None:
        """Let all that train save and pause: the server ends."""
        for run_id in tuple(self._driven):
            self._pause(self.root / run_id, "server")

    def _claim(self, folder: Path) -> bool:
        """Whether the run is to be let train by who asks; nobody else does so then."""
        with self._lock:
            if self.attends(folder.name) or not (is_waiting(folder) or _is_left(folder)):
                return False
            if len(self._driven) >= MOST_DRIVEN:
                raise BadRun(
                    texts.MANY_DRIVEN.format(n=len(self._driven)),
                    texts.MANY_DRIVEN_EXPECTED.format(most=MOST_DRIVEN),
                    texts.MANY_DRIVEN_ADVICE,
                )
            self._driven.add(folder.name)
            return True

    def _train(self, folder: Path, failures: list[Exception], given_up: Event) -> None:
        goes_on = False
        try:
            with self._lock:
                settings = read_settings(folder)
                if given_up.is_set() or settings is None:
                    return
                if _is_left(folder):
                    wait_again(folder, settings)
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


def _is_left(folder: Path) -> bool:
    """Whether a closed page has paused the run: a page that asks for it lets it go on."""
    return paused_by(folder) == "page" and read_state(folder).state == "paused"


def _reason(error: Exception) -> str:
    if isinstance(error, gr.Error):
        return texts.REFUSED.format(title=error.title, message=str(error.message).rstrip(". "))
    if isinstance(error, AtelierError):
        return str(error)
    _log.error("a turn ended unexpectedly", exc_info=error)
    return texts.UNEXPECTED
