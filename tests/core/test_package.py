"""What goes out of a run: the zip, its model card, and never a picture it learned from."""

import io
import json
import re
import resource
import shlex
import zipfile

import av
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image

from gan_core.compute import Compute
from gan_core.errors import BadRun, DiskFull
from gan_core.events import Measured, from_json
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, derive
from gan_core.gan.latents import latents, render
from gan_core.gan.package import pack
from gan_core.gan.run import read_events, record
from gan_core.gan.snapshot import load_snapshot
from gan_core.gan.start import Data
from gan_core.gan.train import train
from gan_core.pictures import Dataset, save_dataset

CONFIG = TrainConfig(
    network=NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8),
    minutes=None,
    kimg=0.032,
    batch_size=8,
    cadence=Cadence(0, 0, 0, 0),
)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
CPU = Compute("cpu", "float32", True, 1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of a few steps, with the pictures it learned from in its folder."""
    folder = tmp_path_factory.mktemp("run")
    save_dataset(Dataset("mine", IMAGES, ()), folder / "dataset.safetensors")
    list(record(train(CONFIG, Data(IMAGES), folder, among=[CPU]), folder, CONFIG))
    return folder


@pytest.fixture(scope="module")
def packed(finished, tmp_path_factory):
    return pack(finished, tmp_path_factory.mktemp("out") / "mine.zip", "noise of many colours")


def contents(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


# --- the zip ------------------------------------------------------------------------------


def test_a_packed_run_holds_all_that_belongs_to_it_and_nothing_else(packed):
    parts = contents(packed)
    samples = {name for name in parts if name.startswith("samples/")}
    assert len(samples) > 2
    assert parts.keys() - samples == {
        "model.safetensors", "discriminator.safetensors", "config.json", "training.json",
        "events.jsonl", "timelapse.mp4", "timelapse.gif", "before-after.png", "README.md",
    }  # fmt: skip


def test_an_unpacked_run_is_a_model_that_makes_the_same_pictures(finished, packed, tmp_path):
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    there, here = load_snapshot(tmp_path / "mine"), load_snapshot(finished / "best")
    z = latents(4, 0, CONFIG.network.z_dim)
    assert torch.equal(render(there.G, z), render(here.G, z))
    assert there.D is not None
    assert there.network == CONFIG.network


def test_no_training_picture_goes_out_neither_as_pixels_nor_as_bytes(packed):
    parts = contents(packed)
    secret = {image.tobytes() for image in IMAGES}
    shown = [name for name in parts if name.endswith(".png")]
    for name in shown:
        picture = pixels(parts[name])
        factor = 1 if name.startswith("samples/") else picture.shape[0] // 70  # 4 x 16 and gaps
        picture = picture[::factor, ::factor]
        cells = np.lib.stride_tricks.sliding_window_view(picture, (16, 16), (0, 1))
        windows = cells.transpose(0, 1, 3, 4, 2).reshape(-1, 16, 16, 3)
        assert secret.isdisjoint(window.tobytes() for window in windows)
    for data in parts.values():
        assert not any(image in data for image in secret)


def test_the_same_search_finds_a_training_picture_that_is_there():
    grid = np.zeros((70, 70, 3), np.uint8)
    grid[18:34, 36:52] = IMAGES[3]
    cells = np.lib.stride_tricks.sliding_window_view(grid, (16, 16), (0, 1))
    windows = cells.transpose(0, 1, 3, 4, 2).reshape(-1, 16, 16, 3)
    assert IMAGES[3].tobytes() in {window.tobytes() for window in windows}


def test_the_films_show_every_preview(packed):
    parts = contents(packed)
    count = sum(name.startswith("samples/") for name in parts)
    with Image.open(io.BytesIO(parts["timelapse.gif"])) as film:
        assert film.n_frames == count
    with av.open(io.BytesIO(parts["timelapse.mp4"])) as film:
        played = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(played) == count + 4  # two seconds of the last, twice a second
    first = pixels(parts["samples/000000000.png"])
    assert np.abs(played[0].mean((0, 1)) - first.mean((0, 1))).max() < 12


def test_before_stands_left_of_after_enlarged_without_blur(packed):
    parts = contents(packed)
    pair = pixels(parts["before-after.png"])
    factor = pair.shape[0] // 70
    assert pair.shape == (70 * factor, 148 * factor, 3)
    assert np.array_equal(
        pair[::factor, : 70 * factor : factor], pixels(parts["samples/000000000.png"])
    )


def test_a_run_with_one_preview_or_none_is_packed_without_films(finished, tmp_path):
    folder = copy_run(finished, tmp_path / "run")
    samples = sorted((folder / "samples").iterdir())
    for sample in samples[1:]:
        sample.unlink()
    assert "timelapse.mp4" not in contents(pack(folder, tmp_path / "one.zip"))
    samples[0].unlink()
    parts = contents(pack(folder, tmp_path / "none.zip"))
    assert not {"timelapse.gif", "before-after.png"} & parts.keys()
    assert "before-after.png" not in parts["README.md"].decode()


def test_a_damaged_preview_does_not_keep_a_run_from_going_out(finished, tmp_path):
    folder = copy_run(finished, tmp_path / "run")
    (folder / "samples" / "000000008.png").write_bytes(b"\x89PNG and no more")
    with Image.open(io.BytesIO(contents(pack(folder, tmp_path / "x.zip"))["timelapse.gif"])) as gif:
        assert gif.n_frames == len(list((folder / "samples").iterdir())) - 1


def test_a_run_can_be_packed_while_it_writes(finished, tmp_path):
    folder = copy_run(finished, tmp_path / "run")
    with (folder / "events.jsonl").open("a") as log:
        log.write('{"event": "Prog')
    (folder / "samples" / ".000000099.png.0a1b2c.tmp").write_bytes(b"half")
    parts = contents(pack(folder, tmp_path / "x.zip"))
    lines = parts["events.jsonl"].decode().splitlines()
    assert [from_json(json.loads(line)) for line in lines] == read_events(folder)
    assert not any("tmp" in name for name in parts)


def copy_run(finished, folder):
    for path in finished.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(finished)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("žluťoučký kůň.zip", "žluťoučký kůň"),
        ("...zip", "model"),
        ("a\\..\\b'$(x)\n.zip", "a_.._b__(x)_"),
    ],
)
def test_a_zip_of_any_name_unpacks_into_a_folder_below(finished, tmp_path, name, inside):
    packed = pack(finished, tmp_path / "not there" / name)
    with zipfile.ZipFile(packed) as archive:
        tops = {entry.split("/")[0] for entry in archive.namelist()}
    assert tops == {inside}


def test_a_full_disk_leaves_the_old_zip_and_says_so(finished, tmp_path):
    target = tmp_path / "mine.zip"
    target.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(DiskFull, match=r"no room to write mine\.zip"):
            pack(finished, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_has_no_snapshot_or_no_log_cannot_be_packed(finished, tmp_path):
    with pytest.raises(BadRun, match="no snapshot"):
        pack(tmp_path, tmp_path / "x.zip")
    folder = copy_run(finished, tmp_path / "run")
    (folder / "events.jsonl").unlink()
    with pytest.raises(BadRun, match="holds no run"):
        pack(folder, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


# --- its card ---------------------------------------------------------------------------


def test_the_card_of_a_real_run_gives_its_own_figures(packed, finished):
    card = contents(packed)["README.md"].decode()
    kept = [e for e in read_events(finished) if isinstance(e, Measured) and e.is_best][-1]
    assert f"| diversity | {kept.diversity:.2f} |" in card
    assert "256 made against 24 real" in card
    assert "24 pictures, cut to squares of 16 px" in card
    assert "in the words of who trained it: noise of many colours." in card
    assert f"batch_size 8 (not {derive(24, 5.0, CONFIG.network).batch_size})" in card
    assert "![" in card


def test_the_card_is_valid_on_the_hub_and_leaves_the_licence_to_the_user(packed):
    card = ModelCard(contents(packed)["README.md"].decode())
    assert card.data.library_name == "gan-atelier"
    assert "dcgan" in card.data.tags
    assert card.data.pipeline_tag == "unconditional-image-generation"
    assert card.data.license is None
    assert "licence is yours to choose" in card.text


def test_the_cards_own_command_makes_pictures(packed, tmp_path, atelier, monkeypatch):
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    card = (tmp_path / "mine" / "README.md").read_text()
    (command,) = re.findall(r"^python -m gan_core (.+)$", card, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    done = atelier(*shlex.split(command))
    assert done.code == 0, done.err
    assert len(list((tmp_path / "pictures").iterdir())) == 16


# --- on the command line ------------------------------------------------------------------


def test_pack_says_first_how_many_copies_there_are_and_shows_them_to_the_owner_only(
    atelier, finished, tmp_path
):
    out, pairs = tmp_path / "new" / "m.zip", tmp_path / "pairs.png"
    done = atelier("pack", finished, "--out", out, "--kind", "noise", "--pairs", pairs)
    assert done.code == 0, done.err
    said = done.out.splitlines()
    assert re.match(r"\d+ of 64 pictures made \(\d+%\) lie as near to one of 24", said[0])
    assert str(out) in said[-1]
    below = pixels(pairs.read_bytes())[::2, ::2][18:34]
    cells = [below[:, i * 18 : i * 18 + 16].tobytes() for i in range(8)]
    assert set(cells) <= {image.tobytes() for image in IMAGES}
    assert not any("pairs" in name for name in contents(out))


def test_pack_goes_on_without_the_training_pictures_but_says_that_it_did_not_look(
    atelier, finished, tmp_path
):
    folder = copy_run(finished, tmp_path / "run")
    (folder / "dataset.safetensors").unlink()
    done = atelier("pack", folder, "--out", tmp_path / "m.zip")
    assert done.code == 0, done.err
    assert "Not checked for copies" in done.out
    assert "README.md" in contents(tmp_path / "m.zip")


def test_timelapse_writes_the_film_that_was_asked_for(atelier, finished, tmp_path):
    done = atelier("timelapse", finished, "--out", tmp_path / "new" / "lapse.gif")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "new" / "lapse.gif") as film:
        assert film.n_frames == len(list((finished / "samples").iterdir()))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pack", "RUN", "--out", "m.tar"), "m.tar"),
        (("pack", "RUN", "--out", "m.zip", "--pairs", "p.jpg"), "p.jpg"),
        (("pack", "nowhere", "--out", "m.zip"), "holds no run"),
        (("timelapse", "nowhere", "--out", "m.mp4"), "holds no run"),
        (("timelapse", "RUN", "--out", "m.avi"), "m.avi"),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_written(
    atelier, finished, tmp_path, monkeypatch, words, message
):
    monkeypatch.chdir(tmp_path)
    done = atelier(*(finished if word == "RUN" else word for word in words))
    assert (done.code, message in done.err) == (2, True)
    assert not list(tmp_path.iterdir())
