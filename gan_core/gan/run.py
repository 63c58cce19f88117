"""A run is a folder; this is what lies in it and how it is written, read, stopped and adjusted.

    config.json           the run's settings, and what it started from
    dataset.safetensors   the prepared pictures, so that a run can be continued
    events.jsonl          everything the run reported, one JSON object a line
    samples/000012000.png previews of the same fixed latents, by number of images shown
    checkpoint.safetensors, best/   see checkpoint.py, snapshot.py
    stop                  exists when somebody asked the run to stop
    adjust.json           exists when somebody asked for other settings, until the run takes them

The folder is all that the process which trains and those who watch it share.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gan_core.errors import AtelierError, BadRun, BadSetting
from gan_core.events import (
    Event,
    Measured,
    Noticed,
    Preview,
    Progress,
    Started,
    from_json,
    to_json,
)
from gan_core.files import explain_disk_errors, sweep_unfinished, write_atomically
from gan_core.gan.config import ADJUSTABLE, TrainConfig, config_from_dict
from gan_core.gan.snapshot import CONFIG_FILE
from gan_core.pictures.canvas import save_png

EVENTS_FILE, DATASET_FILE, STOP_FILE = "events.jsonl", "dataset.safetensors", "stop"
ADJUST_FILE = "adjust.json"
HELD_OUT_FILE = "held_out.safetensors"  # pictures that are only measured against, of `pretrain`
SAMPLES_FOLDER, BEST_FOLDER = "samples", "best"


def record(
    events: Iterable[Event], folder: Path, config: TrainConfig, heeds_stop: bool = False
) -> Iterator[Event]:
    """Write every event to the run's folder and pass it on; previews become PNG files.

    config: as the run begins with it, or goes on; it is written when that has Started.
    heeds_stop: who asked the run to stop before it began means this part of it; by default, the
    one before.

    Raises: DiskFull, BadRun when the folder is deleted meanwhile.
    """
    with explain_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not heeds_stop:
        (folder / STOP_FILE).unlink(missing_ok=True)
    sweep_unfinished(folder)
    _drop_half_a_line(folder / EVENTS_FILE)
    with (
        explain_disk_errors(folder / EVENTS_FILE),
        (folder / EVENTS_FILE).open("a", encoding="utf-8") as log,
    ):
        for event in events:
            if not (folder / EVENTS_FILE).exists():
                raise BadRun(
                    f"The run's folder {folder.name} was deleted while it trained.",
                    "A run saves into its folder as it goes.",
                    "Start a new run.",
                )
            if isinstance(event, Started):
                _write_config(folder, config, event.start)
                _drop_undone_samples(folder, event.kimg)
            if isinstance(event, Preview) and event.image is not None:
                file = f"{SAMPLES_FOLDER}/{_sample_name(event.kimg)}"
                save_png(folder / file, event.image, {"kimg": f"{event.kimg:.3f}"})
                event = replace(event, file=file)
            log.write(json.dumps(to_json(event)) + "\n")
            log.flush()
            yield event


def _write_config(folder: Path, config: TrainConfig, start: str) -> None:
    with write_atomically(folder / CONFIG_FILE) as path:
        path.write_text(json.dumps({"start": start, **asdict(config)}, indent=2) + "\n", "utf-8")


def read_config(folder: Path) -> TrainConfig:
    """The settings that a run was last started with; what it started from stands beside them.

    Raises: BadRun when there are none, or another version wrote them.
    """
    try:
        values = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        return config_from_dict(
            TrainConfig, {name: it for name, it in values.items() if name != "start"}
        )
    except (AtelierError, OSError, ValueError, AttributeError) as error:
        raise BadRun(
            f"The settings of the run {folder.name} cannot be read.",
            f"They stand in {CONFIG_FILE}, from when it begins.",
            "Wait until it trains; or use the version that trained it.",
        ) from error


def _sample_name(kimg: float) -> str:
    return f"{round(kimg * 1000):09d}.png"  # sorts by time


def _drop_undone_samples(folder: Path, kimg: float) -> None:
    """What a crash undid is painted anew, perhaps otherwise; a film of both would go to and fro."""
    for sample in (folder / SAMPLES_FOLDER).glob("*.png"):
        if sample.name > _sample_name(kimg):
            sample.unlink(missing_ok=True)


def _drop_half_a_line(log: Path) -> None:
    """A killed run may have left a line unfinished; what is appended would be lost in it.

    A whole log is not touched: its time says when the run last reported anything.
    """
    lines, end, half = log.read_bytes().rpartition(b"\n") if log.exists() else (b"", b"", b"")
    if half:
        os.truncate(log, len(lines + end))


def read_events(folder: Path) -> list[Event]:
    """Read a run's log; a last line still being written is left for the next time.

    A line that says something unknown is another version's, and is passed over. Damaged ones are
    too, but a last event says how many: a bad block must not hide the run. What a crash undid is
    left out, but for what was measured of the best snapshot, which outlives it.

    Raises: BadRun when there is no log.
    """
    path = folder / EVENTS_FILE
    if not path.is_file():
        raise BadRun(
            f"{folder} holds no run.",
            f"A run's folder has the file {EVENTS_FILE}.",
            "Check the folder's name.",
        )
    found: list[Event] = []
    damaged = 0
    for line in filter(None, path.read_bytes().split(b"\n")[:-1]):
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            damaged += 1
            continue
        with suppress(ValueError, TypeError):
            event = from_json(values)
            if isinstance(event, Started) and event.kimg > 0:
                found = [each for each in found if not _is_undone(each, event.kimg)]
            found.append(event)
    if damaged:
        found.append(Noticed(f"{damaged} lines of the run's log are damaged and left out."))
    return found


def _is_undone(event: Event, kimg: float) -> bool:
    """Whether a run that goes on from `kimg` has not come as far as this yet."""
    if isinstance(event, Measured) and event.is_best:
        return False
    return isinstance(event, Progress | Preview | Measured) and event.kimg > kimg


def request_stop(folder: Path) -> None:
    """Ask the run in this folder to save and end; it looks after every step."""
    (folder / STOP_FILE).touch()


def is_stop_requested(folder: Path) -> bool:
    """Whether somebody asked the run in this folder to stop."""
    return (folder / STOP_FILE).exists()


def request_adjustment(folder: Path, changes: Mapping[str, Any]) -> None:
    """Ask the run in this folder to go on with other settings: `TrainConfig` fields by name.

    They join those that were asked for and not yet taken. Raises: BadSetting, DiskFull.
    """
    unknown = sorted(set(changes) - set(ADJUSTABLE))
    if unknown:
        raise BadSetting(
            f"{unknown[0]} cannot be changed while a run trains.",
            f"What can be is {', '.join(ADJUSTABLE)}.",
            "Stop the run, and start another with the other settings.",
        )
    waiting = waiting_adjustment(folder)
    with write_atomically(folder / ADJUST_FILE) as path:
        path.write_text(json.dumps({**waiting, **changes}), encoding="utf-8")


def waiting_adjustment(folder: Path) -> dict[str, Any]:
    """What was asked for and the run has not taken yet; mostly nothing."""
    return _read_adjustment(folder / ADJUST_FILE)


def take_adjustment(folder: Path) -> dict[str, Any]:
    """What was asked for since the last time, which is then forgotten; mostly nothing."""
    path = folder / ADJUST_FILE
    if not path.exists():  # asked after every step, so it must cost little
        return {}
    taken = path.with_name(f".{ADJUST_FILE}.taken")
    path.replace(taken)  # what is asked for from here on waits for the next time
    changes = _read_adjustment(taken)
    taken.unlink(missing_ok=True)
    return changes


def _read_adjustment(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def kept_measurement(events: Sequence[Event]) -> Measured | None:
    """The measurement of the model that a run has kept; None before the first."""
    best = (event for event in reversed(events) if isinstance(event, Measured) and event.is_best)
    return next(best, None)
