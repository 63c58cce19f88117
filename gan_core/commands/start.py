"""What a run of training begins from, and with which network: options, and what they come to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gan_core.commands.options import HELP, get_model
from gan_core.errors import BadSetting
from gan_core.gan.checkpoint import Checkpoint
from gan_core.gan.config import NetworkConfig, enlarged, network_of
from gan_core.gan.growth import begins_at
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.snapshot import load_snapshot, require_same
from gan_core.gan.start import FROM, SCRATCH, Start, origin_of, require_start
from gan_core.settings import check_bounds

Network = Annotated[str | None, typer.Option(help=f"{HELP['kind']}: {', '.join(FAMILIES)}")]
Resolution = Annotated[int | None, typer.Option(help=HELP["resolution"])]
Channels = Annotated[int | None, typer.Option(help=HELP["channels"])]
Scales = Annotated[str | None, typer.Option(help=HELP["scales"] + ": one or all")]
GrowFrom = Annotated[int | None, typer.Option(help=HELP["grow_from"])]
GrowKimg = Annotated[float | None, typer.Option(help=HELP["grow_kimg"])]


def start_from(name: str, **asked: Any) -> tuple[Start, NetworkConfig, dict[str, Any]]:
    """Load what a run begins from: a model, or nothing for "scratch".

    asked: fields of the network that the user set. A model must have them already, but for a larger
    resolution if it can grow. Returns the start, the run's network, and what of the run's settings
    follows: where it begins to grow. Raises: BadSetting, BadWeights, HubUnreachable, DiskFull.
    """
    if name == SCRATCH:
        return Start(), network_of(asked.pop("kind", NetworkConfig.kind), **asked), {}
    found = get_model(name)
    snapshot = load_snapshot(found.folder)
    have = snapshot.network
    require_start(have, snapshot.D is not None, found.name or Path(name).name)
    network = replace(have, **asked)
    check_bounds(network)
    require_same(enlarged(have, network.resolution), network)
    start = Start(snapshot, found.name or _name(snapshot.training))
    first = begins_at(snapshot.G, have.resolution, network.resolution)
    return start, network, {"grow_from": first} if first else {}


def _name(training: Mapping[str, Any]) -> str:
    """For the record, which is packed and published: a path of this machine does not belong in."""
    if "layout" in training:
        return f"a model like {training['layout']}"
    kimg = training.get("kimg", 0)
    own = f"an own model of {kimg if isinstance(kimg, int | float) else 0:g} kimg"
    origin = origin_of(str(training.get("start", SCRATCH)))
    # Its licence may hold for what comes of it. Read from a file, so no text of any kind.
    is_name = re.fullmatch(r"[\w./@ -]{1,200}", origin, re.ASCII)
    return own + FROM + origin if is_name and origin != SCRATCH else own


def refuse_other_network(
    checkpoint: Checkpoint, asked: dict[str, Any], overrides: dict[str, Any]
) -> None:
    """A run that goes on keeps its network, and the way it grows. Raises: BadSetting."""
    growth = {name: it for name, it in overrides.items() if name in ("grow_from", "grow_kimg")}
    config = checkpoint.config
    has = {**vars(config.network), **{name: getattr(config, name) for name in growth}}
    wanted = {**asked, **growth}
    other = [name for name, value in wanted.items() if has[name] != value]
    if other:
        raise BadSetting(
            f"This run's network has {other[0]} = {has[other[0]]}, and {wanted[other[0]]} was"
            " asked for.",
            "A run that goes on keeps its network, and the way it grows.",
            "Leave the option out, or start a new run in another folder.",
        )
