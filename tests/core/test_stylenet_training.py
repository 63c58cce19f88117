"""Training the feature network: it learns, stops, goes on, and withstands its attacker."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

from gan_core.compute import Compute
from gan_core.errors import BadRun, BadWeights
from gan_core.events import Classified
from gan_core.features.classifier import Classifier
from gan_core.features.network import Architecture
from gan_core.features.photographs import Photographs, normalise
from gan_core.features.training import (
    CHECKPOINT_FILE,
    StyleNetConfig,
    _attack,
    load_classifier,
    measure_accuracy,
    train_classifier,
)
from gan_core.weights import read_metadata

TINY = Architecture((8, 8, 8), (1, 1, 1), "average")
CLASSES = 3
# No warm-up, and so much time that it hardly passes: the rate stays at its top for all steps, and
# what is learned does not depend on the machine. The steps are counted by `should_stop`.
CONFIG = StyleNetConfig(
    minutes=6000, batch_size=8, lr=0.05, warmup=0.0, dtype="float32", report=1e9, checkpoint=1e9
)


def photographs(count: int = 48, seed: int = 0) -> Photographs:
    """Stripes that stand, stripes that lie, and spots, in any colours."""
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for index in range(count):
        dark, bright = rng.integers(0, 100, 3), rng.integers(150, 256, 3)
        wave = (np.arange(32) + rng.integers(8)) // 4 % 2
        stripes = np.broadcast_to(wave, (32, 32))
        form = [stripes, stripes.T, stripes ^ stripes.T][index % CLASSES]
        images.append(np.where(form[..., None], bright, dark).astype(np.uint8))
        labels.append(index % CLASSES)
    return Photographs(np.stack(images), np.array(labels, np.int64))


def fresh(seed: int = 0, classes: int = CLASSES) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(classes, TINY)


def train(
    folder: Path,
    steps: int,
    config: StyleNetConfig = CONFIG,
    start: Classifier | None = None,
    seen: Photographs | None = None,
) -> tuple[Classifier, list[Classified]]:
    """Train a tiny network for so many steps."""
    net, left = start or fresh(), iter(range(steps))
    found = train_classifier(
        config, seen or photographs(), photographs(24, 9), folder, net, lambda: next(left, -1) < 0
    )
    return net, list(found)


def checkpoint(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    path = folder / CHECKPOINT_FILE
    return load_file(path), json.loads(read_metadata(path)["about"])


def write_checkpoint(
    folder: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None
) -> None:
    save_file(tensors, folder / CHECKPOINT_FILE, metadata)


def distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    keys = [key for key in a if key.startswith("net.") and key.endswith("weight")]
    return max(float((a[key] - b[key]).abs().max()) for key in keys)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """80 steps on 48 pictures: its folder, the network, and what was told after each step."""
    folder = tmp_path_factory.mktemp("stylenet")
    net, told = train(folder, 80, StyleNetConfig(**{**vars(CONFIG), "report": 0.0}))
    return folder, net, told


def test_it_learns_to_tell_pictures_apart_that_it_never_saw(trained):
    _, _, told = trained
    assert told[-1].accuracy > 0.6  # of three classes


def test_the_loss_falls(trained):
    _, _, told = trained
    losses = [event.loss for event in told[:-1]]
    assert np.mean(losses[-20:]) < np.mean(losses[:10]) - 0.1
    assert np.mean(losses[:10]) < 3  # it began near log(3), not anywhere


def test_reports_count_up_and_the_last_one_is_of_the_whole_run(trained):
    _, _, told = trained
    assert len(told) == 81
    assert [event.kimg for event in told] == sorted(event.kimg for event in told)
    assert told[-1].kimg == 0.64
    assert all(event.seconds + event.seconds_left == pytest.approx(360_000) for event in told)
    assert all(0 <= event.accuracy <= 1 for event in told)


def test_accuracy_is_the_share_of_pictures_that_are_named_rightly(trained):
    _, net, _ = trained
    unseen = photographs(30, 5)
    with torch.no_grad():
        guess = net.eval()(normalise(torch.from_numpy(unseen.images))).argmax(1).numpy()
    compute = Compute("cpu", "float32")
    assert measure_accuracy(net, unseen, compute) == np.mean(guess == unseen.labels)
    wrong = Photographs(unseen.images, (guess + 1) % CLASSES)
    assert measure_accuracy(net, wrong, compute) == 0
    assert measure_accuracy(net, Photographs(unseen.images, guess), compute, 10) == 1


def test_a_stopped_run_leaves_a_checkpoint_and_a_last_report(tmp_path):
    _, told = train(tmp_path, 3)
    tensors, about = checkpoint(tmp_path)
    assert (len(told), told[0].kimg) == (1, 0.024)
    assert (about["step"], about["nimg"], about["classes"]) == (3, 24, CLASSES)
    assert {f"net.{name}" for name, _ in fresh().named_parameters()} <= tensors.keys()
    assert {f"velocity.{name}" for name, _ in fresh().named_parameters()} <= tensors.keys()


def test_a_run_stopped_before_its_first_step_can_go_on(tmp_path):
    train(tmp_path, 0)
    _, told = train(tmp_path, 1)
    assert told[-1].kimg == 0.008


def test_a_run_ends_by_itself_when_its_time_is_over(tmp_path):
    brief = StyleNetConfig(**{**vars(CONFIG), "minutes": 1e-4})
    told = list(train_classifier(brief, photographs(), photographs(6), tmp_path, fresh()))
    assert told[-1].seconds_left == 0


def test_checkpoints_are_written_between_whiles(tmp_path):
    often = StyleNetConfig(**{**vars(CONFIG), "checkpoint": 0.0})
    seen = []

    def should_stop() -> bool:
        seen.append((tmp_path / CHECKPOINT_FILE).is_file())
        return len(seen) > 2

    list(train_classifier(often, photographs(), photographs(6), tmp_path, fresh(), should_stop))
    assert seen == [False, True, True]


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path):
    train(tmp_path / "whole", 8)
    _, before = train(tmp_path / "parts", 4)
    _, after = train(tmp_path / "parts", 4, start=fresh(seed=99))  # overwritten
    assert (before[-1].kimg, after[-1].kimg) == (0.032, 0.064)
    assert after[-1].seconds >= before[-1].seconds
    whole, parts = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "parts")
    assert (parts[1]["step"], parts[1]["nimg"]) == (8, 64)
    assert distance(whole[0], parts[0]) < 1e-4
    assert torch.equal(whole[0]["order"], parts[0]["order"])


def test_a_resumed_run_would_take_another_way_without_its_momentum(tmp_path):
    train(tmp_path / "whole", 8)
    train(tmp_path / "parts", 4)
    path = tmp_path / "parts" / CHECKPOINT_FILE
    tensors, metadata = load_file(path), read_metadata(path)
    kept = {name: t for name, t in tensors.items() if not name.startswith("velocity.")}
    write_checkpoint(path.parent, kept, metadata)
    train(tmp_path / "parts", 4)
    assert distance(checkpoint(tmp_path / "whole")[0], checkpoint(tmp_path / "parts")[0]) > 1e-3


def test_every_picture_is_learned_from_once_before_any_is_a_second_time(tmp_path):
    train(tmp_path, 1)
    left = checkpoint(tmp_path)[0]["order"]
    assert (len(left), len(left.unique())) == (40, 40)
    train(tmp_path, 5)
    assert len(checkpoint(tmp_path)[0]["order"]) == 0


def foreign(folder: Path, kind: str) -> None:
    """Put a checkpoint of another kind in the place of a run's own."""
    train(folder, 1)
    path = folder / CHECKPOINT_FILE
    tensors, metadata = load_file(path), read_metadata(path)
    about = json.loads(metadata["about"])
    if kind == "text":
        path.write_text("not safetensors")
        return
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-100])
        return
    changed = {
        "no metadata": (tensors, None),
        "another format": (tensors, {**metadata, "format": "gan-atelier-1"}),
        "no JSON": (tensors, {**metadata, "about": "{"}),
        "a list": (tensors, {**metadata, "about": "[1]"}),
        "no step": (tensors, {**metadata, "about": json.dumps({**about, "step": None})}),
        "no seconds": (
            tensors,
            {**metadata, "about": json.dumps({k: v for k, v in about.items() if k != "seconds"})},
        ),
        "no order": ({k: v for k, v in tensors.items() if k != "order"}, metadata),
        "a missing tensor": (
            {k: v for k, v in tensors.items() if k != "net.convs.1.weight"},
            metadata,
        ),
        "a misshapen velocity": (
            {**tensors, "velocity.convs.0.weight": torch.zeros(5, 5)},
            metadata,
        ),
    }
    write_checkpoint(folder, *changed[kind])


@pytest.mark.parametrize(
    "kind",
    [
        "text",
        "cut",
        "no metadata",
        "another format",
        "no JSON",
        "a list",
        "no step",
        "no seconds",
        "no order",
        "a missing tensor",
        "a misshapen velocity",
    ],
)
def test_a_foreign_or_damaged_checkpoint_is_refused_by_name(tmp_path, kind):
    foreign(tmp_path, kind)
    with pytest.raises(BadWeights, match=CHECKPOINT_FILE):
        train(tmp_path, 1)


def test_a_run_with_another_number_of_classes_is_not_resumed(tmp_path):
    train(tmp_path, 1)
    with pytest.raises(BadWeights, match="the same photographs"):
        train(tmp_path, 1, start=fresh(classes=5))


def test_a_finished_run_is_loaded_whole_and_a_missing_one_is_refused(tmp_path):
    with pytest.raises(BadRun, match="holds no checkpoint"):
        load_classifier(tmp_path)
    train(tmp_path, 0, start=Classifier(CLASSES))
    net, about = load_classifier(tmp_path)
    assert not net.training
    assert net.head.out_features == about["classes"] == CLASSES
    assert torch.equal(net.convs[0].weight, checkpoint(tmp_path)[0]["net.convs.0.weight"])


def test_a_checkpoint_of_another_network_is_not_loaded(tmp_path):
    train(tmp_path, 0)  # tiny
    with pytest.raises(BadWeights, match=CHECKPOINT_FILE):
        load_classifier(tmp_path)


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_the_attacker_moves_every_picture_within_its_radius_and_raises_the_loss(trained, epsilon):
    _, net, _ = trained
    seen = photographs(12, 3)
    x, labels = normalise(torch.from_numpy(seen.images)), torch.from_numpy(seen.labels)
    moved = _attack(net, x.clone(), labels, epsilon, Compute("cpu", "float32"))
    length = torch.linalg.vector_norm((moved - x).flatten(1), dim=1)
    assert (length <= epsilon / 0.226 * (1 + 1e-5)).all()
    assert (length > epsilon / 0.226 / 2).all()
    with torch.no_grad():
        net.eval()
        plain, attacked = (cross_entropy(net(each), labels) for each in (x, moved))
    assert attacked > plain
    assert not moved.requires_grad


def test_a_robust_run_goes_on_from_a_trained_network(trained, tmp_path):
    _, net, _ = trained
    start = fresh(seed=7)
    start.load_state_dict(net.state_dict())
    robust = StyleNetConfig(**{**vars(CONFIG), "epsilon": 0.2, "lr": 0.01})
    _, told = train(tmp_path, 3, robust, start)
    assert checkpoint(tmp_path)[1]["config"]["epsilon"] == 0.2
    assert told[-1].accuracy > 0.5  # not that of a new network
