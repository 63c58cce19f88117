"""Files that torch.save wrote: read as PyTorch reads them, or refused; nothing of them is run."""

import copy
import os
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from others_networks import punks_G
from torch import Tensor, nn

from gan_core.errors import BadWeights
from gan_core.gan.foreign import adopt
from gan_core.gan.pickles import read_pickle
from gan_core.gan.snapshot import load_snapshot

FEW = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ZIP, OLD = True, False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "G.pth"


def save(content: object, path: Path, zipped: bool = ZIP) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)


def zip_of(path: Path, data: bytes, stored: Mapping[str, bytes] | None = None) -> None:
    """Write a file like torch.save's, of any pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("G/data.pkl", data)
        for key, numbers in (stored or {}).items():
            archive.writestr(f"G/data/{key}", numbers)


def unzipped(path: Path) -> tuple[bytes, dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        [name] = (each for each in archive.namelist() if each.endswith("/data.pkl"))
        folder = name.removesuffix("data.pkl") + "data/"
        keys = [each.removeprefix(folder) for each in archive.namelist() if folder in each]
        return archive.read(name), {key: archive.read(folder + key) for key in keys}


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


# --- what is read -------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [ZIP, OLD])
def test_tensors_are_those_that_pytorch_reads(path, zipped):
    numbers = torch.arange(24.0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    content = {
        "state": network.state_dict(),  # an OrderedDict with attributes
        "parameters": dict(network.named_parameters()),
        "kinds": {
            str(kind): torch.arange(5).to(kind)
            for kind in (
                torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.int16,
                torch.int8, torch.uint8, torch.bool,
            )
        },
        "views": {
            "part": numbers[3:9], "turned": numbers.view(2, 3, 4).permute(2, 0, 1),
            "every third": numbers[::3], "empty": torch.empty(0, 7).half(), "one": torch.tensor(3),
            "last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        },
    }  # fmt: skip
    save(content, path, zipped)
    theirs, ours = torch.load(path, weights_only=True), read_pickle(path)
    assert list(ours) == list(theirs)
    for name, record in theirs.items():
        assert list(ours[name]) == list(record)
        for key, tensor in record.items():
            assert torch.equal(ours[name][key], tensor), key
            assert ours[name][key].dtype is tensor.dtype


@pytest.mark.parametrize("zipped", [ZIP, OLD])
def test_what_is_no_tensor_or_lies_deeper_is_left_out(path, zipped):
    content = {
        "epoch": 5, 7: torch.ones(1), "losses": [0.5, -1, 2**70, None, True, ("a", {})],
        "optimizer": {"state": {0: {"step": torch.ones(1)}}}, "w": torch.ones(2),
    }  # fmt: skip
    save(content, path, zipped)
    read = read_pickle(path)
    assert set(read) == {"7", "optimizer", "w"}
    assert read["optimizer"] == {}
    assert torch.equal(read["w"], torch.ones(2))


@torch.no_grad()
def test_a_file_from_before_2020_makes_the_same_pictures(path, tmp_path):
    z = torch.randn(2, 12)
    made = []
    for zipped in (ZIP, OLD):
        torch.manual_seed(0)
        save(punks_G().state_dict(), path, zipped)
        made.append(load_snapshot(adopt(path, None, tmp_path / "cache")).G(z))
    assert not zipfile.is_zipfile(path)
    assert torch.equal(*made)


# --- what is refused ----------------------------------------------------------------------


class Call:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("zipped", [ZIP, OLD])
@pytest.mark.parametrize(
    ("value", "asks"),
    [
        (Call(bytearray, 1000), "__builtin__.bytearray"),
        (Call(Counter, [1, 2]), "collections.Counter"),
        (Call(set, [1, 2]), "__builtin__.set"),
        (Call(os.mkdir, "/nowhere/at/all"), "posix.mkdir"),
        (Call(OrderedDict, [("a", 1)]), "calls something with what it does not take"),
        (torch.ones(2, device="meta"), "meta_tensor"),
        (torch.ones(2).to_sparse(), "sparse"),
        (torch.ones(2, dtype=torch.complex64), "ComplexFloatStorage"),
        (nn.Linear(1, 1), "Linear"),
    ],
)  # fmt: skip
def test_nothing_but_dense_tensors_and_plain_values_is_made(path, value, asks, zipped):
    if zipped is OLD and asks == "Linear":
        pytest.skip("its source is written into the file, with a warning")
    save({"main.0.weight": value}, path, zipped)
    with pytest.raises(BadWeights, match=f"more than tensors.*{asks}"):
        read_pickle(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x80\x02}." + bytes(2_000_001), "at most 2000000 bytes"),
        (b"\x80\x02}" + b"N" * 200_000 + b".", "more than 200000 instructions"),
        (b"\x80\x02}", "before seeing STOP"),
        (b"\x80\x02]N.", "no tensors by name"),
        (b"\x80\x02\x86.", "more values than it has"),
        (b"\x80\x02}\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "bytes"),
        (b"\x80\x02}" + named("torch", "FloatStorage") + b")\x81.", "instruction NEWOBJ"),
        (b"\x80\x02}" + named("torch", "FloatStorage") + b")R.", "does not take"),
        (b"\x80\x02}p2305843009213693951\n.", "instruction PUT"),
        (b"\x80\x02}K\x01Q.", "no storage"),
    ],
)  # fmt: skip
def test_a_pickle_that_is_long_strange_or_cut_is_refused(path, data, says):
    zip_of(path, data)
    with pytest.raises(BadWeights, match=says):
        read_pickle(path)


def test_a_tuple_of_tuples_is_never_hashed(path):
    twice = b"q\x00h\x00\x86"  # (x, x) of x: with 24 of them, 16 million to hash; 60 take for ever
    zip_of(path, b"\x80\x02})" + twice * 24 + b"Ns.")
    assert read_pickle(path) == {}


def test_a_record_under_many_names_is_read_once(path):
    record = {"w": torch.ones(1)}
    save({str(n): record for n in range(9)}, path)
    assert len(read_pickle(path)) == 1


@pytest.mark.parametrize(
    ("records", "letters", "says"),
    [
        (200, 200, None),
        (201, 200, "201 records with tensors, of 200 at most"),
        (200, 201, "name has 201 characters, of 200 at most"),
    ],
)
def test_few_bytes_do_not_stand_for_many_records_or_long_names(path, records, letters, says):
    name = "w" * letters  # saved once, like the tensor
    ones = torch.ones(1)
    save({f"record {n}": {name: ones} for n in range(records)}, path)
    if says is None:
        assert len(read_pickle(path)) == records
        return
    with pytest.raises(BadWeights, match=says):
        read_pickle(path)


def test_a_packed_zip_is_refused_before_it_is_unpacked(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("G/data.pkl", b"\x80\x02}." + bytes(1_000_000))
    with pytest.raises(BadWeights, match="zip is packed; it claims 1000004 bytes in 11"):
        read_pickle(path)


@pytest.mark.parametrize(("copies", "says"), [(9, "it claims 1000"), (10_001, "than 10000 files")])
def test_a_zip_whose_files_are_all_the_same_bytes_is_refused(path, copies, says):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("G/data.pkl", b"\x80\x02}.")
        archive.writestr("G/data/0", bytes(100_000))
        for n in range(copies):
            again = copy.copy(archive.filelist[1])
            again.filename = f"G/data/{n + 1}"
            archive.filelist.append(again)
    with pytest.raises(BadWeights, match=says):
        read_pickle(path)


def test_numbers_that_are_read_in_two_ways_are_refused(path):
    save({"a": torch.ones(4), "b": torch.ones(4)}, path)
    data, stored = unzipped(path)
    zip_of(path, data, stored)
    assert len(read_pickle(path)) == 2
    zip_of(path, data.replace(b"X\x01\x00\x00\x001", b"X\x01\x00\x00\x000"), stored)  # key 1 is 0
    assert len(read_pickle(path)) == 2
    assert len({each.data_ptr() for each in read_pickle(path).values()}) == 1
    save({"a": torch.ones(4), "b": torch.ones(4, dtype=torch.int32)}, path)
    data, stored = unzipped(path)
    zip_of(path, data.replace(b"X\x01\x00\x00\x001", b"X\x01\x00\x00\x000"), stored)
    with pytest.raises(BadWeights, match="in two ways"):
        read_pickle(path)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"K\x06K\x04\x86", b"K\x07K\x04\x86"),  # another row
        (b"K\x04K\x01\x86", b"K\x05K\x01\x86"),  # longer steps
        (b"K\x06K\x04\x86", b"J\xff\xff\xff\xffK\x04\x86"),  # -1 rows
        (b"K\x06K\x04\x86", b"NK\x04\x86"),
        (b"K\x06K\x04\x86", b"K\x06\x85"),
    ],
)
def test_a_shape_that_its_numbers_do_not_fill_is_refused(path, was, becomes):
    save({"w": torch.ones(6, 4)}, path)
    data, stored = unzipped(path)
    data = data.replace(b"q\x07", b"").replace(b"q\x08", b"")  # nobody asks for these
    for n in range(20):  # nor for any other kept tuple
        data = data.replace(b"\x86q" + bytes([n]), b"\x86")
    zip_of(path, data, stored)
    assert torch.equal(read_pickle(path)["w"], torch.ones(6, 4))
    assert was in data
    zip_of(path, data.replace(was, becomes), stored)
    with pytest.raises(BadWeights, match="tensor"):
        read_pickle(path)


@pytest.mark.parametrize(("shape", "stride"), [((4,), (0,)), ((2, 2), (1, 1)), ((3, 2), (1, 2))])
def test_a_tensor_that_uses_a_number_twice_is_refused(path, shape, stride):
    save({"w": torch.ones(6).as_strided(shape, stride)}, path)
    with pytest.raises(BadWeights, match="uses a number twice"):
        read_pickle(path)


@pytest.mark.parametrize("count", [2**40, 999, 3, -1])
def test_a_file_from_before_2020_cannot_claim_other_counts_than_it_has(path, count):
    save({"w": torch.ones(1000)}, path, OLD)
    data = path.read_bytes()
    held = struct.pack("<q", 1000) + torch.ones(1000).numpy().tobytes()
    assert data.endswith(held)
    path.write_bytes(data.replace(held[:8], struct.pack("<q", count)))
    with pytest.raises(BadWeights, match="claims 1000 numbers"):
        read_pickle(path)


def test_the_keys_of_a_file_from_before_2020_are_not_hashed_unless_they_are_text(path):
    save({}, path, OLD)
    data = path.read_bytes()
    assert data.endswith(b"\x80\x02]q\x00.")
    bomb = b"\x80\x02])" + b"q\x00h\x00\x86" * 24 + b"a."
    path.write_bytes(data.removesuffix(b"\x80\x02]q\x00.") + bomb)
    with pytest.raises(BadWeights, match="has no keys"):
        read_pickle(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x02}.", pickle.dumps([1]), bytes(5000)])
def test_what_torch_never_wrote_is_called_so(path, content):
    path.write_bytes(content)
    with pytest.raises(BadWeights, match="not what torch.save writes"):
        read_pickle(path)


# --- and whatever else ----------------------------------------------------------------------


def attempt(path: Path) -> None:
    """Take a model for use. Whatever its file is: it is one, or BadWeights tells."""
    try:
        snapshot = load_snapshot(adopt(path, None, path.parent / "cache"))
        with torch.no_grad():
            assert snapshot.G(torch.zeros(1, 12)).shape == (1, 3, 24, 24)
    except BadWeights as error:
        assert str(error)


def harmed(content: bytes, draw: st.DataObject) -> bytes:
    """Some bytes changed, or moved, or the end cut off."""
    changed = bytearray(content)
    for _ in range(draw.draw(st.integers(0, 3))):
        changed[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    if draw.draw(st.booleans()):
        start, length = draw.draw(st.integers(0, len(content) - 1)), draw.draw(st.integers(0, 40))
        del changed[start : start + length]
    if draw.draw(st.integers(0, 9)) == 0:
        del changed[draw.draw(st.integers(0, len(content) - 1)) :]
    return bytes(changed)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, bytes]:
    path, state = tmp_path_factory.mktemp("good") / "G.pth", punks_G().state_dict()
    made = {}
    for zipped in (ZIP, OLD):
        save(state, path, zipped)
        made[zipped] = path.read_bytes()
    return made


@pytest.mark.parametrize("zipped", [ZIP, OLD])
@FEW
@given(draw=st.data())
def test_a_file_that_was_harmed_anywhere_is_a_model_or_is_refused(path, good, zipped, draw):
    path.write_bytes(harmed(good[zipped], draw))
    attempt(path)


@FEW
@given(draw=st.data())
def test_a_pickle_that_was_harmed_in_a_sound_zip_is_a_model_or_is_refused(path, good, draw):
    path.write_bytes(good[ZIP])
    data, stored = unzipped(path)
    zip_of(path, harmed(data, draw), stored)
    attempt(path)


@FEW
@given(start=st.integers(0, 3000), change=st.binary(min_size=1, max_size=6))
def test_the_pickles_of_a_file_from_before_2020_that_were_harmed_are_a_model_or_refused(
    path, good, start, change
):
    data = good[OLD]
    path.write_bytes(data[:start] + change + data[start + len(change) :])
    attempt(path)


def test_the_files_that_are_harmed_are_a_model_when_they_are_not(path, good, tmp_path):
    for zipped in (ZIP, OLD):
        path.write_bytes(good[zipped])
        read = read_pickle(path)
        assert all(isinstance(each, Tensor) for each in read.values())
        assert load_snapshot(adopt(path, None, tmp_path / "cache")).network.resolution == 24
