"""Paintings to take a style from, drawn by our own code: uint8 [512, 512, 3].

Each fills its frame with one palette and one stroke, coarse and fine, for its Gram matrices to
carry. What they share with the scenes stands in `drawing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from gan_core.pictures.drawing import (
    Floats,
    brush,
    finish,
    grid,
    noise,
    palette,
    ramp,
    shade,
    shatter,
    voronoi,
)

SIDE = 1024  # drawn at twice the size


def strokes() -> NDArray[np.uint8]:
    """Paint a night that flows around its lights, in thousands of curved strokes."""
    rng = np.random.default_rng(7)
    x, y = grid(SIDE, SIDE)
    stream = noise(rng, SIDE, SIDE, 3, 2) * 260 + y * 0.35
    glow = np.zeros((SIDE, SIDE), np.float32)
    for cx, cy, radius, turn in [
        (770, 230, 150, 1.0),
        (250, 330, 110, -1.0),
        (520, 700, 130, 1.0),
        (130, 840, 80, 1.0),
        (890, 800, 90, -1.0),
        (480, 110, 60, 1.0),
    ]:
        distance = np.hypot(x - cx, y - cy) / radius
        stream += turn * 2.2 * radius * np.exp(-(distance**2) / 2)
        glow = np.maximum(glow, np.exp(-((distance / 0.75) ** 2)))
    bands = 0.5 + 0.5 * np.sin(stream / 26 + 3 * noise(rng, SIDE, SIDE, 5))
    value = (0.04 + 0.5 * bands + 0.2 * noise(rng, SIDE, SIDE, 6) - 0.1) * (1 - glow) + glow
    night = palette("0a1233 12265c 1d4489 2f6fb0 6ea8c9 b9d3c0 f0dc82 f7c23c f29d1f fff3b8")
    flow_y, flow_x = np.gradient(stream)
    flow = np.stack([flow_y, -flow_x], -1)
    flow /= np.linalg.norm(flow, axis=-1, keepdims=True) + 1e-6
    picture = Image.fromarray(ramp(value - 0.1, night).astype(np.uint8))
    for count, length, width in [(2000, 130, 34), (3200, 84, 18), (5200, 52, 11)]:
        brush(rng, picture, flow, value, night, (count, length, width))
    return finish(_impasto(picture, 1.1))


def _impasto(picture: Image.Image, depth: float) -> Floats:
    """Light the paint from the top left, as if its lightness were its height."""
    pixels = np.asarray(picture, np.float32)
    height = np.asarray(picture.convert("L").resize((SIDE // 2, SIDE // 2)).resize((SIDE, SIDE)))
    slope_y, slope_x = np.gradient(height.astype(np.float32))
    return pixels + depth * (slope_x + slope_y).clip(-25, 25)[..., None]


def mosaic() -> NDArray[np.uint8]:
    """Set tesserae in rings around rosettes: gold, lapis, crimson, and dark grout."""
    rng = np.random.default_rng(11)
    hearts = np.array(
        [(270, 300), (760, 190), (700, 640), (200, 780), (1010, 930), (470, 1010), (1000, 420)]
    )
    seeds, colours = [], []
    tints = palette("d9a928 f0cf6a 1c3f8f 2b6cb5 9c1c28 c8442c 1d6b57 e9dcc0 5a1238")
    orders = [[0, 4, 1, 2, 3, 7], [7, 2, 0, 3, 1, 4], [0, 6, 1, 4, 5, 7], [1, 8, 0, 5, 7, 2]]
    for index, heart in enumerate(hearts):
        order = orders[index % len(orders)]
        for ring in range(40):
            radius = 8 + 17.5 * ring
            n = max(1, round(2 * math.pi * radius / 20))
            angle = (np.arange(n) + rng.random()) * 2 * math.pi / n
            points = heart + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
            petals = 0.5 + 0.5 * np.cos(angle * (6 + index % 3 * 2))
            band = (ring + (petals * 2.2).astype(int)) // 2 % len(order)
            nearest = np.linalg.norm(points[:, None] - hearts, axis=2).argmin(1) == index
            inside = nearest & (np.abs(points - SIDE / 2) < SIDE / 2 + 20).all(1)
            seeds.append(points[inside])
            colours.append(tints[np.array(order)[band]][inside])
    places = np.concatenate(seeds) + rng.normal(0, 1.6, (sum(map(len, seeds)), 2))
    count = len(places)
    base = np.concatenate(colours) * rng.normal(1, 0.13, (count, 1)) + rng.normal(0, 8, (count, 3))
    labels, gap = voronoi(SIDE, places.astype(np.float32), 30)
    tilts = rng.normal(0, 1.1, (count, 2)).astype(np.float32)
    pixels = shade(labels, base.astype(np.float32), tilts, places.astype(np.float32))
    stone = (gap / 5 - 0.35).clip(0, 1)[..., None]
    bevel = ((gap - 2) / 6).clip(0, 1)[..., None] * 26 - 20
    grout = palette("2a211c") + 22 * noise(rng, SIDE, SIDE, 200)[..., None]
    grain = (noise(rng, SIDE, SIDE, 160)[..., None] - 0.5) * 34
    return finish(grout * (1 - stone) + (pixels + bevel + grain) * stone)


def woodcut() -> NDArray[np.uint8]:
    """Carve a valley under a great sun: black lines that swell along the land, flat papers."""
    rng = np.random.default_rng(5)
    x, y = grid(SIDE, SIDE)
    wobble = noise(rng, SIDE, SIDE, 5, 2)
    fray = noise(rng, SIDE, SIDE, 90) - 0.5
    cut = fray * 0.34 + (noise(rng, SIDE, SIDE, 14) - 0.5) * 0.5
    papers = palette("f6e3b0 f0b356 e2743c c9483a 7d9c8c 4d7f86 d9b65c 9aa34f e9d7a2")
    radius = np.hypot(x - 650, y - 330) + wobble * 26
    rings = np.digitize(radius, [150, 250, 370, 520])
    pixels = papers[np.array([0, 1, 2, 3, 3])[rings]]
    spokes = np.arctan2(y - 330, x - 650) * 48 / (2 * math.pi)
    octave = np.floor(np.log2(np.maximum(radius, 150) / 150))
    lines = np.where(radius < 150, radius / 20, spokes * 2**octave + wobble * 2)
    ink = _carve(lines, ((radius - 130) / 600 + 0.1).clip(0.05, 0.62) + cut * 0.4)
    ink |= np.abs(radius - 150) < 5
    for index, (base, swing, paper, pitch, slant) in enumerate(
        [(470, 150, 5, 15, 0.0), (560, 130, 4, 17, 0.9), (690, 110, 6, 21, -0.8)]
        + [(800, 90, 7, 24, 0.15), (930, 60, 8, 28, 1.2)]
    ):
        profile = noise(rng, SIDE, SIDE, 4 + index, 2)[200:201] - 0.5
        depth = y - (base + swing * profile + 40 * np.sin(x / 190 + 2 * index))
        land = depth > 0
        phase = (depth * (1 + wobble * 0.6) + slant * (x + 90 * wobble)) / pitch
        tone = 0.2 + 0.42 * (depth / 190).clip(0, 1) + 0.3 * (wobble - 0.5) + cut * 0.5
        ink = np.where(land, _carve(phase, tone.clip(0.12, 0.8)) | (depth < 7), ink)
        pixels = np.where(land[..., None], papers[paper], pixels)
    for cx, foot, tall, wide in [(120, 900, 560, 60), (235, 960, 420, 52), (900, 1010, 380, 58)]:
        up = (foot - y) / tall
        half = wide * np.sqrt(up.clip(0, 1)) * (1.05 - up).clip(0, 1) * 2
        aside = x - cx - 14 * np.sin(y / 60) + fray * 26
        tree = (np.abs(aside) < half) & (up > 0)
        leaves = _carve((np.abs(aside) * 1.3 + y) / 19, 0.68 + 0.5 * aside / wide + cut * 0.6)
        ink = np.where(tree, leaves | (np.abs(aside) > half - 7), ink)
        pixels = np.where(tree[..., None], papers[7], pixels)
    pixels = pixels + (noise(rng, SIDE, SIDE, 250)[..., None] - 0.5) * 26
    black = palette("17130f") + (noise(rng, SIDE, SIDE, 300)[..., None] > 0.8) * 26
    return finish(np.where(ink[..., None], black, pixels))


def _carve(phase: Floats, width: Floats) -> NDArray[np.bool_]:
    """Leave ink on the given share (0..1) of every unit of the phase."""
    return np.abs(2 * (phase % 1) - 1) < width


def facets() -> NDArray[np.uint8]:
    """Break the picture into shards of burning colour, cut again by arcs, outlined in black."""
    rng = np.random.default_rng(21)
    labels, centres = shatter(rng, SIDE, 210)
    x, y = grid(SIDE, SIDE)
    arcs = np.zeros((SIDE, SIDE), np.int32)
    for cx, cy, radius in [(380, 400, 290), (790, 690, 250), (690, 150, 190), (150, 900, 230)]:
        arcs += np.hypot(x - cx, y - cy) < radius
        arcs += np.hypot(x - cx, y - cy) < radius * 0.55
    hues = palette("fff0b0 fbc531 f4831f dd2f2a a3154f 4a1f7a 173a9c 1c7fc4 19a79a 0f5f4f 12203f")
    far = np.hypot(*(centres / SIDE - (0.4, 0.42)).T)
    pick = far[:, None] + rng.normal(0, 0.12, (len(centres), 1)) + np.array([0.34, 0.02])
    tables = ramp(1 - np.abs(1 - pick % 2), hues) + rng.normal(0, 10, (len(centres), 1, 3))
    angle = rng.uniform(0, 2 * math.pi, len(centres))
    aim = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    outer, inner = (shade(labels, tables[:, k].astype(np.float32), aim, centres) for k in (0, 1))
    pixels = np.where((arcs % 2 == 1)[..., None], inner, outer)
    hairs = np.convolve(rng.normal(0, 26, 4096), np.ones(5) / 5, "same").astype(np.float32)
    across = (aim[labels, 0] * y - aim[labels, 1] * x) * 0.7 + labels * 37
    pixels = pixels + hairs[across.astype(int) % 4096][..., None]
    parts = labels * 9 + arcs
    edges = np.diff(parts, axis=0, prepend=parts[:1]) != 0
    edges |= np.diff(parts, axis=1, prepend=parts[:, :1]) != 0
    soft = Image.fromarray(np.where(edges, 255, 0).astype(np.uint8))
    ink = np.asarray(soft.filter(ImageFilter.GaussianBlur(3)), np.float32)
    dark = ((ink - 10 - 32 * noise(rng, SIDE, SIDE, 9, 2)) / 6).clip(0, 1)[..., None]
    return finish(pixels * (1 - dark) + palette("140f1c") * dark)


def dots() -> NDArray[np.uint8]:
    """Dot a shore in the late sun: pure colours side by side, for the eye to mix."""
    rng = np.random.default_rng(9)
    x, y = grid(SIDE, SIDE)
    wave, fine = noise(rng, SIDE, SIDE, 6, 3), noise(rng, SIDE, SIDE, 24)
    scene = ramp(y / 520 + 0.5 * (wave - 0.5), palette("2f4f9e 5c86c4 c79fc0 f08f7a f7b452"))
    sun = np.hypot(x - 690, y - 330)
    glow = np.exp(-sun / 140)[..., None]
    scene = np.where((sun < 66)[..., None], palette("ffe98a"), scene * (1 - glow))
    scene += palette("ffb43c") * glow * (sun >= 66)[..., None]
    sea = ramp((y - 520) / 260 + 0.9 * (fine - 0.5), palette("e8a07a 5a93b8 2c63a0 1c3f80"))
    path = (np.abs(x - 690) < 40 + (y - 520) * 0.4) & (fine > 0.5)
    sea = np.where(path[..., None], palette("ffd05a"), sea)
    scene = np.where((y > 520)[..., None], sea, scene)
    meadow = ramp(wave + (y - 850) / 900, palette("17453f 3d7d3c a8b53a f0b532 d8433f 8c2a6a"))
    shore = 800 - 150 * (x / SIDE - 0.62) ** 2 * 4 + 90 * (wave - 0.5)
    scene = np.where((y > shore)[..., None], meadow, scene)
    trunk = np.abs(x - 140 - 30 * np.sin(y / 150)) < 16 + np.abs(y - 560) / 14
    scene = np.where((trunk & (y > 320) & (y < 840))[..., None], palette("43284f"), scene)
    for cx, cy, radius in [(90, 330, 200), (270, 200, 170), (60, 90, 220)]:
        crown = np.hypot(x - cx, (y - cy) * 1.15) < radius * (0.6 + 0.75 * fine)
        leaf = ramp(
            fine * 0.6 + (x - cx - y + cy) / 900 + 0.3, palette("14304f 1f6650 8fae35 f2cf4a")
        )
        scene = np.where(crown[..., None], leaf, scene)
    return finish(_stipple(rng, scene))


def _stipple(rng: np.random.Generator, scene: Floats) -> Image.Image:
    """Dot [H, W, 3] over pale primer: each dot leans to one pure hue, the lean sums to nought."""
    leans = palette("ff5a36 ffd23c 3fae6b 2f5fd0 9c4fc0 ff8fb0 f7f3e6 1f2a5c")
    leans = leans - leans.mean(0)
    picture = Image.new("RGB", (SIDE, SIDE), "#d9c3a0")
    draw = ImageDraw.Draw(picture)
    for pitch, radius in [(16, 11.0), (14, 8.0), (17, 6.0)]:
        column, row = np.meshgrid(np.arange(0, SIDE + pitch, pitch), np.arange(0, SIDE, pitch))
        spots = np.stack([column, row], -1).reshape(-1, 2)
        spots = rng.permutation(spots + rng.uniform(-0.6, 0.6, spots.shape) * pitch)
        at = spots.astype(int).clip(0, SIDE - 1)
        tones = scene[at[:, 1], at[:, 0]] + 0.36 * leans[rng.integers(0, len(leans), len(at))]
        sizes = radius * rng.uniform(0.75, 1.2, (len(at), 1))
        boxes = np.concatenate([spots - sizes, spots + sizes], 1).tolist()
        for box, (r, g, b) in zip(boxes, tones.clip(0, 255).astype(int).tolist(), strict=True):
            draw.ellipse(box, fill=(r, g, b))
    return picture


PAINTINGS: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "strokes": strokes,
    "mosaic": mosaic,
    "woodcut": woodcut,
    "facets": facets,
    "dots": dots,
}
