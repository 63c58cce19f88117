"""Snapshots and checkpoints as files: round trips, strictness, clear errors."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from gan_core.compute import Compute
from gan_core.errors import BadRun, BadWeights
from gan_core.gan.checkpoint import find_checkpoint, restore, save_checkpoint
from gan_core.gan.config import NetworkConfig, TrainConfig
from gan_core.gan.latents import latents, render
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.state import new_state
from gan_core.pictures.canvas import to_uint8

TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8, d_norm="spectral")


@pytest.fixture
def folder(tmp_path):
    G, D = build(TINY, seed=3)
    save_snapshot(Snapshot(TINY, G, D, {"kimg": 1.5}), tmp_path / "model")
    return tmp_path / "model"


def test_a_snapshot_comes_back_with_its_configuration_and_history(folder):
    snapshot = load_snapshot(folder)
    assert snapshot.network == TINY
    assert snapshot.training == {"kimg": 1.5}
    assert not snapshot.G.training


def test_saving_a_loaded_snapshot_again_gives_the_same_tensors(folder, tmp_path):
    save_snapshot(load_snapshot(folder), tmp_path / "again")
    for name in ("model.safetensors", "discriminator.safetensors"):
        first, again = load_file(folder / name), load_file(tmp_path / "again" / name)
        assert all(torch.equal(first[key], again[key]) for key in first)


def test_half_precision_changes_no_pixel_by_more_than_two_levels(tmp_path):
    network = NetworkConfig(width_G=16, width_D=16)
    G, D = build(network)
    G.train()
    for _ in range(5):  # so that the statistics are those of real use
        G(torch.randn(16, 100))
    save_snapshot(Snapshot(network, G.eval(), D), tmp_path)
    z = latents(8, 0, 100)
    before = to_uint8(render(G, z)).astype(int)
    after = to_uint8(render(load_snapshot(tmp_path).G, z)).astype(int)
    assert abs(before - after).max() <= 2


def test_g_travels_alone(folder, tmp_path):
    shutil.copy(folder / "model.safetensors", tmp_path / "renamed.safetensors")
    snapshot = load_snapshot(tmp_path / "renamed.safetensors")
    assert snapshot.D is None
    assert snapshot.network == TINY


def test_a_truncated_file_is_refused_with_its_size(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadWeights, match=f"{path.stat().st_size} bytes"):
        load_snapshot(folder)


def test_a_pickle_under_the_name_of_safetensors_is_not_opened(tmp_path):
    torch.save({"main.0.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(BadWeights, match=r"no pickle under that name.*must end with \.pth"):
        load_snapshot(tmp_path)


def test_a_file_that_does_not_name_its_network_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(BadWeights, match="which network"):
        load_snapshot(tmp_path)


def with_tensors(folder, change):
    """Rewrite G's file with changed tensors under the same metadata."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    config = {"network": {**TINY.__dict__}, "training": {}}
    save_file(tensors, path, {"config": json.dumps(config)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("main.0.weight"), "1 of .* missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 are foreign"),
        (lambda t: t.update({"main.0.weight": torch.zeros(3, 3, 4, 4)}), r"\[3, 3, 4, 4\]"),
        (lambda t: t["main.0.weight"].fill_(float("nan")), "not numbers"),
        (lambda t: t.update({"main.1.bias": t["main.1.bias"].int()}), "int32"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_first_difference(folder, change, message):
    with_tensors(folder, change)
    with pytest.raises(BadWeights, match=message):
        load_snapshot(folder)


@pytest.mark.parametrize(
    "network",
    [
        *({"kind": "other"}, {"colour": 1}, {"resolution": "big"}, {"width_G": 10**6}),
        *({"z_dim": 8.0}, {"z_dim": None}, {"z_dim": True}, {"kind": None}, {"d_norm": ["batch"]}),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(folder, network):
    tensors = load_file(folder / "model.safetensors")
    config = {"network": {**TINY.__dict__, **network}}
    save_file(tensors, folder / "model.safetensors", {"config": json.dumps(config)})
    with pytest.raises(BadWeights, match="configuration"):
        load_snapshot(folder)


@pytest.mark.parametrize(
    "beside", [b"\xff\xfe{}", b'{"network": 5}', b'{"network": {}, "training": 5}']
)
def test_a_config_json_that_makes_no_sense_is_refused(folder, beside):
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors, folder / "model.safetensors")  # without metadata: config.json must tell
    (folder / "config.json").write_bytes(beside)
    with pytest.raises(BadWeights, match="which network"):
        load_snapshot(folder)


def test_a_missing_file_is_refused_with_its_path(tmp_path):
    with pytest.raises(BadWeights, match="nowhere"):
        load_snapshot(tmp_path / "nowhere")


# --- checkpoints --------------------------------------------------------------------------

CPU = Compute("cpu", "float32", True, 1)


def test_a_checkpoint_tells_its_run_without_loading_a_tensor(tmp_path):
    config = TrainConfig(network=TINY, minutes=3, seed=4)
    state = new_state(config, torch.zeros(20, 16, 16, 3, dtype=torch.uint8).numpy(), CPU)
    state.nimg, state.seconds, state.best_kid, state.best_nimg = 640, 12.5, 0.25, 320
    state.best_is_late = True
    save_checkpoint(tmp_path, state, config, CPU, "scratch")
    found = find_checkpoint(tmp_path)
    assert (found.config, found.compute, found.start) == (config, CPU, "scratch")
    assert (found.nimg, found.seconds, found.best_kid, found.best_nimg) == (640, 12.5, 0.25, 320)
    assert found.best_is_late


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(BadRun, match="no checkpoint"):
        find_checkpoint(tmp_path)


def test_a_snapshot_in_place_of_a_checkpoint_is_refused(folder):
    shutil.copy(folder / "model.safetensors", folder / "checkpoint.safetensors")
    with pytest.raises(BadWeights, match="not a checkpoint"):
        find_checkpoint(folder)


def test_a_checkpoint_of_another_size_is_refused(tmp_path):
    images = torch.zeros(20, 16, 16, 3, dtype=torch.uint8).numpy()
    config = TrainConfig(network=TINY)
    save_checkpoint(tmp_path, new_state(config, images, CPU), config, CPU, "scratch")
    other = TrainConfig(network=NetworkConfig(resolution=16, z_dim=8, width_G=16, width_D=8))
    with pytest.raises(BadWeights, match="not a checkpoint"):
        restore(find_checkpoint(tmp_path), new_state(other, images, CPU))
