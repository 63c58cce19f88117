"""From a seed to pictures, and to one of them as files; the same again whenever it is asked for."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.gan.latents import latents, render, render_mixed, render_scales, sample
from gan_core.gan.snapshot import Snapshot, read_network
from gan_core.pictures import encode_png, enlarge, make_grid, to_uint8
from gan_core.settings import LAST_SEED
from ui import gpu, texts
from ui.errors import require
from ui.models import Models, load_kept

MOST_PICTURES = 64
_GAP = 8  # pixels between pictures that are side by side
_SHOWN_SIDE = 256  # pixels; smaller pictures are enlarged to it by a whole factor


@dataclass(frozen=True)
class Recipe:
    """All that is needed to make the same pictures again."""

    model: str | None
    count: int
    seed: int
    truncation: float


def check_recipe(
    model: str | None, count: float | None, seed: float | None, truncation: float | None
) -> Recipe:
    """Check what the page or a client of the API asked for. Raises: BadSetting."""
    return Recipe(
        model,
        int(require(texts.COUNT, count, 1, MOST_PICTURES, whole=True)),
        int(require(texts.SEED, seed, 0, LAST_SEED, whole=True)),
        float(require(texts.TRUNCATION, truncation, 0, 1)),
    )


def make_pictures(
    models: Models, recipe: Recipe, first: int = 0, count: int | None = None
) -> NDArray[np.uint8]:
    """Make a recipe's pictures, or `count` of them from `first` on, enlarged without blur.

    On this machine's CPU, also where a GPU is lent: a few cost less than a call to it.
    Returns uint8 [N, S, S, 3]. Raises: BadWeights, BadRun.
    """
    number = recipe.count if count is None else count
    return _make(models.folder(recipe.model), number, recipe.seed, recipe.truncation, first)


def make_wall(models: Models, recipe: Recipe) -> NDArray[np.uint8]:
    """Make all of a recipe's pictures, where a GPU is lent on that; else as `make_pictures`."""
    folder = models.folder(recipe.model)
    return _make_lent(folder, recipe.count, recipe.seed, recipe.truncation, 0)


def _make(folder: Path, count: int, seed: int, truncation: float, first: int) -> NDArray[np.uint8]:
    snapshot = load_kept(folder)
    snapshot.G.to(gpu.device())
    made = to_uint8(sample(snapshot, count, seed, truncation, first))
    return enlarge(made, max(1, _SHOWN_SIDE // snapshot.network.resolution))


def _seconds(folder: Path, count: int, seed: int, truncation: float, first: int) -> float:
    """How long that takes on a GPU, by its number of pixels, and generously."""
    return 1 + count * (read_network(folder).resolution / 256) ** 2 / 10


_make_lent = gpu.lend(_seconds)(_make)


def has_scales(snapshot: Snapshot) -> bool:
    """Whether a model makes a latent's picture at every size."""
    return snapshot.network.scales == "all"


def crossings(snapshot: Snapshot) -> list[int]:
    """The sides, in pixels, at which a model can change from one latent's style to another's."""
    if not hasattr(snapshot.G, "mix"):
        return []
    last = snapshot.network.resolution.bit_length()
    return [1 << power for power in range(3, last)]


def make_scales(models: Models, recipe: Recipe, index: int) -> tuple[NDArray[np.uint8], list[int]]:
    """One picture of a recipe at all sizes, side by side, the smallest first; and the sizes.

    Returns uint8 [H, W, 3], each size enlarged to the largest without blur.
    """
    snapshot = models.load(recipe.model)
    z = latents(1, recipe.seed, snapshot.network.z_dim, index)
    made = [to_uint8(x) for x in render_scales(snapshot.G, z, recipe.truncation)]
    sides = [x.shape[1] for x in made]
    side = max(_SHOWN_SIDE, sides[-1])
    return make_grid(
        np.concatenate([enlarge(x, side // x.shape[1]) for x in made]), len(made), _GAP
    ), sides


def make_mix(
    models: Models, recipe: Recipe, index: int, fine_seed: int, side: int
) -> NDArray[np.uint8]:
    """A picture of a recipe, the one with another's fine styles, and that other, side by side.

    fine_seed: of the other, its first picture. side: from here on its styles are used, in pixels.
    Returns uint8 [H, W, 3], enlarged without blur.
    """
    snapshot = models.load(recipe.model)
    coarse = latents(1, recipe.seed, snapshot.network.z_dim, index)
    fine = latents(1, fine_seed, snapshot.network.z_dim)
    made = [
        render(snapshot.G, coarse, recipe.truncation),
        render_mixed(snapshot.G, coarse, fine, side, recipe.truncation),
        render(snapshot.G, fine, recipe.truncation),
    ]
    pixels = np.concatenate([to_uint8(x) for x in made])
    factor = max(1, _SHOWN_SIDE // snapshot.network.resolution)
    return make_grid(enlarge(pixels, factor), len(made), _GAP)


def picture_text(models: Models, recipe: Recipe, index: int) -> dict[str, str]:
    """The text entries of a picture's PNG: how to make it again."""
    told = asdict(recipe) | {"index": index, "model": models.title(recipe.model or "")}
    del told["count"]  # a picture depends on its seed and index alone
    return {key: str(value) for key, value in told.items()}


def keep(models: Models, recipe: Recipe, index: int) -> list[tuple[str, bytes]]:
    """Give one picture as PNG and its latent as JSON, each with a file name."""
    text = picture_text(models, recipe, index)
    pixels = make_pictures(models, recipe, index, 1)[0]
    z = latents(1, recipe.seed, models.load(recipe.model).network.z_dim, first=index)[0]
    told = {
        "model": text["model"],
        "seed": recipe.seed,
        "index": index,
        "truncation": recipe.truncation,
        "z": z.tolist(),
    }
    stem = f"seed-{recipe.seed}-{index}"
    return [
        (f"{stem}.png", encode_png(pixels, text)),
        (f"{stem}.json", json.dumps(told).encode()),
    ]
