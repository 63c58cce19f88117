"""Feature networks of the Hub on the page: fetched first, then chosen, never a path."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from loopback_hub import COMMIT, LoopbackHub
from repositories import EYES, PAIR, eyes, fetch, repositories

from gan_core.errors import BadSetting
from gan_core.pictures import save_png
from gan_core.style.config import StyleConfig
from gan_core.style.recipe import Recipe, read_recipe
from ui import examples, texts
from ui.arrivals import BORROWED
from ui.hub_field import HubField
from ui.hub_networks import HubNetworks, choices
from ui.painting import paint, read_asked, read_config
from ui.style import StyleTab

NAME = f"{EYES}@{COMMIT}"


@pytest.fixture
def hub(tmp_path: Path, hub_client: Callable[[str], None]) -> Iterator[LoopbackHub]:
    with LoopbackHub(repositories(tmp_path) | eyes(tmp_path / "eyes")) as hub:
        hub_client(hub.url)
        yield hub


@pytest.fixture
def field() -> HubField:
    with gr.Blocks(analytics_enabled=False):
        return HubField(HubNetworks(), texts.NETWORK_HUB, "eyes")


def test_what_was_fetched_is_painted_with_and_stands_in_the_recipe_with_its_commit(
    field: HubField, hub: LoopbackHub, tmp_path: Path
) -> None:
    said, came = fetch(field, f" {EYES} ")
    assert came == NAME
    assert f"{EYES}@0123456 is here, with the layers relu1_1 to relu5_1" in said
    hub.error = (503, "")  # nothing is asked while others wait for who paints
    config = read_config("", network=came, size=64, seconds=1)
    content, style = (str(made()[0]) for made in (examples.contents, examples.styles))
    *_, (_, result) = paint(read_asked(config, content, [style]), None)
    assert result is not None
    assert read_recipe(result.png("style")).config.network == NAME


def test_a_name_that_none_can_have_is_refused_with_what_such_a_network_is(field: HubField) -> None:
    said, came = fetch(field, "../../etc/passwd")
    assert came is None
    assert "export-stylenet" in said and "cryptopunks" not in said


def test_what_was_not_fetched_is_not_painted_with_and_nobody_waits_for_it(
    field: HubField, hub: LoopbackHub
) -> None:
    with pytest.raises(BadSetting, match=r"someone/eyes is not here.*Fetch it under Style"):
        read_config("", network=EYES)
    fetch(field, EYES)
    assert read_config("", network=EYES).network == EYES
    assert read_config("lesson-content", network=NAME).network == NAME
    assert read_config("", network="vgg19").network == "vgg19"


def test_a_network_that_is_painted_with_or_fetched_again_is_the_last_to_go(
    field: HubField, hub: LoopbackHub
) -> None:
    fetch(field, EYES)
    [file] = BORROWED.folder.glob("*.json")
    for use in (lambda: read_config("", network=NAME), lambda: fetch(field, EYES)):
        os.utime(file, (1000, 1000))
        use()
        assert file.stat().st_mtime > 1000
    read_config("", network="vgg19")  # has no list


def test_a_model_that_is_here_is_no_network_that_is_here(field: HubField, hub: LoopbackHub) -> None:
    said, came = fetch(field, PAIR)
    assert (came, "holds no feature network" in said) == (None, True)
    with pytest.raises(BadSetting, match="is not here"):
        read_config("", network=PAIR)


@pytest.mark.parametrize("typed", ["", "eyes", "/etc/passwd", "../eyes", "weights/stylenet/x", "~"])
def test_the_page_takes_no_path(field: HubField, hub: LoopbackHub, typed: str) -> None:
    said, came = fetch(field, typed)
    assert (came, "is no name of a model" in said) == (None, True)
    with pytest.raises(BadSetting, match="network is"):
        read_config("", network=typed)
    assert not [path for _, path, _ in hub.requests if "resolve" in path]


def test_a_recipes_network_stands_beside_ours_and_one_of_ours_does_not_twice() -> None:
    assert choices("vgg19") == list(texts.NETWORKS)
    assert choices(NAME) == [*texts.NETWORKS, (f"{EYES}@0123456", NAME)]


def test_a_dropped_pastiche_restores_its_network_of_the_hub(tmp_path: Path) -> None:
    with gr.Blocks(analytics_enabled=False):
        tab = StyleTab()
    kept = Recipe(StyleConfig(network=NAME), pictures={"content": {"name": "x.png"}})
    save_png(tmp_path / "made.png", np.zeros((64, 64, 3), np.uint8), kept.to_text())
    values = tab.look_at(str(tmp_path / "made.png"), [])
    restored = dict(zip(tab.settings, values[1:], strict=True))[tab.network]
    assert (restored["value"], restored["choices"]) == (NAME, choices(NAME))
