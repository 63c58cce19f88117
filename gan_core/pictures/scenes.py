"""Scenes to restyle, drawn by our own code: uint8 [384, 512, 3], clear shapes in soft light."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gan_core.pictures.drawing import Floats, finish, grid, noise, palette, ramp

Draw = ImageDraw.ImageDraw
Spot = tuple[float, float, float]  # x, y, radius in pixels of the doubled canvas


def landscape() -> NDArray[np.uint8]:
    """Draw hills, a lake and a house with lit windows, at sunset: [384, 512, 3]."""
    rng, (height, width), shore = np.random.default_rng(4), (768, 1024), 450
    x, y = grid(height, width)
    sky = ramp(y / shore, palette("2b3a6e 5b5f9c b0829f f0a27c fbd48f"))
    streaks = noise(rng, height, width * 5, 9, 3)[:, :width]
    cloud = ((streaks - 0.5) * 3.2).clip(0, 0.75)[..., None]
    canvas = sky * (1 - cloud) + ramp(y / shore, palette("6a5f97 e58f86 ffd9a0")) * cloud
    sun = np.hypot(x - 640, y - 300)
    canvas += palette("ffb45a") * (0.75 * np.exp(-sun / 120))[..., None]
    canvas = np.where((sun < 40)[..., None], palette("fff2c4"), canvas)
    for base, swing, cells, colours in [
        (330, 190, 5, "8d7fae c79aa8"),
        (375, 150, 4, "5d6494 a58aa0"),
        (420, 110, 3, "3a5274 7d7f8e"),
        (438, 16, 3, "2c4a44 56603f"),
    ]:
        depth = y - base - swing * (0.5 - noise(rng, 8, width, cells, 4)[4:5])
        hill = ramp(depth / 110 + 0.5 * (noise(rng, height, width, 30, 2) - 0.5), palette(colours))
        canvas = np.where((depth > 0)[..., None], hill, canvas)
    picture = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    _homestead(rng, ImageDraw.Draw(picture), shore)
    canvas = np.asarray(picture, np.float32)
    ripple = (noise(rng, height, width * 3, 60, 2)[:, :width] - 0.5) * (y - shore) / 5
    row = (2 * shore - y + ripple).clip(0, shore - 1).astype(int)
    column = (x + ripple * 0.5).clip(0, width - 1).astype(int)
    water = canvas[row, column] * 0.78 + palette("24406e") * 0.2 + ripple[..., None] * 0.8
    canvas = np.where((y > shore)[..., None], water, canvas)
    bank = 690 - 90 * ((x - 560) / 520) ** 2 + 30 * noise(rng, 8, width, 6, 3)[4:5]
    grass = ramp(
        (y - bank) / 150 + noise(rng, height, width, 24, 2) - 0.6, palette("5e6b35 1c3029")
    )
    canvas = np.where((y > bank)[..., None], grass, canvas)
    picture = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    _foreground(rng, ImageDraw.Draw(picture), bank[0])
    return finish(picture)


def _crown(rng: np.random.Generator, draw: Draw, where: Spot, colours: Floats) -> None:
    """Draw leaves around `where`, the dark ones first, lit from the top right."""
    cx, cy, radius = where
    count = int(radius * 9)
    angle, far = rng.uniform(0, 2 * math.pi, count), np.sqrt(rng.random(count))
    x, y = far * np.cos(angle), far * np.sin(angle) * 0.85
    light = np.sort(rng.random(count))
    tones = ramp(light * 0.7 + 0.3 * (x - y) + rng.normal(0, 0.08, count), colours)
    sizes = radius * rng.uniform(0.05, 0.13, count)
    spots = zip(cx + radius * x, cy + radius * y, sizes, tones.astype(int).tolist(), strict=True)
    for px, py, size, (r, g, b) in spots:
        draw.ellipse((px - size, py - size * 0.8, px + size, py + size * 0.8), fill=(r, g, b))


def _homestead(rng: np.random.Generator, draw: Draw, shore: int) -> None:
    """Put a house and trees on the far shore."""
    leaves = palette("16292c 24443a 4d6638 a98a45")
    for cx, radius in [(120, 42), (178, 52), (392, 46), (452, 30), (880, 40), (936, 54), (990, 36)]:
        draw.line((cx, shore, cx, shore - radius), fill="#2a1d22", width=7)
        _crown(rng, draw, (cx, shore - radius * 1.35, radius), leaves)
    left, right, top = 222, 348, shore - 62
    draw.polygon([(left, shore), (left, top), (right, top), (right, shore)], fill="#8b6a68")
    draw.polygon([(right - 46, shore), (right - 46, top), (right, top), (right, shore)], "#c48a70")
    draw.rectangle((left + 22, top - 62, left + 38, top - 20), fill="#5a3a40")
    draw.polygon(
        [
            (left - 10, top + 4),
            (left + 16, top - 46),
            (right - 24, top - 46),
            (right - 44, top + 4),
        ],
        fill="#6b3038",
    )
    draw.polygon([(right - 50, top + 4), (right - 24, top - 46), (right + 8, top + 4)], "#a9584a")
    draw.polygon([(right - 44, top + 4), (right - 24, top - 34), (right - 1, top + 4)], "#c48a70")
    for at in (left + 12, left + 50, right - 34):
        draw.rectangle((at - 3, top + 14, at + 21, top + 42), fill="#4a2f36")
        draw.rectangle((at, top + 17, at + 18, top + 39), fill="#ffdf7a")
        draw.line((at + 9, top + 17, at + 9, top + 39), fill="#7a4a34", width=2)


def _foreground(rng: np.random.Generator, draw: Draw, bank: Floats) -> None:
    """Put a near tree, grass and flowers on the bank, whose top edge is [W]."""
    draw.polygon([(905, 760), (930, 480), (950, 300), (966, 480), (985, 760)], fill="#1d1519")
    for ex, ey in [(850, 330), (1010, 300), (880, 230), (960, 200)]:
        draw.line((946, 470, (946 + ex) / 2 + 10, (470 + ey) / 2 + 20, ex, ey), "#1d1519", 12)
    leaves = palette("101c22 1b332f 35523a 7d7a3c d9a24e")
    for cx, cy, radius in [
        (1000, 330, 90),
        (855, 325, 76),
        (935, 270, 100),
        (1015, 190, 110),
        (890, 190, 96),
    ]:
        _crown(rng, draw, (cx, cy, radius), leaves)
    roots = np.sort(rng.uniform(0, 1, 2600)) ** 0.9
    columns = rng.uniform(0, len(bank), len(roots))
    tones = ramp(rng.random(len(roots)).astype(np.float32), palette("16291f 3c5630 7f8440 c8a653"))
    for root, px, (r, g, b) in zip(roots, columns, tones.astype(int).tolist(), strict=True):
        top = float(bank[int(px)])
        py, lean = top + root * (790 - top), rng.normal(0, 9)
        tall = rng.uniform(12, 22) * (0.7 + 1.1 * root)
        draw.line((px, py, px + lean * 0.3, py - tall * 0.6, px + lean, py - tall), (r, g, b), 2)
        if rng.random() < 0.05:
            fill = ("#f4e3c0", "#e7574a", "#f2b23e")[int(rng.integers(3))]
            draw.ellipse((px + lean - 4, py - tall - 4, px + lean + 4, py - tall + 3), fill=fill)


def still_life() -> NDArray[np.uint8]:
    """Draw a vase of flowers and a bowl of fruit in the light of a window: [384, 512, 3]."""
    rng, (height, width), edge = np.random.default_rng(8), (768, 1024), 500
    x, y = grid(height, width)
    beam = np.exp(-(((x + 0.7 * y - 620) / 330) ** 2))
    murk = 0.3 * (noise(rng, height, width, 5, 3) - 0.4)
    wall = ramp(beam * 0.8 + murk, palette("1d2f33 3c5a58 7d9484 c9c9a4"))
    fold = noise(rng, height, width * 3, 70, 2)[:, :width] * 0.35
    table = ramp(beam * 0.6 + fold + (y - edge) / 900, palette("4a2a20 8a5233 bb7c48 e0ab6c"))
    canvas = np.where((y > edge)[..., None], table, wall)
    for cx, cy, a, b in [
        (400, 668, 200, 34),
        (790, 676, 210, 40),
        (550, 704, 84, 22),
        (940, 706, 120, 24),
    ]:
        far = ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2
        canvas = canvas * (1 - 0.62 * np.exp(-(far**1.5)))[..., None]
    picture = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((549, 482, 901, 526), fill="#8f7f6c")
    draw.ellipse((272, 364, 388, 380), fill="#122848")
    _bouquet(rng, draw)
    canvas = np.array(picture, np.float32)
    profile = [(372, 58), (384, 50), (430, 40), (500, 92), (560, 104), (620, 84), (660, 58)]
    _turn(canvas, 330, profile, palette("173a6b 2c6fae 9fd0e0"), 62)
    profile = [(505, 176), (520, 172), (570, 148), (620, 104), (650, 66), (668, 70)]
    fruit = [(640, 470, 60, "7a1f1c d8432f f3a64a"), (810, 466, 62, "b4571a f08f27 ffd070")]
    fruit += [(725, 424, 64, "5f7d23 a9bf3c f0e07a"), (700, 492, 60, "c98a1c f3c637 fff0a0")]
    for cx, cy, radius, colours in [*fruit, (765, 500, 52, "6b1830 b52f43 ee8a7a")]:
        _ball(rng, canvas, (cx, cy, radius), palette(colours))
    _turn(canvas, 725, profile, palette("7d6a5c d9c7ac fff6e0"), 30)
    _ball(rng, canvas, (520, 660, 48), palette("b4571a f08f27 ffd070"))
    bunch = np.stack([np.arange(46) * 0.618 % 1, rng.random(46) * 0.42], 1)  # golden: no gaps
    bunch[:, 1] *= np.sin(math.pi * (0.12 + 0.75 * bunch[:, 0]))
    for along, up in sorted(bunch.tolist(), key=lambda spot: -spot[1]):
        _ball(rng, canvas, (858 + 128 * along, 698 - 150 * up, 19), palette("2a1440 5b2d77 b48ac8"))
    return finish(canvas)


def _ball(rng: np.random.Generator, canvas: Floats, where: Spot, colours: Floats) -> None:
    """Add a fruit to [H, W, 3] in place, lit from the top left."""
    cx, cy, radius = where
    left, top, side = int(cx - radius), int(cy - radius), int(2 * radius) + 2
    around = canvas[top : top + side, left : left + side]
    height, width = around.shape[:2]
    x, y = grid(height, width)
    u, v = (x + left - cx) / radius, (y + top - cy) / radius * 1.05
    inside = u * u + v * v < 1
    up = np.sqrt((1 - u * u - v * v).clip(0, 1))
    light = -0.52 * u - 0.6 * v + 0.61 * up
    skin = noise(rng, height, width, 6, 2) - 0.5
    tones = ramp((light.clip(0, 1) * 0.9 + 0.16 * skin).clip(0, 1), colours)
    tones *= (0.42 + 0.58 * (light + 0.45).clip(0, 1))[..., None]
    tones += 190 * (light.clip(0, 1) ** 26)[..., None]
    around[inside] = tones[inside]


def _turn(
    canvas: Floats, cx: float, profile: list[tuple[int, int]], colours: Floats, stripe: int
) -> None:
    """Add a turned vessel in place: `profile` holds (y, half width); it has an inlaid stripe."""
    x, y = grid(*canvas.shape[:2])
    knots, widths = np.array(profile, np.float32).T
    levels = np.arange(knots[0], knots[-1])
    halves = np.interp(np.arange(knots[0] - 20, knots[-1] + 20), knots, widths)
    halves = np.convolve(halves, np.ones(41) / 41, "valid")  # a potter leaves no corners
    reach = np.interp(y, levels[[0, -1]], halves[[0, -1]])
    level = y - 0.12 * np.sqrt((reach**2 - (x - cx) ** 2).clip(0))
    half = np.interp(level, levels, halves)
    u = (x - cx) / half
    inside = (np.abs(u) < 1) & (level > levels[0]) & (level < levels[-1])
    light = (-0.62 * u + 0.78 * np.sqrt((1 - u * u).clip(0, 1))).clip(0, 1)
    tones = ramp(light**1.2, colours) * (0.5 + 0.5 * light)[..., None]
    inlay = np.abs(level - levels[0] - stripe + 5 * np.sin(np.arcsin(u.clip(-1, 1)) * 14)) < 5
    tones = np.where(inlay[..., None], tones * 0.4 + palette("d9a441") * 0.5, tones)
    tones += 120 * (light**40)[..., None] + 60 * (level < levels[0] + 5)[..., None]
    canvas[inside] = tones[inside]


def _bouquet(rng: np.random.Generator, draw: Draw) -> None:
    """Put flowers and leaves where the vase will stand."""
    heads = [(330, 120, 62), (210, 190, 56), (450, 180, 58), (270, 270, 50), (400, 285, 54)]
    heads += [(150, 300, 42), (500, 300, 40), (235, 95, 36), (425, 85, 38), (335, 215, 52)]
    for cx, cy, _ in heads:
        draw.line((330, 420, (330 + cx) / 2 + 8, (420 + cy) / 2, cx, cy), "#2f4d2c", 7)
    for cx, cy in rng.uniform((150, 130), (510, 390), (90, 2)):
        tone = ramp(rng.random(1, np.float32), palette("1f3a2a 3f6b38 83a04a"))[0]
        _petal(draw, cx, cy, math.atan2(cy - 420, cx - 330) + rng.normal(0, 0.5), 46, tone)
    kinds = ["b3263a e8556a ffb3a8", "d98a1f f6c445 fff0a8", "6a4fa0 a58ad0 e6d8f6"]
    for index, (cx, cy, size) in enumerate(heads):
        colours = palette(kinds[index % 3])
        for ring, reach in enumerate((1.0, 0.78, 0.55)):
            for turn in np.arange(11) * 2 * math.pi / 11 + ring * 0.3:
                lit = 0.3 * ring - 0.3 * math.sin(turn + 0.8) + 0.3 + rng.normal(0, 0.05)
                tone = ramp(np.array([lit], np.float32), colours)[0]
                _petal(draw, cx, cy, turn, size * reach, tone)
        r = size * 0.24
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill="#5a3318")
        draw.ellipse((cx - r * 0.8, cy - r * 0.9, cx + r * 0.5, cy + r * 0.4), fill="#9a6428")


def _petal(draw: Draw, cx: float, cy: float, angle: float, length: float, tone: Floats) -> None:
    """Draw a petal or a leaf from its root outwards."""
    t = np.linspace(0, 1, 9)
    wide = 0.2 * np.sin(math.pi * t**0.8)
    along, aside = np.concatenate([t, t[::-1]]), np.concatenate([wide, -wide[::-1]])
    x = cx + length * (along * math.cos(angle) - aside * math.sin(angle))
    y = cy + length * (along * math.sin(angle) + aside * math.cos(angle))
    r, g, b = tone.astype(int).tolist()
    draw.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=(r, g, b))


SCENES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "landscape": landscape,
    "still life": still_life,
}
