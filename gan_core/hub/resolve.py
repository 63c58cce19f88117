"""From a name to a folder of weights on this machine. Knows nothing of what is inside."""

from pathlib import Path

from gan_core.errors import BadWeights

BUNDLED = Path(__file__).resolve().parents[2] / "weights"
DEFAULT_MODEL = "dcgan-kaokore-64"


def bundled_models(bundled: Path = BUNDLED) -> list[str]:
    """Names of the models that come with the program, the default first."""
    found = sorted(path.parent.name for path in bundled.glob("*/model.safetensors"))
    return sorted(found, key=lambda name: name != DEFAULT_MODEL)


def resolve(name: str, bundled: Path = BUNDLED) -> Path:
    """Find the weights called `name`: a bundled model, a run's folder, a model folder or file.

    Raises: BadWeights when there is nothing by that name.
    """
    if name in bundled_models(bundled):
        return bundled / name
    path = Path(name).expanduser()
    for candidate in (path / "best", path):
        if (candidate / "model.safetensors").is_file():
            return candidate
    if path.is_file() and path.suffix == ".safetensors":
        return path
    if path.is_file():
        raise BadWeights(
            f"{path.name} is not a safetensors file.",
            "Weights are read from safetensors only; pickles (.pt, .pth, .bin) are not opened.",
            "Choose a model folder or its model.safetensors.",
        )
    what = (
        f"The folder {name} holds no model."
        if name and path.is_dir()
        else f"There is no model {name!r}."
    )
    raise BadWeights(
        what,
        f"A model is one of {', '.join(bundled_models(bundled)) or '(none bundled)'}, a run's"
        " folder, or a folder with model.safetensors.",
        "Check the name or the path.",
    )
