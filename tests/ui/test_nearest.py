"""Made pictures beside the nearest that their model learned from, and how near that is."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from tiny_runs import TINY, noise, tiny_model, tiny_settings, without_worker

from gan_core.gan.copies import Neighbour
from gan_core.gan.latents import latents, render
from gan_core.gan.networks import build
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.pictures import Dataset, save_dataset, to_uint8
from ui.generate import GenerateTab
from ui.models import Models
from ui.nearest import Pair, nearest_of, worst_pairs
from ui.recipe import Recipe

COPIED = 24  # of the pictures that it makes of seed 0, the model has learned from these


@pytest.fixture
def models(tmp_path: Path) -> Models:
    model = tiny_model(tmp_path / "bundled" / "tiny")
    runs = without_worker(tmp_path / "runs")
    folder = runs.folder(runs.create(noise(), tiny_settings(model)))
    G, D = build(TINY)
    with torch.no_grad():
        for parameter in G.parameters():
            parameter.mul_(8)  # so that its pictures differ
    save_snapshot(Snapshot(TINY, G, D), folder / BEST_FOLDER)
    stored = load_snapshot(folder / BEST_FOLDER)
    made = to_uint8(render(stored.G, latents(COPIED, 0, TINY.z_dim)))
    save_dataset(Dataset("mine", made, ()), folder / DATASET_FILE)
    return Models(tmp_path / "bundled", runs)


@pytest.fixture
def run_id(models: Models) -> str:
    return next(path.name for path in models.runs.root.iterdir() if path.is_dir())


def test_a_picture_that_repeats_one_is_shown_beside_it(models: Models, run_id: str) -> None:
    pairs = worst_pairs(models.runs.folder(run_id))
    assert len(pairs) == 8
    for pair in pairs:
        assert np.array_equal(pair.made, pair.real)
        assert pair.sentence == "Like a copy. Nearer than 100% of yours are to one another."


@pytest.mark.parametrize(
    ("rank", "sentence"),
    [
        (0.25, "Nearer than 75% of yours are to one another."),
        (1.0, "Farther than any of yours is from its nearest."),
    ],
)
def test_how_near_a_picture_lies_is_told_by_how_near_the_others_lie_to_one_another(
    rank: float, sentence: str
) -> None:
    blank = np.zeros((4, 4, 3), np.uint8)
    assert Pair(blank, blank, Neighbour(0, 0.5, rank, False)).sentence == sentence


def test_a_strange_picture_lies_farther_than_any_other(models: Models, run_id: str) -> None:
    stripes = np.zeros((1, 16, 16, 3), np.uint8)
    stripes[:, ::4] = 255
    (pair,) = nearest_of(models.runs.folder(run_id), stripes)
    assert not pair.found.is_copy


def test_under_generate_the_nearest_is_offered_for_ones_own_models_alone(
    models: Models, run_id: str
) -> None:
    with gr.Blocks(analytics_enabled=False):
        tab = GenerateTab(models)
    chosen = gr.SelectData(None, {"index": 2, "value": None})

    def is_offered(model: str) -> bool:
        values = tab.pick(Recipe(model, 4, 0, 1.0), 1, 1, chosen)
        shown = dict(zip([*tab.kept, *tab.inside.outputs], values, strict=True))
        assert shown[tab.beside]["visible"] is False
        return bool(shown[tab.nearest]["visible"])

    assert is_offered(run_id)
    assert not is_offered("tiny")
    _, pair, said = tab.show_nearest((Recipe(run_id, 4, 0, 1.0), 2))
    assert "Like a copy" in said
    half = pair.shape[1] // 2
    assert np.array_equal(pair[:, :30], pair[:, half + 2 :][:, :30])
    assert tab.show_nearest((Recipe("tiny", 4, 0, 1.0), 2))[0]["visible"] is False
