"""Feature networks of the Hugging Face Hub, for Style: fetched before anybody paints with them.

While one paints others wait, so they must not wait for a download as well.
"""

from __future__ import annotations

from gan_core.errors import BadSetting
from gan_core.features.load import NETWORKS, fetch_network, is_here, is_network
from gan_core.hub.client import OnProgress
from gan_core.hub.resolve import brief, on_the_hub
from ui import texts
from ui.arrivals import BORROWED, Arrivals


class HubNetworks(Arrivals):
    """What this server has of them."""

    advice = texts.NO_NETWORK_NAME_ADVICE

    def bring(self, name: str, on_progress: OnProgress) -> str:
        """Fetch one. Raises: BadWeights, HubUnreachable, DiskFull."""
        return fetch_network(name, on_progress, self.borrowed).name

    def describe(self, name: str) -> str:
        """Say what has come. Raises: BadWeights, DiskFull."""
        layers = fetch_network(name).architecture.names()
        return texts.NETWORK_HERE.format(name=brief(name), first=layers[0], last=layers[-1])


def choices(chosen: str) -> list[tuple[str, str]]:
    """The networks that can be chosen, and what they are called: ours, and one of the Hub."""
    others = [] if chosen in NETWORKS else [(brief(chosen), chosen)]
    return [*texts.NETWORKS, *others]


def require_here(name: object) -> None:
    """Raise BadSetting for a network of the Hub that is not here; one that is, is in use now."""
    if not isinstance(name, str) or not is_network(name):
        return
    if not is_here(name):
        raise BadSetting(
            texts.NETWORK_NOT_HERE.format(name=brief(name)),
            texts.NETWORK_NOT_HERE_EXPECTED,
            texts.NETWORK_NOT_HERE_ADVICE,
        )
    if at := on_the_hub(name):
        BORROWED.use(at[0])
