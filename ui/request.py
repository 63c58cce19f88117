"""What was asked of a run: as it is kept in the run's folder, and as the trainer is told it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from gan_core.errors import BadRun
from gan_core.events import Adjusted, Event, Started
from gan_core.files import explain_disk_errors, write_atomically
from gan_core.gan.config import TrainConfig
from gan_core.settings import bounds_of, default_of
from ui import run_texts as texts

USUAL_MINUTES: float = default_of(TrainConfig, "minutes")
SHORTEST_MINUTES = bounds_of(TrainConfig, "minutes")[0]
MOST_MINUTES = 240.0  # others wait in line while one trains
REQUEST_FILE, TROUBLE_FILE = "request.json", "trouble"
_TROUBLE_ROOM = 1000  # bytes
_OF_ITS_TIME = ("minutes", "kimg", "autopilot")


@dataclass(frozen=True)
class Settings:
    """What a person asked for.

    `start` is a bundled name, "NAME of owner/repo@commit" of the newer one under such a name,
    "owner/repo@commit", a path or "scratch".
    """

    minutes: float
    seed: int
    start: str
    start_name: str  # as it is shown
    label: str  # of the run
    options: Mapping[str, Any] = field(default_factory=dict)  # fields of TrainConfig set by hand
    asked: float = 0.0  # seconds since 1970; the order of the line
    until: float = 0.0  # > 0: the run is continued until it has had so many minutes in all
    changed: Mapping[str, Any] = field(default_factory=dict)  # on continuing: fields set anew
    kind: str = ""  # what the pictures show, in the words of who trains
    # Fields of NetworkConfig that are others than the start's.
    network: Mapping[str, Any] = field(default_factory=dict)

    def command(self) -> list[str]:
        """The command line's options for these settings."""
        if self.until > 0:  # the rest is in the checkpoint
            return ["--resume", "--minutes", f"{self.until:g}", *_as_options(self.changed)]
        words = ["--start", self.start, "--minutes", f"{self.minutes:g}", "--seed", str(self.seed)]
        asked = {"network" if name == "kind" else name: it for name, it in self.network.items()}
        # Whether anything can come of it was asked before, when the machine may have been free.
        return [*words, "--anyway", *_as_options(asked), *_as_options(self.options)]


def _as_options(settings: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in settings.items():
        option = name.lower().replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, (list, tuple)):
            words += [f"--{option}", ",".join(value) or "none"]
        else:
            words += [f"--{option}", str(value)]
    return words


def write_settings(folder: Path, settings: Settings) -> None:
    """Note what was asked for. Raises: DiskFull."""
    with explain_disk_errors(folder / TROUBLE_FILE):
        note_trouble(folder, read_trouble(folder))
    with write_atomically(folder / REQUEST_FILE) as path:
        path.write_text(json.dumps(asdict(settings)), encoding="utf-8")


def read_settings(folder: Path) -> Settings | None:
    """Read what was asked for; None for a draft, or for a folder just being deleted.

    Raises: BadRun when it cannot be read, as of a version that asked for something else.
    """
    try:
        found = json.loads((folder / REQUEST_FILE).read_text(encoding="utf-8"))
        known = {entry.name for entry in fields(Settings)}  # another version may have written it
        return Settings(**{name: value for name, value in found.items() if name in known})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRun(
            texts.UNREADABLE, texts.UNREADABLE_EXPECTED, texts.UNREADABLE_ADVICE
        ) from error


def title(settings: Settings) -> str:
    """What a run is called in a list: what its pictures show, if that is known, and how many."""
    return (
        texts.TITLED.format(kind=settings.kind, label=settings.label)
        if settings.kind
        else (settings.label)
    )


def note_trouble(folder: Path, reason: str) -> None:
    """Keep why a run cannot begin, or go on, by itself; "" when it can.

    In room that was reserved when it was asked for: the disk may be full now.
    """
    path = folder / TROUBLE_FILE
    with path.open("r+b" if path.exists() else "wb") as reserved:
        reserved.write(reason.encode()[:_TROUBLE_ROOM].ljust(_TROUBLE_ROOM))


def read_trouble(folder: Path) -> str:
    """Why a run cannot begin, or go on, by itself; "" for nothing."""
    path = folder / TROUBLE_FILE
    return path.read_bytes().decode(errors="ignore").strip() if path.exists() else ""


def adjusted(events: Sequence[Event]) -> dict[str, Any]:
    """Settings that were changed since the run was last begun or continued, at their newest."""
    found: dict[str, Any] = {}
    for event in events:
        if isinstance(event, Started):
            found = {}
        elif isinstance(event, Adjusted):
            found |= event.after
    return found


def set_by_hand(settings: Settings, events: Sequence[Event]) -> dict[str, Any]:
    """All settings that somebody chose, at first or later; later changes of time are left out."""
    later = {**settings.changed, **adjusted(events)}
    lasting = {name: value for name, value in later.items() if name not in _OF_ITS_TIME}
    return {**settings.options, **lasting}
