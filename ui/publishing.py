"""Models on their way to the Hub: each in a thread, so it arrives also if its tab is closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from gan_core.errors import BadDataset, BadRun, HubUnreachable
from gan_core.gan.memorisation import memorisation
from gan_core.hub.account import require_writer
from gan_core.hub.upload import Sent
from gan_core.publish import publish, release_of
from ui import run_texts as texts
from ui.publishers import Publisher
from ui.under_way import UnderWay

_MOST_AT_ONCE = 3


@dataclass(frozen=True)
class Order:
    """What is to be published, and how. anyway: also if it seems to repeat its pictures."""

    repo: str
    publisher: Publisher
    licence: str | None = None
    kind: str = ""
    private: bool = True
    anyway: bool = False
    update: bool = False


Going: TypeAlias = UnderWay[Sent]  # a model; at last where it is


class Publishing:
    """What is on its way, by the folder of its run: each run once at a time, and few at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._going: set[Path] = set()

    def begin(self, folder: Path, order: Order) -> Going:
        """Begin to publish the model of an ended run; whatever goes wrong is in the outcome.

        Raises: BadRun when this one is on its way already; HubUnreachable when many are.
        """
        with self._lock:
            if folder in self._going:
                raise BadRun(texts.GOING, texts.GOING_EXPECTED, texts.GOING_ADVICE)
            if len(self._going) >= _MOST_AT_ONCE:
                what = texts.MANY_GOING.format(n=len(self._going))
                raise HubUnreachable(what, texts.MANY_GOING_EXPECTED, texts.MANY_GOING_ADVICE)
            self._going.add(folder)
        going = Going()
        going.begin(lambda: _publish(folder, order, going), lambda: self._forget(folder))
        return going

    def _forget(self, folder: Path) -> None:
        with self._lock:
            self._going.discard(folder)


def _publish(folder: Path, order: Order, going: Going) -> Sent:
    """Look for copies, then send. Raises: as `memorisation` and `publish`; BadRun for copies."""
    token = order.publisher.token
    with order.publisher.advising():
        release = release_of(folder, order.repo, order.licence, token)
        going.stage = texts.ASKING_HUB
        require_writer(order.repo, token)
        going.stage = texts.LOOKING_FOR_COPIES
        if not order.anyway:
            _refuse_copies(folder)
        going.stage = texts.FILMING
        return publish(
            folder, release, order.kind, private=order.private, update=order.update, token=token,
            on_progress=going.tell,
        )  # fmt: skip


def _refuse_copies(folder: Path) -> None:
    """Raise BadRun for a model that needs a second word before it goes out."""
    try:
        repeats = memorisation(folder).is_warning
    except BadDataset as error:
        what = texts.UNCHECKED.format(what=error.what)
        raise BadRun(what, texts.REPEATS_EXPECTED, texts.UNCHECKED_ADVICE) from error
    if repeats:
        raise BadRun(texts.REPEATS, texts.REPEATS_EXPECTED, texts.REPEATS_ADVICE)
