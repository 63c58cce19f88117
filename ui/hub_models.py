"""Models of the Hugging Face Hub: fetched once for all visitors, then found by name and commit."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread

from gan_core.errors import BadWeights, HubUnreachable
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.resolve import on_the_hub, pinned
from gan_core.models import Model, find_kept, find_on_hub
from ui import texts

_MOST_AT_ONCE = 4  # different models; whoever wants one that comes already waits for it as well
_MOST_MB = 5000  # of models that visitors named; the largest has 300


@dataclass
class Coming:
    """A model on its way: bytes that have come and that will; at last its name with the commit."""

    done: int = 0
    total: int = 0  # 0: not known yet
    outcome: Future[str] = field(default_factory=Future)


class HubModels:
    """What this server has of the Hub. Names are "owner/repo" or "owner/repo@revision", no paths.

    The files lie in the cache of the Hub's client, and are there after a restart too, until there
    are too many of them. most_mb: megabytes of what came here for visitors.
    """

    def __init__(self, most_mb: float = _MOST_MB) -> None:
        self._borrowed = Borrowed(most_mb)
        self._lock = Lock()
        self._coming: dict[tuple[str, str], Coming] = {}
        self._looked_at: dict[str, Model | None] = {}  # by name with commit; None: of no use

    def find(self, name: str) -> Model | None:
        """A model that is here; None if it is not, or no more. Asks nobody. Raises: DiskFull."""
        here = pinned(name)
        if here is None:
            return None
        if here not in self._looked_at:
            try:
                self._looked_at[here] = find_kept(here)
            except BadWeights:  # once it is fetched again, that says why
                self._looked_at[here] = None
        model = self._looked_at[here]
        if model is None or not model.folder.exists():
            return None
        self._borrowed.use(here.partition("@")[0])
        return model

    def fetch(self, name: str) -> Coming:
        """Begin to fetch a model, or join those who wait for it; what is here comes at once.

        Raises: BadWeights for what is no name on the Hub; HubUnreachable when many come already.
        Everything else that can go wrong is in the outcome.
        """
        asked = on_the_hub(name)
        if asked is None:
            expected = texts.NO_HUB_NAME_EXPECTED
            raise BadWeights(
                texts.NO_HUB_NAME.format(name=name), expected, texts.NO_HUB_NAME_ADVICE
            )
        with self._lock:
            if asked in self._coming:
                return self._coming[asked]
            if len(self._coming) >= _MOST_AT_ONCE:
                what = texts.HUB_BUSY.format(n=len(self._coming))
                raise HubUnreachable(what, texts.HUB_BUSY_EXPECTED, texts.HUB_BUSY_ADVICE)
            coming = self._coming[asked] = Coming()
        # Nobody who leaves takes it away from the others, and no closing server waits for it.
        Thread(target=self._fetch, args=(name, asked, coming), daemon=True).start()
        return coming

    def _fetch(self, name: str, asked: tuple[str, str], coming: Coming) -> None:
        def tell(done: int, total: int) -> None:
            coming.done, coming.total = done, total

        try:
            model = find_on_hub(name, tell, borrowed=self._borrowed)
        except BaseException as error:
            self._forget(asked)
            coming.outcome.set_exception(error)
        else:
            assert model.name is not None  # what is on the Hub has one
            self._looked_at[model.name] = model
            self._forget(asked)
            coming.outcome.set_result(model.name)

    def _forget(self, asked: tuple[str, str]) -> None:
        with self._lock:
            del self._coming[asked]
