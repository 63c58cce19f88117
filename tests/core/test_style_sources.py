"""Files into contents and styles, and the command `stylize` as a script uses it."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import BadDataset, BadPicture
from gan_core.style.inputs import MOST_PICTURES
from gan_core.style.recipe import read_recipe
from gan_core.style.sources import read_mask, read_picture, read_style


def patches(width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 4, 3), np.uint8)
    return small.repeat(height // 4, axis=0).repeat(width // 4, axis=1)


def save(path: Path, pixels: np.ndarray | None = None) -> Path:
    Image.fromarray(patches() if pixels is None else pixels).save(path)
    return path


# One picture


def test_a_picture_comes_out_as_it_is(tmp_path):
    assert np.array_equal(read_picture(save(tmp_path / "a.png")), patches())


def test_what_is_transparent_lies_on_white(tmp_path):
    rgba = np.zeros((20, 30, 4), np.uint8)
    rgba[:, 15:] = (200, 10, 20, 255)
    pixels = read_picture(save(tmp_path / "a.png", rgba))
    assert (pixels[:, :15] == 255).all()
    assert (pixels[:, 15:] == (200, 10, 20)).all()


def test_a_grey_picture_has_three_equal_channels(tmp_path):
    pixels = read_picture(save(tmp_path / "a.png", patches()[..., 0]))
    assert np.array_equal(pixels, patches()[..., :1].repeat(3, axis=2))


def test_a_cmyk_picture_becomes_rgb(tmp_path):
    Image.new("CMYK", (32, 24), (255, 0, 0, 0)).save(tmp_path / "a.jpg")  # cyan
    pixels = read_picture(tmp_path / "a.jpg")
    assert pixels.shape == (24, 32, 3)
    assert pixels[..., 0].mean() < 60
    assert pixels[..., 1:].mean() > 150


def test_of_an_animation_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_picture(tmp_path / "a.gif") == (255, 0, 0)).all()


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees, clockwise
    Image.fromarray(patches(64, 48)).save(tmp_path / "a.png", exif=exif)
    pixels = read_picture(tmp_path / "a.png")
    assert np.array_equal(pixels, np.rot90(patches(64, 48), -1))


def test_a_huge_picture_comes_out_smaller_with_its_aspect_ratio(tmp_path):
    Image.new("RGB", (6000, 1500), (10, 200, 30)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").shape == (512, 2048, 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"text, no picture", "text"), (b"", "empty"), (None, "damaged"), (b"%PDF-1.4", "PDF")],
)
def test_what_is_no_picture_is_refused_with_its_name(tmp_path, content, says):
    path = save(tmp_path / "odd.png")
    path.write_bytes(path.read_bytes()[:90] if content is None else content)
    with pytest.raises(BadPicture, match=rf"odd\.png: .*{says}"):
        read_picture(path)
    with pytest.raises(BadPicture, match=rf"odd\.png: .*{says}"):
        read_style(path)


def test_a_picture_too_small_to_see_anything_in_is_refused_with_its_size(tmp_path):
    save(tmp_path / "dot.png", np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(BadPicture, match=r"dot\.png: too small \(1 × 1 px\)"):
        read_picture(tmp_path / "dot.png")


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path):
    for read in (read_picture, read_style, read_mask):
        with pytest.raises(BadDataset, match=r"gone\.png"):
            read(tmp_path / "gone.png")


def test_for_one_picture_a_folder_or_an_archive_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    save(tmp_path / "folder" / "a.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "folder" / "a.png", "a.png")
    (tmp_path / "empty").mkdir()
    for name in ("folder", "a.zip", "empty"):
        with pytest.raises(BadPicture, match=name):
            read_picture(tmp_path / name)


def test_a_mask_is_one_where_it_is_white_and_zero_where_it_is_black(tmp_path):
    grey = np.zeros((20, 30), np.uint8)
    grey[:, 10:20], grey[:, 20:] = 51, 255
    mask = read_mask(save(tmp_path / "mask.png", grey))
    assert mask.dtype == np.float32
    assert mask[0].tolist() == pytest.approx([0] * 10 + [0.2] * 10 + [1] * 10)
    assert mask.max() <= 1


# One style


def test_a_picture_is_a_style_of_one(tmp_path):
    style, left_out = read_style(save(tmp_path / "a.png"), 3.0)
    assert (len(style.pictures), style.weight, left_out) == (1, 3.0, 0)
    assert np.array_equal(style.pictures[0], patches())


def test_a_folder_is_one_style_and_says_how_many_files_were_no_pictures(tmp_path):
    for name, seed in (("b.png", 1), ("a.png", 0)):
        save(tmp_path / name, patches(seed=seed))
    (tmp_path / "deeper").mkdir()
    save(tmp_path / "deeper" / "c.png", patches(seed=2))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / ".hidden").write_text("passed over in silence")
    style, left_out = read_style(tmp_path)
    assert left_out == 2
    assert len(style.pictures) == 3
    expected = [patches(seed=seed) for seed in (0, 1, 2)]
    assert all(map(np.array_equal, style.pictures, expected))


def test_a_zip_is_one_style(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for seed in range(3):
            stream = io.BytesIO()
            Image.fromarray(patches(seed=seed)).save(stream, "PNG")
            archive.writestr(f"s/{seed}.png", stream.getvalue())
        archive.writestr("s/readme.txt", "no picture")
    style, left_out = read_style(tmp_path / "s.zip", 2.0)
    assert (len(style.pictures), style.weight, left_out) == (3, 2.0, 1)


def test_a_folder_of_nothing_is_refused_by_its_name(tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadPicture, match="nothing holds no picture"):
        read_style(tmp_path / "nothing")


def test_a_folder_of_no_pictures_is_refused_with_their_number(tmp_path):
    (tmp_path / "texts").mkdir()
    for index in range(3):
        (tmp_path / "texts" / f"{index}.txt").write_text("no picture")
    with pytest.raises(BadPicture, match=r"texts holds no picture \(3 files"):
        read_style(tmp_path / "texts")


def test_a_damaged_archive_is_refused_by_its_name(tmp_path):
    (tmp_path / "s.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BadDataset, match=r"s\.zip"):
        read_style(tmp_path / "s.zip")


@pytest.mark.parametrize("count", [64, 65, 66, 300])
def test_of_a_huge_folder_pictures_at_even_distances_are_kept(tmp_path, count):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for index in range(count):
            stream = io.BytesIO()
            Image.new("RGB", (16, 16), (index % 256, index // 256, 0)).save(stream, "PNG")
            archive.writestr(f"{index:04d}.png", stream.getvalue())
    style, left_out = read_style(tmp_path / "s.zip")
    found = [int(p[0, 0, 0]) + 256 * int(p[0, 0, 1]) for p in style.pictures]
    assert left_out == 0
    assert min(count, MOST_PICTURES) <= len(found) <= 2 * MOST_PICTURES + 1
    (distance,) = set(np.diff(found))
    assert found[0] == 0
    assert found[-1] > count - 1 - distance


# The command


@pytest.fixture
def atelier(atelier, monkeypatch, tmp_path):
    """One command in this process, where nothing lies about."""
    monkeypatch.chdir(tmp_path)
    return atelier


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A content, two styles, a mask, and a folder of styles."""
    place = tmp_path_factory.mktemp("stylize")
    save(place / "content.png", patches(64, 48))
    save(place / "a.png", patches(seed=1))
    save(place / "b.png", patches(seed=2))
    mask = np.zeros((48, 64), np.uint8)
    mask[:, :32] = 255
    save(place / "mask.png", mask)
    (place / "folder").mkdir()
    save(place / "folder" / "c.png", patches(seed=3))
    (place / "folder" / "d.txt").write_text("no picture")
    return place


@pytest.fixture
def made(place, atelier):
    """A pastiche, as the command line makes it; made once."""
    out = place / "made.png"
    if not out.exists():
        words = ("--seconds", 1, "--size", 64, "--seed", 5, "--start", "noise", "--out", out)
        done = atelier("stylize", place / "content.png", place / "a.png", *words)
        assert done.code == 0, done.err
        assert "64 × 48 px" in done.out
        assert "Painted in" in done.out
        assert "made.png" in done.out
    return out


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_the_command_writes_a_png_with_its_recipe(made):
    assert pixels_of(made).shape == (48, 64, 3)
    recipe = read_recipe(made)
    assert (recipe.config.size, recipe.config.seconds, recipe.config.seed) == (64, 1, 5)
    assert recipe.config.start == "noise"
    assert recipe.pictures["content"]["name"] == "content.png"
    assert [style["name"] for style in recipe.pictures["styles"]] == ["a.png"]
    assert min(recipe.made["steps"]) > 0


def test_a_recipe_repeats_a_picture_to_the_bit(made, place, atelier):
    words = ("--recipe", made, "--out", "again.png")
    done = atelier("stylize", place / "content.png", place / "a.png", *words)
    assert done.code == 0, done.err
    assert np.array_equal(pixels_of(Path("again.png")), pixels_of(made))
    assert read_recipe(Path("again.png")).made["steps"] == read_recipe(made).made["steps"]


def test_a_recipe_with_other_seconds_is_painted_by_the_clock(made, place, atelier):
    words = ("--recipe", made, "--seconds", 1, "--strength", 0, "--out", "again.png")
    done = atelier("stylize", place / "content.png", place / "a.png", *words)
    assert done.code == 0, done.err
    assert read_recipe(Path("again.png")).config.steps == ()
    assert np.array_equal(pixels_of(Path("again.png")), patches(64, 48))


def test_folders_weights_masks_and_colors_go_together(made, place, atelier):
    words = ("--weights", "1,2", "--protect", place / "mask.png", "--colors", "keep")
    styles = (place / "folder", place / "b.png")
    done = atelier("stylize", place / "content.png", *styles, *words, "--recipe", made)
    assert done.code == 0, done.err
    assert "folder: 1 files are no pictures" in done.out.replace("\n", " ")
    found = pixels_of(Path("pastiche.png"))
    assert np.array_equal(found[:, :32], patches(64, 48)[:, :32])
    assert not np.array_equal(found, patches(64, 48))
    recipe = read_recipe(Path("pastiche.png"))
    assert [style["weight"] for style in recipe.pictures["styles"]] == [1, 2]
    assert recipe.pictures["protected"] is True


def test_a_result_can_be_gone_on_from(made, place, atelier):
    words = ("--start-from", made, "--recipe", made, "--out", "on.png")
    done = atelier("stylize", place / "content.png", place / "a.png", *words)
    assert done.code == 0, done.err
    assert read_recipe(Path("on.png")).config.start == "picture"
    assert not np.array_equal(pixels_of(Path("on.png")), pixels_of(made))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("CONTENT", "A", "--size", 2000), "size is 2000"),
        (("CONTENT", "A", "--size", "large"), "'--size'"),
        (("CONTENT", "A", "--seconds", 0), "seconds is 0"),
        (("CONTENT", "A", "--strength", "nan"), "strength is nan"),
        (("CONTENT", "A", "--strength", 101), "between 0 and 100"),
        (("CONTENT", "A", "--network", "alexnet"), "stylenet, vgg19"),
        (("CONTENT", "A", "--colors", "none"), "style, keep, match"),
        (("CONTENT", "A", "--start", "middle"), "content, noise"),
        (("CONTENT", "A", "--start", "picture"), "there is none"),
        (("CONTENT", "A", "--optimizer", "sgd"), "adam, lbfgs"),
        (("CONTENT", "A", "--style-scale", 9), "style_scale is 9"),
        (("CONTENT", "A", "--seed", -1), "seed is -1"),
        (("CONTENT", "A", "--preset", "lesson"), "no preset 'lesson'"),
        (("CONTENT", "A", "--out", "x.jpg"), "x.jpg"),
        (("CONTENT", "A", "--out", "x"), "Let it end in .png"),
        (("CONTENT", "A", "--weights", "1,2"), "'1,2', for 1 styles"),
        (("CONTENT", "A", "--weights", "much"), "'much'"),
        (("CONTENT", "A", "--weights", "nan"), "nan"),
        (("CONTENT", "A", "--weights=-1"), "-1.0"),
        (("CONTENT", "A", "--weights", "0"), "weight 0"),
        (("CONTENT",), "no style"),
        (("CONTENT", "A", "--recipe", "CONTENT"), "no recipe"),
        (("CONTENT", "A", "--protect", "/nowhere.png"), "/nowhere.png"),
        (("/nowhere.png", "A"), "/nowhere.png"),
        (("CONTENT", "/nowhere"), "/nowhere"),
        ((), "Missing argument"),
    ],
)
def test_a_users_mistake_is_a_message_and_exit_code_2(place, atelier, words, says):
    known = {"CONTENT": place / "content.png", "A": place / "a.png"}
    done = atelier("stylize", *(known.get(word, word) for word in words))
    assert done.code == 2
    assert says in done.err.replace("\n", " ")
    assert "Traceback" not in done.err
    assert not list(Path().iterdir())


def test_a_preset_of_the_lesson_can_be_given_a_time_instead_of_its_steps(place, atelier):
    words = ("--preset", "lesson-lbfgs", "--size", 64, "--seconds", 1)
    done = atelier("stylize", place / "content.png", place / "a.png", *words, "--out", "l.png")
    assert done.code == 0, done.err
    assert read_recipe(Path("l.png")).config.optimizer == "lbfgs"
    assert len(read_recipe(Path("l.png")).made["steps"]) == 1


def test_a_recipe_of_two_styles_is_repeated_with_its_weights_and_not_with_one_style(place, atelier):
    content, a, b = (place / name for name in ("content.png", "a.png", "b.png"))
    made, again = place / "made.png", place / "again.png"
    quick = ("--seconds", "1", "--size", "64", "--weights", "1,3")
    assert atelier("stylize", content, a, b, *quick, "--out", made).code == 0
    assert atelier("stylize", content, a, b, "--recipe", made, "--out", again).code == 0
    assert [weight for _, weight in read_recipe(again).named()[1]] == [1.0, 3.0]
    assert (pixels_of(made) == pixels_of(again)).all()
    fewer = atelier("stylize", content, a, "--recipe", made, "--out", again)
    assert fewer.code == 2
    assert "1 styles were given, and the recipe has 2 (a.png, b.png)" in fewer.err
