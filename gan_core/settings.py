"""Settings with bounds and help, written once: the fields of a configuration, and their check."""

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from gan_core.errors import BadSetting

LAST_SEED = 2**31 - 1


def setting(default: Any, low: float, high: float, help: str) -> Any:  # noqa: A002
    """A number's field of a dataclass: its default, bounds and help."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


def choice(default: str, choices: tuple[str, ...], help: str) -> Any:  # noqa: A002
    """A name's field of a dataclass: its default, the names there are, and help."""
    return field(default=default, metadata={"choices": choices, "help": help})


def help_of(*kinds: type) -> dict[str, str]:
    """Field name -> help, of configuration dataclasses."""
    return {
        entry.name: entry.metadata["help"]
        for kind in kinds
        for entry in fields(kind)
        if "help" in entry.metadata
    }


def bounds_of(kind: type, name: str) -> tuple[float, float]:
    """The lowest and the highest value that a number's field may have."""
    (entry,) = (entry for entry in fields(kind) if entry.name == name)
    return entry.metadata["low"], entry.metadata["high"]


def default_of(kind: type, name: str) -> Any:
    """The value that a field has when nobody sets it."""
    (entry,) = (entry for entry in fields(kind) if entry.name == name)
    return entry.default


def check_bounds(config: Any) -> None:
    """Raise BadSetting for the first field outside its bounds or choices. NaN is outside."""
    for entry in fields(config):
        value, bounds = getattr(config, entry.name), entry.metadata
        if value is None or not bounds:
            continue
        if "choices" in bounds and value not in bounds["choices"]:
            raise BadSetting(
                f"{entry.name} is {value!r}.",
                f"It must be one of {', '.join(bounds['choices'])}.",
                "Choose one of these.",
            )
        if "low" in bounds and not bounds["low"] <= value <= bounds["high"]:
            raise BadSetting(
                f"{entry.name} is {value:.10g}.",
                f"It must lie between {bounds['low']:.10g} and {bounds['high']:.10g}.",
                "Choose a value in between.",
            )


_Config = TypeVar("_Config")


def from_dict(kind: type[_Config], values: Mapping[str, Any]) -> _Config:
    """Rebuild a configuration, and those inside it, from parsed JSON.

    Raises: BadSetting for unknown fields, wrong types or values out of bounds.
    """
    known = get_type_hints(kind)
    if not isinstance(values, Mapping):
        raise _not_usable(f"{kind.__name__} is {values!r:.80}, not a record of settings.")
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadSetting(
            f"There is an unknown field {unknown[0]!r}.",
            f"There may be {', '.join(known)}.",
            "Use a file that this version of GAN Atelier wrote, or update GAN Atelier.",
        )
    given = dict(values)
    for name, value in given.items():
        hint = known[name]
        if is_dataclass(hint):
            given[name] = from_dict(hint, value)  # type: ignore[arg-type]
        elif get_origin(hint) is tuple and isinstance(value, list):
            given[name] = tuple(value)
        if not _is_of(given[name], hint):
            raise _not_usable(f"{name} is {value!r:.80}.")
    return kind(**given)


def _is_of(value: object, hint: Any) -> bool:
    """Whether a value read from JSON is of the type that a field of a configuration declares."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is UnionType:
        return any(_is_of(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is_of(each, get_args(hint)[0]) for each in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def _not_usable(what: str) -> BadSetting:
    return BadSetting(
        what,
        "Every field must have its type and lie within its bounds.",
        "Use a file that GAN Atelier wrote.",
    )
