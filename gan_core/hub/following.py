"""A job on a machine of the Hub's, followed until it ends: what it prints, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import huggingface_hub

from gan_core.errors import HubRefused, HubUnreachable
from gan_core.hub.refusals import sending

_LOOKS = 5.0  # seconds between two questions how it stands
_PATIENCE = 12  # so many questions in a row may go unanswered
_ENDED = {
    "COMPLETED": "has done all",
    "ERROR": "has failed",
    "CANCELED": "was cancelled",
    "DELETED": "was deleted",
}
_GOES = {"SCHEDULING": "waits for a machine", "RUNNING": "runs"}


@dataclass(frozen=True)
class Job:
    """One that was started. owner: in whose name; url: its page."""

    id: str
    owner: str
    url: str


@dataclass(frozen=True)
class Stage:
    """How a job stands, and at last ended. name, message: the Hub's words."""

    name: str
    message: str = ""

    @property
    def sentence(self) -> str:
        """The same for people."""
        words = {**_ENDED, **_GOES}.get(self.name, f"is in the state {self.name}")
        return f"The job {words}" + f": {self.message}" * bool(self.message) + "."

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.name in _ENDED

    @property
    def is_well(self) -> bool:
        """Whether all of it was done."""
        return self.name == "COMPLETED"


def follow(job: Job, wait: Callable[[float], object] = time.sleep) -> Generator[str, None, Stage]:
    """Yield what a job prints, line by line, and each change of its state; return how it ended.

    The job itself is none the wiser: whoever stops following leaves it running. wait: for so many
    seconds, between two questions.

    Raises: HubRefused, HubUnreachable when the Hub does not answer for about a minute.
    """
    told, stage, missed = 0, Stage(""), 0
    while True:
        try:
            before, stage = stage, _stage(job)
            if stage != before:
                yield stage.sentence
            if stage.is_over or stage.name == "RUNNING":
                for line in _lines(job, told, until_it_ends=not stage.is_over):
                    told += 1
                    yield line
            missed = 0
        except (HubRefused, HubUnreachable) as error:
            missed += 1
            is_final = isinstance(error, HubRefused) or missed > _PATIENCE
            if is_final and not stage.is_over:
                raise
        if stage.is_over:  # also if its last lines are not to be had any more
            return stage
        wait(_LOOKS)


def _stage(job: Job) -> Stage:
    with sending(*_unheard(job)):
        info: Any = huggingface_hub.HfApi().inspect_job(job_id=job.id, namespace=job.owner)
    return Stage(str(info.status.stage), info.status.message or "")


def _lines(job: Job, told: int, until_it_ends: bool) -> Generator[str, None, None]:
    """What it prints, from the first line on that was not told yet: the Hub begins anew each time.

    A stream also ends while the job still runs, or before it has begun to print.
    """
    with sending(*_unheard(job)):
        lines = huggingface_hub.HfApi().fetch_job_logs(
            job_id=job.id, namespace=job.owner, follow=until_it_ends
        )
        yield from islice(lines, told, None)


def _unheard(job: Job) -> tuple[str, str]:
    return f"The job {job.id} cannot be followed", f"It may go on: see {job.url}."
