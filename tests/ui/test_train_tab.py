"""What the Train tab makes of the choices on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_core.errors import BadSetting
from gan_core.gan.config import ADJUSTABLE, AUGMENTATIONS
from ui.choice import usual
from ui.jobs import Runs
from ui.models import Models
from ui.terms import settings_from
from ui.train import BY_HAND

UNTOUCHED = {"lr_G": 2e-4, "augment": AUGMENTATIONS, "mirror": False}


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    runs = Runs(tmp_path / "runs")
    yield Models(tmp_path / "none", runs)
    runs.close()


def options(models: Models, n_images: int, **chosen: Any) -> dict[str, Any]:
    return dict(
        settings_from(models, n_images, 5, usual(models), 0, {**UNTOUCHED, **chosen}).options
    )


def test_what_is_left_as_it_was_is_left_to_be_derived(models: Models) -> None:
    assert options(models, 100) == {}


def test_what_was_set_by_hand_is_passed_on(models: Models) -> None:
    assert options(models, 100, lr_G=1e-3, mirror=True) == {"lr_G": 1e-3, "mirror": True}


def test_whatever_can_be_turned_under_way_can_be_set_before_start(models: Models) -> None:
    asked_elsewhere = {"minutes", "kimg", "mirror"}
    assert set(ADJUSTABLE) - asked_elsewhere < set(BY_HAND)
    chosen = {"freeze_D": 2, "train_G": "batch-norm", "autopilot": True, "ema_halflife_kimg": 2.0}
    settings = settings_from(models, 100, 5, usual(models), 0, {**UNTOUCHED, **chosen})
    assert settings.options == chosen
    assert "--autopilot" in settings.command()


def test_augmentation_is_what_the_boxes_say_however_many_pictures_there_are(models: Models) -> None:
    assert options(models, 2000) == {"augment": AUGMENTATIONS}
    assert options(models, 2000, augment=AUGMENTATIONS[:2]) == {}


def test_a_setting_out_of_bounds_is_refused_before_anything_starts(models: Models) -> None:
    with pytest.raises(BadSetting, match="lr_G is 9"):
        options(models, 100, lr_G=9.0)
