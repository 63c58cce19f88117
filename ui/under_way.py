"""What goes on in a thread while a page looks on: how far it is, and at last what came of it."""

from __future__ import annotations

import html
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Thread
from typing import Generic, TypeVar

LOOKS = 0.3  # seconds between two looks at how far it is
_T = TypeVar("_T")


@dataclass
class UnderWay(Generic[_T]):
    """What is being done, bytes that have gone or come and that will; at last the outcome."""

    stage: str = ""
    done: int = 0
    total: int = 0  # 0: not known yet
    outcome: Future[_T] = field(default_factory=Future)

    def begin(self, work: Callable[[], _T], forget: Callable[[], None]) -> None:
        """Do it in a thread: nobody who leaves takes it away, and no closing server waits for it.

        forget: called when it has ended, just before anybody is told the outcome.
        """

        def run() -> None:
            try:
                came = work()
            except BaseException as error:
                forget()
                self.outcome.set_exception(error)
            else:
                forget()
                self.outcome.set_result(came)

        Thread(target=run, daemon=True).start()

    def tell(self, done: int, total: int) -> None:
        """Note how far it is; as the `OnProgress` of what is done."""
        self.done, self.total = done, total

    def within(self, seconds: float) -> _T | None:
        """What came of it; None if it is not there after so long. Raises what went wrong."""
        wait([self.outcome], seconds)
        return self.outcome.result() if self.outcome.done() else None


def note(text: str) -> str:
    """How far it is, say, as HTML."""
    return f'<p class="note">{html.escape(text)}</p>'


def warning(text: str) -> str:
    """What went wrong, as HTML."""
    return f'<p class="warning">{html.escape(text)}</p>'
