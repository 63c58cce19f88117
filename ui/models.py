"""The models a visitor may choose: those that come with the program, this browser's own runs, and
what it took from the Hub."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from gan_core.errors import BadRun, BadSetting, BadWeights
from gan_core.gan.config import NetworkConfig, check, enlarged, network_of
from gan_core.gan.networks.families import FAMILIES
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE
from gan_core.gan.snapshot import (
    D_FILE,
    G_FILE,
    Snapshot,
    load_snapshot,
    read_network,
    weights_of,
)
from gan_core.gan.start import SCRATCH, can_start, require_start
from gan_core.hub.resolve import BUNDLED, brief, bundled_models, on_the_hub, pinned
from gan_core.models import Model, find_bundled
from ui import texts
from ui.arrivals import Coming
from ui.hub_models import HubModels
from ui.jobs import Runs
from ui.request import read_settings, title


@dataclass(frozen=True)
class Models:
    """Names to networks. A name is a bundled one, a run's id, or that of a model of the Hub which
    was fetched; never a path from outside.

    newer: whether what comes with the program gives way to a newer one (`find_bundled`), for which
    the Hub may have to be asked.
    """

    bundled: Path
    runs: Runs
    hub: HubModels = field(default_factory=HubModels)
    newer: bool = True

    def default(self) -> str | None:
        """The model that is shown first; None when nothing is bundled."""
        return next(iter(bundled_models(self.bundled)), None)

    def choices(self, own: Sequence[str], hub: Sequence[str] = ()) -> list[tuple[str, str]]:
        """(shown, name) of what a visitor may generate with.

        own: one's own runs; those that have a model are taken. hub: models that one took from the
        Hub; those that are still here.
        """
        usable = [run_id for run_id in own if self._has_model(run_id)]
        shown = [
            texts.OWN_MODEL.format(number=number, label=self._label(run_id))
            for number, run_id in enumerate(usable, start=1)
        ]
        return [
            *((name, name) for name in bundled_models(self.bundled)),
            *zip(shown, usable, strict=True),
            *((brief(name), name) for name in hub if self.hub.find(name) is not None),
        ]

    def starts(self, own: Sequence[str], hub: Sequence[str] = ()) -> list[tuple[str, str]]:
        """The same of what a run can start from, with "scratch" as the last."""
        able = [name for name in hub if self.hub.find(name) is not None and self.can_train(name)]
        return [*self.choices(own, able), (texts.SCRATCH, SCRATCH)]

    def title(self, name: str) -> str:
        """The name to show and to write into pictures: a run's id is a key, and stays secret."""
        if name in bundled_models(self.bundled):
            return self._bundled(name).name or name
        return (pinned(name) or name) if on_the_hub(name) else self._label(name)

    def fetch(self, name: str) -> Coming:
        """Begin to fetch a model of the Hub. Raises: BadWeights, HubUnreachable."""
        return self.hub.fetch(name)

    def describe(self, name: str) -> str:
        """Say in a sentence what a model of the Hub is, and what it is good for.

        Loads it, so what is said can be relied on. Raises: BadWeights, DiskFull.
        """
        network = self.load(name).network
        kind = f"{network.kind}, " if network.kind in FAMILIES else ""
        able = texts.HUB_CAN_TRAIN if self.can_train(name) else texts.HUB_ONLY_GENERATES
        said = texts.HUB_HERE.format(name=brief(name), kind=kind, size=network.resolution)
        return f"{said} {able}"

    def can_train(self, name: str) -> bool:
        """Whether a run can start from a model, as `can_start`. Raises: BadWeights, BadRun."""
        return can_start(self.network(name), self._has_D(name))

    def load(self, name: str | None) -> Snapshot:
        """Load a model, or take it from memory. Raises: BadWeights, BadRun."""
        return load_kept(self.folder(name))

    def folder(self, name: str | None) -> Path:
        """Find a model's folder. Raises: BadWeights when there is none by that name."""
        bundled = bundled_models(self.bundled)
        if name and name in bundled:
            return self._bundled(name).folder
        if name and self.runs.exists(name):
            return self.runs.folder(name) / BEST_FOLDER
        if name and (found := self.hub.find(name)):
            return found.folder
        if not name and not bundled:
            raise BadWeights(texts.NO_MODEL, texts.NO_MODEL_EXPECTED, texts.NO_MODEL_ADVICE)
        raise BadWeights(
            texts.UNKNOWN_MODEL.format(name=name) if name else texts.UNNAMED_MODEL,
            texts.UNKNOWN_MODEL_EXPECTED.format(
                names=", ".join(bundled) or "none", hours=self.runs.keep_hours
            ),
            texts.FETCH_FIRST if name and on_the_hub(name) else texts.UNKNOWN_MODEL_ADVICE,
        )

    def learned_from(self, name: str | None) -> Path | None:
        """The folder of the run that made this model, if its pictures are still there."""
        if not name or name in bundled_models(self.bundled) or not self.runs.exists(name):
            return None
        folder = self.runs.folder(name)
        return folder if (folder / DATASET_FILE).is_file() else None

    def start(self, name: str, **asked: Any) -> tuple[str, NetworkConfig]:
        """What the command line calls this start, and the network of a run that begins from it.

        asked: fields of the network; a model must have them, but for a larger size if it can grow.
        Raises: BadSetting when it has not, BadWeights, BadRun.
        """
        if name == SCRATCH:
            # On the page pictures are in colour, whatever the lesson's networks began with.
            return SCRATCH, network_of(**{"kind": NetworkConfig.kind, "channels": 3, **asked})
        have = self.network(name)
        require_start(have, self._has_D(name), self.title(name))
        network = replace(have, **asked)
        if enlarged(have, network.resolution) != network:
            raise BadSetting(
                texts.OTHER_START.format(
                    model=self.title(name), kind=have.kind, size=have.resolution, scales=have.scales
                ),
                texts.OTHER_START_EXPECTED.format(
                    kind=network.kind, size=network.resolution, scales=network.scales
                ),
                texts.OTHER_START_ADVICE,
            )
        check(network)
        if on_the_hub(name):
            return self.title(name), network
        is_known_by_name = self.bundled == BUNDLED and name in bundled_models(BUNDLED)
        return self.title(name) if is_known_by_name else str(self.folder(name)), network

    def network(self, name: str) -> NetworkConfig:
        """A model's network, read without its weights. Raises: BadWeights, BadRun."""
        return read_network(self.folder(name))

    def bundled_names(self) -> list[str]:
        """The models that come with the program, the default first."""
        return bundled_models(self.bundled)

    def resolution(self) -> int:
        """Side in pixels to which pictures are made: that of the default model."""
        default = self.default()
        return self.load(default).network.resolution if default else NetworkConfig().resolution

    def _bundled(self, name: str) -> Model:
        """One that comes with the program, or the newer one of its name: for all visitors and runs
        the same while this server runs."""
        if not self.newer:
            return Model(self.bundled / name, name)
        return find_bundled(name, bundled=self.bundled)

    def _has_D(self, name: str) -> bool:
        return (self.folder(name) / D_FILE).is_file()

    def _has_model(self, run_id: str) -> bool:
        return self.runs.exists(run_id) and (self.folder(run_id) / G_FILE).is_file()

    def _label(self, run_id: str) -> str:
        try:
            settings = read_settings(self.runs.folder(run_id))
        except BadRun:  # its model can be used all the same
            settings = None
        return title(settings) if settings is not None else ""


def load_kept(folder: Path) -> Snapshot:
    """Load the model in a folder, or take it from memory. Raises: BadWeights."""
    path = weights_of(folder)
    return _load(folder, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _load(folder: Path, _changed: int) -> Snapshot:
    """Loaded networks are shared by all visitors and only ever read."""
    return load_snapshot(folder)
