"""Models of the Hugging Face Hub: once fetched, found by name and commit."""

from __future__ import annotations

from gan_core.errors import BadWeights
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.client import OnProgress
from gan_core.hub.resolve import pinned
from gan_core.models import Model, find_kept, find_on_hub
from ui.arrivals import BORROWED, Arrivals


class HubModels(Arrivals):
    """What this server has of the Hub."""

    def __init__(self, borrowed: Borrowed = BORROWED) -> None:
        super().__init__(borrowed)
        self._looked_at: dict[str, Model | None] = {}  # by name with commit; None: of no use

    def find(self, name: str) -> Model | None:
        """A model that is here; None if it is not, or no more. Asks nobody. Raises: DiskFull."""
        here = pinned(name)
        if here is None:
            return None
        if here not in self._looked_at:
            try:
                kept = find_kept(here)
            except BadWeights:  # once it is fetched again, that says why
                kept = None
            self._looked_at.setdefault(here, kept)  # if it has come meanwhile, `bring` knows better
        model = self._looked_at[here]
        if model is None or not model.folder.exists():
            return None
        self.borrowed.use(here.partition("@")[0])
        return model

    def bring(self, name: str, on_progress: OnProgress) -> str:
        """Fetch one. Raises: BadWeights, HubUnreachable, DiskFull."""
        model = find_on_hub(name, on_progress, borrowed=self.borrowed)
        assert model.name is not None  # what is on the Hub has one
        self._looked_at[model.name] = model
        return model.name
