"""GANs that were made elsewhere: their pictures stay the same, and what is not sound is refused."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from others_networks import WIDTH, Net, Z, punks_G
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from gan_core.errors import BadSetting, BadWeights
from gan_core.gan.config import NetworkConfig, derive
from gan_core.gan.foreign import adopt
from gan_core.gan.networks import build
from gan_core.gan.networks.layers import Generator, Layer, over_white
from gan_core.gan.snapshot import G_FILE, Snapshot, load_snapshot
from gan_core.hub.resolve import BUNDLED, DEFAULT_MODEL

LEVELS = 3 / 127.5  # of 256; weights are kept as halves


def tutorial_G(side: int = 64, channels: int = 3, widest: int = WIDTH) -> nn.Module:
    """pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html, with a layer more or less."""
    n_in, n_out, layers, stride, padding = Z, widest * side // 8, [], 1, 0
    while n_out >= widest:
        layers += [nn.ConvTranspose2d(n_in, n_out, 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(n_out), nn.ReLU(True)]
        n_in, n_out, stride, padding = n_out, n_out // 2, 2, 1
    last = nn.ConvTranspose2d(n_in, channels, 4, 2, 1, bias=False)
    return Net("main", [*layers, last, nn.Tanh()])


def tutorial_D(side: int = 64, channels: int = 3) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False)]
    layers += [nn.LeakyReLU(0.2, inplace=True)]
    n = WIDTH
    while n < WIDTH * side // 8:
        layers += [nn.Conv2d(n, 2 * n, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * n)]
        layers += [nn.LeakyReLU(0.2, inplace=True)]
        n *= 2
    return Net("main", [*layers, nn.Conv2d(n, 1, 4, 1, 0, bias=False)])  # its sigmoid left out


def used(network: nn.Module, x: torch.Tensor) -> nn.Module:
    """A network whose statistics are not those of a new one."""
    network.train()
    for _ in range(3):
        network(x)
    return network.eval()


def z(n: int = 4) -> torch.Tensor:
    return torch.randn(n, Z, 1, 1, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


def adopted(place: Path, G: object, D: object = None, suffix: str = ".pth") -> Snapshot:
    paths = []
    for name, content in (("G", G), ("D", D)):
        if content is not None:
            paths.append(place / f"{name}{suffix}")
            if suffix == ".safetensors":
                save_file(content, paths[-1])
            else:
                torch.save(content, paths[-1])
    return load_snapshot(adopt(paths[0], paths[1] if D is not None else None, place / "cache"))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("side", "channels"), [(32, 3), (64, 3), (64, 1), (128, 3)])
@torch.no_grad()
def test_a_pair_of_the_tutorial_makes_the_same_pictures_and_scores_as_there(
    place, side, channels, suffix
):
    G = used(tutorial_G(side, channels), z(16))
    D = used(tutorial_D(side, channels), torch.randn(4, channels, side, side))
    snapshot = adopted(place, G.state_dict(), D.state_dict(), suffix)
    asked = (snapshot.network.kind, snapshot.network.resolution, snapshot.network.z_dim)
    assert asked == ("dcgan", side, Z)
    there = G(z())
    here = snapshot.G(z().flatten(1))
    assert (here - there).abs().max() <= LEVELS  # grey ones in three colours alike
    score = D(there).flatten()
    assert torch.allclose(snapshot.D(there.expand(-1, 3, -1, -1)), score, atol=0.02, rtol=0.01)


@torch.no_grad()
def test_a_pair_of_the_lessons_notebook_is_one_of_our_network_notebook(place):
    network = NetworkConfig("notebook", 28, 1, Z, 8, 8)
    G, D = build(network, seed=3)
    snapshot = adopted(place, {"generator": G.state_dict(), "discriminator": D.state_dict()})
    assert snapshot.network == network
    assert (snapshot.G(z()) - G.eval()(z())).abs().max() <= LEVELS
    assert snapshot.D is not None


@torch.no_grad()
def test_the_punks_are_laid_upon_white(place):
    G = used(punks_G(), z(16))
    snapshot = adopted(place, G.state_dict())
    made = G(z())
    colour, cover = made[:, :3], (made[:, 3:] + 1) / 2
    here = snapshot.G(z().flatten(1))
    assert here.shape == (4, 3, 24, 24)
    assert (here - (colour * cover + 1 - cover)).abs().max() <= LEVELS


def test_what_does_not_cover_is_white_and_what_covers_is_itself():
    x = torch.tensor([[-1.0, 0.5, 1.0, 1.0], [-1.0, 0.5, 1.0, -1.0]]).view(2, 4, 1, 1)
    assert over_white(x).flatten(1).tolist() == [[-1.0, 0.5, 1.0], [1.0, 1.0, 1.0]]


def test_names_of_data_parallel_and_a_checkpoints_other_records_do_not_matter(place):
    state = {f"module.{name}": each for name, each in tutorial_G().state_dict().items()}
    checkpoint = {"epoch": 5, "loss": torch.tensor(0.5), "optimizer": {"state": {}}, "netG": state}
    assert adopted(place, checkpoint).network.resolution == 64


def test_a_discriminator_of_another_size_or_kind_is_left_out(place):
    variant = tutorial_D(32).state_dict()
    variant["main.0.bias"] = torch.zeros(WIDTH)
    for D in (tutorial_D(64).state_dict(), variant, {"fc.weight": torch.zeros(3, 3)}):
        assert adopted(place, tutorial_G(32).state_dict(), D).D is None


def test_a_model_that_the_hubs_own_class_saved_is_known_by_its_tensors(place):
    save_file(tutorial_G().state_dict(), place / G_FILE)  # as PyTorchModelHubMixin does
    (place / "config.json").write_text('{"nz": 12, "ngf": 8}')
    folder = adopt(place / G_FILE, None, place / "cache")
    assert load_snapshot(folder).network.resolution == 64


@pytest.mark.parametrize("name", ["model.SAFETENSORS", "netG.SafeTensors"])
def test_an_ending_in_capitals_is_the_same_ending(place, name):
    save_file(tutorial_G().state_dict(), place / name)
    assert load_snapshot(adopt(place / name, None, place / "cache")).network.resolution == 64
    ours = BUNDLED / DEFAULT_MODEL / G_FILE
    (place / name).write_bytes(ours.read_bytes())
    assert load_snapshot(adopt(place / name, None, place / "cache")).network.kind == "dcgan"


def test_a_converted_model_is_kept_and_the_pickle_not_opened_again(place):
    first = adopted(place, tutorial_G().state_dict())
    assert first.training == {"layout": "the PyTorch tutorial's DCGAN, G alone"}
    kept = adopt(place / "G.pth", None, place / "cache")
    written = (kept / G_FILE).stat().st_ino  # another file, if it were written anew
    assert adopt(place / "G.pth", None, place / "cache") == kept
    assert (kept / G_FILE).stat().st_ino == written


def test_a_model_of_ours_stays_where_it_is(place):
    ours = BUNDLED / DEFAULT_MODEL
    assert adopt(ours / "model.safetensors", None, place / "cache") == ours
    assert not (place / "cache").exists()


# --- what is refused ----------------------------------------------------------------------


class Command:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_run_a_program_is_refused_and_runs_none(place):
    torch.save({"main.0.weight": Command(place / "ran")}, place / "G.pth")
    with pytest.raises(BadWeights, match="more than tensors.*could run as a program.*state_dict"):
        adopt(place / "G.pth", None, place / "cache")
    assert not (place / "ran").exists()


def test_a_whole_module_is_refused_with_advice(place):
    torch.save(tutorial_G(), place / "G.pth")
    with pytest.raises(BadWeights, match="state_dict"):
        adopt(place / "G.pth", None, place / "cache")


def test_a_plain_pickle_is_refused(place):
    (place / "G.pth").write_bytes(pickle.dumps({"main.0.weight": [1, 2, 3]}))
    with pytest.raises(BadWeights, match="newer PyTorch"):
        adopt(place / "G.pth", None, place / "cache")


def test_a_tensor_that_repeats_its_bytes_to_gigabytes_is_refused(place):
    state = tutorial_G().state_dict()
    state["main.0.weight"] = torch.zeros(1).expand(10**6, 10**3, 4, 4)
    torch.save(state, place / "G.pth")
    with pytest.raises(BadWeights, match="16000000000 numbers in 4 bytes"):
        adopt(place / "G.pth", None, place / "cache")


def test_a_tensor_that_claims_more_bytes_than_its_file_has_is_refused(place):
    torch.save({"main.0.weight": torch.zeros(100, 512, 4, 4)}, place / "whole.pth")
    with (
        zipfile.ZipFile(place / "whole.pth") as whole,
        zipfile.ZipFile(place / "G.pth", "w") as short,
    ):
        for each in whole.infolist():
            short.writestr(each.filename, whole.read(each)[:1000])
    with pytest.raises(BadWeights, match="damaged"):
        adopt(place / "G.pth", None, place / "cache")


def test_half_a_file_is_refused(place):
    torch.save(tutorial_G().state_dict(), place / "G.pth")
    content = (place / "G.pth").read_bytes()
    (place / "G.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadWeights):
        adopt(place / "G.pth", None, place / "cache")


def test_a_file_of_gigabytes_is_refused_before_it_is_read(place):
    with (place / "G.pth").open("wb") as file:
        file.truncate(5_000_000_000)  # takes no room
    with pytest.raises(BadWeights, match="5,000 MB"):
        adopt(place / "G.pth", None, place / "cache")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("main.4.weight"), "missing"),
        (lambda s: s.update({"main.1.weight": torch.zeros(3)}), r"main.1.weight has the shape \[3"),
        (lambda s: s["main.0.weight"].fill_(float("nan")), "not numbers"),
        (lambda s: s.update({"main.0.weight": torch.zeros(5000, 64, 4, 4)}), "z_dim is 5000"),
        (lambda s: s.update(other=torch.zeros(3)), "no generator that is known.*cryptopunks"),
    ],
)
def test_what_does_not_fit_its_layout_is_refused(place, change, says):
    state = tutorial_G().state_dict()
    change(state)
    with pytest.raises(BadWeights, match=says):
        adopted(place, state)


def test_an_empty_tensor_of_endless_sides_is_no_filter(place):
    state = tutorial_G(channels=1).state_dict()
    state["main.12.weight"] = torch.empty(0).as_strided((WIDTH, 1, 0, 2**61), (1, 1, 1, 1))
    with pytest.raises(BadWeights, match="does not fit"):
        adopted(place, state)


def test_a_discriminator_alone_is_no_model(place):
    with pytest.raises(BadWeights, match="no generator"):
        adopted(place, tutorial_D().state_dict())


@pytest.mark.parametrize(
    "layers",
    [
        (), ("4 k4 s1",), ("4 k9 s1 p0",), ("5 k24 s1 p0",), ("64 k99 s9 p0",) * 3,
        ("4 k2 s1 p0",) * 11, ("900 k99 s1 p0", "4 k24 s1 p49"), ("4 k1 s1 p5",),
        ("4 k4 s1 p0", "3 k24 s0 p0"), ("0 k4 s1 p0", "3 k21 s1 p0"), ("4 k0 s1 p0", "3 k25 s1 p0"),
    ],
)  # fmt: skip
def test_a_table_that_makes_no_such_pictures_is_refused(layers):
    with pytest.raises(BadWeights, match="table of layers"):
        Generator(NetworkConfig("layers", 24, layers=layers))


def test_a_table_that_would_compute_for_minutes_is_refused():
    layers = ("999 k9 s1 p0", "999 k19 s1 p9", "4 k16 s1 p0")
    with pytest.raises(BadWeights, match=r"with 29\.\d+ billion multiplications.*at most 20"):
        Generator(NetworkConfig("layers", 24, layers=layers))


@settings(max_examples=100, deadline=None)
@given(
    table=st.lists(
        st.builds(
            Layer, st.sampled_from((1, 3, 4)), st.integers(0, 9), st.integers(0, 4),
            st.integers(0, 3),
        ),
        min_size=1, max_size=5,
    )
)  # fmt: skip
@torch.no_grad()
def test_every_table_that_is_taken_makes_pictures(table):
    side = 1
    for layer in table:
        side = layer.side(side)
    network = NetworkConfig("layers", side, z_dim=Z, layers=tuple(map(str, table)))
    try:
        G = Generator(network).eval()
    except BadWeights:
        return
    assert G(z(1)).shape == (1, 3, side, side)


def test_a_configuration_cannot_ask_for_more_than_its_file_holds(place):
    state = build(NetworkConfig(width_G=4, width_D=4))[0].state_dict()
    save_file({name: each.contiguous() for name, each in state.items()}, place / G_FILE)
    (place / "config.json").write_text('{"network": {"resolution": 256, "width_G": 256}}')
    with pytest.raises(BadWeights, match="asks for a network of"):
        load_snapshot(place)


def test_a_table_of_layers_is_no_network_to_train():
    network = NetworkConfig("layers", 24, layers=("4 k24 s1 p0",))
    with pytest.raises(BadSetting, match="no network to train"):
        derive(100, 5, network)


# --- through the command line -----------------------------------------------------------------


@pytest.mark.usefixtures("hub_client")
def test_generate_and_measure_take_the_punks(place, atelier, picture_folder):
    torch.save(used(punks_G(), z(16)).state_dict(), place / "generator.pth")
    done = atelier("generate", "--model", place, "--count", "2", "--out", place / "out")
    assert done.code == 0, done.err
    with Image.open(place / "out" / "0000.png") as picture:
        assert picture.size == (24, 24)
        assert np.asarray(picture).std() > 0
    done = atelier("measure", picture_folder, "--model", place, "--count", "16")
    assert done.code == 0, done.err


@pytest.mark.usefixtures("hub_client")
@pytest.mark.parametrize("command", ["train", "pretrain"])
@pytest.mark.parametrize("option", ["--start", "--network"])
def test_what_is_only_to_generate_with_is_not_trained(
    place, atelier, picture_folder, command, option
):
    torch.save(punks_G().state_dict(), place / "generator.pth")
    value = place if option == "--start" else "layers"
    done = atelier(command, picture_folder, option, value, "--out", place / "run")
    assert done.code == 2
    assert "no network to train" in done.err


@pytest.mark.usefixtures("hub_client")
def test_train_starts_from_a_pair_of_the_tutorial(place, atelier, picture_folder):
    torch.save(used(tutorial_G(32), z(16)).state_dict(), place / "netG.pth")
    torch.save(tutorial_D(32).state_dict(), place / "netD.pth")
    words = ("--kimg", "0.03", "--batch-size", "8", "--out", place / "run")
    done = atelier("train", picture_folder, "--start", place, *words)
    assert done.code == 0, done.err
    assert "Start: a model like the PyTorch tutorial's DCGAN" in done.out
