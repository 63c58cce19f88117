"""Models of the Hub on the page: what comes, what is said of it, and whom it then belongs to."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from loopback_hub import LoopbackHub
from others_networks import Z
from repositories import HERE, PAIR, PUNKS, SOLO, fetch, punks, repositories
from tiny_runs import TINY, noise, tiny_model, tiny_settings

from gan_core import models as core_models
from gan_core.commands.start import start_from
from gan_core.errors import BadSetting, BadWeights
from gan_core.gan.latents import latents
from gan_core.gan.networks.layers import over_white
from gan_core.gan.start import SCRATCH
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.resolve import BUNDLED, DEFAULT_MODEL
from gan_core.pictures import read_png_metadata, to_uint8
from ui import build_app, hub_models
from ui.arrivals import BORROWED
from ui.choice import of_network, settle, usual
from ui.hub_field import HubField
from ui.hub_models import HubModels
from ui.jobs import Runs
from ui.mine import Mine
from ui.models import Models
from ui.recipe import Recipe, keep, make_pictures
from ui.terms import settings_from
from ui.turn import take_turn
from ui.worker import kill, launch


@pytest.fixture
def hub(tmp_path: Path, hub_client: Callable[[str], None]) -> Iterator[LoopbackHub]:
    (tmp_path / "hub").mkdir()
    with LoopbackHub(repositories(tmp_path / "hub")) as hub:
        hub_client(hub.url)
        yield hub


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    tiny_model(tmp_path / "bundled" / "tiny")
    runs = Runs(tmp_path / "runs")
    yield Models(tmp_path / "bundled", runs)
    runs.close()


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> HubField:
    with gr.Blocks():
        return HubField(Models(tmp_path_factory.mktemp("none"), None))  # type: ignore[arg-type]


@pytest.fixture
def field(laid_out: HubField, models: Models) -> HubField:
    laid_out.source = models
    return laid_out


def kept() -> list[Path]:
    """Every file and link in the caches."""
    return [path for path in Path(constants.HF_HOME).rglob("*") if not path.is_dir()]


def refuse(hub: LoopbackHub, status: int, code: str) -> None:
    hub.error = (status, code)


@torch.no_grad()
def test_who_types_the_name_of_the_punks_sees_punks(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    said, came = fetch(field, f" {PUNKS} ")
    assert came == HERE[PUNKS]
    assert f"{PUNKS}@0123456 is here: 24 px. It can only make pictures" in said
    shown = make_pictures(models, Recipe(came, 5, seed=3, truncation=1))
    assert shown.shape == (5, 240, 240, 3)
    small = shown[:, ::10, ::10]
    assert np.array_equal(shown, small.repeat(10, 1).repeat(10, 2)), "enlarged without blur"
    theirs = to_uint8(over_white(punks()(latents(5, 3, Z)[..., None, None])))
    assert np.abs(small.astype(int) - theirs).max() <= 3  # weights are kept as halves


def test_a_picture_of_a_hub_model_names_it_with_its_commit(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    _, came = fetch(field, PAIR)
    (_, png), _ = keep(models, Recipe(came, 4, 0, 1), 2)
    assert read_png_metadata(png)["model"] == HERE[PAIR]


def test_a_visitors_pickers_offer_what_came_and_nobody_elses_do(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    mine = Mine()
    for name in (PAIR, PUNKS, SOLO):
        mine = mine.with_model(fetch(field, name)[1])
    again = Mine.from_browser(mine.to_browser())
    offered = ["tiny", HERE[PAIR], HERE[PUNKS], HERE[SOLO]]
    assert [name for _, name in models.choices([], again.models)] == offered
    assert [name for _, name in models.starts([], again.models)] == ["tiny", HERE[PAIR], SCRATCH]
    assert [name for _, name in models.choices([])] == ["tiny"]


def test_when_many_came_the_longest_unused_leaves_the_pickers_and_can_be_fetched_again(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    def offered() -> list[str]:
        return [name for _, name in models.choices([], list(HERE.values()))][1:]

    megabytes = sum(len(content) for name, content in hub.files.items() if PAIR in name) / 1e6
    models = field.source = replace(models, hub=HubModels(Borrowed(1.2 * megabytes)))
    for name in (PAIR, SOLO, PAIR):
        assert fetch(field, name)[1] == HERE[name]
        assert offered() == [HERE[name]]
    with pytest.raises(BadWeights, match="must be fetched first"):
        models.load(HERE[SOLO])


def test_a_browser_remembers_a_few_models_the_newest_last() -> None:
    mine = Mine()
    for number in [*range(20), 10]:
        mine = mine.with_model(f"a/{number}")
    assert (len(mine.models), mine.models[-1], mine.models[0]) == (12, "a/10", "a/8")
    assert Mine.from_browser({"models": [f"a/{n}" for n in range(99)]}).models[0] == "a/87"


def test_a_model_with_both_networks_is_a_start_by_its_name_and_commit(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    said, came = fetch(field, PAIR)
    assert "Training can start from it too" in said
    choice, _ = settle(models, usual(models), "start")
    choice, _ = settle(models, of_network(models.network(came), came), "start")
    settings = settings_from(models, 100, 5, choice, 0, {})
    assert settings.command()[:2] == ["--start", HERE[PAIR]]
    assert settings.start_name == HERE[PAIR]


@pytest.mark.parametrize("name", [PUNKS, SOLO])
def test_a_model_that_can_only_generate_is_no_start_and_says_so(
    field: HubField, models: Models, hub: LoopbackHub, name: str
) -> None:
    said, came = fetch(field, name)
    assert "It can only make pictures" in said
    with pytest.raises(BadSetting, match=f"{came} can only make pictures"):
        models.start(came)


def test_the_page_refuses_a_start_with_the_words_of_the_command_line(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    _, came = fetch(field, SOLO)
    with pytest.raises(BadSetting) as page:
        models.start(came)
    with pytest.raises(BadSetting) as command:
        start_from(SOLO)
    assert str(page.value) == str(command.value)


def test_a_run_starts_from_the_very_model_that_the_page_shows_under_a_bundled_name(
    models: Models, hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files |= {n.replace(PAIR, f"{PAIR}/{DEFAULT_MODEL}"): it for n, it in hub.files.items()}
    monkeypatch.setattr(core_models, "_looked", {})
    monkeypatch.setenv(core_models.NEWER, PAIR)
    page = Models(BUNDLED, models.runs)
    called, network = page.start(DEFAULT_MODEL)
    shown = page.folder(DEFAULT_MODEL)
    assert page.network(DEFAULT_MODEL) == network == TINY
    assert called == page.title(DEFAULT_MODEL) == f"{DEFAULT_MODEL} of {HERE[PAIR]}"

    monkeypatch.setattr(core_models, "_looked", {})  # the worker is another process
    monkeypatch.delenv(core_models.NEWER)
    hub.commit = "f" * 40
    assert core_models.find_model(called).folder == shown


def listed() -> list[str]:
    """The repositories of which something counts as visitors'."""
    return [file.stem for file in BORROWED.folder.glob("*.json")]


@pytest.mark.parametrize("lent", [False, True])
def test_a_start_that_was_deleted_while_its_run_waited_comes_again_and_counts(
    lent: bool, models: Models, hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = models.fetch(PAIR).outcome.result(60)
    settings = replace(tiny_settings(tmp_path, batch_size=8), start=came, start_name=came)
    with Borrowed(0).fetching("another/large", 1):
        assert (listed(), models.hub.find(came)) == ([], None)
    if lent:
        runs = Runs(tmp_path / "lent", at_once=0)
        take_turn(str(runs.folder(runs.create(noise(), settings))), 0.1, False)
        runs.close()
    else:
        monkeypatch.setenv(core_models.VISITORS_MB, "5000")  # as in a worker
        start_from(came)
    assert listed() == ["models--someone--gan"]
    assert models.hub.find(came) is not None


def test_a_worker_is_told_how_much_visitors_may_have_fetched_and_looks_for_no_newer_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(core_models.NEWER, PAIR)
    worker = launch(tmp_path, ["--help"])
    environment = Path(f"/proc/{worker.pid}/environ").read_bytes().split(b"\0")
    kill(tmp_path)
    worker.wait()
    names = {each.partition(b"=")[0].decode() for each in environment}
    assert "PATH" in names and core_models.NEWER not in names
    assert f"{core_models.VISITORS_MB}=5000".encode() in environment


def test_nobody_is_asked_for_newer_models_before_somebody_opens_the_page(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files |= {n.replace(PAIR, f"{PAIR}/{DEFAULT_MODEL}"): it for n, it in hub.files.items()}
    monkeypatch.setattr(core_models, "_looked", {})
    monkeypatch.setenv(core_models.NEWER, PAIR)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    page = build_app(runs_root=tmp_path / "runs")
    assert hub.requests == []
    [mend] = [it for it in page.fns.values() if it.name == "mend" and it.targets[0][1] == "load"]
    assert mend.fn is not None
    laid_out = [block.value for block in mend.inputs]  # type: ignore[union-attr]
    assert laid_out[0] == Models(BUNDLED, None, newer=False).resolution()  # type: ignore[arg-type]
    size, kind, *_ = mend.fn(*laid_out)
    assert hub.requests
    assert (size["value"], kind) == (TINY.resolution, TINY.kind)


def test_the_page_is_not_built_with_a_setting_that_names_no_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(core_models.NEWER, "nonsense")
    with pytest.raises(BadSetting, match="GAN_ATELIER_REPO is nonsense"):
        build_app()


@pytest.mark.parametrize(
    ("goes_wrong", "says"),
    [
        (lambda hub: refuse(hub, 401, "RepoNotFound"), "no such repository, or private"),
        (lambda hub: refuse(hub, 403, "GatedRepo"), "its owner must grant access"),
        (lambda hub: refuse(hub, 404, "RevisionNotFound"), "no such revision"),
        (lambda hub: refuse(hub, 500, ""), "cannot be fetched"),
        (lambda hub: setattr(hub, "library", "diffusers"), "its library is diffusers"),
        (lambda hub: setattr(hub, "cut", 500), "cut short"),
        (lambda hub: setattr(hub, "wrong_hash", True), "came with the hash"),
        (lambda hub: hub.sizes.update({f"{PAIR}/model.safetensors": 10**10}), "10,000 MB"),
        (lambda hub: hub.files.pop(f"{PAIR}/model.safetensors"), "holds no GAN"),
        (lambda hub: hub.files.update({f"{PAIR}/model.safetensors": b"x" * 2000}), "safetensors"),
    ],
)
def test_what_goes_wrong_is_said_in_its_place_and_nothing_half_is_left(
    field: HubField, models: Models, hub: LoopbackHub, goes_wrong: Callable[..., Any], says: str
) -> None:
    goes_wrong(hub)
    said, came = fetch(field, PAIR)
    assert came is None
    assert said.startswith('<p class="warning">') and says in said
    assert not [path for path in kept() if path.name.endswith(".tmp")]
    assert not models.hub._coming, "it can be tried again"


def test_a_pickle_that_would_run_as_a_program_is_refused_in_its_place(
    field: HubField, hub: LoopbackHub, tmp_path: Path
) -> None:
    marker = tmp_path / "it ran"

    class Bad:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    torch.save({"main.0.weight": Bad()}, tmp_path / "bad.pth")
    hub.files = {f"{PAIR}/generator.pth": (tmp_path / "bad.pth").read_bytes()}
    said, came = fetch(field, PAIR)
    assert came is None and "holds more than tensors" in said
    assert not marker.exists()


@pytest.mark.usefixtures("hub_client")  # its address is one where nobody listens
def test_without_a_network_the_field_says_so_and_the_page_lives(
    field: HubField, models: Models
) -> None:
    said, came = fetch(field, PAIR)
    assert came is None and "cannot be fetched from the Hugging Face Hub" in said
    assert len(make_pictures(models, Recipe("tiny", 2, 0, 1))) == 2


@pytest.mark.parametrize(
    "typed",
    ["weights/../weights", "/etc/passwd", "~/model", "./model", "../model", "model", "", None,
     "a/b/c", "a\\b", "file:///etc/passwd", "https://huggingface.co/a/b", "a/b@../../c", "a/b@",
     "<img src=x>/y", "some--one/gan", "a/b.", "a/-b", "a/b.git", "~nosuchuser/x",
     f"a/{'b' * 180}"],
)  # fmt: skip
def test_the_field_takes_no_other_names_than_those_of_the_hub(
    field: HubField, models: Models, hub: LoopbackHub, typed: str | None
) -> None:
    said, came = fetch(field, typed)
    assert came is None and "is no name of a model" in said and "<img" not in said
    assert "owner and repo are letters and digits" in said
    with pytest.raises(BadWeights):
        models.folder(typed or "no name")
    assert hub.requests == []


def test_a_path_that_looks_like_a_repository_is_asked_for_at_the_hub_and_never_read(
    field: HubField, models: Models, hub: LoopbackHub, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    tiny_model(tmp_path / "weights" / "secret")
    monkeypatch.chdir(tmp_path)
    said, came = fetch(field, "weights/secret")
    assert came is None and "no such repository" in said
    with pytest.raises(BadWeights, match="a model of the Hub must be fetched first"):
        models.load("weights/secret")


def test_a_model_is_used_by_others_only_once_it_was_fetched_and_then_asks_nobody(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    with pytest.raises(BadWeights, match="must be fetched first"):
        models.load(PAIR)
    assert hub.requests == []
    fetch(field, PAIR)
    asked = len(hub.requests)
    assert models.load(PAIR).network == models.load(HERE[PAIR]).network == TINY
    assert fetch(field, PAIR)[1] == HERE[PAIR]
    assert len(hub.requests) == asked


def test_a_model_that_was_deleted_meanwhile_is_offered_no_more(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    fetch(field, PAIR)
    for path in kept():
        path.unlink()
    for folder in sorted(Path(constants.HF_HOME).rglob("*"), reverse=True):
        folder.rmdir()
    assert [name for _, name in models.choices([], [HERE[PAIR]])] == ["tiny"]
    assert fetch(field, PAIR)[1] == HERE[PAIR], "it can be fetched again"


def test_a_model_that_comes_while_somebody_looks_for_it_is_found_from_then_on(
    models: Models, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_kept = core_models.find_kept
    models.fetch(PAIR).outcome.result(60)
    models = replace(models, hub=HubModels())  # another server, where nobody has looked yet

    def outrun(name: str) -> Any:  # it comes between the look and what is remembered of it
        models.fetch(PAIR).outcome.result(60)
        monkeypatch.setattr(hub_models, "find_kept", find_kept)
        return None

    monkeypatch.setattr(hub_models, "find_kept", outrun)
    assert models.hub.find(HERE[PAIR]) is not None


def test_many_who_want_the_same_model_fetch_it_once(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    came: list[str] = []
    waiting = [
        threading.Thread(target=lambda: came.append(fetch(field, PUNKS)[1])) for _ in range(8)
    ]
    for each in waiting:
        each.start()
    for each in waiting:
        each.join()
    assert came == [HERE[PUNKS]] * 8
    assert len([path for _, path, _ in hub.requests if "/resolve/" in path]) == 1


def test_progress_is_told_while_a_model_comes(field: HubField, hub: LoopbackHub) -> None:
    hub.stalls = True
    playing = field.fetch(PUNKS)
    said = next(playing)[0]
    while "Asking" in said:
        said = next(playing)[0]
    assert "Fetching nateraw/cryptopunks-gan: 0.0 of 0.1 MB (50%)" in said
    playing.close()
    hub.closed.set()


def test_who_comes_when_many_models_are_on_their_way_is_put_off(
    field: HubField, models: Models, hub: LoopbackHub
) -> None:
    hub.silent = True
    for number in range(4):
        models.hub.fetch(f"someone/{number}")
    said, came = fetch(field, PAIR)
    assert came is None and "4 models are being fetched just now" in said
    hub.closed.set()
