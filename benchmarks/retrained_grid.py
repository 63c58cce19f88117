"""The README's grid of what retraining makes, drawn from finished runs: a row each.

    python -m gan_core train FOLDER --minutes 5 --out RUN   # for each, on one core
    python -m benchmarks.retrained_grid RUN RUN --out docs/retrained.png

In a row, from left to right, the same sixteen latents: by the start, after a minute, by the model
that the run keeps. Only what our networks made is shown.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.events import Event, Preview, Started
from gan_core.gan.latents import latents, render
from gan_core.gan.run import BEST_FOLDER, read_events
from gan_core.gan.snapshot import load_snapshot
from gan_core.pictures import make_grid, save_png, to_uint8
from gan_core.pictures.decode import decode

_COUNT, _GAP, _SECOND = 16, 24, 60.0  # pictures, pixels, seconds


def row(run: Path) -> NDArray[np.uint8]:
    """Start, a minute later, and the kept model, side by side: uint8 [H, W, 3]."""
    events = read_events(run)
    started = next(event for event in events if isinstance(event, Started))
    previews = [event for event in events if isinstance(event, Preview)]
    minute = _at(run, events, _SECOND)
    kept = load_snapshot(run / BEST_FOLDER)
    z = latents(_COUNT, started.seed, kept.network.z_dim)
    grids = [_read(run, previews[0]), _read(run, minute), make_grid(to_uint8(render(kept.G, z)))]
    gap = np.full((grids[0].shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([grids[0], gap, grids[1], gap, grids[2]], axis=1)


def _at(run: Path, events: list[Event], seconds: float) -> Preview:
    """The first preview after so many seconds of the run, by what it reported around it."""
    passed = 0.0
    for event in events:
        passed = getattr(event, "seconds", passed)
        if isinstance(event, Preview) and passed >= seconds:
            return event
    raise SystemExit(f"{run} has no preview after {seconds:g} seconds.")


def _read(run: Path, preview: Preview) -> NDArray[np.uint8]:
    path = run / (preview.file or "")
    return decode(path.read_bytes(), path.name).pixels


def main() -> None:
    """Draw the grid."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders, from top to bottom")
    parser.add_argument("--out", type=Path, required=True, help="a PNG file")
    given = parser.parse_args()
    rows = [row(run) for run in given.runs]
    gap = np.full((_GAP, rows[0].shape[1], 3), 255, np.uint8)
    parts = [part for each in rows for part in (each, gap)][:-1]
    save_png(given.out, np.concatenate(parts))


if __name__ == "__main__":
    main()
