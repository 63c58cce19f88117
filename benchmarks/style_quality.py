"""How well each feature network's pastiches match the style and keep the content, by one judge.

Every content in every style at several strengths, through StyleNet, the same network with random
weights, and VGG-19 where the Hub can be reached. Steps, not seconds, are fixed and equal for all.
More style costs structure, so networks are compared at equal structure, not at equal strength.

    python -m benchmarks.style_quality [--quick] [--network runs/stylenet=candidate]
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmarks.style_judge import (
    Judged,
    Pixels,
    blend,
    judge,
    table_at_equal_structure,
    table_by_strength,
)
from gan_core.errors import BadPicture, HubUnreachable
from gan_core.events import Pastiche
from gan_core.features.classifier import STYLENET, Classifier
from gan_core.features.export import stylenet_tensors
from gan_core.features.load import calibration_pictures, load_network
from gan_core.features.network import FeatureNet, standardise
from gan_core.features.training import load_classifier
from gan_core.files import write_atomically
from gan_core.gan.latents import sample
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.models import resolve
from gan_core.pictures.canvas import to_uint8
from gan_core.pictures.paintings import PAINTINGS
from gan_core.pictures.scenes import SCENES
from gan_core.style.config import StyleConfig
from gan_core.style.inputs import Content, Style, sizes_of
from gan_core.style.sizes import fit, resize
from gan_core.style.sources import read_picture
from gan_core.style.transfer import stylize

DOCS = Path(__file__).resolve().parents[1] / "docs"
STRENGTHS = (20.0, 35.0, 50.0, 65.0, 80.0, 100.0)
FEWER = 0.7  # from a size to the next one, which has twice the pixels
FADES = (1.0, 0.8, 0.6, 0.4, 0.2)
CELL, GRID_BYTES = (224, 168), 600_000
PREFACE = """# What a style transfer sees with: networks compared

The judge is none of the networks: *style gap closed* is the share of the way from the content's to
the style's Gram matrices of fixed random filters at four octaves (1: the style, 0: the content),
and *structure* is the SSIM of luminance with the content. *Right style*: the pastiche is nearer to
its own style than to any other, for that judge. ± is the standard deviation over pairs of content
and style. Between the least strength and the content itself, equal structure is had by fading the
pastiche into the content.
"""

Named = dict[str, Pixels]


def random_twin(seed: int) -> FeatureNet:
    """StyleNet as it is before training: He-initialised, batch norm with honest statistics."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        net = Classifier(200).train()
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain mean over batches, exact after a single one
        net(standardise(calibration_pictures()))
        return FeatureNet(STYLENET, stylenet_tensors(net.eval()), name=f"random weights {seed}")


def networks(twins: int, runs: Sequence[str], with_vgg: bool) -> Iterator[tuple[str, FeatureNet]]:
    """Everything to be compared, each with its label."""
    yield "StyleNet", load_network("stylenet")
    for seed in range(twins):
        yield "random weights" + f", seed {seed}" * (twins > 1), random_twin(seed)
    for run in runs:
        folder, _, label = run.partition("=")
        tensors = stylenet_tensors(load_classifier(Path(folder))[0])
        yield label or Path(folder).name, FeatureNet(STYLENET, tensors, name=label or folder)
    if with_vgg:
        try:
            yield "VGG-19", load_network("vgg19")
        except HubUnreachable as error:
            print(f"VGG-19 is left out: {error.what}")


def drawn_contents(size: int) -> Named:
    """The scenes, and one picture of the bundled GAN."""
    snapshot = load_snapshot(resolve(DEFAULT_MODEL))
    made = to_uint8(sample(snapshot, 1, 1, first=14))[0]
    return {**{name: draw() for name, draw in SCENES.items()}, "GAN": resize(made, size, size)}


def read_folder(folder: Path) -> Named:
    """Every picture in a folder; what is none is named and left out."""
    found: Named = {}
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        try:
            found[path.name] = read_picture(path)
        except BadPicture as error:
            print(f"{path.name} is left out: {error.what}")
    return found


def paint(network: FeatureNet, content: Pixels, style: Pixels, config: StyleConfig) -> Pastiche:
    """One style transfer to its end."""
    *_, last = stylize(config, Content(content), [Style((style,))], network=network)
    assert isinstance(last, Pastiche)
    return last


def judge_all(
    label: str, network: FeatureNet, contents: Named, styles: Named, given: argparse.Namespace
) -> Iterator[Judged]:
    """Every content in every style at every strength, through one network."""
    for of, content in contents.items():
        fitted = fit(content.shape[1], content.shape[0], given.size)
        sizes = sizes_of(StyleConfig(size=given.size), *fitted)
        steps = tuple(max(1, round(given.steps * FEWER**i)) for i in range(len(sizes)))
        for by, style in styles.items():
            for strength in given.strengths:
                config = StyleConfig(size=given.size, strength=strength, steps=steps)
                made = paint(network, content, style, config)
                assert made.image is not None and made.content is not None
                for fade in FADES if strength == min(given.strengths) else FADES[:1]:
                    image = blend(made.content, made.image, fade)
                    yield judge(label, (of, by), strength, image, made.content, styles, fade)
        print(f"{label}: {of} is done", flush=True)


def draw_grid(
    judged: Sequence[Judged], contents: Named, styles: Named, twin: str, pairs: int = 4
) -> Image.Image:
    """A row a pair: content, style, StyleNet at three strengths, and the twin at the middle one."""
    strengths = sorted({each.strength for each in judged})
    at = np.linspace(0, len(strengths) - 1, 5).round().astype(int)[1:4]
    shown = [("StyleNet", strengths[index]) for index in at]
    shown.append((twin, strengths[at[1]]))
    found = {
        (each.network, each.pair, each.strength): each.image for each in judged if each.fade == 1
    }
    heads = ["content", "style", *(f"{label}, strength {s:g}" for label, s in shown)]
    width, height, top = CELL[0] + 4, CELL[1] + 4, 22  # a gap between cells, and room for heads
    names = [(k % len(contents), k % len(styles)) for k in range(pairs)]
    rows = [(list(contents)[i], list(styles)[j]) for i, j in dict.fromkeys(names)]
    grid = Image.new("RGB", (width * len(heads), top + height * len(rows)), "white")
    draw = ImageDraw.Draw(grid)
    for column, head in enumerate(heads):
        draw.text((column * width + 2, 3), head, "black", ImageFont.load_default(13))
    for row, (of, by) in enumerate(rows):
        made = [found[label, (of, by), strength] for label, strength in shown]
        for column, pixels in enumerate([contents[of], styles[by], *made]):
            picture = Image.fromarray(pixels)
            whole, cropped = ImageOps.pad(picture, CELL, color="#fff"), ImageOps.fit(picture, CELL)
            cell = cropped if column == 1 else whole  # a style may be cropped
            grid.paste(cell, (column * width + 2, top + row * height + 2))
    return grid


def save_grid(grid: Image.Image, path: Path) -> None:
    """Write it as a JPEG of less than GRID_BYTES, at quality 88 or what that allows."""
    with write_atomically(path) as temporary:
        for quality in range(88, 40, -4):
            grid.save(temporary, "JPEG", quality=quality, optimize=True)
            if temporary.stat().st_size < GRID_BYTES:
                break


def parse() -> argparse.Namespace:
    """The command line; `--quick` takes the place of size, steps, strengths and pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--contents", type=Path, help="folder of pictures, instead of our own")
    parser.add_argument("--styles", type=Path, help="folder of pictures, instead of our own")
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS)
    parser.add_argument("--size", type=int, default=256, help="longer side, pixels")
    parser.add_argument(
        "--steps", type=int, default=80, help="at the first size, 0.7 x at the next"
    )
    parser.add_argument("--twins", type=int, default=1, help="networks with random weights")
    parser.add_argument("--network", action="append", default=[], metavar="RUN_DIR[=LABEL]")
    parser.add_argument("--no-vgg", action="store_true", help="do not ask the Hub for VGG-19")
    parser.add_argument("--quick", action="store_true", help="small and few; writes no file")
    parser.add_argument("--report", type=Path, help="where to write the tables")
    parser.add_argument("--grid", type=Path, help="where to write the pictures")
    given = parser.parse_args()
    if given.quick:
        given.size, given.steps, given.strengths, given.no_vgg = 128, 20, [20.0, 50.0, 80.0], True
    elif not (given.contents or given.styles or given.network):
        # Into the documents go only our own pictures and networks, and only at full length.
        given.report = given.report or DOCS / "style_quality.md"
        given.grid = given.grid or DOCS / "style_grid.jpg"
    return given


def main() -> None:
    """Print the tables, and write them and the grid where that was asked for."""
    given = parse()
    contents = read_folder(given.contents) if given.contents else drawn_contents(given.size)
    styles = read_folder(given.styles) if given.styles else {k: f() for k, f in PAINTINGS.items()}
    if given.quick:
        contents, styles = dict([*contents.items()][:1]), dict([*styles.items()][:2])
    judged: list[Judged] = []
    for label, network in networks(given.twins, given.network, not given.no_vgg):
        judged += judge_all(label, network, contents, styles, given)
    labels = list(dict.fromkeys(each.network for each in judged))
    own = "" if given.contents or given.styles else ", drawn or generated by this project"
    lines = [
        f"{len(contents)} contents and {len(styles)} styles{own}; {given.size} px; {given.steps}"
        f" steps at the first size, {FEWER} times as many at each next one.",
        "\n## At equal structure, interpolated between strengths\n",
        *table_at_equal_structure(judged, labels),
        "\n## By strength\n",
        *table_by_strength(judged, labels),
    ]
    print("\n".join(lines))
    if given.report:
        with write_atomically(given.report) as path:
            path.write_text("\n".join([PREFACE, *lines, ""]), encoding="utf-8")
    if given.grid and given.twins:
        save_grid(draw_grid(judged, contents, styles, labels[1]), given.grid)


if __name__ == "__main__":
    main()
