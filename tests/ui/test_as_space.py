"""The page as a Space runs it: what `deploy` uploads, a Space's variables, no network but a Hub."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from loopback_hub import LoopbackHub
from repositories import HERE, SOLO, repositories

from benchmarks import startup
from benchmarks.space import Space, lay_out, pictures, running
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.pictures import read_png_metadata


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub(repositories(tmp_path_factory.mktemp("hub"))) as hub:
        yield hub


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, hub: LoopbackHub) -> Iterator[Space]:
    lay_out(folder := tmp_path_factory.mktemp("space"))
    with running(folder, settings={"HF_ENDPOINT": hub.url}) as space:
        yield space


def status(address: str, body: bytes | None = None) -> int:
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_gradio_knows_that_it_is_on_a_space_and_keeps_nothing_of_its_visitors(space: Space) -> None:
    config = space.config()
    assert config["space_id"] == "someone/atelier"
    for name in ("analytics_enabled", "run_history", "pwa", "show_error"):
        assert config[name] is False, name
    for name in ("gradio_api/runs", "monitoring", "monitoring/summary"):
        assert status(f"{space.address}/{name}") in (403, 404), name


def test_it_makes_pictures_for_programs_and_only_in_line(space: Space) -> None:
    made = pictures(space)
    assert [read_png_metadata(Path(path))["model"] for path in made] == [DEFAULT_MODEL] * 4
    passing_by = f"{space.address}/gradio_api/run/generate"
    assert status(passing_by, b'{"data": ["", 4, 7, 1]}') == 404


def test_what_visitors_name_is_fetched_without_the_token_of_its_owner(
    space: Space, hub: LoopbackHub
) -> None:
    client = Client(space.address, verbose=False, analytics_enabled=False)
    assert client.predict(SOLO, api_name="/fetch_model")["model"] == HERE[SOLO]
    client.close()
    assert hub.requests
    assert not [headers for *_, headers in hub.requests if "authorization" in headers]


def test_it_stops_in_good_order_and_leaves_nothing_beside_its_program(space: Space) -> None:
    assert space.stop() == 0
    assert not space.trouble(), space.log()
    assert space.asked() == "", "it asked for somebody outside"
    made = {path for path in (space.folder / "app").rglob("*") if "__pycache__" not in path.parts}
    lay_out(fresh := space.folder / "fresh")
    there = {path.relative_to(fresh / "app") for path in (fresh / "app").rglob("*")}
    assert {path.relative_to(space.folder / "app") for path in made} == there


@pytest.mark.parametrize(
    ("seconds", "megabytes", "missed"),
    [(7.9, 999.0, []), (8.1, 999.0, [startup.ANSWERS]), (7.9, 1001.0, [startup.MEMORY])],
)
def test_a_measured_start_is_compared_with_what_is_promised(
    seconds: float, megabytes: float, missed: list[str]
) -> None:
    found = startup.too_much({startup.ANSWERS: seconds, startup.MEMORY: megabytes})
    assert [each.partition(":")[0] for each in found] == missed
