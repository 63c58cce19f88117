"""The models that come with the program: complete, small enough, and really trained."""

import json

import numpy as np
import pytest

from gan_core.events import Finished, Started
from gan_core.gan.latents import latents, render
from gan_core.gan.run import read_events
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import BUNDLED, DEFAULT_MODEL, bundled_models
from gan_core.models import resolve
from gan_core.pictures import to_uint8

MODELS = bundled_models()


def test_the_default_model_is_bundled_and_offered_first():
    assert MODELS[0] == DEFAULT_MODEL
    assert resolve(DEFAULT_MODEL) == BUNDLED / DEFAULT_MODEL


@pytest.mark.parametrize("name", MODELS)
def test_a_bundled_model_has_both_networks_a_card_a_log_and_no_large_file(name):
    folder = BUNDLED / name
    assert load_snapshot(folder).D is not None
    assert {"README.md", "config.json", "events.jsonl"} <= {path.name for path in folder.iterdir()}
    assert max(path.stat().st_size for path in folder.iterdir()) < 10_000_000
    assert "license: cc-by-sa-4.0" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODELS)
def test_the_log_tells_the_training_that_the_weights_say_they_had(name):
    events = read_events(BUNDLED / name)
    training = load_snapshot(BUNDLED / name).training
    # As records: measurements of an older kind are passed over as events.
    lines = (BUNDLED / name / "events.jsonl").read_text(encoding="utf-8").splitlines()
    measured = [each for line in lines if (each := json.loads(line))["event"] == "Measured"]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    at_that_time = min(measured, key=lambda each: abs(each["kimg"] - training["kimg"]))
    assert at_that_time["kid"] == pytest.approx(training["kid"])
    assert json.loads((BUNDLED / name / "config.json").read_text())["training"] == training


@pytest.mark.parametrize("name", MODELS)
def test_its_pictures_are_in_colour_and_differ_from_each_other(name):
    snapshot = load_snapshot(BUNDLED / name)
    made = to_uint8(render(snapshot.G, latents(64, 0, snapshot.network.z_dim))).astype(float)
    assert made.std(axis=(1, 2)).mean() > 20  # not flat
    apart = np.abs(made[:32] - made[32:]).mean(axis=(1, 2, 3))
    assert apart.min() > 10  # no two of 32 pairs alike: mode collapse would show here
