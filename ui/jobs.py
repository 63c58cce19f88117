"""Runs that outlive a tab: each in a process of its own; the others wait in line. Where the GPU is
only lent, they train turn by turn instead (`turns`).

What may be done with a run is here. Who minds the line is `keeper`; what a run's folder says is
`run_folder`; how it looks is `view`.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_core.errors import BadRun, BadWeights
from gan_core.files import RUN_MB
from gan_core.gan.run import DATASET_FILE, request_adjustment
from gan_core.pictures import Dataset, save_dataset
from ui import run_texts as texts
from ui.inherit import hand_down, require_heritage
from ui.keeper import RUN_ID, Keeper, count_alive, line
from ui.request import REQUEST_FILE, Settings, read_settings, write_settings
from ui.run_folder import PACKED_FILE, RunState, ask_to_end, read_state, wait_again
from ui.turns import Turns
from ui.worker import is_alive, kill

KEEP_HOURS = 24.0
_MOST_WAITING = 8
_MOST_UNDRIVEN = 32  # runs that wait for an event to let them train: nobody stands in line


class Runs:
    """All runs of this server, in folders below `root`, each reached only by its unguessable id.

    root: made if missing. most_waiting: how many may wait, by default 8, or 32 where there is no
    line. keep_hours: after that long without a change, a run and its pictures are deleted.
    at_once: how many train at the same time; 0 where visitors' own events let them train (`drive`),
    and none waits for another. room: megabytes that must be free for one to begin.
    """

    def __init__(
        self,
        root: Path,
        most_waiting: int | None = None,
        keep_hours: float = KEEP_HOURS,
        at_once: int = 1,
        room: float = RUN_MB,
    ) -> None:
        self.root, self.keep_hours = root, keep_hours
        usual = _MOST_WAITING if at_once else _MOST_UNDRIVEN
        self.most_waiting = usual if most_waiting is None else most_waiting
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._keeper = Keeper(root, at_once, keep_hours, room)
        self._lock = self._keeper.lock
        self._turns = Turns(root, self._lock, room)

    def add(self, dataset: Dataset, run_id: str = "") -> str:
        """Keep prepared pictures as a draft and return its id, by default a new one.

        Raises: BadRun when a run of that id is here already, DiskFull.
        """
        run_id = self._new_folder(run_id)
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
                raise _already_started()
            write_settings(folder, replace(settings, asked=time.time()))
        self._keeper.ring()

    def create(self, dataset: Dataset, settings: Settings, run_id: str = "") -> str:
        """Add pictures and put them in line at once. Raises: BadRun, DiskFull.

        run_id: one that only who asks for the run can know, as a draft's; by default a new one.
        """
        return self._started(self.add(dataset, run_id), settings)

    def resume(
        self, run_id: str, more: float | None = None, changed: Mapping[str, Any] = {}
    ) -> None:
        """Let a run that has ended go on, or start again if it saved nothing.

        more: for so many minutes; None: for what is left of its time. changed: settings to go on
        with at other values. Raises: BadRun, BadWeights, DiskFull.
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
            try:
                wait_again(folder, replace(run.settings, asked=time.time()), more, changed)
            except BadWeights as error:
                advice = f"{error.advice} {texts.OR_ANEW}"
                raise BadWeights(error.what, error.expected, advice) from error
        self._keeper.ring()

    def duplicate(
        self, run_id: str, changed: Mapping[str, Any] = {}, from_model: bool = False
    ) -> str:
        """Put a new run in line: same pictures, start, time and settings, another seed.

        changed: settings that the new run has at other values. from_model: start from the model
        that the run has kept. Raises: BadRun, DiskFull.
        """
        run, folder = self.look(run_id), self.folder(run_id)
        settings = require_heritage(folder, run, from_model)
        heir = self._new_folder()
        try:
            settings = hand_down(folder, settings, run, self.root / heir, from_model)
        except BaseException:
            self.forget(heir)
            raise
        options = {**settings.options, **changed}
        return self._started(heir, replace(settings, options=options))

    def look(self, run_id: str) -> RunState:
        """Say how a run is doing. Raises: BadRun when there is none by that id."""
        folder = self.folder(run_id)
        is_attended = self._keeper.attends(run_id) or self._turns.attends(run_id)
        state = read_state(folder, is_attended)
        if state.state == "queued" and self._keeper.at_once:
            waiting = line(self.root)
            before = waiting.index(folder) if folder in waiting else 0
            taken = before + count_alive(self.root)
            state = replace(state, ahead=max(0, taken - self._keeper.at_once + 1))
        return state

    async def drive(self, run_id: str) -> AsyncGenerator[None]:
        """Let a run train within the caller's event, as `Turns.drive`. Raises: as that, BadRun.

        Nothing where runs have workers of their own.
        """
        folder = self.folder(run_id)
        if not self._keeper.at_once:
            async with aclosing(self._turns.drive(folder.name)) as driving:
                async for _ in driving:
                    yield

    def stop(self, run_id: str) -> None:
        """Ask a run to save and end, or take it out of the line. Raises: BadRun."""
        self._end(run_id)

    def pause(self, run_id: str) -> None:
        """Ask a run to save and make room for others, until it is let go on. Raises: BadRun."""
        self._end(run_id, pause="user")

    def describe(self, run_id: str, kind: str) -> None:
        """Note what a run's pictures show; what was packed without it is void.

        Raises: BadRun, DiskFull.
        """
        folder = self.folder(run_id)
        with self._lock:
            settings = read_settings(folder)
            if settings is not None:
                write_settings(folder, replace(settings, kind=kind))
                (folder / PACKED_FILE).unlink(missing_ok=True)

    def adjust(self, run_id: str, changes: Mapping[str, Any]) -> None:
        """Let a run that trains, or will, go on with other settings. Raises: BadRun, BadSetting."""
        folder = self.folder(run_id)
        with self._lock:
            if self.look(run_id).state not in ("queued", "starting", "running"):
                raise BadRun(
                    texts.NOT_ADJUSTABLE, texts.NOT_ADJUSTABLE_EXPECTED, texts.NOT_ADJUSTABLE_ADVICE
                )
            request_adjustment(folder, changes)

    def forget(self, run_id: str) -> None:
        """Delete a run that is not training, with its pictures. Raises: BadRun."""
        folder = self.folder(run_id)
        with self._lock:
            if not is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def delete(self, run_id: str) -> None:
        """Delete a run with its pictures; if it trains, end it at once. Raises: BadRun."""
        folder = self.folder(run_id)
        with self._lock:
            if is_alive(folder):
                kill(folder)
            shutil.rmtree(folder, ignore_errors=True)
        self._keeper.ring()

    def forget_remains(self, run_id: str) -> bool:
        """Delete what was written for a run that was deleted meanwhile; whether it was."""
        with self._lock:
            if self.exists(run_id) and not (self.root / run_id / REQUEST_FILE).exists():
                self.forget(run_id)
            return not self.exists(run_id)

    def folder(self, run_id: str) -> Path:
        """Give a run's folder. Raises: BadRun for any id that is not one of ours."""
        if not self.exists(run_id):
            expected = texts.NO_RUN_EXPECTED.format(hours=self.keep_hours)
            raise BadRun(texts.NO_RUN, expected, texts.NO_RUN_ADVICE)
        return self.root / run_id

    def exists(self, run_id: object) -> bool:
        """Whether there is a run by that id. Anything that could be a path is none."""
        return (
            isinstance(run_id, str)
            and RUN_ID.fullmatch(run_id) is not None
            and (self.root / run_id).is_dir()
        )

    def close(self, wait: float = 0.0) -> None:
        """Let our workers save and end, and start no more; a restarted server goes on with them.

        wait: how many seconds to give each worker to end.
        """
        self._turns.close()
        self._keeper.close(wait)

    def _new_folder(self, run_id: str = "") -> str:
        run_id = run_id or secrets.token_urlsafe(16)
        try:
            (self.root / run_id).mkdir(mode=0o700)
        except FileExistsError:
            raise _already_started() from None
        return run_id

    def _started(self, run_id: str, settings: Settings) -> str:
        try:
            self.start(run_id, settings)
        except BaseException:
            self.forget(run_id)
            raise
        return run_id

    def _end(self, run_id: str, pause: str = "") -> None:
        folder = self.folder(run_id)
        with self._lock:
            if pause and self.look(run_id).state not in ("queued", "starting", "running"):
                raise BadRun(
                    texts.NOT_PAUSABLE, texts.NOT_PAUSABLE_EXPECTED, texts.NOT_PAUSABLE_ADVICE
                )
            ask_to_end(folder, pause)
        self._keeper.ring()

    def _refuse_if_full(self) -> None:
        waiting = len(line(self.root))
        if waiting >= self.most_waiting:
            raise BadRun(
                texts.QUEUE_FULL.format(waiting=waiting),
                texts.QUEUE_FULL_EXPECTED.format(most=self.most_waiting),
                texts.QUEUE_FULL_ADVICE,
            )


def _already_started() -> BadRun:
    return BadRun(
        texts.ALREADY_STARTED, texts.ALREADY_STARTED_EXPECTED, texts.ALREADY_STARTED_ADVICE
    )
