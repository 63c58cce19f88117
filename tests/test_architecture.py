"""The shape of the house: who may import whom, and that ARCHITECTURE.md describes what is there."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = {"gradio", "gradio_client", "spaces", "ui", "app"}

# Part of gan_core -> the parts it may import besides itself. __init__, __main__ and the commands
# see them all.
ALLOWED = {
    "errors": set[str](),
    "events": set[str](),
    "compute": set[str](),
    "settings": {"errors"},
    "files": {"errors"},
    "weights": {"errors"},
    "pictures": {"errors", "files"},
    "hub": {"errors", "files", "weights"},
    "models": {"errors", "files", "gan", "hub"},
    "publish": {"errors", "events", "gan", "hub"},
    "features": {
        "errors",
        "events",
        "files",
        "compute",
        "weights",
        "pictures",
        "hub",
    },
    # The two wings do not know each other.
    "gan": {
        "errors",
        "events",
        "files",
        "compute",
        "settings",
        "weights",
        "pictures",
        "features",
    },
    "style": {
        "errors",
        "events",
        "compute",
        "settings",
        "pictures",
        "features",
    },
    "terminal": {"events", "pictures"},
}


def modules() -> dict[str, Path]:
    """Every module of the program by its dotted name."""
    files = [ROOT / "app.py", *(ROOT / "gan_core").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
    names = {}
    for path in files:
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things come from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = modules()
CORE = [name for name in MODULES if name.split(".")[0] == "gan_core"]
SEE_ALL = ("gan_core", "gan_core.__main__", "gan_core.commands")
PARTS = [n for n in CORE if n not in SEE_ALL and not n.startswith("gan_core.commands.")]


def our_modules(name: str) -> set[str]:
    """The modules of ours that a module imports."""
    found = set()
    for target in imports(MODULES[name]):
        module = target if target in MODULES else target.rpartition(".")[0]
        found |= {module} & MODULES.keys()
    return found


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_nothing_of_the_page(name: str) -> None:
    assert not {target.split(".")[0] for target in imports(MODULES[name])} & PAGE


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_core_imports_only_what_lies_below_it(name: str) -> None:
    part = name.split(".")[1]
    wanted = our_modules(name)
    assert "gan_core" not in wanted, "import the module that defines it, not the package"
    assert {module.split(".")[1] for module in wanted} <= ALLOWED[part] | {part}


def test_the_page_does_not_import_the_entry_point() -> None:
    pages = [name for name in MODULES if name.split(".")[0] == "ui"]
    assert pages
    assert not [name for name in pages if "app" in our_modules(name)]


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: our_modules(name) - {name} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def test_architecture_names_every_module_and_no_other() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:(?:gan_core|ui)/[\w/]*|app)\.py\b", text))
    there = {path.relative_to(ROOT).as_posix() for path in MODULES.values()}
    doors = {path for path in there if path.endswith("__init__.py")}  # may be named, need not be
    assert named - doors == there - doors
    assert named <= there
