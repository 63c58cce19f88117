"""Feature networks: names, weights, rescaling, folding; and the photographs they learn from."""

import io
import json
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from gan_core.compute import Compute
from gan_core.errors import BadDataset, BadPicture, BadSetting, BadWeights
from gan_core.features.classifier import STYLENET, TRAINED, Classifier
from gan_core.features.export import export_stylenet
from gan_core.features.load import STYLENET_FILE, VGG19, calibration_pictures, load_network
from gan_core.features.network import Architecture, FeatureNet, check_tensors
from gan_core.features.photographs import load_photographs, normalise, random_crops
from gan_core.features.rescale import mean_activations, rescale
from gan_core.hub.resolve import BUNDLED, bundled_models

TINY = Architecture((4, 8, 8, 8, 8), (1, 1, 1, 2, 1), "average")


def draw(architecture: Architecture = TINY, seed: int = 1) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return {
        key: torch.randn(shape, generator=rng) * (0.3 if len(shape) == 4 else 0.1)
        for key, shape in architecture.shapes().items()
    }


def pictures(count: int = 2, side: int = 48) -> torch.Tensor:
    return calibration_pictures()[:count, :, :side, :side]


def test_vgg19_has_torchvisions_keys_and_the_papers_layer_names():
    layers = list(VGG19.layers())
    indices = [index for _, index, _, _ in layers]
    assert indices == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert VGG19.names()[:3] == ("relu1_1", "relu1_2", "relu2_1")
    assert VGG19.names()[-1] == "relu5_4"
    assert VGG19.shapes()["features.28.weight"] == (512, 512, 3, 3)
    assert dict(zip(VGG19.names(), indices, strict=True))["relu5_1"] == 28
    assert [n_out for *_, n_out in layers] == [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8
    assert [n_in for _, _, n_in, _ in layers] == [3] + [n_out for *_, n_out in layers[:-1]]


@pytest.mark.parametrize(("deepest", "megabytes"), [("relu5_1", 51.8), ("relu4_2", 23.5)])
def test_of_vgg19_only_what_a_layer_needs_is_counted(deepest, megabytes):
    values = sum(map(prod, VGG19.up_to(deepest).shapes().values()))
    assert values * 4 / 1e6 == pytest.approx(megabytes, abs=0.06)


def test_stylenet_has_every_layer_that_the_settings_name_and_ends_at_relu5_1():
    wanted = {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"}
    assert wanted <= set(STYLENET.names())
    assert STYLENET.names() == TRAINED.names()[: len(STYLENET.names())]
    assert STYLENET.names()[-1] == "relu5_1"
    assert {key: TRAINED.shapes()[key] for key in STYLENET.shapes()} == STYLENET.shapes()


def test_every_layer_gives_its_channels_at_its_own_resolution():
    net = FeatureNet(TINY, draw())
    found = net(torch.rand(2, 3, 37, 52), TINY.names())
    assert {name: tuple(h.shape) for name, h in found.items()} == {
        "relu1_1": (2, 4, 37, 52),
        "relu2_1": (2, 8, 18, 26),
        "relu3_1": (2, 8, 9, 13),
        "relu4_1": (2, 8, 4, 6),
        "relu4_2": (2, 8, 4, 6),
        "relu5_1": (2, 8, 2, 3),
    }
    assert all((h >= 0).all() for h in found.values())


@pytest.mark.parametrize("pool", ["average", "max"])
def test_the_activations_are_those_of_the_same_stack_made_of_torchs_modules(pool):
    architecture = Architecture((4, 6), (1, 2), pool)
    tensors, x = draw(architecture), torch.rand(1, 3, 20, 24)
    layers: list[torch.nn.Module] = []
    for name, index, n_in, n_out in architecture.layers():
        if name == "relu2_1":
            layers.append(torch.nn.AvgPool2d(2) if pool == "average" else torch.nn.MaxPool2d(2))
        conv = torch.nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode="replicate")
        conv.load_state_dict({k: tensors[f"features.{index}.{k}"] for k in ("weight", "bias")})
        layers += [conv, torch.nn.ReLU()]
    with torch.no_grad():
        expected = torch.nn.Sequential(*layers)(normalise((x * 255).permute(0, 2, 3, 1)))
    torch.testing.assert_close(
        FeatureNet(architecture, tensors)(x, ["relu2_2"])["relu2_2"], expected
    )


def test_only_the_layers_that_were_asked_for_come_back():
    assert set(FeatureNet(TINY, draw())(torch.rand(1, 3, 32, 32), ["relu3_1"])) == {"relu3_1"}


def test_a_picture_of_a_few_pixels_is_not_pooled_to_nothing():
    found = FeatureNet(TINY, draw())(torch.rand(1, 3, 3, 16), TINY.names())
    assert found["relu5_1"].shape == (1, 8, 1, 1)


def test_a_network_that_ends_early_ignores_the_tensors_of_deeper_layers():
    tensors = draw()
    x = torch.rand(1, 3, 32, 32)
    whole = FeatureNet(TINY, tensors)(x, ["relu3_1"])["relu3_1"]
    tensors["features.10.weight"] = torch.full((1,), float("nan"))
    early = FeatureNet(TINY, tensors, "relu3_1")
    assert early.architecture.names() == ("relu1_1", "relu2_1", "relu3_1")
    torch.testing.assert_close(early(x, ["relu3_1"])["relu3_1"], whole)
    kept = sum(buffer.numel() for buffer in early.buffers()) - 6  # mean and deviation
    assert kept == sum(map(prod, TINY.up_to("relu3_1").shapes().values()))


@pytest.mark.parametrize("layer", ["relu9_9", "relu1_2", "conv1_1", "", "relu", "relu1_1_1"])
def test_an_unknown_layer_is_refused_with_the_names_there_are(layer):
    net = FeatureNet(TINY, draw())
    names = "relu1_1, relu2_1, relu3_1, relu4_1, relu4_2, relu5_1"
    with pytest.raises(BadSetting, match=names):
        net(torch.rand(1, 3, 16, 16), ["relu1_1", layer])
    with pytest.raises(BadSetting, match=names):
        TINY.up_to(layer)


def test_a_layer_beyond_the_end_of_a_cut_network_is_refused():
    net = FeatureNet(TINY, draw(), "relu2_1")
    with pytest.raises(BadSetting, match="Its layers are relu1_1, relu2_1"):
        net(torch.rand(1, 3, 16, 16), ["relu3_1"])


def test_a_missing_tensor_is_refused_by_name():
    tensors = draw()
    del tensors["features.3.bias"]
    with pytest.raises(BadWeights, match=r"no tensor 'features\.3\.bias'.*needs 12 tensors"):
        FeatureNet(TINY, tensors)


def test_a_misshapen_tensor_is_refused_with_both_shapes():
    tensors = {**draw(), "features.0.weight": torch.zeros(4, 3, 5, 5)}
    with pytest.raises(BadWeights, match=r"\[4, 3, 5, 5\].*\[4, 3, 3, 3\]"):
        FeatureNet(TINY, tensors)
    with pytest.raises(BadWeights, match=r"In some\.file, features\.0\.weight"):
        check_tensors(TINY, {k: tuple(t.shape) for k, t in tensors.items()}, "some.file")


def test_a_network_is_frozen_and_does_not_share_memory_with_what_it_was_made_of():
    tensors = draw()
    net = FeatureNet(TINY, tensors)
    assert not list(net.parameters())
    x = torch.rand(1, 3, 16, 16)
    before = net(x, ["relu1_1"])["relu1_1"]
    tensors["features.0.weight"].zero_()
    assert torch.equal(net(x, ["relu1_1"])["relu1_1"], before)


def test_gradients_reach_the_picture():
    x = torch.rand(1, 3, 48, 48, requires_grad=True)
    FeatureNet(TINY, draw())(x, ["relu2_1"])["relu2_1"].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_a_copy_in_half_precision_sees_almost_the_same_and_leaves_the_original():
    net, x = FeatureNet(TINY, rescale(TINY, draw(), pictures())), pictures(1)
    copied = net.copy_to(Compute("cpu", "bfloat16", True))
    seen, half = net(x, ["relu2_1"])["relu2_1"], copied(x, ["relu2_1"])["relu2_1"]
    assert (seen.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert (seen - half.float()).square().mean() < 1e-3 * seen.square().mean()


def test_a_constant_picture_looks_the_same_everywhere_in_every_layer():
    net = FeatureNet(TINY, rescale(TINY, draw(), pictures()))
    for h in net(torch.full((1, 3, 64, 64), 0.1), TINY.names()).values():
        assert (h - h[..., :1, :1]).abs().max() < 1e-4


def test_rescaled_filters_have_a_mean_of_one_where_they_answer():
    x = pictures()
    before = mean_activations(FeatureNet(TINY, draw()), x)
    after = mean_activations(FeatureNet(TINY, rescale(TINY, draw(), x)), x)
    for layer, means in after.items():
        answers = before[layer] > 0.02 * before[layer].median()
        assert answers.any()
        torch.testing.assert_close(means[answers], torch.ones(int(answers.sum())))
        assert (means[~answers] <= 1).all()


def test_a_rescaled_network_is_the_old_one_up_to_a_factor_for_each_filter():
    old, new = FeatureNet(TINY, draw()), FeatureNet(TINY, rescale(TINY, draw(), pictures()))
    x = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(5))
    for layer, h in old(x, TINY.names()).items():
        scaled = new(x, [layer])[layer]
        factor = (h * scaled).sum((2, 3), keepdim=True) / h.square().sum((2, 3), keepdim=True)
        factor = factor.nan_to_num()  # a filter that is silent here
        assert (factor >= 0).all()
        torch.testing.assert_close(scaled, h * factor, rtol=1e-3, atol=1e-4)


def test_folding_batch_norm_into_the_convolutions_changes_nothing_away_from_the_edges():
    architecture = Architecture((4, 6), (1, 2), "average")
    torch.manual_seed(0)
    net, seen = Classifier(3, architecture), {}
    for norm in net.norms:
        torch.nn.init.normal_(norm.weight, 1, 0.3)
        torch.nn.init.normal_(norm.bias, 0, 0.3)
    x = torch.rand(4, 3, 32, 32)
    for _ in range(5):
        net(normalise(x.permute(0, 2, 3, 1) * 255))  # running means move away from 0 and 1
    net.eval()
    for name, norm in zip(architecture.names(), net.norms, strict=True):
        norm.register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output})
        )
    with torch.no_grad():
        net(normalise(x.permute(0, 2, 3, 1) * 255))
    for name, h in FeatureNet(architecture, net.folded())(x, architecture.names()).items():
        inside = (..., slice(3, -3), slice(3, -3))
        assert h[inside].std() > 0.01
        torch.testing.assert_close(h[inside], seen[name].relu()[inside], rtol=1e-4, atol=1e-5)


def test_a_classifier_gives_a_logit_for_every_class():
    net = Classifier(7, TINY)
    assert net(torch.rand(2, 3, 48, 48)).shape == (2, 7)
    assert net.folded().keys() == TINY.shapes().keys()


def jpeg(color: tuple[int, int, int], side: int = 32) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), color).save(stream, "JPEG")
    return stream.getvalue()


def pack(
    path: Path, files: list[bytes], labels: list[int], changes: dict[str, object] | None = None
) -> Path:
    arrays = {
        "data": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)], dtype=np.int64),
        "labels": np.array(labels, np.int16),
        **(changes or {}),
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_photographs_come_out_of_the_file_with_their_labels(tmp_path):
    files = [jpeg((250, 0, 0)), jpeg((0, 250, 0)), jpeg((0, 0, 250))]
    found = load_photographs(pack(tmp_path / "p.npz", files, [2, 0, 1]))
    assert found.images.shape == (3, 32, 32, 3)
    assert found.images.dtype == np.uint8
    assert found.labels.tolist() == [2, 0, 1]
    assert (len(found), found.classes) == (3, 3)
    assert found.images.mean((1, 2)).argmax(1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("no labels", {"labels": None}),
        ("no data", {"data": None}),
        ("too few offsets", {"offsets": np.array([0, 100])}),
        ("no pictures", {"offsets": np.array([0]), "labels": np.array([], np.int16)}),
        ("a negative label", {"labels": np.array([-1, 0], np.int16)}),
        ("labels that are objects", {"labels": np.array([None, 1], object)}),
        ("labels that are words", {"labels": np.array(["cat", "dog"])}),
    ],
)
def test_an_npz_of_something_else_is_refused_by_name(tmp_path, name, changes):
    path = pack(tmp_path / "p.npz", [jpeg((1, 2, 3)), jpeg((4, 5, 6))], [0, 1], changes)
    with pytest.raises(BadDataset, match=r"p\.npz does not hold labelled photographs"):
        load_photographs(path)


@pytest.mark.parametrize("damage", ["text", "half", "a flipped bit", "empty", "nothing", "array"])
def test_a_corrupt_file_is_refused_by_name(tmp_path, damage):
    path = pack(tmp_path / "p.npz", [jpeg((1, 2, 3)), jpeg((4, 5, 6))], [0, 1])
    whole = path.read_bytes()
    if damage == "nothing":
        path.unlink()
    elif damage == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        flipped = bytearray(whole)
        flipped[len(whole) // 3] ^= 255
        path.write_bytes(
            {"text": b"no", "half": whole[: len(whole) // 2], "empty": b""}.get(damage, flipped)
        )
    with pytest.raises(BadDataset, match=r"p\.npz"):
        load_photographs(path)


def test_a_damaged_picture_among_them_is_named_by_its_number(tmp_path):
    path = pack(tmp_path / "p.npz", [jpeg((1, 2, 3)), jpeg((4, 5, 6))[:150]], [0, 1])
    with pytest.raises(BadPicture, match=r"picture 1 of p\.npz"):
        load_photographs(path)


def test_photographs_of_two_sizes_are_refused(tmp_path):
    path = pack(tmp_path / "p.npz", [jpeg((1, 2, 3)), jpeg((4, 5, 6), 48)], [0, 1])
    with pytest.raises(BadDataset, match="differ in size"):
        load_photographs(path)


def test_normalised_photographs_are_in_units_of_imagenets_deviation():
    pixels = torch.tensor([[[[0, 128, 255]]]], dtype=torch.uint8)
    expected = [(0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert normalise(pixels).flatten().tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("share", "sides"), [(0.0, {32, 48, 64}), (0.9, {48, 64, 80})])
def test_crops_are_squares_of_the_sizes_of_their_time_within_the_range(share, sides):
    x = normalise(torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8))
    found = set()
    for seed in range(40):
        crops = random_crops(x, share, torch.Generator().manual_seed(seed))
        assert crops.shape[:2] == (4, 3)
        assert crops.shape[2] == crops.shape[3]
        assert torch.isfinite(crops).all()
        assert crops.max() <= x.max() * 1.2 + 0.1 + 1e-4
        assert crops.min() >= x.min() * 1.2 - 0.1 - 1e-4
        found.add(crops.shape[2])
    assert found == sides


def test_crops_are_the_generators_and_nobody_elses():
    x = torch.randn(4, 3, 64, 64)
    a, again, b = (
        random_crops(x, 0.5, torch.Generator().manual_seed(seed)).mean((1, 2, 3))
        for seed in (1, 1, 2)
    )
    assert torch.equal(a, again)
    assert not torch.equal(a, b)


def test_crops_are_cut_from_the_picture_itself_some_of_them_mirrored():
    ramp = torch.linspace(-1, 1, 64).expand(64, 3, 64, 64)
    crops = random_crops(ramp, 0, torch.Generator().manual_seed(0))
    slopes = (crops[..., -1] - crops[..., 0]).mean((1, 2))
    assert (slopes > 0.5).any()
    assert (slopes < -0.5).any()
    assert (crops.std(2) < 1e-4).all()  # what does not change from top to bottom still does not


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A bundle with what a new, untrained classifier sees with."""
    folder = tmp_path_factory.mktemp("bundled")
    torch.manual_seed(0)
    net = Classifier(4).eval()
    export_stylenet(net, folder / "stylenet", {"kimg": 0, "on": "nothing"})
    return folder


def test_an_exported_stylenet_can_be_loaded_and_says_where_it_comes_from(exported):
    net = load_network("stylenet", bundled=exported)
    assert net.architecture == STYLENET
    assert net.name == "StyleNet"
    config = json.loads((exported / "stylenet" / "config.json").read_text())
    assert config["training"] == {"kimg": 0, "on": "nothing"}
    for means in mean_activations(net, calibration_pictures()[:2]).values():
        assert 0.5 < means.mean() < 2
    with safe_open(exported / "stylenet" / STYLENET_FILE, "pt") as file:
        assert json.loads(file.metadata()["config"])["widths"] == list(STYLENET.widths)


def test_a_network_is_loaded_only_as_deep_as_it_is_needed(exported):
    net = load_network("stylenet", "relu2_1", bundled=exported)
    assert net.architecture.names() == ("relu1_1", "relu1_2", "relu2_1")


def test_unknown_networks_and_layers_and_missing_files_are_refused(exported, tmp_path):
    with pytest.raises(BadSetting, match="no feature network 'alexnet'.*stylenet and vgg19"):
        load_network("alexnet", bundled=exported)
    with pytest.raises(BadSetting, match="no layer 'relu9_1'"):
        load_network("stylenet", "relu9_1", bundled=exported)
    with pytest.raises(BadSetting, match="no layer 'relu9_1'.*relu5_4"):
        load_network("vgg19", "relu9_1", bundled=exported)
    with pytest.raises(BadWeights, match="no weight file"):
        load_network("stylenet", bundled=tmp_path)


def test_a_bundled_file_of_another_network_is_refused_by_its_name(tmp_path):
    (tmp_path / "stylenet").mkdir()
    (tmp_path / "stylenet" / STYLENET_FILE).write_bytes(b"\x02" + bytes(7) + b"{}")
    with pytest.raises(BadWeights, match=r"features\.safetensors has no tensor"):
        load_network("stylenet", bundled=tmp_path)


def test_the_bundled_stylenet_is_small_and_finite_and_has_its_keys_in_half_precision():
    path = BUNDLED / "stylenet" / STYLENET_FILE
    assert path.stat().st_size <= 5_000_000
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    assert {key: tuple(t.shape) for key, t in tensors.items()} == STYLENET.shapes()
    assert all(t.dtype == torch.float16 for t in tensors.values())
    assert all(torch.isfinite(t).all() for t in tensors.values())


def test_the_bundled_stylenets_filters_have_a_mean_of_one():
    means = mean_activations(load_network("stylenet"), calibration_pictures())
    assert means.keys() == set(STYLENET.names())
    for mean in means.values():
        assert mean.max() < 1.02
        assert ((mean - 1).abs() < 0.02).float().mean() > 0.9  # others hardly ever answer


def test_the_feature_network_is_not_offered_among_the_models_that_make_pictures():
    assert "stylenet" not in bundled_models()
