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
from gan_core.gan.foreign import LAYOUTS
from gan_core.gan.growth import begins_at
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.snapshot import load_snapshot, require_same
from gan_core.gan.start import FROM, SCRATCH, Start, lineage_of, require_start
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.resolve import BUNDLED, bundled_models, on_the_hub
from gan_core.models import Model
from gan_core.settings import check_bounds

Network = Annotated[str | None, typer.Option(help=f"{HELP['kind']}: {', '.join(FAMILIES)}")]
Resolution = Annotated[int | None, typer.Option(help=HELP["resolution"])]
Channels = Annotated[int | None, typer.Option(help=HELP["channels"])]
Scales = Annotated[str | None, typer.Option(help=HELP["scales"] + ": one or all")]
GrowFrom = Annotated[int | None, typer.Option(help=HELP["grow_from"])]
GrowKimg = Annotated[float | None, typer.Option(help=HELP["grow_kimg"])]

_MOST_NAMED = 6  # of those that a start goes back to: the nearest, and the very first


def start_from(
    name: str, *, borrowed: Borrowed | None = None, is_very: bool = False, **asked: Any
) -> tuple[Start, NetworkConfig, dict[str, Any]]:
    """Load what a run begins from: a model, or nothing for "scratch".

    is_very: a bundled name means what comes with the program, whatever newer model there is.
    asked: fields of the network that the user set. A model must have them already, but for a larger
    resolution if it can grow. Returns the start, the run's network, and what of the run's settings
    follows: where it begins to grow. borrowed: as for `find_model`.

    Raises: BadSetting, BadWeights, HubUnreachable, DiskFull.
    """
    if name == SCRATCH:
        return Start(), network_of(asked.pop("kind", NetworkConfig.kind), **asked), {}
    is_bundled = is_very and name in bundled_models()
    found = Model(BUNDLED / name, name) if is_bundled else get_model(name, borrowed)
    snapshot = load_snapshot(found.folder)
    have = snapshot.network
    require_start(have, snapshot.D is not None, found.name or Path(name).name)
    network = replace(have, **asked)
    check_bounds(network)
    require_same(enlarged(have, network.resolution), network)
    start = Start(snapshot, _name(found.name, snapshot.training))
    first = begins_at(snapshot.G, have.resolution, network.resolution)
    return start, network, {"grow_from": first} if first else {}


def _name(name: str | None, training: Mapping[str, Any]) -> str:
    """A start for the record, which is packed and published: a path of this machine is not told.

    name: by which others find it, if they do. training: what it says of itself; where it began in
    its turn is told too, for that one's licence may hold for what comes of it. It was read from a
    file, so no text of any kind is taken over.
    """
    if name in bundled_models() or (name and on_the_hub(name) is None):
        return name  # of a known licence
    before = [each for each in lineage_of(str(training.get("start", SCRATCH))) if _is_name(each)]
    if len(before) > _MOST_NAMED:
        before = [*before[: _MOST_NAMED - 1], before[-1]]
    return FROM.join([name or _unnamed(training), *before])


def _unnamed(training: Mapping[str, Any]) -> str:
    if (layout := training.get("layout")) in [known.about for known in LAYOUTS]:
        return f"a model like {layout}"
    kimg = training.get("kimg", 0)
    is_number = isinstance(kimg, int | float) and 0 <= kimg < 1e9
    return f"an own model of {kimg if is_number else 0:g} kimg"


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[\w./@ -]{1,200}", text, re.ASCII) is not None


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
