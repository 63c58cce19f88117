"""What drawn pictures are made of, and dead leaves: pictures with the statistics of nature.

Shapes are drawn at twice the size and halved, which smooths their edges. `paintings` and `scenes`
are made of the same pieces. Colours are float in 0..255, points (x, y) in pixels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.floating[Any]]


def palette(colours: str) -> Floats:
    """Turn "rrggbb rrggbb ..." into [N, 3] in 0..255."""
    return np.array([list(bytes.fromhex(colour)) for colour in colours.split()], np.float32)


def ramp(t: Floats, colours: Floats) -> Floats:
    """Blend along the colours [N, 3], evenly spaced over t in 0..1: [..., 3]."""
    knots = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(t, knots, colours[:, c]) for c in range(3)], -1, dtype=np.float32)


def grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Give x [1, W] and y [H, 1] in pixels; they broadcast."""
    return np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]


def noise(
    rng: np.random.Generator, height: int, width: int, cells: int, octaves: int = 1
) -> Floats:
    """Draw smooth noise [H, W] in 0..1; `cells` bumps a side, each octave twice as fine."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        side = cells * 2**octave + 1
        coarse = Image.fromarray(rng.random((side, side), np.float32))
        fine = coarse.resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(fine, np.float32) / 2**octave
    level: Floats = (total - total.min()) / np.ptp(total)
    return level


def finish(canvas: Floats | Image.Image) -> NDArray[np.uint8]:
    """Halve [2H, 2W, 3] in 0..255, with what lies beyond clamped."""
    if not isinstance(canvas, Image.Image):
        canvas = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    return np.array(canvas.reduce(2))


def shade(labels: NDArray[np.int32], colours: Floats, tilts: Floats, centres: Floats) -> Floats:
    """Give every region its own of the colours [N, 3], with a gradient: [H, W, 3].

    It has that colour at its centre [N, 2] and is lighter along its tilt [N, 2], levels a pixel.
    """
    x, y = grid(*labels.shape)
    offsets = (tilts * centres).sum(1)
    slope = tilts[labels]
    light: Floats = slope[..., 0] * x + slope[..., 1] * y - offsets[labels]
    return colours[labels] + light[..., None]


def voronoi(side: int, seeds: Floats, reach: int) -> tuple[NDArray[np.int32], Floats]:
    """Find each pixel's nearest seed [N, 2], and how much farther the second nearest is.

    reach: pixels around a seed that are searched; what is farther from every seed is wrong.
    """
    labels = np.zeros((side, side), np.int32)
    first, second = np.full((2, side, side), 1e3, np.float32)
    x, y = grid(side, side)
    for index, (cx, cy) in enumerate(seeds.tolist()):
        rows = slice(max(0, int(cy) - reach), max(0, int(cy) + reach))
        columns = slice(max(0, int(cx) - reach), max(0, int(cx) + reach))
        distance = np.sqrt((x[:, columns] - cx) ** 2 + (y[rows] - cy) ** 2)
        nearest, runner_up = first[rows, columns], second[rows, columns]
        closer = distance < nearest
        np.minimum(runner_up, np.maximum(distance, nearest), out=runner_up)
        np.minimum(nearest, distance, out=nearest)
        labels[rows, columns][closer] = index
    return labels, second - first


def shatter(rng: np.random.Generator, side: int, count: int) -> tuple[NDArray[np.int32], Floats]:
    """Cut the frame by straight lines, always the largest shard across its length.

    Gives the number of each pixel's shard, [H, W], and the middles of the shards (x, y).
    """
    shards = [np.arange(side * side)]
    while len(shards) < count:
        shard = shards.pop(max(range(len(shards)), key=lambda index: len(shards[index])))
        y, x = np.divmod(shard, side)
        x, y = x - x.mean(), y - y.mean()
        length = 0.5 * math.atan2(2 * (x * y).mean(), (x * x).mean() - (y * y).mean())
        angle = length + rng.normal(0, 0.5)
        beyond = x * math.cos(angle) + y * math.sin(angle) > rng.normal(0, 0.35) * x.std()
        shards += [shard[beyond], shard[~beyond]]
    labels = np.empty(side * side, np.int32)
    for index, shard in enumerate(shards):
        labels[shard] = index
    centres = [(np.mean(shard % side), np.mean(shard // side)) for shard in shards]
    return labels.reshape(side, side), np.array(centres, np.float32)


def brush(
    rng: np.random.Generator,
    picture: Image.Image,
    flow: Floats,
    value: Floats,
    colours: Floats,
    size: tuple[int, int, int],
) -> None:
    """Lay `size` = (count, length, width) strokes along `flow` [H, H, 2] on the picture in place.

    Their colour is `ramp(value, colours)` where they begin; their four bristles differ a little.
    """
    count, length, width = size
    side = picture.width
    steps, bristles = 7, 4
    path = np.empty((count, steps, 2), np.float32)
    across = np.empty_like(path)
    at = rng.uniform(-60, side + 60, (count, 2)).astype(np.float32)
    column, row = at.astype(int).clip(0, side - 1).T
    tone = value[row, column] + rng.normal(0, 0.07, count)
    for step in range(steps):
        column, row = at.astype(int).clip(0, side - 1).T
        along = flow[row, column]
        path[:, step], across[:, step] = at, along[:, ::-1] * (1, -1)
        at = at + along * (length / steps)
    offsets = (np.arange(bristles) - (bristles - 1) / 2) * width / bristles
    lines = path[:, None] + across[:, None] * offsets[:, None, None]
    tones = ramp(tone[:, None] + rng.normal(0, 0.035, (count, bristles)), colours)
    tones += rng.normal(0, 11, (count, bristles, 1))
    draw = ImageDraw.Draw(picture)
    thick = round(width / bristles * 1.5)
    flat = lines.reshape(count * bristles, -1).tolist()
    for line, (r, g, b) in zip(
        flat, tones.reshape(-1, 3).clip(0, 255).astype(int).tolist(), strict=True
    ):
        draw.line(line, fill=(r, g, b), width=thick)


def dead_leaves(size: int, seed: int) -> NDArray[np.uint8]:
    """Draw the dead-leaves model: discs that hide each other, with radii as r ** -3.

    It has the edges, the occlusion and the scale invariance of natural images (Lee, Mumford &
    Huang, "Occlusion models for natural images", 2001). Colours spread mostly in lightness.
    """
    rng, side = np.random.default_rng(seed), 2 * size
    smallest, largest = 4.0, max(side / 3, 8.0)
    mean_area = 2 * math.pi * smallest**2 * math.log(largest / smallest)
    count = int(9 * side**2 / mean_area)  # about six leaves deep within the margin
    radii = smallest / np.sqrt(1 - rng.random(count) * (1 - (smallest / largest) ** 2))
    radii[0] = 2 * side  # behind the gaps that are left
    centres = rng.uniform(-side / 8, side * 9 / 8, (count, 2)).astype(np.float32)
    leaves = Image.new("I", (side, side))
    draw = ImageDraw.Draw(leaves)
    boxes = np.concatenate([centres - radii[:, None], centres + radii[:, None]], 1)
    for index, box in enumerate(boxes.tolist()):
        draw.ellipse(box, fill=index)
    axes = np.array([[1, 1, 1], [1.2, 0, -1.2], [0.5, -1, 0.5]], np.float32)
    spread = rng.normal((118, 6, 0), (58, 20, 9), (count, 3)).astype(np.float32)
    spread[:, 0] = spread[:, 0].clip(15, 225)
    angle, steep = rng.uniform(0, 2 * math.pi, count), rng.uniform(0, 45, count) / radii
    tilts = (np.stack([np.cos(angle), np.sin(angle)], 1) * steep[:, None]).astype(np.float32)
    labels = np.asarray(leaves, np.int32)
    veins = (noise(rng, side, side, 48, 2) - 0.5) * rng.uniform(0, 70, count)[labels]
    return finish(shade(labels, spread @ axes, tilts, centres) + veins[..., None])
