"""stylize: a picture painted again in the manner of others."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gan_core import events
from gan_core.commands.options import given, stop_signal
from gan_core.errors import BadSetting
from gan_core.files import require_room
from gan_core.pictures import save_png
from gan_core.settings import help_of
from gan_core.style.config import PRESETS, StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.recipe import Recipe, read_recipe, write_recipe
from gan_core.style.sources import read_mask, read_picture, read_style
from gan_core.style.transfer import stylize as style_events
from gan_core.terminal import console, display_events

HELP = help_of(StyleConfig)


def stylize(
    content: Annotated[Path, typer.Argument(help="The picture to paint again")],
    styles: Annotated[
        list[Path] | None, typer.Argument(help="Pictures, or folders of pictures, to paint like")
    ] = None,
    out: Annotated[Path, typer.Option(help="The result, .png; its recipe is inside")] = Path(
        "pastiche.png"
    ),
    seconds: Annotated[float | None, typer.Option(help=HELP["seconds"])] = None,
    size: Annotated[int | None, typer.Option(help=HELP["size"])] = None,
    strength: Annotated[float | None, typer.Option(help=HELP["strength"] + ", 0 to 100")] = None,
    network: Annotated[
        str | None,
        typer.Option(help=HELP["network"] + ": stylenet, vgg19, or owner/repo on the Hub"),
    ] = None,
    colors: Annotated[
        str | None, typer.Option(help=HELP["colors"] + ": style, keep, or match (recolour first)")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="How much of each style, such as 1,2; alike without")
    ] = None,
    style_scale: Annotated[float | None, typer.Option(help=HELP["style_scale"])] = None,
    start: Annotated[
        str | None, typer.Option(help=HELP["start"] + ": content, noise, noisy content")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="A picture to go on from, such as an earlier result")
    ] = None,
    protect: Annotated[
        Path | None, typer.Option(help="A mask: where it is bright, the content stays")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help=HELP["optimizer"])] = None,
    preset: Annotated[
        str | None, typer.Option(help=f"Settings of the lesson: {', '.join(PRESETS)}")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Take the settings, and steps, from an earlier result")
    ] = None,
    seed: Annotated[int | None, typer.Option(help=HELP["seed"])] = None,
) -> None:
    """Paint CONTENT in the manner of STYLES. Ctrl-C stops and keeps what is there."""
    if out.suffix.lower() != ".png":
        raise BadSetting(
            f"The result's name is {out.name}.", "It is written as PNG.", "Let it end in .png."
        )
    kept = read_recipe(recipe) if recipe is not None else None
    config = kept.repeating() if kept is not None else _begin(preset)
    asked = given(
        seconds=seconds,
        size=size,
        strength=strength,
        network=network,
        colors=colors,
        style_scale=style_scale,
        start="picture" if start_from is not None else start,
        optimizer=optimizer,
        seed=seed,
    )
    if "seconds" in asked:
        asked["steps"] = ()
    if preset is not None and strength is not None:
        raise BadSetting(
            f"--strength was given with the preset {preset}.",
            "The lesson's settings weigh their losses themselves.",
            "Leave out one of the two.",
        )
    if preset is not None and "size" in asked:
        asked["first_size"] = asked["size"]  # the lesson works at one size
    config = replace(config, **asked)
    require_room(out.parent, 20)
    paths = styles or []
    if kept is not None and weights is None:
        numbers = _weights_of(kept, len(paths))
    else:
        numbers = _parse_weights(weights, len(paths))
    sources = [_read_style(path, weight) for path, weight in zip(paths, numbers, strict=True)]
    picture = Content(
        read_picture(content),
        read_mask(protect) if protect is not None else None,
        read_picture(start_from) if start_from is not None else None,
    )
    names = [content.name, *(path.name for path in paths)]
    used: str = config.network
    with stop_signal() as stopped, display_events() as show:
        for event in style_events(config, picture, sources, stopped):
            show(event)
            if isinstance(event, events.Planned):
                used = event.network
            if isinstance(event, events.Pastiche) and event.image is not None:
                made = write_recipe(config, picture, sources, used, event, names)
                save_png(out, event.image, made.to_text())
    console.print(f"{out}", highlight=False)


def _begin(preset: str | None) -> StyleConfig:
    if preset is None:
        return StyleConfig()
    if preset not in PRESETS:
        raise BadSetting(
            f"There is no preset {preset!r}.",
            f"There are {', '.join(PRESETS)}.",
            "Choose one of these.",
        )
    return PRESETS[preset].config


def _weights_of(recipe: Recipe, given: int) -> list[float]:
    """The weights that a recipe's styles had. Raises: BadSetting when there were more or fewer."""
    _, styles = recipe.named()
    if len(styles) != given:
        names = ", ".join(name for name, _ in styles)
        raise BadSetting(
            f"{given} styles were given, and the recipe has {len(styles)} ({names}).",
            "A recipe is repeated with the pictures it was made from, in their order.",
            "Give the same styles, or others with --weights.",
        )
    return [weight for _, weight in styles]


def _parse_weights(text: str | None, count: int) -> list[float]:
    """One number a style; all alike without a text. Raises: BadSetting."""
    try:
        numbers = [float(word) for word in text.split(",")] if text else [1.0] * count
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise BadSetting(
            f"The weights are {text!r}, for {count} styles.",
            "There must be one number for each style, with commas between.",
            "Give for instance --weights 1,2.",
        )
    return numbers


def _read_style(path: Path, weight: float) -> Style:
    style, left_out = read_style(path, weight)
    if left_out:
        console.print(f"{path.name}: {left_out} files are no pictures and were left out.")
    return style
