"""The comparison of settings: what a variant means, ADA's rule, and that a trial runs."""

import numpy as np
import pytest

from benchmarks.trials import ADA_KIMG, Adaptive, Trial, configure, report, run, settings_of
from gan_core.errors import BadSetting
from gan_core.events import Progress
from gan_core.gan.config import NetworkConfig, derive
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot
from gan_core.pictures import Dataset

TINY = NetworkConfig(resolution=16, z_dim=8, width_G=4, width_D=4)


def progress(kimg: float, d_sign: float) -> Progress:
    return Progress(kimg, kimg, 0.0, 200.0, 0.6, 2.5, 0.75, 0.2, d_sign, 0.0, 5.0, 5.0)


def test_a_variant_names_fields_with_their_values() -> None:
    found = settings_of("lr_D=3e-3,augment=color+translation,autopilot=true,train_G=batch-norm")
    assert found == {
        "lr_D": 3e-3,
        "augment": ("color", "translation"),
        "autopilot": True,
        "train_G": "batch-norm",
    }
    assert settings_of("") == {}
    assert settings_of("augment=") == {"augment": ()}


def test_a_variant_changes_what_it_names_and_nothing_else() -> None:
    base, changed = (configure(text, 100, TINY, 7.0) for text in ("", "lr_D=3e-3"))
    assert (base.lr_D, changed.lr_D) == (derive(100, 5.0).lr_D, 3e-3)
    assert (changed.kimg, changed.minutes, changed.batch_size) == (7.0, None, base.batch_size)
    with pytest.raises(BadSetting):
        configure("lr_D=7", 100, TINY, 7.0)


def test_the_adaptive_rule_augments_more_while_d_is_sure_and_less_while_it_is_not() -> None:
    rule = Adaptive()
    shares = []
    for kimg, d_sign in ((2, 0.9), (4, 0.9), (6, 0.1), (6 + 2 * ADA_KIMG, 0.1), (99, 1.0)):
        rule.hear(progress(kimg, d_sign))
        shares.append(rule.adjust()["augment_p"])
        assert rule.adjust() == {}
    assert shares == pytest.approx([0.2, 0.4, 0.2, 0.0, 1.0])


def test_a_trial_trains_and_tells_what_was_kept() -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
    G, D = build(TINY)
    found = run("batch_size=8", 0, Dataset("noise", images, ()), Snapshot(TINY, G, D), 0.08)
    assert found.kimg == pytest.approx(0.08)
    assert found.curve[-1][0] == pytest.approx(0.08)
    assert (found.pictures, found.n_images, found.variant) == ("noise", 24, "batch_size=8")


def test_the_report_gives_every_seed_and_the_mean() -> None:
    curve = [(10.0, 2.0), (20.0, 1.0)]
    trials = [
        Trial("birds", 50, "", seed, curve, 20.0, kid, 0.5, 0.0, 0.9, 170.0)
        for seed, kid in enumerate((0.1, 0.3))
    ]
    text = report(trials)
    assert "## birds, 50 pictures" in text
    assert "| nothing | 100, 300 | 200 |" in text
