"""What the Hub's machines cost, of jobs and of Spaces, as it says itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import huggingface_hub

from gan_core.errors import BadSetting
from gan_core.hub.refusals import sending

Use = Literal["jobs", "Spaces"]
_MINUTES = {"minute": 1, "hour": 60}
_NOTHING = "Nothing was uploaded."


@dataclass(frozen=True)
class Rate:
    """What a machine is and costs. flavor: the Hub's name for it."""

    flavor: str
    says: str
    usd_a_minute: float

    @property
    def usd_an_hour(self) -> float:
        """In US dollars."""
        return 60 * self.usd_a_minute


def rate_of(flavor: str, use: Use) -> Rate:
    """Ask the Hub what a machine costs.

    Raises: BadSetting for one it has not, or whose price is by something else than time;
    HubRefused, HubUnreachable.
    """
    api = huggingface_hub.HfApi()
    with sending(f"The price of {flavor} cannot be told", _NOTHING):
        offers = api.list_jobs_hardware() if use == "jobs" else api.list_spaces_hardware()
    offered: dict[str, Any] = {each.name: each for each in offers}
    if flavor not in offered:
        raise BadSetting(
            f"There is no machine {flavor!r} for {use}. {_NOTHING}",
            f"The Hub has {', '.join(offered)}.",
            "Choose one of these.",
        )
    it = offered[flavor]
    if it.unit_label not in _MINUTES:
        raise BadSetting(
            f"{flavor} costs {it.unit_cost_usd} US dollars by the {it.unit_label}. {_NOTHING}",
            "A price by the minute or the hour is needed, to say what it comes to.",
            "Choose another machine.",
        )
    gpu = f", {it.accelerator.model}" if it.accelerator else ""
    says = f"{it.pretty_name}: {it.cpu}, {it.ram}{gpu}"
    return Rate(flavor, says, float(it.unit_cost_usd) / _MINUTES[it.unit_label])
