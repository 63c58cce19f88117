"""Films: what goes in comes out again, in time, in bounds, and in the right colours."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from gan_core.errors import BadSetting, DiskFull
from gan_core.pictures.film import encode_gif, encode_mp4, save_film, thin


def patchwork(seed, height=48, width=48, cell=16):
    """Patches of random colours, whose corners are never cut by a pixel."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (-(-height // cell), -(-width // cell), 3), np.uint8)
    return patches.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]


def noise(n, side):
    return list(np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8))


def decode_mp4(data):
    with av.open(io.BytesIO(data)) as film:
        stream = film.streams.video[0]
        told = (stream.codec_context.name, stream.codec_context.pix_fmt, film.duration / 1e6)
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)], told


def decode_gif(data):
    """Frames as RGB, and how many milliseconds each stays."""
    with Image.open(io.BytesIO(data)) as film:
        frames, stays = [], []
        for index in range(film.n_frames):
            film.seek(index)
            frames.append(np.asarray(film.convert("RGB")))
            stays.append(film.info["duration"])
        return frames, stays


def middles(picture, side):
    """One pixel in the middle of each 16-pixel patch of what was 48 x 48 and is now `side`."""
    places = np.array([8, 24, 40]) * side // 48
    return picture[np.ix_(places, places)].astype(int)


@pytest.mark.parametrize(
    ("encoders", "codec"), [(("libx264",), "h264"), (("no such encoder", "mpeg4"), "mpeg4")]
)
def test_an_mp4_plays_every_frame_in_its_colours_and_holds_the_last(encoders, codec):
    frames = [patchwork(seed) for seed in range(20)]
    played, told = decode_mp4(encode_mp4(frames, most_side=192, encoders=encoders))
    assert told == (codec, "yuv420p", pytest.approx(10, abs=0.5))
    assert len(played) == 25  # 2.5 a second, for 8 seconds and 2 more
    for index, picture in ((0, played[0]), (7, played[7]), (19, played[19]), (19, played[-1])):
        assert picture.shape == (192, 192, 3)
        assert np.abs(middles(picture, 192) - middles(frames[index], 48)).mean() < 5


@pytest.mark.parametrize("count", [1, 2, 96, 300])
def test_no_film_is_longer_than_ten_seconds(count):
    frames = [patchwork(seed % 5, 16, 16) for seed in range(count)]
    played, (_, _, seconds) = decode_mp4(encode_mp4(frames, most_side=16))
    assert seconds <= 10.1
    assert len(played) >= count
    _, stays = decode_gif(encode_gif(frames, most_side=16))
    assert sum(stays) <= 10_100


def test_a_browser_finds_the_index_of_an_mp4_before_the_pictures():
    film = encode_mp4(noise(300, 16), most_side=64)
    assert 0 < film.index(b"moov") < film.index(b"mdat")


@pytest.mark.parametrize(
    ("shape", "most", "shown"),
    [
        ((33, 47), 47, (34, 48)),  # as it is, but even
        ((33, 47), 800, (562, 800)),  # 17 times: 561 x 799
        ((18, 70), 800, (198, 770)),
        ((410, 1030), 800, (206, 516)),  # half: 205 x 515
    ],
)
def test_an_mp4_has_even_sides_within_bounds_whatever_the_frames_have(shape, most, shown):
    played, _ = decode_mp4(encode_mp4([patchwork(0, *shape)] * 2, most_side=most))
    assert played[0].shape[:2] == shown


def test_small_frames_are_enlarged_without_blur():
    black_and_white = np.zeros((8, 8, 3), np.uint8)
    black_and_white[::2, ::2] = 255
    (frame, *_), _ = decode_gif(encode_gif([black_and_white], most_side=80))
    assert np.array_equal(frame, black_and_white.repeat(10, axis=0).repeat(10, axis=1))


def test_a_gif_plays_every_frame_and_holds_the_last():
    frames = [patchwork(seed) for seed in range(16)]
    played, stays = decode_gif(encode_gif(frames, most_side=96))
    assert len(played) == 16
    assert stays == [500] * 15 + [2500]
    for source, picture in zip(frames, played, strict=True):
        assert np.abs(middles(picture, 96) - middles(source, 48)).mean() < 12


def test_what_stands_still_in_a_gif_does_not_flicker():
    moving = []
    for index, frame in enumerate(noise(8, 48)):
        frame[:, :, index % 3] //= 8  # of other colours each, which would take the palette over
        frame[:24] = np.indices((24, 48)).sum(0)[..., None] * (3, 2, 1)
        moving.append(frame)
    played, _ = decode_gif(encode_gif(moving, most_side=48))
    assert all(np.array_equal(picture[:24], played[0][:24]) for picture in played)


def test_a_film_of_pure_noise_stays_within_its_bounds_in_bytes():
    loose, tight = (encode_mp4(noise(8, 128), 128, bits) for bits in (10**8, 60_000))
    _, (_, _, seconds) = decode_mp4(tight)
    assert len(loose) > 1.5 * len(tight)  # else the bound would bind nothing
    assert len(tight) < 1.2 * 60_000 / 8 * seconds
    loose, tight = (encode_gif(noise(32, 32), 32, most) for most in (10**9, 30_000))
    assert len(loose) > 2 * 30_000
    assert len(tight) <= 30_000
    first, *_, last = decode_gif(tight)[0]
    assert np.abs(first.astype(int) - noise(32, 32)[0]).mean() < 30
    assert np.abs(last.astype(int) - noise(32, 32)[-1]).mean() < 30


def test_the_suffix_decides_and_another_is_refused(tmp_path):
    frames = [patchwork(0), patchwork(1)]
    for name, start in (("a.MP4", b"ftyp"), ("a.gif", b"GIF89a")):
        save_film(tmp_path / name, frames)
        assert start in (tmp_path / name).read_bytes()[:12]
    with pytest.raises(BadSetting, match=r"a\.avi"):
        save_film(tmp_path / "a.avi", frames)


@pytest.mark.parametrize(
    "name", ["file:x %d [1].mp4", "žluťoučký kůň 🐎.gif", "-i.mp4", "a'b\n.gif"]
)
def test_any_name_will_do_and_missing_folders_are_made(tmp_path, name):
    save_film(tmp_path / "not: there" / name, [patchwork(0)])
    assert [path.name for path in (tmp_path / "not: there").iterdir()] == [name]


def test_a_film_has_frames_of_one_size(tmp_path):
    with pytest.raises(ValueError, match="a frame"):
        encode_mp4([])
    with pytest.raises(ValueError, match="one size"):
        encode_gif([patchwork(0), patchwork(0, 32, 32)])


def test_a_film_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskFull, match="cannot be written"):
        save_film(tmp_path / "file" / "x.gif", [patchwork(0)])


def test_thinning_is_even_and_keeps_both_ends():
    assert thin(range(10), 4) == [0, 3, 6, 9]
    assert thin(range(3), 4) == [0, 1, 2]
    assert thin(range(10), 1) == [9]
    assert thin([], 3) == []
    gaps = np.diff(thin(range(1000), 96))
    assert set(gaps.tolist()) == {10, 11}
