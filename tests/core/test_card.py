"""The model card, from runs of every kind and length that were written by hand."""

from dataclasses import asdict

import pytest

from gan_core.errors import BadRun
from gan_core.events import Adjusted, Diagnosed, Finished, Measured, Preview, Progress, Started
from gan_core.gan.card import model_card
from gan_core.gan.config import NetworkConfig, derive, network_of
from gan_core.gan.run import record

NETWORK = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
STARTED = Started("5 minutes on 24 pictures.", 24, 16, 32, 7, "scratch", 5.0, None)
KEPT = Measured(
    kimg=12.3, seconds=60.0, kid=0.226, kid_low=0.18, kid_high=0.272, coverage=0.81,
    memorised=0.02, nearest=0.97, diversity=0.93, n_real=24, n_fake=256, extractor="pixels, raw",
    is_best=True,
)  # fmt: skip
LATER = Measured(**{**asdict(KEPT), "kimg": 30.0, "kid": 0.9, "is_best": False})
MINUTES = derive(24, 5.0, NETWORK)


def card_of(tmp_path, *events, config=MINUTES, **options):
    list(record([STARTED, *events], tmp_path, config))
    return model_card(tmp_path, "mine", **options)


def test_the_card_gives_the_figures_of_the_model_kept_with_interval_counts_and_features(tmp_path):
    card = card_of(tmp_path, KEPT, LATER)
    assert "226 [180..272]" in card
    assert "at 12.3 kimg: 256 made against 24 real pictures; features: pixels, raw" in card
    for row in ("| coverage | 81% |", "| diversity | 0.93 |", "| memorised | 2% |"):
        assert row in card
    assert "900" not in card


def test_the_card_names_the_network(tmp_path):
    assert "A DCGAN of 16 px" in card_of(tmp_path / "usual")
    grown = derive(24, 5.0, network_of("pyramid", resolution=16), grow_from=8)
    card = card_of(tmp_path / "other", config=grown)
    assert "A GAN (network: pyramid) of 16 px" in card
    assert "tags: [pyramid, gan," in card
    assert "grow_from 8 (not 0)" in card
    assert "beta1" not in card  # by its recipe


def test_the_card_says_nothing_of_the_kind_of_pictures_when_nobody_did(tmp_path):
    assert "in the words of" not in card_of(tmp_path)
    said = model_card(tmp_path, "mine", " my\n\n# garden " + "x" * 999)
    assert "trained it: my # garden x" in said
    assert "x" * 200 not in said
    assert "<b>" not in model_card(tmp_path, "mine", "<b>bold</b> ones")


def test_the_card_tells_what_was_set_by_hand_and_what_was_changed_under_way_by_whom(tmp_path):
    config = derive(24, 5.0, NETWORK, lr_D=1e-4, augment=(), mirror=True)
    card = card_of(
        tmp_path,
        Adjusted(3.2, {"lr_D": 1e-4}, {"lr_D": 5e-5}, "user"),
        Adjusted(
            8.0, {"augment": ["color"], "lecam": 0.0}, {"augment": [], "lecam": 3}, "autopilot"
        ),
        config=config,
    )
    assert "lr_D 0.0001 (not 0.0004)" in card
    assert "augment none (not color + translation + cutout)" in card
    assert "mirror on (not off)" in card
    assert "lr_G" not in card
    assert "Changed at 3.2 kimg by the user: lr_D 0.0001 → 5e-05" in card
    assert "Changed at 8.0 kimg by the autopilot: augment color → none, lecam 0 → 3" in card
    assert "Other than derived" not in model_card_of_derived(tmp_path / "derived")


def model_card_of_derived(folder):
    folder.mkdir()
    return card_of(folder)


def test_settings_that_this_version_does_not_know_do_not_keep_a_run_from_having_a_card(tmp_path):
    card_of(tmp_path)
    (tmp_path / "config.json").write_text('{"of": "another version"}')
    assert "training.json" in model_card(tmp_path, "mine")


def test_the_card_ends_with_the_doctors_last_word(tmp_path):
    first = Diagnosed(2.0, "healthy", "All is well.", "", {})
    last = Diagnosed(9.0, "D is winning", "D's loss is 0.02.", "Lower lr_D.", {"lr_D": 1e-4})
    card = card_of(tmp_path, first, last)
    assert "last verdict, at 9.0 kimg: D is winning.\nD's loss is 0.02." in card
    assert "All is well" not in card


@pytest.mark.parametrize(
    ("share", "warns"), [(0.0, False), (0.04, False), (0.05, True), (0.34, True)]
)
def test_the_card_warns_with_figures_when_the_model_kept_repeats_its_pictures(
    tmp_path, share, warns
):
    card = card_of(tmp_path, Measured(**{**asdict(KEPT), "memorised": share}))
    assert ("**This model may repeat pictures it learned from.**" in card) == warns
    assert f"{share:.0%} of 256" in card


def test_the_card_tells_how_long_it_trained_and_whether_it_ended(tmp_path):
    far, end = Progress(20.0, 90.0, 0, 1, 1, 1, 0.5, 0.5, 0, 0), Finished(30.0, 120.0, True, 0.2)
    length = "{} kimg (thousand pictures shown) in {} minutes{}\n".format
    assert length(20.0, 1.5, ", unfinished") in card_of(tmp_path, far)
    assert length(30.0, 2.0, ", in 2 parts") in card_of(tmp_path, end)
    assert length(20.0, 1.5, ", in 3 parts, unfinished") in card_of(tmp_path, far)


def test_the_card_of_a_run_from_another_model_names_that_models_licence(tmp_path):
    started = Started("plan", 24, 16, 8, 0, "dcgan-kaokore-64", 5.0, None)
    list(record([started, Preview(0.0)], tmp_path, MINUTES))
    card = model_card(tmp_path, "mine")
    assert "started from dcgan-kaokore-64" in card
    assert "CC BY-SA 4.0" in card
    assert "Not measured." in card


def test_a_run_that_has_not_begun_has_no_card(tmp_path):
    list(record([], tmp_path, MINUTES))
    with pytest.raises(BadRun, match="not begun"):
        model_card(tmp_path, "mine")
