"""The command line as a script uses it: forms, exit codes, messages."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.events import Finished
from gan_core.gan import pace
from gan_core.gan.checkpoint import find_checkpoint, restore, save_checkpoint
from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import latents, render
from gan_core.gan.networks import build
from gan_core.gan.run import read_events
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.state import new_state
from gan_core.pictures import read_dataset, to_uint8

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of 24 pictures, a zip of them, and a tiny model to start from."""
    place = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    (place / "pictures").mkdir()
    with zipfile.ZipFile(place / "pictures.zip", "w") as archive:
        for i in range(24):
            path = place / "pictures" / f"{i:02d}.png"
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(path)
            archive.write(path, path.name)
    network = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
    save_snapshot(Snapshot(network, *build(network)), place / "tiny")
    return place


@pytest.fixture
def run_folder(place, atelier):
    """A run of a few steps from a zip, as the command line makes it; made once."""
    out = place / "run"
    if out.exists():
        return out
    done = atelier(
        "train", place / "pictures.zip", "--out", out, "--start", place / "tiny", "--kimg", 0.2
    )
    assert done.code == 0, done.err
    assert "24 of 24" in done.out
    assert "Finished" in done.out
    return out


def test_a_run_leaves_a_model_a_log_previews_and_a_checkpoint(run_folder):
    left = {path.name for path in run_folder.iterdir()}
    assert left >= {"best", "checkpoint.safetensors", "config.json", "events.jsonl", "samples"}


def test_generate_uses_a_runs_best_snapshot_and_numbers_the_pictures(atelier, run_folder, tmp_path):
    made, grid = tmp_path / "made", tmp_path / "grid.png"
    words = ("--count", 3, "--seed", 1, "--out", made, "--grid", grid)
    done = atelier("generate", "--model", run_folder, *words)
    assert done.code == 0, done.err
    assert sorted(path.name for path in made.iterdir()) == ["0000.png", "0001.png", "0002.png"]
    assert grid.is_file()
    with Image.open(made / "0002.png") as picture:
        assert picture.size == (16, 16)


def test_the_same_seed_gives_the_same_files(atelier, run_folder, tmp_path):
    for name in ("a", "b"):
        atelier("generate", "--model", run_folder, "--count", 1, "--out", tmp_path / name)
    a, b = ((tmp_path / name / "0000.png").read_bytes() for name in "ab")
    assert a == b


def test_resume_continues_and_a_second_run_in_the_same_folder_is_refused(atelier, run_folder):
    refused = atelier("train", run_folder, "--out", run_folder)
    assert refused.code == 2
    assert "--resume" in refused.err
    done = atelier("train", "--resume", "--out", run_folder, "--kimg", 0.3)
    assert done.code == 0, done.err
    assert "Resumed at 0.2 kimg" in done.out
    last = read_events(run_folder)[-1]
    assert isinstance(last, Finished)
    assert last.kimg >= 0.3


def test_a_resumed_run_refuses_new_pictures_and_a_time_it_has_already_had(
    atelier, place, run_folder, tmp_path
):
    for asked in ((place / "pictures",), ("--start", "nowhere"), ("--seed", 3)):
        other = atelier("train", *asked, "--resume", "--out", run_folder)
        assert (other.code, "goes on with its own" in other.err) == (2, True)
    slow = shutil.copytree(run_folder, tmp_path / "slow")
    pretend_it_took(slow, seconds=6)
    late = atelier("train", "--resume", "--out", slow, "--minutes", "0.05")
    assert (late.code, "already had 0.1 of 0.05 minutes" in late.err) == (2, True)


def pretend_it_took(folder: Path, seconds: float) -> None:
    was = find_checkpoint(folder)
    side = was.config.network.resolution
    state = new_state(was.config, np.zeros((24, side, side, 3), np.uint8), was.compute)
    restore(was, state)
    state.seconds = seconds
    save_checkpoint(folder, state, was.config, was.compute, was.start)


def test_a_file_name_is_never_read_as_markup(atelier, place):
    bad = place / "pictures" / "a[b]"
    bad.mkdir()
    (bad / "[red]x[b].png").write_text("not a picture")
    done = atelier("check", place / "pictures")
    (bad / "[red]x[b].png").unlink()
    assert done.code == 0
    assert "a[b]/[red]x[b].png" in done.out


def test_pretraining_resumes_by_itself_and_measures_on_pictures_it_never_saw(atelier, place):
    words = ("pretrain", place / "pictures", "--out", place / "pre")
    sizes = ("--width-g", 8, "--width-d", 8, "--resolution", 16, "--held-out", 4, "--batch-size", 8)
    first = atelier(*words, *sizes, "--kimg", 0.02)
    assert first.code == 0, first.err
    assert "on 18 pictures" in first.out
    assert "6 real" in first.out
    second = atelier(*words, "--kimg", 0.04)  # the split is the run's own
    assert "Resumed at 0.0" in second.out
    assert "on 18 pictures" in second.out
    assert "no others are read" in second.out
    for asked, message in (("--held-out", "6 of 24 pictures"), ("--seed", "seed is 0")):
        other = atelier(*words, asked, 9, "--kimg", 0.06)
        assert (other.code, message in other.err.replace("\n", " ")) == (2, True), other.err
    resumed = atelier("train", "--resume", "--out", place / "pre", "--kimg", 0.06)
    assert "6 real" in resumed.out  # measured on the same as before


def test_pretraining_can_go_on_from_a_model_with_its_network(atelier, place):
    words = ("pretrain", place / "pictures", "--start", place / "tiny", "--held-out", 4)
    done = atelier(
        *words, "--batch-size", 8, "--kimg", 0.02, "--r1-gamma", 0.1, "--out", place / "on"
    )
    assert done.code == 0, done.err
    assert "R1 penalty 0.1" in done.out
    assert load_snapshot(place / "on" / "best").network.width_G == 8


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--width-g", 16), "width_G = 8"),
        (("--width-d", 16), "width_D = 8"),
        (("--resolution", 32), "resolution = 16"),
    ],
)
def test_a_start_of_another_network_is_refused_with_the_numbers(atelier, place, asked, message):
    words = ("pretrain", place / "pictures", "--start", place / "tiny", *asked)
    done = atelier(*words, "--out", place / "other")
    assert (done.code, message in done.err.replace("\n", " ")) == (2, True)
    assert not (place / "other").exists()


def test_another_network_is_trained_from_scratch_grows_and_is_grown_further(atelier, place):
    tiny = ("--width-g", 4, "--width-d", 4, "--batch-size", 8, "--held-out", 4)
    words = ("pretrain", place / "pictures", *tiny, "--network", "pyramid", "--scales", "all")
    first = atelier(
        *words, "--resolution", 16, "--kimg", 0.1, "--grow-from", 8, "--grow-kimg", 0.04,
        "--out", place / "grown",
    )  # fmt: skip
    assert first.code == 0, first.err
    assert "by the network pyramid" in first.out
    assert "growing from 8 px" in first.out
    again = atelier("pretrain", place / "pictures", "--out", place / "grown", "--network", "dcgan")
    assert (again.code, "kind = pyramid, and dcgan" in again.err.replace("\n", " ")) == (2, True)
    other = atelier(*words, "--out", place / "grown", "--grow-kimg", 9, "--kimg", 1)
    assert (other.code, "grow_kimg = 0.04, and 9" in other.err.replace("\n", " ")) == (2, True)
    further = ("--start", place / "grown", "--resolution", 32, "--kimg", 0.02)
    second = atelier("train", place / "pictures", *further, "--out", place / "further")
    assert second.code == 0, second.err
    assert "growing from 16 px" in second.out
    assert load_snapshot(place / "further" / "best").network.resolution == 32
    smaller = atelier(
        "train", place / "pictures", "--start", place / "grown", "--resolution", 8,
        "--out", place / "smaller",
    )  # fmt: skip
    assert (smaller.code, "resolution = 16" in smaller.err.replace("\n", " ")) == (2, True)


def test_train_begins_from_scratch_where_a_network_is_asked_for(atelier, place):
    words = ("train", place / "pictures", "--network", "pyramid", "--resolution", 16)
    done = atelier(
        *words, "--kimg", 0.01, "--grow-from", 8, "--batch-size", 8, "--out", place / "own"
    )
    assert done.code == 0, done.err
    assert "Start: scratch" in done.out
    config = find_checkpoint(place / "own").config
    assert (config.minutes, config.grow_kimg) == (None, 0.1)  # however long; as little as can be


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_a_new_run_that_comes_to_nothing_in_its_time_is_refused_with_the_numbers(
    atelier, place, monkeypatch, command
):
    monkeypatch.setattr(pace, "images_per_second", lambda _config: 2.0)
    words = (command, place / "pictures", "--network", "dcgan", "--resolution", 256)
    done = atelier(*words, "--minutes", 2, "--out", place / "hopeless")
    said = " ".join(done.err.split())
    assert done.code == 2
    assert "In 2 minutes this machine shows about" in said
    assert "pictures of 256 px to the network dcgan" in said
    assert "at least 10,000 are needed" in said
    assert not (place / "hopeless").exists()


def test_growing_fits_in_the_time_of_a_run_unless_it_is_set(atelier, place, monkeypatch):
    monkeypatch.setattr(pace, "images_per_second", lambda _config: 1e5)
    words = ("train", place / "pictures", "--network", "pyramid", "--resolution", 16)
    fitting = ("--grow-from", 8, "--minutes", 0.05, "--batch-size", 8)
    for name, more in {"fits": (), "set": ("--grow-kimg", 3)}.items():
        assert atelier(*words, *fitting, *more, "--out", place / name).code == 0
    kimg = {name: find_checkpoint(place / name).config.grow_kimg for name in ("fits", "set")}
    assert kimg == {"fits": pace.grow_kimg(pace.kimg_within(0.05, 1e5), 8, 16), "set": 3}


def test_a_held_out_part_too_small_to_measure_on_is_refused(atelier, place):
    done = atelier("pretrain", place / "pictures", "--out", place / "few", "--held-out", 20)
    assert (done.code, "makes 2 to measure on" in done.err) == (2, True)


def test_measure_gives_kid_with_its_counts_and_what_other_real_pictures_reach(
    atelier, place, run_folder
):
    words = ("measure", place / "pictures", "--model", run_folder, "--count", 12)
    done = atelier(*words, "--held-out", 2)
    assert done.code == 0, done.err
    assert "(12 made, 12 real; StyleNet" in done.out
    assert "Other real pictures instead: KID" in done.out


def test_measure_lays_copies_beside_their_originals_the_worst_first(atelier, place, tmp_path):
    tiny = load_snapshot(place / "tiny")
    with torch.no_grad():  # a fresh G makes grey, which is no picture to learn from
        tiny.G.main[-2].weight.mul_(100)
    save_snapshot(tiny, tmp_path / "vivid")
    vivid = load_snapshot(tmp_path / "vivid").G  # as stored, in half precision
    made = to_uint8(render(vivid, latents(20, 1, tiny.network.z_dim)))
    (tmp_path / "real").mkdir()
    for index, image in enumerate(made[3:6]):
        Image.fromarray(image).save(tmp_path / "real" / f"{index}.png")
    for path in sorted((place / "pictures").glob("*.png")):
        shutil.copy(path, tmp_path / "real")
    out = tmp_path / "new" / "copies.png"
    words = ("measure", tmp_path / "real", "--model", tmp_path / "vivid", "--count", 20)
    done = atelier(*words, "--copies", out)
    assert done.code == 0, done.err
    assert f"{out}: 16 made pictures" in done.out
    grid = np.asarray(Image.open(out))[::2, ::2]
    assert grid.shape == (4 * 24 - 8, 4 * 40 - 8, 3)
    pairs = [grid[:16, x : x + 32] for x in (0, 40, 80)]
    assert all(np.array_equal(pair[:, :16], pair[:, 16:]) for pair in pairs)
    assert {pair[:, :16].tobytes() for pair in pairs} == {image.tobytes() for image in made[3:6]}


def test_check_prints_a_line_for_every_file(atelier, place):
    (place / "pictures" / "bad.png").write_text("not a picture")
    done = atelier("check", place / "pictures")
    (place / "pictures" / "bad.png").unlink()
    assert done.code == 0
    assert done.out.count(".png") == 25
    assert "left out" in done.out


def test_check_says_what_to_expect_and_saves_the_set_that_was_chosen(atelier, place):
    options = ("--leave-out", "03.png", "--out", place / "set.safetensors")
    done = atelier("check", place / "pictures", *options, "--crops", place / "crops.png")
    assert done.code == 0, done.err
    assert "23 of 24 files are used" in done.out
    assert "expect near copies" in done.out
    assert "--mirror?" in done.out
    saved = read_dataset(place / "set.safetensors")
    assert len(saved) == 23
    assert "03.png" not in saved.names()
    with Image.open(place / "crops.png") as squares:
        assert min(squares.size) >= 4 * 64
    again = atelier("check", place / "set.safetensors")
    assert "23 of 24 files are used" in again.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "/nowhere/at/all"), "/nowhere/at/all"),
        (("check", "PICTURES", "--leave-out", "x.png"), "no file 'x.png'"),
        (("check", "PICTURES", "--crop", "clever"), "It is center or smart"),
        (("check", "PICTURES", "--out", "x.zip"), "A set is a .safetensors file"),
        (("generate", "--model", "nothing", "--out", "x"), "no model 'nothing'"),
        (("generate", "--count", "0", "--out", "x"), "count is 0"),
        (("generate", "--model", __file__, "--out", "x"), "not a file of weights"),
        (("generate", "--out", __file__), "cannot be written"),
        (("generate", "--grid", "x.jpg", "--out", "x"), "x.jpg"),
        (("measure", "PICTURES", "--copies", "x.jpg"), "x.jpg"),
        (("check", "/", "--resolution", "50"), "resolution is 50"),
        (("generate", "--truncation", "7", "--out", "x"), "truncation is 7"),
        (("train", "--out", "x/y"), "no pictures"),
        (("train", "PICTURES", "--network", "vae", "--out", "x"), "kind is 'vae'"),
        (("train", "PICTURES", "--resolution", "48", "--out", "x"), "resolution is 48"),
        (
            ("train", "PICTURES", "--resolution", "128", "--grow-from", "8", "--out", "x"),
            "the network dcgan cannot grow",
        ),
        (("train", "--resume", "--out", "x/y"), "no checkpoint"),
        (("train", "PICTURES", "--start", "scratch", "--out", "x", "--lr-g", "9"), "lr_G is 9"),
    ],
)
def test_a_users_mistake_is_a_message_on_stderr_and_exit_code_2(atelier, words, message, place):
    words = [str(place / "pictures") if word == "PICTURES" else word for word in words]
    done = atelier(*words)
    assert done.code == 2
    assert message in done.err.replace("\n", " ")
    assert "Traceback" not in done.err
    assert not (ROOT / "x").exists()


def test_too_few_pictures_are_refused_with_the_count(atelier, tmp_path):
    for i in range(3):
        noise = np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    done = atelier("check", tmp_path)
    assert done.code == 2
    assert "3" in done.err
    assert "20" in done.err


def test_as_a_program_it_exits_with_2_and_no_traceback():
    done = subprocess.run(
        [sys.executable, "-m", "gan_core", "generate", "--model", "nothing", "--out", "x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "no model" in done.stderr
    assert "Traceback" not in done.stderr
