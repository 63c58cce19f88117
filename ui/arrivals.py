"""What comes from the Hugging Face Hub: fetched once for all visitors, few at the same time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Lock
from typing import TypeAlias

from gan_core.errors import BadWeights, HubUnreachable
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.client import OnProgress
from gan_core.hub.resolve import on_the_hub
from ui import texts
from ui.under_way import UnderWay

# Megabytes of all that visitors named; the largest model has 300, the largest network 100.
BORROWED = Borrowed(5000)
_MOST_AT_ONCE = 4  # different ones; whoever wants what comes already waits for it as well

Coming: TypeAlias = UnderWay[str]  # a model; at last its name with the commit


class Arrivals(ABC):
    """Models of one kind. Names are "owner/repo" or "owner/repo@revision", no paths.

    They lie in the cache of the Hub's client, and are there after a restart too, until there are
    too many. borrowed: bounds them.
    """

    advice = texts.NO_HUB_NAME_ADVICE  # for a name that none can have

    def __init__(self, borrowed: Borrowed = BORROWED) -> None:
        self.borrowed = borrowed
        self._lock = Lock()
        self._coming: dict[tuple[str, str], Coming] = {}

    @abstractmethod
    def bring(self, name: str, on_progress: OnProgress) -> str:
        """Fetch one, and give its name with the commit. Raises: AtelierError."""

    def fetch(self, name: str) -> Coming:
        """Begin to fetch one, or join those who wait for it; what is here comes at once.

        Raises: BadWeights for what is no name on the Hub; HubUnreachable when many come already.
        Everything else that can go wrong is in the outcome.
        """
        asked = on_the_hub(name)
        if asked is None:
            expected = texts.NO_HUB_NAME_EXPECTED
            raise BadWeights(texts.NO_HUB_NAME.format(name=name), expected, self.advice)
        with self._lock:
            if asked in self._coming:
                return self._coming[asked]
            if len(self._coming) >= _MOST_AT_ONCE:
                what = texts.HUB_BUSY.format(n=len(self._coming))
                raise HubUnreachable(what, texts.HUB_BUSY_EXPECTED, texts.HUB_BUSY_ADVICE)
            coming = self._coming[asked] = Coming()
        coming.begin(lambda: self.bring(name, coming.tell), lambda: self._forget(asked))
        return coming

    def _forget(self, asked: tuple[str, str]) -> None:
        with self._lock:
            del self._coming[asked]
