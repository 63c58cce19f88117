"""Feature networks of the Hub: what `export-stylenet` writes, fetched, held to it, and repeated."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from loopback_hub import COMMIT, LoopbackHub
from safetensors.torch import save
from torch import Tensor

from gan_core.errors import BadSetting, BadWeights, HubUnreachable
from gan_core.events import Pastiche, Planned
from gan_core.features import load
from gan_core.features.classifier import Classifier
from gan_core.features.export import export_stylenet
from gan_core.features.load import fetch_network, is_network, load_network
from gan_core.features.network import Architecture
from gan_core.pictures import save_png
from gan_core.style.config import Objective, StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.recipe import read_recipe, write_recipe
from gan_core.style.transfer import stylize

REPO = "someone/eyes"
NAME = f"{REPO}@{COMMIT}"
SMALL = Architecture((4, 6), (1, 2), "max")
CONFIG: dict[str, Any] = {"widths": [4, 6], "convs": [1, 2], "pool": "max", "training": {}}
# As deep as the small one is.
QUICK = StyleConfig(
    network=REPO, size=64, first_size=64, steps=(3,), precision="float32",
    objective=Objective(content_layers=("relu2_2",), style_layers=("relu1_1", "relu2_1")),
)  # fmt: skip


def tensors(**more: Tensor) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(0)
    own = {key: torch.randn(shape, generator=rng).half() for key, shape in SMALL.shapes().items()}
    return own | {key.replace("_", "."): tensor for key, tensor in more.items()}


def files(config: object = CONFIG, weights: dict[str, Tensor] | None = None) -> dict[str, bytes]:
    """What a repository holds."""
    return {
        f"{REPO}/features.safetensors": save(tensors() if weights is None else weights),
        f"{REPO}/config.json": json.dumps(config).encode(),
    }


@pytest.fixture
def hub(hub_client: Callable[[str], None]) -> Iterator[LoopbackHub]:
    load._load.cache_clear()
    with LoopbackHub(files()) as hub:
        hub_client(hub.url)
        yield hub
    load._load.cache_clear()


def kept() -> list[Path]:
    """Every file and link in the caches."""
    return [path for path in Path(constants.HF_HOME).rglob("*") if not path.is_dir()]


def picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def paint(config: StyleConfig) -> tuple[Planned, Pastiche]:
    found = list(stylize(config, Content(picture(0)), [Style((picture(1),))]))
    (plan,) = (event for event in found if isinstance(event, Planned))
    assert isinstance(found[-1], Pastiche)
    return plan, found[-1]


def test_what_export_stylenet_wrote_sees_from_the_hub_as_it_does_when_it_is_bundled(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    export_stylenet(Classifier(4).eval(), tmp_path / "stylenet", {"on": "nothing"})
    hub.files = {f"{REPO}/{p.name}": p.read_bytes() for p in (tmp_path / "stylenet").iterdir()}
    there, here = load_network(REPO), load_network("stylenet", bundled=tmp_path)
    assert there.name == NAME
    x, layers = torch.rand(1, 3, 32, 32), here.architecture.names()
    seen, expected = there(x, layers), here(x, layers)
    assert all(torch.equal(seen[layer], expected[layer]) for layer in layers)


def test_once_fetched_it_stays_at_its_commit_and_no_network_is_needed(hub: LoopbackHub) -> None:
    before = load_network(REPO, "relu2_1")
    hub.commit = "f" * 40
    hub.error = (503, "")
    for name in (REPO, NAME, f"{REPO}@main"):
        load._load.cache_clear()
        assert load_network(name, "relu2_1").name == before.name == NAME


def test_a_name_on_the_hub_never_stands_for_a_path(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    hub.files = {}
    with pytest.raises(HubUnreachable, match="no such repository"):
        load_network(REPO, "relu2_1")
    for path in (str(tmp_path / REPO), f"./{REPO}", "../eyes", f"{REPO}/features.safetensors", ""):
        assert not is_network(path)
        with pytest.raises(BadSetting, match="network is"):
            StyleConfig(network=path)
        with pytest.raises((BadSetting, BadWeights)):
            load_network(path, "relu2_1")


def test_what_is_too_large_is_not_fetched(hub: LoopbackHub) -> None:
    hub.sizes[f"{REPO}/features.safetensors"] = 101_000_000
    with pytest.raises(BadWeights, match="101 MB.*may have 100 MB; nothing was fetched"):
        fetch_network(REPO)
    assert hub.served < 10_000
    assert kept() == []


def test_what_came_with_another_hash_is_not_kept(hub: LoopbackHub) -> None:
    hub.wrong_hash = True
    with pytest.raises(BadWeights, match="came with the hash"):
        fetch_network(REPO)
    assert kept() == []


@pytest.mark.parametrize("lacking", ["features.safetensors", "config.json"])
def test_a_repository_without_one_of_the_two_files_holds_no_feature_network(
    hub: LoopbackHub, lacking: str
) -> None:
    del hub.files[f"{REPO}/{lacking}"]
    hub.files[f"{REPO}/model.safetensors"] = save(tensors())
    with pytest.raises(BadWeights, match="holds no feature network.*as `export-stylenet` writes"):
        fetch_network(REPO)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ([], "does not describe"),
        ({"widths": [4, 6], "convs": [1, 2]}, "'pool'"),
        (CONFIG | {"pool": "median"}, "pool 'median'"),
        (CONFIG | {"widths": [4, 6, 8]}, "3 widths, 2 convs"),
        (CONFIG | {"widths": [4, 6.0]}, r"widths is \[4, 6.0\]"),
        (CONFIG | {"widths": [4, True]}, "widths is"),
        (CONFIG | {"widths": [4, 10**9]}, "up to 1024"),
        (CONFIG | {"convs": [1, 0]}, "convs is"),
        (CONFIG | {"convs": [1, 10]}, "up to 9"),
        (CONFIG | {"widths": [4] * 6, "convs": [1] * 6}, "1 to 5 blocks"),
        (CONFIG | {"widths": [], "convs": []}, "1 to 5 blocks"),
        (CONFIG | {"widths": "46"}, "widths is '46'"),
        (CONFIG | {"training": "x" * 1_000_000}, "it has 1000"),
        (CONFIG | {"widths": [4, 8]}, r"has the shape \[6"),
    ],
)
def test_a_configuration_that_describes_no_such_network_is_refused(
    hub: LoopbackHub, config: object, says: str
) -> None:
    hub.files = files(config)
    with pytest.raises(BadWeights, match=says):
        fetch_network(REPO)


def _nan() -> Tensor:
    bias = torch.zeros(4)
    bias[0] = torch.nan
    return bias


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"features_0_bias": _nan()}, "1 that are no finite numbers.*features.0.bias"),
        ({"features_0_bias": torch.zeros(4, dtype=torch.int64)}, "no finite numbers"),
        ({"features_0_bias": torch.zeros(5)}, r"features.0.bias has the shape \[5\]"),
        ({"features_99_bias": torch.zeros(4)}, "1 further tensors.*features.99.bias"),
    ],
)
def test_weights_that_are_not_that_networks_and_no_others_are_refused(
    hub: LoopbackHub, more: dict[str, Tensor], says: str
) -> None:
    hub.files = files(weights=tensors(**more))
    with pytest.raises(BadWeights, match=f"{says}.*"):
        fetch_network(REPO)


def test_what_is_no_safetensors_is_refused(hub: LoopbackHub) -> None:
    hub.files[f"{REPO}/features.safetensors"] = b"not weights" * 200
    with pytest.raises(BadWeights, match="cannot be read as safetensors"):
        fetch_network(REPO)


def test_a_layer_that_it_has_not_is_named_with_those_that_it_has(hub: LoopbackHub) -> None:
    with pytest.raises(BadSetting, match="no layer 'relu4_1'.*relu1_1, relu2_1, relu2_2"):
        load_network(REPO, "relu4_1")


def test_the_recipe_names_the_commit_and_repeats_the_pastiche_from_there(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    plan, made = paint(QUICK)
    assert plan.network == NAME
    assert f"{REPO}@0123456," in plan.plan
    content, styles = Content(picture(0)), [Style((picture(1),))]
    recipe = write_recipe(QUICK, content, styles, plan.network, made)
    assert made.image is not None
    save_png(tmp_path / "made.png", made.image, recipe.to_text())
    again = read_recipe(tmp_path / "made.png").repeating()
    assert again.network == NAME
    hub.error = (503, "")
    assert np.array_equal(paint(again)[1].image, made.image)


def test_whoever_named_a_network_that_cannot_be_had_gets_no_other(hub: LoopbackHub) -> None:
    hub.error = (503, "")
    with pytest.raises(HubUnreachable, match=REPO):
        paint(QUICK)


def test_stylize_takes_it_by_its_name(hub: LoopbackHub, atelier: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    export_stylenet(Classifier(4).eval(), tmp_path / "net", {"on": "nothing"})
    hub.files = {f"{REPO}/{p.name}": p.read_bytes() for p in (tmp_path / "net").iterdir()}
    for name in ("content", "style"):
        save_png(tmp_path / f"{name}.png", picture(0), {})
    out = tmp_path / "out.png"
    words = ("stylize", tmp_path / "content.png", tmp_path / "style.png", "--out", out)
    done = atelier(*words, "--network", f"{REPO}@main", "--size", 64, "--seconds", 1)
    assert done.code == 0, done.err
    assert read_recipe(out).config.network == NAME
    assert atelier(*words, "--network", "no/thing", "--seconds", 1).code == 2
