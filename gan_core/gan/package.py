"""What goes out of a run: as one zip, which unpacked is a model's folder, or to the Hub.

    model.safetensors, discriminator.safetensors, config.json   the snapshot kept
    training.json, events.jsonl                                  how it came about
    samples/, timelapse.mp4, timelapse.gif, before-after.png     the same latents all along
    README.md                                                    the model card

The pictures it learned from are not in it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gan_core.errors import BadRun
from gan_core.files import write_atomically
from gan_core.gan.card import BEFORE_AFTER_FILE, FILM_FILE, Release, model_card
from gan_core.gan.run import BEST_FOLDER, EVENTS_FILE, SAMPLES_FOLDER, read_events
from gan_core.gan.snapshot import CONFIG_FILE, D_FILE, G_FILE
from gan_core.gan.timelapse import before_after, timelapse_frames
from gan_core.pictures.canvas import encode_png, enlarge
from gan_core.pictures.film import encode_gif, encode_mp4, thin

_WIDE = 1200  # pixels, at most, of the enlarged before and after


def pack(folder: Path, target: Path, kind: str = "", name: str = "") -> Path:
    """Write what a run made, as a zip: weights, configuration, previews, films, model card.

    The pictures it learned from are not in it. A run that still trains can be packed too. Films
    take some seconds. kind: what those pictures show, in the user's words, for the card.
    name: of the folder in the zip, by default that of `target`.

    Raises: BadRun without a snapshot or a log, DiskFull.
    """
    parts = contents(folder, name := _safe_name(name or target.stem), kind)
    with (
        write_atomically(target) as path,
        zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive,
    ):
        for file, data in parts.items():
            archive.writestr(f"{name}/{file}", data)
    return target


def contents(
    folder: Path,
    name: str,
    kind: str = "",
    release: Release | None = None,
    most_samples: int | None = None,
) -> dict[str, bytes]:
    """Every file that goes out of a run by its name, the model card last.

    name: of the model. kind: as for `pack`. release: if it goes to the Hub, for the card.
    most_samples: of the previews so many, at even distances; by default all.

    Raises: BadRun without a snapshot or a log.
    """
    if not (folder / BEST_FOLDER / G_FILE).is_file():
        raise BadRun(
            f"The run {folder.name} has no snapshot yet.",
            "The first is saved when it is first measured, and the last at the end.",
            "Let it run a little longer, or press Stop and download then.",
        )
    read_events(folder)  # before the films, which take longer: raises for a missing log
    parts = dict(_parts(folder, most_samples))
    card = model_card(folder, name, kind, parts.keys(), release)
    return {**parts, "README.md": card.encode()}


def _parts(folder: Path, most_samples: int | None) -> Iterator[tuple[str, bytes]]:
    """Everything but the card, by its name in the zip.

    Each file is read whole before it is packed: a run that trains puts new ones in their place.
    """
    best = folder / BEST_FOLDER
    models = {file: best / file for file in (G_FILE, D_FILE, CONFIG_FILE)}
    for name, path in {**models, "training.json": folder / CONFIG_FILE}.items():
        if path.exists():
            yield name, path.read_bytes()
    whole, end, _being_written = (folder / EVENTS_FILE).read_bytes().rpartition(b"\n")
    yield EVENTS_FILE, whole + end
    samples = sorted((folder / SAMPLES_FOLDER).glob("*.png"))
    for sample in samples if most_samples is None else thin(samples, most_samples):
        yield f"{SAMPLES_FOLDER}/{sample.name}", sample.read_bytes()
    frames = [frame.image for frame in timelapse_frames(folder)]
    if len(frames) > 1:
        yield FILM_FILE, encode_mp4(frames)
        yield "timelapse.gif", encode_gif(frames)
        pair = before_after(folder)
        yield BEFORE_AFTER_FILE, encode_png(enlarge(pair, max(1, _WIDE // pair.shape[1])))


def _safe_name(stem: str) -> str:
    """A name for the folder in the zip that is one on every system, and leads out of none."""
    return re.sub(r"[^\w.() -]", "_", stem).strip(". ") or "model"
