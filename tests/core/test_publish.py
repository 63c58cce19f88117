"""A model on the Hub: what goes there, on which terms, all or nothing, and back again."""

import dataclasses
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from loopback_hub import LoopbackHub
from test_package import CONFIG, CPU, IMAGES, contents, copy_run

from gan_core.commands.start import start_from
from gan_core.errors import BadRun, BadSetting, HubRefused, HubUnreachable
from gan_core.events import Started, to_json
from gan_core.gan.card import model_card
from gan_core.gan.foreign import LAYOUTS
from gan_core.gan.latents import sample
from gan_core.gan.package import pack
from gan_core.gan.run import read_events, record
from gan_core.gan.snapshot import load_snapshot, save_snapshot
from gan_core.gan.start import Data, lineage_of
from gan_core.gan.train import train
from gan_core.models import find_model
from gan_core.pictures import Dataset, save_dataset
from gan_core.publish import licence_of, publish, release_for, release_of

REPO = "someone/gan"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    save_dataset(Dataset("mine", IMAGES, ()), folder / "dataset.safetensors")
    list(record(train(CONFIG, Data(IMAGES), folder, among=[CPU]), folder, CONFIG))
    return folder


@pytest.fixture
def hub(publishing_hub: LoopbackHub) -> LoopbackHub:
    return publishing_hub


def put(run: Path, **options: object):
    return publish(run, release_of(run, REPO, "cc-by-4.0"), "noise", **options)


def started_from(run: Path, folder: Path, start: str) -> Path:
    """The same run, had it started from another model."""
    copy_run(run, folder)
    lines = (folder / "events.jsonl").read_text().splitlines()
    started = dataclasses.replace(read_events(run)[0], start=start)
    assert isinstance(started, Started)
    lines[0] = json.dumps(to_json(started))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def steps(hub: LoopbackHub) -> list[str]:
    return [path for method, path, _ in hub.requests if method != "GET"]


# --- there and back -----------------------------------------------------------------------


def test_what_was_published_makes_the_same_pictures_when_it_is_fetched(hub, run):
    sent = put(run)
    assert sent.is_new
    found = find_model(REPO)
    assert found.name == f"{REPO}@{sent.commit}"
    there, here = load_snapshot(found.folder), load_snapshot(run / "best")
    assert np.array_equal(sample(there, 8, seed=3).numpy(), sample(here, 8, seed=3).numpy())
    assert (there.network, there.training) == (here.network, here.training)
    for name, tensor in here.D.state_dict().items():
        assert torch.equal(tensor, there.D.state_dict()[name])


def test_one_commit_holds_what_a_zip_holds_and_no_training_picture(hub, run, tmp_path):
    put(run)
    assert len(hub.commits) == 1
    files = {name.removeprefix(f"{REPO}/"): data for name, data in hub.files.items()}
    files.pop(".gitattributes")
    packed = contents(pack(run, tmp_path / "gan.zip", "noise"))
    samples = {name for name in packed if name.startswith("samples/")}
    assert files.keys() - samples == packed.keys() - samples
    assert {name for name in files if name.startswith("samples/")} <= samples
    weights = ("model.safetensors", "discriminator.safetensors", "config.json")
    assert all(files[name] == packed[name] for name in weights)
    assert not any(image.tobytes() in data for image in IMAGES for data in files.values())
    assert all(path.read_bytes() not in files.values() for path in run.glob("dataset*"))


def test_the_card_there_has_a_head_that_the_hub_reads_and_a_command_that_works(
    hub, run, atelier, tmp_path, monkeypatch
):
    put(run)
    text = hub.files[f"{REPO}/README.md"].decode()
    card = ModelCard(text)
    assert (card.data.library_name, card.data.license) == ("gan-atelier", "cc-by-4.0")
    assert card.data.base_model is None
    assert "256 made against 24 real" in text
    assert "in the words of who trained it: noise" in text
    monkeypatch.chdir(tmp_path)
    command = re.findall(r"^python -m gan_core (generate .+)$", text, re.MULTILINE)[0]
    done = atelier(*shlex.split(command))
    assert done.code == 0, done.err
    assert len(list((tmp_path / "pictures").iterdir())) == 16


def test_private_means_private_and_is_not_claimed_of_what_everybody_sees(hub, run):
    put(run, private=True)
    assert hub.made[0]["visibility"] == "private"
    put(run, private=True, update=True)
    hub.private.clear()
    with pytest.raises(HubRefused, match="everybody sees it"):
        put(run, private=True, update=True)


# --- terms --------------------------------------------------------------------------------------

COMMIT = "0123456789" * 4


@pytest.mark.parametrize(
    ("start", "chosen", "licence", "base"),
    [
        ("scratch", "mit", "mit", None),
        ("dcgan-kaokore-64", None, "cc-by-sa-4.0", None),
        ("dcgan-kaokore-64", "cc-by-sa-4.0", "cc-by-sa-4.0", None),
        (f"dcgan-kaokore-64 of org/newer@{COMMIT}", None, "cc-by-sa-4.0", "org/newer"),
        ("an own model of 12.5 kimg, from dcgan-kaokore-64", None, "cc-by-sa-4.0", None),
        (f"org/other@{COMMIT}", "mit", "mit", "org/other"),
        ("a model like the PyTorch tutorial's", "mit", "mit", None),
    ],
)
def test_the_licence_is_that_of_the_start_where_it_demands_one_and_else_the_chosen_one(
    hub, run, tmp_path, start, chosen, licence, base
):
    release = release_of(started_from(run, tmp_path / "run", start), REPO, chosen)
    assert (release.licence, release.base) == (licence, base)
    demanded = licence_of(tmp_path / "run")
    assert demanded == (licence if licence == "cc-by-sa-4.0" else None)


@pytest.mark.parametrize(
    ("start", "chosen", "message"),
    [
        ("scratch", None, "No licence was given, and a model that started from nothing"),
        (f"org/other@{COMMIT}", None, "started from org/other"),
        ("an own model of 3 kimg", None, "an own model of 3 kimg"),
        ("dcgan-kaokore-64", "mit", "is under cc-by-sa-4.0"),
        ("an own model of 3 kimg, from dcgan-kaokore-64", "mit", "is under cc-by-sa-4.0"),
        ("scratch", "MIT\nbase_model: x/y", "one of the Hub's names"),
    ],
)
def test_a_licence_that_cannot_be_is_refused(hub, run, tmp_path, start, chosen, message):
    with pytest.raises(BadSetting, match=message):
        release_of(started_from(run, tmp_path / "run", start), REPO, chosen)


def test_a_licence_that_the_hub_does_not_know_is_refused_before_anything_is_made(hub, run):
    with pytest.raises(BadSetting, match=r"must be one of.*repositories-licenses"):
        publish(run, release_of(run, REPO, "mine-alone"))
    assert steps(hub) == ["/api/validate-yaml"]


def test_the_card_names_the_model_it_was_trained_from(hub, run, tmp_path):
    theirs = started_from(run, tmp_path / "run", f"org/other@{COMMIT}")
    publish(theirs, release_of(theirs, REPO, "mit"))
    card = ModelCard(hub.files[f"{REPO}/README.md"].decode())
    assert card.data.base_model == "org/other"
    assert f"mit. It started from org/other@{COMMIT}" in card.text


@pytest.mark.parametrize(
    ("began", "told"),
    [
        ("dcgan-kaokore-64", ", from dcgan-kaokore-64"),
        ("an own model of 3 kimg, from a/b@1", ", from a/b@1"),
        ("scratch", ""),
        ("an own model of 3 kimg", ""),
        ("mine\n# Heading", ""),
    ],
)
def test_what_starts_from_a_model_of_ones_own_records_what_that_one_goes_back_to(
    run, tmp_path, began, told
):
    own = dataclasses.replace(load_snapshot(run / "best"), training={"kimg": 0.032, "start": began})
    save_snapshot(own, tmp_path)
    assert start_from(str(tmp_path))[0].name == f"an own model of 0.032 kimg{told}"


def test_a_start_tells_all_that_it_goes_back_to():
    assert lineage_of("an own model of 3 kimg, from a/b@1, from c") == ["a/b@1", "c"]
    assert lineage_of("an own model of 3 kimg") == []
    assert lineage_of("scratch") == []


def fetched(hub: LoopbackHub, run: Path, tmp_path: Path, licence: str, began: str) -> str:
    """What a run is said to start from that starts from a model of the Hub, under that licence."""
    own = dataclasses.replace(load_snapshot(run / "best"), training={"kimg": 1, "start": began})
    save_snapshot(own, tmp_path / "theirs")
    hub.files |= {f"org/x/{f.name}": f.read_bytes() for f in (tmp_path / "theirs").iterdir()}
    hub.files["org/x/README.md"] = f"---\nlicense: {licence}\n---\n# X\n".encode()
    return start_from("org/x")[0].name


def test_the_bundled_models_licence_is_not_lost_on_the_way_over_the_hub(hub, run, tmp_path):
    start = fetched(hub, run, tmp_path, "mit", "dcgan-kaokore-64")
    assert start == f"org/x@{hub.commit}, from dcgan-kaokore-64"
    theirs = started_from(run, tmp_path / "run", start)
    with pytest.raises(BadSetting, match="is under cc-by-sa-4.0"):
        release_of(theirs, REPO, "mit")
    release = release_of(theirs, REPO)
    assert (release.licence, release.base) == ("cc-by-sa-4.0", "org/x")


def test_nor_when_a_model_of_ones_own_lies_in_between(hub, run, tmp_path):
    start = fetched(hub, run, tmp_path, "mit", "an own model of 3 kimg, from dcgan-kaokore-64")
    own = dataclasses.replace(load_snapshot(run / "best"), training={"kimg": 1, "start": start})
    save_snapshot(own, tmp_path / "own")
    start = start_from(str(tmp_path / "own"))[0].name
    assert lineage_of(start) == [f"org/x@{hub.commit}", "dcgan-kaokore-64"]


@pytest.mark.parametrize(
    ("listed", "demanded"),
    [
        ("cc-by-nc-4.0", "cc-by-nc-4.0"),
        ("mit", None),
        ("unknown", None),
        ('"mit\\nbase_model: x/y"', None),
    ],
)
def test_the_licence_that_a_start_is_listed_under_holds_unless_it_leaves_the_choice(
    hub, run, tmp_path, listed, demanded
):
    start = fetched(hub, run, tmp_path, listed, "scratch")
    theirs = started_from(run, tmp_path / "run", start)
    assert licence_of(theirs) == demanded
    if demanded:
        assert release_of(theirs, REPO).licence == demanded
        with pytest.raises(BadSetting, match=f"is under {demanded}"):
            release_of(theirs, REPO, "apache-2.0")
    else:
        assert release_of(theirs, REPO, "apache-2.0").licence == "apache-2.0"


def test_two_licences_that_both_hold_leave_no_way_to_publish(hub, run, tmp_path):
    start = fetched(hub, run, tmp_path, "cc-by-nc-4.0", "dcgan-kaokore-64")
    with pytest.raises(BadSetting, match=r"under cc-by-nc-4\.0 and cc-by-sa-4\.0"):
        release_of(started_from(run, tmp_path / "run", start), REPO)


def test_where_the_hub_does_not_say_the_licence_of_a_start_nothing_is_assumed(hub, run, tmp_path):
    theirs = started_from(run, tmp_path / "run", f"org/x@{COMMIT}")
    hub.refusals["say_what_there_is"] = 503, "down"
    with pytest.raises(HubUnreachable, match="licence of org/x cannot be looked up"):
        release_of(theirs, REPO, "mit")


def test_a_strangers_text_is_neither_recorded_nor_taken_for_a_bundled_model(run, tmp_path):
    evil = "x\n\n# Buy\n![](http://evil/pixel.png)"
    for training, name in [
        ({"layout": evil}, "an own model of 0 kimg"),
        ({"layout": [evil]}, "an own model of 0 kimg"),
        ({"kimg": 10**400}, "an own model of 0 kimg"),
        ({"layout": LAYOUTS[0].about}, f"a model like {LAYOUTS[0].about}"),
    ]:
        own = dataclasses.replace(load_snapshot(run / "best"), training=training)
        save_snapshot(own, tmp_path)
        assert start_from(str(tmp_path))[0].name == name
    assert release_for(REPO, "an own model of 3 kimg, from ..", "mit").licence == "mit"


def test_on_the_card_a_start_is_text_and_nothing_else(run, tmp_path):
    evil = "x\n\n# Buy ![](http://evil/pixel.png) <img src=y>"
    theirs = started_from(run, tmp_path / "run", evil)
    card = model_card(theirs, "gan")
    assert card.count(r"x \# Buy \!\[\](http://evil/pixel.png) &lt;img src=y&gt;") == 2
    assert card.count("pixel.png") == 2


def test_the_cards_commands_come_with_where_the_program_is_and_how_a_version_is_kept(hub, run):
    put(run)
    text = hub.files[f"{REPO}/README.md"].decode()
    assert "In the folder of GAN Atelier" in text
    assert f"`{REPO}@COMMIT`" in text
    assert "pip install" not in text  # it is in no index


# --- on the command line --------------------------------------------------------------------------


def test_publish_says_first_how_many_copies_there_are_and_last_where_it_is(hub, run, atelier):
    done = atelier("publish", run, "--repo", REPO, "--license", "mit", "--private", "--anyway")
    assert done.code == 0, done.err
    said = done.out.splitlines()
    assert re.match(r"\d+ of 64 pictures made \(\d+%\) lie as near", said[0])
    assert f"Published: {hub.url}/{REPO}" in said
    assert said[-1].endswith(f"--model {REPO}@{hub.commit} --out pictures")


def test_a_model_that_repeats_its_pictures_goes_out_only_when_that_was_allowed(
    hub, run, atelier, tmp_path
):
    folder = copy_run(run, tmp_path / "run")
    made = sample(load_snapshot(folder / "best"), 64, 0)
    images = ((made.permute(0, 2, 3, 1).numpy() + 1) * 127.5).round().astype(np.uint8)
    save_dataset(Dataset("mine", images, ()), folder / "dataset.safetensors")
    words = ("publish", folder, "--repo", REPO, "--license", "mit")
    done = atelier(*words)
    assert (done.code, "may be copies" in done.err) == (2, True)
    assert not steps(hub)
    assert atelier(*words, "--anyway").code == 0
    assert len(hub.commits) == 1


def test_a_model_that_cannot_be_checked_for_copies_goes_out_only_when_that_was_allowed(
    hub, run, atelier, tmp_path
):
    folder = copy_run(run, tmp_path / "run")
    (folder / "dataset.safetensors").unlink(missing_ok=True)
    words = ("publish", folder, "--repo", REPO, "--license", "mit")
    done = atelier(*words)
    assert (done.code, "cannot be known" in done.err, "--anyway" in done.err) == (2, True, True)
    assert not steps(hub)
    assert atelier(*words, "--anyway").code == 0
    assert len(hub.commits) == 1


def test_what_is_no_run_is_not_published(hub, tmp_path):
    with pytest.raises(BadRun, match="holds no run"):
        release_of(tmp_path, REPO, "mit")
